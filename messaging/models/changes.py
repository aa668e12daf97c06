"""A change of what was agreed with a partner: one person proposes it, another applies it."""

from django.db import models
from django.db.models import F, Q

from accounts.models import User

from .partners import Partner


class PartnerChange(models.Model):
    """What is to be different, from what, to what, why; who said so, and who agreed.

    `differences` is a list of {"path", "from", "to"}: see `messaging.agreement`.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        APPLIED = "applied"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"  # by who proposed it

    # None while the partner is new.
    partner = models.ForeignKey(Partner, models.CASCADE, null=True, related_name="changes")
    slug = models.SlugField(max_length=40)
    differences = models.JSONField()
    why = models.CharField(max_length=300)
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_because = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["proposed_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["pending", "applied", "refused", "withdrawn"]),
                name="change_state",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None)
                | Q(state="withdrawn", decided_by=F("proposed_by"))
                | ~Q(state="withdrawn") & ~Q(decided_by=F("proposed_by")),
                name="two_people_change_a_partner",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", decided_by=None, decided_at=None)
                | (~Q(state="pending") & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="a_decision_has_a_person",
            ),
        ]

    def __str__(self) -> str:
        return f"change {self.pk} of {self.slug}"
