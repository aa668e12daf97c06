"""Drills: a downtime that is practised. No row here belongs to a message or to a request."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import F, Q

from accounts.models import Organisation
from messaging.drill_states import DRILL_OVER, DrillState

from .partners import Partner

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Drill(models.Model):
    """One destination's drill. Those that were declared together share an `exercise`."""

    exercise = models.UUIDField(default=uuid.uuid4, db_index=True)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="drills")
    places = models.ManyToManyField(Organisation, related_name="drills")  # who takes part
    reason = models.CharField(max_length=300)
    starts_at = models.DateTimeField()  # planned
    ends_at = models.DateTimeField()  # planned
    hour_seconds = models.PositiveIntegerField(default=60)  # what an hour of the 72 takes
    state = models.CharField(max_length=12, default=DrillState.PLANNED.value)
    declared_by = models.CharField(max_length=150)
    declared_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    over_at = models.DateTimeField(null=True, blank=True)
    over_by = models.CharField(max_length=150, blank=True)
    over_because = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-starts_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in DrillState]), name="drill_state"
            ),
            models.CheckConstraint(
                condition=Q(over_at__isnull=False, state__in=[s.value for s in DRILL_OVER])
                | (Q(over_at__isnull=True) & ~Q(state__in=[s.value for s in DRILL_OVER])),
                name="drill_that_is_over_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="drill_ends_after_it_starts"
            ),
            models.UniqueConstraint(
                fields=["partner"],
                condition=Q(state=DrillState.RUNNING.value),
                name="one_running_drill_of_a_partner",
            ),
        ]

    def __str__(self) -> str:
        return f"drill {self.pk} {self.state}"


@pgtrigger.register(_APPEND_ONLY)
class DrillEventRow(models.Model):
    """One move of a drill: who, when and why. Append-only by trigger."""

    drill = models.ForeignKey(Drill, models.PROTECT, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    event = models.CharField(max_length=32)
    before = models.CharField(max_length=12)
    after = models.CharField(max_length=12)
    by = models.CharField(max_length=150)
    why = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["drill", "id"])]

    def __str__(self) -> str:
        return f"drill {self.drill_id} {self.before} to {self.after}"


@pgtrigger.register(_APPEND_ONLY)
class DrillSight(models.Model):
    """The first person of a place who read the strip, or opened the form. Append-only."""

    class What(models.TextChoices):
        STRIP = "strip", "Read the strip"
        FORM = "form", "Opened the practice form"

    drill = models.ForeignKey(Drill, models.PROTECT, related_name="sights")
    place = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    what = models.CharField(max_length=8, choices=What)
    at = models.DateTimeField(auto_now_add=True)
    by = models.CharField(max_length=150)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["drill", "place", "what"], name="first_sight_only")
        ]

    def __str__(self) -> str:
        return f"sight {self.pk} of drill {self.drill_id}"


@pgtrigger.register(_APPEND_ONLY)
class DrillNote(models.Model):
    """What somebody wants the report to say. Append-only."""

    drill = models.ForeignKey(Drill, models.PROTECT, related_name="notes")
    place = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    by = models.CharField(max_length=150)
    words = models.CharField(max_length=1000)

    class Meta:
        indexes = [models.Index(fields=["drill", "id"])]

    def __str__(self) -> str:
        return f"note {self.pk} of drill {self.drill_id}"
