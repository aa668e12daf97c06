"""The formal written request: a ticket, what it asks for, what became of it, who was told."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Organisation, User
from iep.states.priorities import Priority
from iep.states.tickets import TERMINAL, TicketKind, TicketState
from messaging.models import MailMessage
from patients.models import Patient, key_of

from .directory import Institution
from .history import EventRow, append_only


@pgtrigger.register(  # which way and where: start again instead (domain.md I2)
    pgtrigger.ReadOnly(name="fixed", fields=["reference", "kind", "institution", "organisation"])
)
class Ticket(models.Model):
    """One request for images to come, to go, or to be read from a disc."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    reference = models.CharField(max_length=20, unique=True)  # the call reference: IEP-261122-014
    kind = models.CharField(max_length=8)  # TicketKind; cannot be changed
    state = models.CharField(max_length=20, default=TicketState.NEW.value)
    state_since = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)  # null: it is at its end
    # Whose images: our record where we know it, and in any case as it was written.
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, blank=True, related_name="+")
    family_name = models.CharField(max_length=80)
    given_names = models.CharField(max_length=80)
    family_key = key_of("family_name")
    given_key = key_of("given_names")
    birth_date = models.DateField()
    s_number = models.CharField(max_length=20, blank=True)
    nhs_number = models.CharField(max_length=10, blank=True)
    no_nhs_number_reason = models.CharField(max_length=120, blank=True)
    address_lines = models.JSONField(default=list, blank=True)
    postcode = models.CharField(max_length=10, blank=True)
    # The other end
    institution = models.ForeignKey(
        Institution, models.PROTECT, null=True, blank=True, related_name="tickets"
    )
    other_name = models.CharField(max_length=120, blank=True)  # a named person
    other_position = models.CharField(max_length=120, blank=True)
    other_phone = models.CharField(max_length=60, blank=True)
    other_email = models.EmailField(max_length=120, blank=True)
    # Who asks
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")  # the trust
    requester = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    requester_name = models.CharField(max_length=120)
    requester_phone = models.CharField(max_length=60, blank=True)
    requester_email = models.EmailField(max_length=120, blank=True)
    consultant = models.CharField(max_length=120)
    department = models.CharField(max_length=120)
    # How urgent
    priority = models.PositiveSmallIntegerField(default=Priority.NORMAL.value)
    reason = models.CharField(max_length=12)
    reason_words = models.CharField(max_length=200, blank=True)
    eligibility = models.CharField(max_length=20, blank=True)  # Blue Light only
    needed_by = models.DateField(null=True, blank=True)
    instructions = models.CharField(max_length=1000, blank=True)
    pasted = models.TextField(blank=True)  # the e-mail or report from which it was picked out
    # Of a disc
    discs = models.PositiveSmallIntegerField(null=True, blank=True)
    internal_address = models.CharField(max_length=200, blank=True)
    # The service desk's own fields, as on the sources' forms
    assigned_to = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    uploaded_by = models.CharField(max_length=150, blank=True)
    uploaded_at = models.DateTimeField(null=True, blank=True)
    fixed_up_by = models.CharField(max_length=150, blank=True)
    fixed_up_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)  # the requester, that it is done
    # What is missing, of whom it was asked, since when the two weeks run
    missing = models.JSONField(default=list, blank=True)  # names of fields
    chased = models.CharField(max_length=12, blank=True)  # "requester", "institution"
    chased_since = models.DateTimeField(null=True, blank=True)
    cancelled_why = models.CharField(max_length=300, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    # Its four hours run from here: when it was opened, or when it was raised to Blue Light.
    asked_at = models.DateTimeField(default=timezone.now)
    opened_by = models.CharField(max_length=150)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in TicketKind]), name="ticket_kind"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in TicketState]), name="ticket_state"
            ),
            models.CheckConstraint(
                condition=Q(priority__in=[each.value for each in Priority]), name="ticket_priority"
            ),
            models.CheckConstraint(
                condition=~Q(nhs_number="") | ~Q(no_nhs_number_reason=""),
                name="an_nhs_number_or_why_not",
            ),
            models.CheckConstraint(
                condition=~Q(priority=Priority.BLUE_LIGHT.value) | ~Q(eligibility=""),
                name="a_blue_light_ticket_says_why",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=sorted(state.value for state in TERMINAL), due_at__isnull=True
                )
                | (
                    ~Q(state__in=sorted(state.value for state in TERMINAL))
                    & Q(due_at__isnull=False)
                ),
                name="an_open_ticket_has_a_clock",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "state", "due_at"], name="tickets_by_state"),
            models.Index(fields=["due_at"], name="tickets_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["-opened_at"], name="tickets_newest"),
            models.Index(fields=["organisation", "-state_since"], name="tickets_ended"),
            models.Index(
                fields=["organisation"],
                name="tickets_untold",
                condition=Q(state=TicketState.DONE.value, told_at__isnull=True),
            ),
            models.Index(fields=["nhs_number"], name="tickets_nhs"),
            models.Index(fields=["s_number"], name="tickets_s_number"),
            models.Index(fields=["family_key", "given_key"], name="tickets_name"),
        ]

    def __str__(self) -> str:
        return self.reference


class TicketExam(models.Model):
    """One examination that is asked for. "All imaging" is none."""

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="exams")
    position = models.PositiveSmallIntegerField()
    acquired_on = models.DateField(null=True, blank=True)
    modality = models.CharField(max_length=16, blank=True)  # "CT"; DICOM (0008,0060)
    description = models.CharField(max_length=120)  # type and body part
    code = models.CharField(max_length=20, blank=True)  # the sender's examination code

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["ticket", "position"], name="one_exam_per_row")
        ]

    def __str__(self) -> str:
        return f"TicketExam {self.pk}"


@append_only
class TicketEventRow(EventRow):
    """One event of a ticket."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="events")


class TicketMail(models.Model):
    """A mail of a ticket, once for each occasion: its subject carries the call reference."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="mails")
    occasion = models.CharField(max_length=40)  # "opened", "reminder-7", "delivered"
    text = models.TextField(blank=True)  # what it says; no name and no number of a patient
    mail = models.ForeignKey(MailMessage, models.PROTECT, null=True, related_name="+")
    not_sent = models.CharField(max_length=200, blank=True)  # why there is no mail
    outcome = models.CharField(max_length=12, blank=True)  # sent, refused, bounced
    outcome_words = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["ticket", "occasion"], name="one_mail_per_occasion")
        ]

    def __str__(self) -> str:
        return f"TicketMail {self.pk}: {self.occasion}"


class TicketDraft(models.Model):
    """What somebody has typed of a request for images and not sent. Nothing has been asked yet.

    `content` is as `iep.forms.drafts` writes it: patient details among it, so that it goes when
    nobody has come back to it for days (services.ticketing.drafting).
    """

    key = models.UUIDField()  # the form's own
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    content = models.JSONField()
    begun_at = models.DateTimeField(auto_now_add=True)
    saved_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organisation", "key"], name="one_draft_per_form"
            )
        ]

    def __str__(self) -> str:
        return f"TicketDraft {self.pk}"


class CallDay(models.Model):
    """The last call reference of a London day. Its row is the queue of those who open tickets."""

    day = models.DateField(primary_key=True)
    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.day}: {self.last}"
