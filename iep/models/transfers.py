"""What lanes work on: transfers, each with its ledger of instances; and the lanes themselves."""

from django.db import models
from django.db.models import Q

from iep.states.priorities import Priority
from iep.states.transactions import Direction
from iep.states.transfers import (
    TERMINAL,
    InstanceState,
    TransferEvent,
    TransferKind,
    TransferState,
)

from .arrivals import ReceivedFile, Study
from .directory import Node
from .history import EventRow, append_only
from .transactions import Transaction


class Lane(models.Model):
    """One of nine: a worker claims it, and then one transfer after another."""

    name = models.CharField(max_length=8, unique=True)  # "out-1"
    direction = models.CharField(max_length=3)  # Direction
    is_blue_only = models.BooleanField(default=False)
    is_paused = models.BooleanField(default=False)
    paused_by = models.CharField(max_length=150, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_because = models.CharField(max_length=200, blank=True)
    worker = models.CharField(max_length=80, blank=True)  # host:pid that has it
    seen_at = models.DateTimeField(null=True, blank=True)
    said_full_at = models.DateTimeField(
        null=True, blank=True
    )  # no room on the disk: standard waits

    class Meta:
        ordering = ["direction", "name"]

    def __str__(self) -> str:
        return self.name


class Transfer(models.Model):
    """One study to a node, or from it."""

    kind = models.CharField(max_length=8)  # TransferKind
    direction = models.CharField(max_length=3)  # of the lane that it needs
    priority = models.PositiveSmallIntegerField(default=Priority.NORMAL.value)
    rank = models.BigIntegerField(default=0)  # moved up or down by a person; lower goes first
    state = models.CharField(max_length=12, default=TransferState.WAITING.value)
    state_since = models.DateTimeField()
    node = models.ForeignKey(Node, models.PROTECT, related_name="transfers")
    study = models.ForeignKey(
        Study, models.PROTECT, null=True, blank=True, related_name="transfers"
    )
    study_uid = models.CharField(max_length=64)
    transaction = models.ForeignKey(
        Transaction, models.PROTECT, null=True, blank=True, related_name="transfers"
    )
    purpose = models.CharField(max_length=12)  # "out", "in", "to_pacs", "from_pacs"
    title = models.CharField(max_length=80)  # "CT head to Nottingham": no name, no number
    # Which lane has it, and with what right
    lane = models.ForeignKey(Lane, models.PROTECT, null=True, blank=True, related_name="+")
    lease_token = models.UUIDField(null=True, default=None)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveBigIntegerField(default=0)  # grows with each claim
    not_before = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)  # no image moved since
    family = models.CharField(max_length=20, blank=True)  # of the last error: see lanes.retrying
    why = models.CharField(max_length=300, blank=True)
    # How far
    images = models.PositiveIntegerField(default=0)
    images_done = models.PositiveIntegerField(default=0)  # sent or received
    bytes_total = models.PositiveBigIntegerField(default=0)
    bytes_done = models.PositiveBigIntegerField(default=0)
    continued_from = models.PositiveIntegerField(default=0)
    last_image_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)  # the first time
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=150)
    commitment_uid = models.CharField(max_length=64, blank=True)
    commitment_asked_at = models.DateTimeField(null=True, blank=True)
    events_told = models.BooleanField(default=True)  # the transaction knows how it ended

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[each.value for each in TransferState]),
                name="transfer_state",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[each.value for each in TransferKind]), name="transfer_kind"
            ),
            models.CheckConstraint(
                condition=Q(direction__in=[each.value for each in Direction]),
                name="transfer_direction",
            ),
            models.CheckConstraint(
                condition=Q(state=TransferState.RUNNING.value, lease_token__isnull=False)
                | (~Q(state=TransferState.RUNNING.value) & Q(lease_token__isnull=True)),
                name="transfer_lease_while_running",
            ),
            models.CheckConstraint(  # hazard H40
                condition=~Q(state=TransferState.DELIVERED.value)
                | Q(images_done__gte=models.F("images"), images__gt=0),
                name="delivered_is_every_image",
            ),
        ]
        indexes = [
            models.Index(
                fields=["direction", "priority", "rank", "id"], name="transfers_ready",
                condition=Q(state=TransferState.WAITING.value),
            ),
            models.Index(
                fields=["lease_until"], name="transfers_running",
                condition=Q(state=TransferState.RUNNING.value),
            ),
            models.Index(
                fields=["state", "-state_since"], name="transfers_by_state",
                condition=~Q(state__in=sorted(each.value for each in TERMINAL)),
            ),
            models.Index(fields=["transaction"], name="transfers_of"),
            models.Index(
                fields=["id"], name="transfers_to_tell", condition=Q(events_told=False)
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"transfer {self.pk}"


class TransferInstance(models.Model):
    """One instance of one transfer: waiting, sent, confirmed or refused."""

    transfer = models.ForeignKey(Transfer, models.CASCADE, related_name="instances")
    position = models.PositiveIntegerField()
    sop_uid = models.CharField(max_length=64)
    sop_class = models.CharField(max_length=64, blank=True)
    transfer_syntax = models.CharField(max_length=64, blank=True)
    series_uid = models.CharField(max_length=64, blank=True)
    file = models.ForeignKey(ReceivedFile, models.PROTECT, null=True, blank=True, related_name="+")
    size = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=10, default=InstanceState.WAITING.value)
    status = models.PositiveIntegerField(null=True, blank=True)  # DICOM, of the last attempt
    why = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # since it was last asked for again
    tried_before = models.PositiveIntegerField(default=0)  # in the runs before that
    former_why = models.CharField(max_length=200, blank=True)  # the last reason of those runs
    fence = models.PositiveBigIntegerField(default=0)  # of the claim that did it
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[each.value for each in InstanceState]),
                name="transfer_instance_state",
            ),
            models.UniqueConstraint(
                fields=["transfer", "sop_uid"], name="an_instance_once_in_a_transfer"
            ),
        ]
        indexes = [
            models.Index(
                fields=["transfer", "position"], name="instances_to_do",
                condition=Q(state=InstanceState.WAITING.value),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"TransferInstance {self.pk}"

    @property
    def tries_in_all(self) -> int:
        return self.tried_before + self.attempts

    @property
    def last_reason(self) -> str:
        """Why it did not go, the last time that it did not; also after it was asked for again."""
        return self.why or self.former_why


FAILED_EVENTS = [TransferEvent.FAILED.value, TransferEvent.FELL_SHORT.value]


@append_only
class TransferEventRow(EventRow):
    """One event of a transfer."""

    transfer = models.ForeignKey(Transfer, models.PROTECT, related_name="events")
    code = models.CharField(max_length=20, blank=True)  # of a failure: its family; see moving.py

    class Meta(EventRow.Meta):
        indexes = [
            models.Index(
                fields=["at"], name="transfers_failed",
                condition=Q(event__in=FAILED_EVENTS),
            ),
        ]  # fmt: skip


@append_only
class PauseEventRow(EventRow):
    """A lane or a machine was paused by a person, or started again: one of the two."""

    lane = models.ForeignKey(Lane, models.PROTECT, null=True, blank=True, related_name="pauses")
    node = models.ForeignKey(Node, models.PROTECT, null=True, blank=True, related_name="pauses")

    class Meta(EventRow.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(lane=None, node__isnull=False) | Q(lane__isnull=False, node=None),
                name="a_pause_of_a_lane_or_a_node",
            ),
        ]
