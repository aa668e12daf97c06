"""The inbox and the outbox. Bytes are kept as they came and as they went."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from messaging.states import OUT_UNFINISHED, InState, OutState

from .partners import Feed, Partner


class InboundMessage(models.Model):
    """One frame as it arrived, committed before it was acknowledged."""

    partner = models.ForeignKey(Partner, models.PROTECT, null=True, related_name="received")
    feed = models.ForeignKey(Feed, models.PROTECT, null=True, related_name="received")
    peer = models.CharField(max_length=60, blank=True)  # the address it came from
    sending_application = models.CharField(max_length=180, blank=True)  # MSH-3 as sent
    sending_facility = models.CharField(max_length=180, blank=True)
    control_id = models.CharField(max_length=199, blank=True)  # MSH-10
    message_type = models.CharField(max_length=16, blank=True)  # "ORU^R01"
    raw = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=12, default=InState.RECEIVED.value)
    acknowledgement = models.CharField(max_length=2, blank=True)  # AA AE AR
    reason_code = models.CharField(max_length=40, blank=True)  # why parked, one of a closed list
    reason = models.CharField(max_length=300, blank=True)  # the same in a person's words
    # One patient's messages in order: a digest of who it is; of the message itself for nobody's.
    ordering_key = models.CharField(max_length=64, blank=True)
    # Of a merge: the keys of all its numbers. It waits for their messages, and they wait for it.
    barrier_keys = ArrayField(models.CharField(max_length=64), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    processed_at = models.DateTimeField(null=True, blank=True)
    repeat_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="repeats")
    handled_by = models.CharField(max_length=150, blank=True)
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_how = models.CharField(max_length=300, blank=True)  # what the person did about it
    # What follows has a default in the database: the listener's one statement does not name it.
    spoken_to = models.CharField(max_length=120, blank=True, db_default="")  # by telephone
    spoken_at = models.DateTimeField(null=True, blank=True)
    retries = models.PositiveSmallIntegerField(db_default=0)  # how often a person sent it back
    urgency = models.CharField(max_length=12, blank=True, db_default="")  # messaging.urgency
    corrects = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="corrected_by"
    )
    replay = models.ForeignKey(
        "messaging.Replay", models.PROTECT, null=True, blank=True, related_name="inbound",
        db_index=False,
    )  # fmt: skip

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "sending_application", "sending_facility", "control_id"],
                # Only what we took: a sender may mend what we did not take, under the same id.
                condition=Q(partner__isnull=False, repeat_of__isnull=True, acknowledgement="AA"),
                name="one_message_per_control_id",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in InState]), name="inbox_state"
            ),
        ]
        indexes = [
            models.Index(
                fields=["ordering_key", "id"],
                name="inbox_in_order",
                condition=Q(state=InState.RECEIVED.value),
            ),
            models.Index(
                fields=["id"],
                name="inbox_barriers",
                condition=Q(state=InState.RECEIVED.value, barrier_keys__isnull=False),
            ),
            models.Index(
                fields=["sha256"], name="inbox_parked", condition=Q(state=InState.PARKED.value)
            ),
            models.Index(fields=["state", "-received_at"]),
            models.Index(fields=["partner", "-received_at"]),
            models.Index(fields=["replay"], name="inbox_replay", condition=Q(replay__isnull=False)),
            models.Index(
                fields=["id"],
                name="inbox_unweighed",
                condition=Q(state=InState.PARKED.value, urgency=""),
            ),
        ]

    def __str__(self) -> str:
        return f"message in {self.pk}"


class OutboundMessage(models.Model):
    """One message to be delivered, written in the business transaction."""

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="sent")
    control_id = models.CharField(max_length=20, unique=True)  # MSH-10, the same on every retry
    kind = models.CharField(max_length=16)  # "OMG^O19 NW"
    subject_type = models.CharField(max_length=40)  # "requesting.RequestItem"
    subject_id = models.CharField(max_length=40)
    stream = models.CharField(max_length=60)  # order within it is kept: the request's id
    sequence = models.PositiveIntegerField()  # within the stream, given under the stream's lock
    raw = models.BinaryField()
    state = models.CharField(max_length=12, default=OutState.WAITING.value)
    attempts = models.PositiveIntegerField(default=0)  # how often it was claimed
    failures = models.PositiveSmallIntegerField(default=0)  # AE answers and silences
    not_before = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, default=None)
    lease_until = models.DateTimeField(null=True, blank=True)
    acknowledgement = models.CharField(max_length=2, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    is_told_failing = models.BooleanField(default=False)  # its sender's room was told, once
    created_at = models.DateTimeField(auto_now_add=True)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)  # of this attempt
    trace_id = models.CharField(max_length=32, blank=True, db_default="")  # messaging.tracing
    taken_at = models.DateTimeField(null=True, blank=True)  # CA: they have it, and will say more
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.CharField(max_length=150, blank=True)
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_how = models.CharField(max_length=300, blank=True)  # what the person did about it
    spoken_to = models.CharField(max_length=120, blank=True, db_default="")  # by telephone
    spoken_at = models.DateTimeField(null=True, blank=True)
    retries = models.PositiveSmallIntegerField(db_default=0)  # how often a person sent it again
    urgency = models.CharField(max_length=12, blank=True, db_default="")  # messaging.urgency
    corrects = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="corrected_by"
    )
    replay = models.ForeignKey(
        "messaging.Replay", models.PROTECT, null=True, blank=True, related_name="outbound",
        db_index=False,
    )  # fmt: skip

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "stream", "sequence"],
                # A correction goes in the place of what it replaces.
                condition=~Q(state=OutState.REPLACED.value),
                name="one_place_in_the_stream",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in OutState]), name="outbox_state"
            ),
            models.CheckConstraint(
                condition=Q(state=OutState.SENDING.value, lease_token__isnull=False)
                | (~Q(state=OutState.SENDING.value) & Q(lease_token__isnull=True)),
                name="a_lease_while_sending",
            ),
        ]
        indexes = [
            models.Index(
                fields=["partner", "stream", "sequence"],
                name="outbox_in_order",
                condition=Q(state__in=[state.value for state in OUT_UNFINISHED]),
            ),
            models.Index(
                fields=["partner", "taken_at"],
                name="outbox_taken",
                condition=Q(state=OutState.TAKEN.value),
            ),
            models.Index(fields=["state", "-created_at"]),
            models.Index(fields=["subject_type", "subject_id"]),
            models.Index(fields=["partner", "-acknowledged_at"]),
            models.Index(
                fields=["replay"], name="outbox_replay", condition=Q(replay__isnull=False)
            ),
            models.Index(
                fields=["id"],
                name="outbox_unweighed",
                condition=Q(state=OutState.DEAD.value, urgency=""),
            ),
        ]

    def __str__(self) -> str:
        return f"message out {self.pk}"


def new_lease() -> uuid.UUID:
    """A fencing token: the holder of an older one may not write."""
    return uuid.uuid4()
