"""The state of each link, what moved it, and the alerts of queues that back up.

`Partner` keeps what the last exchanges were like (failures in a row, the phase, since when); a
`Link` keeps what is concluded from that, by the process that was elected for it or by a person.
"""

import pgtrigger
from django.db import models
from django.db.models import Q

from messaging.link_states import LinkStatus

from .partners import Partner


class Link(models.Model):
    """How the link to a partner stands, one row each."""

    partner = models.OneToOneField(Partner, models.CASCADE, primary_key=True, related_name="link")
    state = models.CharField(max_length=12, default=LinkStatus.UP.value)
    since = models.DateTimeField(null=True, blank=True)  # of the trouble, from its first failure
    moved_at = models.DateTimeField(null=True, blank=True)  # the last transition
    cause = models.CharField(max_length=300, blank=True)  # in words, of what it is now
    declared_by = models.CharField(max_length=150, blank=True)
    declared_because = models.CharField(max_length=300, blank=True)
    declared_at = models.DateTimeField(null=True, blank=True)
    declared_until = models.DateTimeField(null=True, blank=True)  # then it lifts itself

    # Counted by those who deliver; of no matter while the link is up.
    good_probes = models.PositiveIntegerField(default=0)  # answers in a row since the last failure
    answering_since = models.DateTimeField(null=True, blank=True)  # the first of them
    window_from = models.DateTimeField(null=True, blank=True)
    window_good = models.PositiveIntegerField(default=0)
    window_bad = models.PositiveIntegerField(default=0)
    failures_on = models.DateField(null=True, blank=True)
    failures_that_day = models.PositiveIntegerField(default=0)

    # What the judge remembers from one look to the next.
    looked_at = models.DateTimeField(null=True, blank=True)
    troubled_at = models.DateTimeField(null=True, blank=True)  # when it last saw trouble
    unsent_since = models.DateTimeField(null=True, blank=True)  # due, and nobody here sends it
    came_back_at = models.DateTimeField(null=True, blank=True)  # last came out of DOWN
    is_flapping = models.BooleanField(default=False)  # held down until a whole window is good

    # Health by traffic. Nothing is sent until the partner has agreed to it, in writing.
    synthetic_seconds = models.PositiveIntegerField(default=0)  # 0: not agreed
    synthetic_patient = models.CharField(max_length=10, blank=True)  # NHS number, of 999
    synthetic_code = models.CharField(max_length=20, blank=True)  # OBR-4.1

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in LinkStatus]), name="link_state"
            ),
            models.CheckConstraint(
                condition=Q(declared_by="") | Q(state=LinkStatus.DOWN.value),
                name="what_is_declared_is_down",
            ),
            models.CheckConstraint(
                condition=Q(synthetic_seconds=0)
                | Q(synthetic_patient__startswith="999") & ~Q(synthetic_code=""),
                name="synthetic_as_agreed",
            ),
        ]

    def __str__(self) -> str:
        return f"link {self.pk} {self.state}"


@pgtrigger.register(
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
)
class LinkEvent(models.Model):
    """One transition of a link. Append-only by trigger."""

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="link_events")
    at = models.DateTimeField()
    before = models.CharField(max_length=12)
    after = models.CharField(max_length=12)
    event = models.CharField(max_length=20)
    why = models.CharField(max_length=300, blank=True)
    by = models.CharField(max_length=150)  # a person as people see the name, or "ordercomms"

    class Meta:
        indexes = [models.Index(fields=["partner", "-at"])]

    def __str__(self) -> str:
        return f"link {self.partner_id} {self.before} to {self.after}"


class SyntheticOrder(models.Model):
    """An order that nobody is to perform, sent to see whether orders arrive. Kept for a week.

    It is no message of the outbox: no list of work holds it, and nothing waits behind it.
    """

    partner = models.ForeignKey(Partner, models.CASCADE, related_name="synthetic_orders")
    control_id = models.CharField(max_length=20, unique=True)
    sent_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    acknowledgement = models.CharField(max_length=2, blank=True)
    failing_phase = models.CharField(max_length=16, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["partner", "-sent_at"])]

    def __str__(self) -> str:
        return f"synthetic order {self.control_id}"


class QueueAlert(models.Model):
    """A queue that backed up: raised once, cleared once."""

    class Kind(models.TextChoices):
        """Which queue; its limit is in messaging.states, of the attempts in LINK_CLOCKS."""

        WAITING = "waiting"  # out, not acknowledged
        DEAD = "dead"  # out, needs a person
        RECEIVED = "received"  # in, not processed
        PARKED = "parked"  # in, needs a person
        ATTEMPTS = "attempts"  # more failures in a day than any outage makes

    partner = models.ForeignKey(Partner, models.CASCADE, null=True, related_name="alerts")
    kind = models.CharField(max_length=12, choices=Kind)
    owner = models.CharField(max_length=20)  # as Wait.owner
    raised_at = models.DateTimeField()
    oldest_at = models.DateTimeField()  # of what waited when it was raised
    waiting = models.PositiveIntegerField()  # how many, when it was raised
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "kind"],
                condition=Q(cleared_at__isnull=True),
                nulls_distinct=False,
                name="one_open_alert_for_a_queue",
            )
        ]
        indexes = [models.Index(fields=["-raised_at"])]

    def __str__(self) -> str:
        return f"alert {self.kind} of {self.partner_id}"
