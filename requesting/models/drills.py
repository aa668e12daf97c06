"""Practice forms of a drill. None stands for a request; no figure, clock or alarm reads them."""

import pgtrigger
from django.db import models
from django.db.models import Q

from accounts.models import Organisation
from messaging.models import Drill
from requesting.drill_states import PracticeStatus


class PracticeForm(models.Model):
    """A downtime form of an invented patient. Moved only by `requesting.services.drilling`."""

    drill = models.ForeignKey(Drill, models.PROTECT, related_name="forms")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="practice_forms")
    department = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    case = models.CharField(max_length=20)  # requesting.drill_states.CASES
    status = models.CharField(max_length=12, default=PracticeStatus.MADE.value)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=150)
    out_at = models.DateTimeField(null=True, blank=True)  # first e-mailed or printed
    emailed_at = models.DateTimeField(null=True, blank=True)
    mail_state = models.CharField(max_length=8, blank=True)  # "", waiting, sent, failed
    mail_to = models.CharField(max_length=200, blank=True)
    mail_words = models.CharField(max_length=300, blank=True)
    printed_at = models.DateTimeField(null=True, blank=True)
    keyed_in_at = models.DateTimeField(null=True, blank=True)
    keyed_in_by = models.CharField(max_length=150, blank=True)
    number = models.CharField(max_length=40, blank=True)  # what the department wrote

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in PracticeStatus]),
                name="practice_status_is_known",
            )
        ]
        indexes = [models.Index(fields=["drill", "organisation"])]

    def __str__(self) -> str:
        return f"practice form {self.pk}"

    @property
    def reference(self) -> str:
        """No request's reference begins like it."""
        return f"DRILL-{self.pk:05d}"


@pgtrigger.register(
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
)
class PracticeEventRow(models.Model):
    """One move of a practice form. Append-only."""

    form = models.ForeignKey(PracticeForm, models.PROTECT, related_name="events")
    event = models.CharField(max_length=16)
    from_status = models.CharField(max_length=12, blank=True)
    to_status = models.CharField(max_length=12)
    at = models.DateTimeField(auto_now_add=True)
    by_name = models.CharField(max_length=150)
    words = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["form", "id"])]

    def __str__(self) -> str:
        return f"practice form event {self.pk}: {self.event}"
