"""What passes between two institutions: transactions, their messages, their documents."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Organisation, User
from iep.states.priorities import Priority
from iep.states.transactions import (
    UNFINISHED,
    DestinationKind,
    Direction,
    TransactionEvent,
    TransactionKind,
    TransactionState,
)
from patients.models import Patient, key_of

from .directory import Institution, Node
from .history import EventRow, append_only
from .tickets import Ticket

# What is not at its end, as the home lists it (queries/home/tabs.py); indexes of it are below.
UNDER_WAY = (
    Q(state__in=sorted(each.value for each in UNFINISHED))
    | Q(state=TransactionState.DELIVERED.value, kind=TransactionKind.REQUEST.value,
        direction=Direction.OUT.value)
    | Q(state=TransactionState.DELIVERED.value, direction=Direction.IN.value,
        kind__in=[TransactionKind.TRANSFER.value, TransactionKind.DIRECT.value])
    | Q(state=TransactionState.DECLINE.value, direction=Direction.OUT.value)
)  # fmt: skip


COUNTED_EVENTS = [
    TransactionEvent.DECLINED.value, TransactionEvent.DELIVERED.value,
    TransactionEvent.PURGED.value,
]  # fmt: skip


class Transaction(models.Model):
    """A request for images, a transfer of images, or images that came unasked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    number = models.PositiveBigIntegerField(unique=True)  # as people say it
    shared_id = models.UUIDField(default=uuid.uuid4)  # the same in both installations
    kind = models.CharField(max_length=8)
    direction = models.CharField(max_length=3)  # of the transaction: a request of ours goes out
    destination = models.CharField(max_length=12, default=DestinationKind.INSTITUTION.value)
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="transactions")
    node = models.ForeignKey(  # where the images are to be delivered or come from
        Node, models.PROTECT, null=True, blank=True, related_name="transactions"
    )
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")  # ours
    ticket = models.ForeignKey(
        Ticket, models.PROTECT, null=True, blank=True, related_name="transactions"
    )
    state = models.CharField(max_length=20, default=TransactionState.NEW.value)
    state_since = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    priority = models.PositiveSmallIntegerField(default=Priority.NORMAL.value)
    reason = models.CharField(max_length=12, blank=True)
    eligibility = models.CharField(max_length=20, blank=True)  # what makes it Blue Light
    needed_by = models.DateField(null=True, blank=True)
    comments = models.CharField(max_length=1000, blank=True)
    # Whose images, as the side that made it wrote; ours where we know the patient.
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, blank=True, related_name="+")
    family_name = models.CharField(max_length=80, blank=True)
    given_names = models.CharField(max_length=80, blank=True)
    family_key = key_of("family_name")
    given_key = key_of("given_names")
    birth_date = models.DateField(null=True, blank=True)
    nhs_number = models.CharField(max_length=10, blank=True)
    local_number = models.CharField(max_length=40, blank=True)  # S number, theirs or ours
    exams = models.JSONField(
        default=list, blank=True
    )  # [{acquired_on, modality, description, code}]
    requester_name = models.CharField(max_length=120, blank=True)
    consultant = models.CharField(max_length=120, blank=True)
    department = models.CharField(max_length=120, blank=True)
    care_reason = models.CharField(max_length=200, blank=True)  # to send on what is not ours
    assigned_to = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    declined_reason = models.CharField(max_length=20, blank=True)  # DeclineReason
    why = models.CharField(max_length=300, blank=True)  # declined, failed, cancelled: in words
    images = models.PositiveIntegerField(null=True, blank=True)  # how many there are in all
    on_iep_at = models.DateTimeField(null=True, blank=True)
    purge_at = models.DateTimeField(null=True, blank=True)
    purge_warned = models.PositiveSmallIntegerField(null=True, blank=True)  # days left, last said
    created_at = models.DateTimeField(auto_now_add=True)
    # Its four hours run from here: from its ticket's, where that was asked for as urgently.
    asked_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=150)
    created_by_user = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+"
    )
    # What the other installation has yet to be told; a worker tells it (gateway nodes).
    to_tell = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[each.value for each in TransactionKind]),
                name="transaction_kind",
            ),
            models.CheckConstraint(
                condition=Q(direction__in=[each.value for each in Direction]),
                name="transaction_direction",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[each.value for each in TransactionState]),
                name="transaction_state",
            ),
            models.UniqueConstraint(
                fields=["shared_id", "organisation"], name="a_shared_transaction_once"
            ),
            models.CheckConstraint(
                condition=Q(destination__in=[each.value for each in DestinationKind]),
                name="transaction_destination",
            ),
            models.CheckConstraint(  # ours; what others call Blue Light is theirs (hazard H39)
                condition=~Q(priority=Priority.BLUE_LIGHT.value)
                | Q(direction=Direction.IN.value)
                | ~Q(eligibility=""),
                name="a_blue_light_transaction_says_why",
            ),
            models.CheckConstraint(  # hazard H42: nothing is on the exchange without an end
                condition=~Q(state=TransactionState.ON_IEP.value) | Q(purge_at__isnull=False),
                name="what_is_on_iep_is_purged_some_day",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(  # "You will not be able to change them later" (the portal)
                name="fixed_once_created",
                fields=[
                    "number",
                    "shared_id",
                    "kind",
                    "direction",
                    "destination",
                    "institution",
                    "organisation",
                    "created_at",
                    "created_by",
                ],
            ),
            pgtrigger.Protect(  # nor the machine, once one is named
                name="node_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__node__isnull=False)
                & pgtrigger.Q(old__node__df=pgtrigger.F("new__node")),
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "state", "-created_at"], name="transactions_tab"),
            models.Index(fields=["due_at"], name="transactions_due",
                         condition=Q(due_at__isnull=False)),
            models.Index(fields=["purge_at"], name="transactions_purge",
                         condition=Q(purge_at__isnull=False)),
            models.Index(fields=["nhs_number"], name="transactions_nhs"),
            models.Index(fields=["local_number"], name="transactions_local"),
            models.Index(fields=["family_key", "given_key"], name="transactions_name"),
            models.Index(fields=["organisation", "-state_since"], name="transactions_ended"),
            models.Index(fields=["organisation", "state"], name="transactions_open",
                         condition=UNDER_WAY),
            models.Index(fields=["ticket"], name="transactions_of_open", condition=UNDER_WAY),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"transaction {self.number}"

    @property
    def brings_images(self) -> bool:
        """Whether its images come to us: a request of ours, or what they send."""
        asked = self.kind == TransactionKind.REQUEST
        return (self.direction == Direction.OUT) == asked


@append_only
class TransactionEventRow(EventRow):
    """One event of a transaction."""

    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="events")
    code = models.CharField(max_length=20, blank=True)  # declined: DeclineReason; see moving.py

    class Meta(EventRow.Meta):
        indexes = [
            models.Index(
                fields=["at"], name="transactions_counted",  # by the figures
                condition=Q(event__in=COUNTED_EVENTS),
            ),
        ]  # fmt: skip


class TransactionMessage(models.Model):
    """A message to the other institution, or from it."""

    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="messages")
    shared_id = models.UUIDField(default=uuid.uuid4)  # the same in both installations
    direction = models.CharField(max_length=3)  # Direction
    text = models.CharField(max_length=2000)
    by_name = models.CharField(max_length=150)
    at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)  # out: when the other side had it
    read_at = models.DateTimeField(null=True, blank=True)  # in: when somebody here read it
    read_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["transaction", "shared_id"], name="a_message_once")
        ]

    def __str__(self) -> str:
        return f"TransactionMessage {self.pk}"


class Attachment(models.Model):
    """A report that goes with the images: a document, or pasted text. Its content is confirmed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="attachments")
    kind = models.CharField(max_length=8)  # "document", "text"
    title = models.CharField(max_length=120)
    content_type = models.CharField(max_length=80)
    size = models.PositiveIntegerField()  # bytes
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    study_uid = models.CharField(max_length=64, blank=True)
    confirmed_by = models.CharField(max_length=150)  # "I have read it, and it is the right one"
    confirmed_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)
    came_in = models.BooleanField(default=False)

    class Meta:
        ordering = ["confirmed_at"]

    def __str__(self) -> str:
        return f"Attachment {self.pk}"
