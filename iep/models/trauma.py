"""Who is paged when something urgent comes and the service desk is closed (hazard H44)."""

from django.db import models
from django.db.models import Q

from accounts.models import Organisation, User

from .tickets import Ticket
from .transactions import Transaction


class OnCallPerson(models.Model):
    """One of a trust's list: paged in this order, at this telephone number."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="on_call")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()
    phone = models.CharField(max_length=60)
    entered_by = models.CharField(max_length=150)
    entered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["organisation", "position"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "user"], name="on_the_list_once")
        ]

    def __str__(self) -> str:
        return f"OnCallPerson {self.pk}"


class OnCallPage(models.Model):
    """One person paged for one ticket, or for one transaction that another hospital made;
    unacknowledged for five minutes, the next is paged."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, null=True, blank=True, related_name="pages")
    transaction = models.ForeignKey(
        Transaction, models.PROTECT, null=True, blank=True, related_name="pages"
    )
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    phone = models.CharField(max_length=60, blank=True)
    mailed = models.BooleanField(default=False)  # else: somebody rings the number
    acknowledged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ticket=None, transaction__isnull=False)
                | Q(ticket__isnull=False, transaction=None),
                name="a_page_for_a_ticket_or_a_transaction",
            ),
        ]
        indexes = [models.Index(fields=["ticket", "at"], name="pages_of_ticket")]

    def __str__(self) -> str:
        return f"OnCallPage {self.pk}"
