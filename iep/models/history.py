"""The event row that each thing has: who did what, when, in which words. Append-only."""

import pgtrigger
from django.db import models


def append_only(model: type[models.Model]) -> type[models.Model]:
    """A table that nobody changes, raw SQL included."""
    protect = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
    return pgtrigger.register(protect)(model)


class EventRow(models.Model):
    """One event of one thing. A subclass says whose."""

    event = models.CharField(max_length=20)
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20)
    at = models.DateTimeField()
    by_name = models.CharField(max_length=150)
    by_user_id = models.BigIntegerField(null=True)
    organisation_code = models.CharField(max_length=12, blank=True)
    words = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.pk}: {self.event}"
