"""Downtime forms: what went to a department on paper or by e-mail while its link was down."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q

from accounts.models import Organisation, ServiceDesk, User
from patients.models import Patient
from requesting.form_states import OUT, FormStatus, Outcome

from .requests import OrderMessage, Priority, Request

THAT_ARE_OUT = sorted(status.value for status in OUT)


class AccessTicket(models.Model):
    """A person who cannot get in, and the open service-desk ticket that lets their place use the
    downtime form for them while it is being put right."""

    user = models.ForeignKey(User, models.PROTECT, related_name="access_tickets")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="access_tickets")
    desk = models.ForeignKey(ServiceDesk, models.PROTECT, related_name="tickets")
    number = models.CharField(max_length=20)  # as the desk writes it: ServiceDesk.ticket_pattern
    reason = models.CharField(max_length=200)
    opened_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    valid_until = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["desk", "number", "user"],
                condition=Q(closed_at__isnull=True),
                name="one_open_ticket_of_a_number",
            )
        ]

    def __str__(self) -> str:
        return f"ticket {self.pk}"


class DowntimeForm(models.Model):
    """One form for one department. Moved only by `requesting.services.downtime`.

    It stands for one order message, which is held while the form is out; or, under a ticket, for
    a request that exists on paper alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    reference = models.CharField(max_length=16)  # the request's: in the barcode
    department = models.ForeignKey(Organisation, models.PROTECT, related_name="downtime_forms")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")  # who asks
    requester = models.ForeignKey(User, models.PROTECT, related_name="downtime_forms")
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, blank=True)
    request = models.ForeignKey(
        Request, models.PROTECT, null=True, blank=True, related_name="downtime_forms"
    )
    order = models.OneToOneField(
        OrderMessage, models.PROTECT, null=True, blank=True, related_name="downtime_form"
    )
    ticket = models.ForeignKey(
        AccessTicket, models.PROTECT, null=True, blank=True, related_name="forms"
    )
    priority = models.CharField(max_length=8, choices=Priority, default=Priority.ROUTINE)
    written = models.JSONField(default=dict)  # under a ticket: {"test", "details", "modality"}
    may_have_arrived = models.BooleanField(default=False)  # sent before it was held, unanswered

    status = models.CharField(max_length=12, default=FormStatus.QUEUED.value)
    status_at = models.DateTimeField()
    outcome = models.CharField(max_length=12, blank=True)
    accession = models.CharField(max_length=200, blank=True)  # the department's own numbers
    clock_at = models.DateTimeField(null=True, blank=True)  # the database's; 72 hours run from it
    alarmed_hours = models.PositiveSmallIntegerField(default=0)  # the last alarm: 24, 48 or 72
    mail_state = models.CharField(max_length=8, blank=True)  # "", waiting, sent, failed
    mail_words = models.CharField(max_length=300, blank=True)  # where to, or what went wrong
    handed_over_at = models.DateTimeField(null=True, blank=True)
    handed_over_how = models.CharField(max_length=200, blank=True)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in FormStatus]),
                name="form_status_is_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    status=FormStatus.RECONCILED.value,
                    outcome__in=[outcome.value for outcome in Outcome],
                    ended_at__isnull=False,
                )
                | (~Q(status=FormStatus.RECONCILED.value) & Q(outcome="", ended_at__isnull=True)),
                name="form_ends_with_an_outcome",
            ),
            models.CheckConstraint(
                condition=Q(status__in=THAT_ARE_OUT, clock_at__isnull=False)
                | (~Q(status__in=THAT_ARE_OUT) & Q(clock_at__isnull=True)),
                name="form_that_is_out_has_a_clock",
            ),
            models.CheckConstraint(
                condition=Q(order__isnull=False, request__isnull=False)
                | Q(order__isnull=True, ticket__isnull=False),
                name="form_of_an_order_or_a_ticket",
            ),
            models.UniqueConstraint(
                fields=["reference", "department"], name="one_form_of_a_reference"
            ),
        ]
        indexes = [
            models.Index(
                fields=["department", "clock_at"],
                name="forms_that_are_out",
                condition=Q(clock_at__isnull=False),
            ),
            models.Index(
                fields=["organisation", "clock_at"],
                name="forms_of_a_place",
                condition=Q(clock_at__isnull=False),
            ),
            models.Index(fields=["department", "-status_at"]),
        ]

    def __str__(self) -> str:
        return f"form {self.pk}"


@pgtrigger.register(
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
)
class FormEventRow(models.Model):
    """One move of one form: who, when, from where to where, and why. Append-only."""

    form = models.ForeignKey(DowntimeForm, models.PROTECT, related_name="events")
    event = models.CharField(max_length=16)
    from_status = models.CharField(max_length=12)
    to_status = models.CharField(max_length=12)
    at = models.DateTimeField(auto_now_add=True)
    by_name = models.CharField(max_length=150)
    by_role = models.CharField(max_length=24, blank=True)
    organisation_code = models.CharField(max_length=12, blank=True)
    words = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["form", "id"])]

    def __str__(self) -> str:
        return f"form event {self.pk}: {self.event}"
