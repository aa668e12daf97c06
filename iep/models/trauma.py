"""Who was paged when something urgent came and the service desk was closed (hazard H44)."""

from django.db import models

from accounts.models import User

from .tickets import Ticket


class OnCallPage(models.Model):
    """One person paged for one ticket; unacknowledged for five minutes, the next is paged."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="pages")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    phone = models.CharField(max_length=60, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at"]
        indexes = [models.Index(fields=["ticket", "at"], name="pages_of_ticket")]

    def __str__(self) -> str:
        return f"OnCallPage {self.pk}"
