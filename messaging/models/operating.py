"""What operators set going: corrections of single messages, replays of many."""

from django.db import models
from django.db.models import Q

from accounts.models import Organisation, User
from messaging.states import CorrectionState, ReplayState

from .messages import InboundMessage, OutboundMessage
from .partners import Partner


class Correction(models.Model):
    """An edited copy of a parked message or a dead letter; the original's bytes stay."""

    inbound = models.ForeignKey(
        InboundMessage, models.PROTECT, null=True, related_name="corrections"
    )
    outbound = models.ForeignKey(
        OutboundMessage, models.PROTECT, null=True, related_name="corrections"
    )
    raw = models.BinaryField()
    control_id = models.CharField(max_length=199, blank=True)  # MSH-10 of the copy
    reason = models.CharField(max_length=300)  # in the words of who proposed it
    needs_second = models.BooleanField()  # it changes something clinical or of the identity
    state = models.CharField(max_length=12, default=CorrectionState.PROPOSED.value)
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    proposed_label = models.CharField(max_length=150)  # as people saw the name then
    proposed_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    decided_label = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_how = models.CharField(max_length=300, blank=True)  # why it was declined

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(inbound__isnull=False) ^ Q(outbound__isnull=False),
                name="a_correction_of_one_message",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in CorrectionState]),
                name="correction_state",
            ),
            models.CheckConstraint(
                condition=Q(needs_second=False)
                | ~Q(state=CorrectionState.APPLIED.value)
                | Q(decided_by__isnull=False) & ~Q(decided_by=models.F("proposed_by")),
                name="two_people_for_a_correction",
            ),
            models.UniqueConstraint(
                fields=["inbound"],
                condition=Q(state=CorrectionState.PROPOSED.value),
                name="one_open_correction_in",
            ),
            models.UniqueConstraint(
                fields=["outbound"],
                condition=Q(state=CorrectionState.PROPOSED.value),
                name="one_open_correction_out",
            ),
        ]
        indexes = [models.Index(fields=["state", "-proposed_at"])]

    def __str__(self) -> str:
        return f"correction {self.pk}"


class Replay(models.Model):
    """Many messages of one cause, sent back at a rate by a worker, in their order, each once."""

    direction = models.CharField(max_length=3)  # "in" or "out"
    cause = models.CharField(max_length=40)
    partner = models.ForeignKey(Partner, models.PROTECT, null=True, related_name="+")
    organisation = models.ForeignKey(  # whose partners; none: everybody's
        Organisation, models.PROTECT, null=True, related_name="+"
    )
    after = models.DateTimeField(null=True, blank=True)
    before = models.DateTimeField(null=True, blank=True)
    highest = models.BigIntegerField()  # the last message that was there when it was confirmed
    total = models.PositiveIntegerField()
    reached = models.BigIntegerField(default=0)  # no message up to here is looked at again
    released = models.PositiveIntegerField(default=0)
    per_minute = models.PositiveIntegerField()
    paced_at = models.DateTimeField(null=True, blank=True)  # until when its allowance is spent
    state = models.CharField(max_length=12, default=ReplayState.RUNNING.value)
    started_by = models.CharField(max_length=150)
    started_at = models.DateTimeField(auto_now_add=True)
    ended_by = models.CharField(max_length=150, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ReplayState]), name="replay_state"
            )
        ]
        indexes = [models.Index(fields=["state", "-started_at"])]

    def __str__(self) -> str:
        return f"replay {self.pk}"
