"""Partners' lists beside ours: what was compared, what did not agree, what people did about it."""

from django.db import models
from django.db.models import Q

from accounts.models import Organisation, User
from messaging.models import Partner
from requesting.partner_lists import ListKind
from requesting.reconciling import Kind, State

from .requests import OrderMessage, RequestItem


class Expectation(models.Model):
    """How soon a partner speaks of an order that it took, and how soon results come, as agreed.

    Where a partner has none: `queries.reconciling.usual_expectation`, by its discipline.
    """

    partner = models.OneToOneField(Partner, models.CASCADE, related_name="expectation")
    status_hours = models.FloatField()  # of those while it is open
    opens = models.PositiveSmallIntegerField(default=0)  # hour of the day, in London
    closes = models.PositiveSmallIntegerField(default=24)
    weekends = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status_hours__gt=0, opens__lt=models.F("closes"), closes__lte=24),
                name="expectation_is_possible",
            )
        ]

    def __str__(self) -> str:
        return f"Expectation of partner {self.partner_id}"


class ReceivedList(models.Model):
    """One list of a partner that was compared: the bytes are not kept, their digest is."""

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="received_lists")
    kind = models.CharField(max_length=8, choices=[(each.value, each.value) for each in ListKind])
    as_of = models.DateTimeField()
    since = models.DateTimeField()
    rows = models.PositiveIntegerField()
    found = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    by_name = models.CharField(max_length=150)
    compared_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["partner", "kind", "-as_of"], name="lists_of_partner")]

    def __str__(self) -> str:
        return f"List {self.pk}"


class Difference(models.Model):
    """One thing on which we and a partner do not agree. Moved only by `services.reconciling`."""

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="differences")
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=90)  # of what: the same whenever it is found
    item = models.ForeignKey(
        RequestItem, models.PROTECT, null=True, blank=True, related_name="differences"
    )
    practice = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="+"
    )
    accession = models.CharField(max_length=40, blank=True)
    placer = models.CharField(max_length=40, blank=True)
    ours = models.CharField(max_length=120, blank=True)
    theirs = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=10, default=State.OPEN.value)
    is_urgent = models.BooleanField(default=False)
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # when it was last found
    due_at = models.DateTimeField()
    moved_at = models.DateTimeField()
    resent = models.ForeignKey(
        OrderMessage, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "kind", "key"], name="one_difference"),
            models.CheckConstraint(
                condition=Q(state__in=[each.value for each in State]), name="difference_state"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[each.value for each in Kind]), name="difference_kind"
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], name="differences_open", condition=Q(state=State.OPEN.value)
            ),
            models.Index(fields=["state", "-moved_at"], name="differences_moved"),
        ]

    def __str__(self) -> str:
        return f"Difference {self.pk}"


class DifferenceNote(models.Model):
    """What was done about a difference, or became of it: who, when, in what words."""

    difference = models.ForeignKey(Difference, models.CASCADE, related_name="notes")
    event = models.CharField(max_length=10)  # found, asked, resent, explain, go, change
    words = models.CharField(max_length=300, blank=True)
    spoken_to = models.CharField(max_length=120, blank=True)
    by_user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    by_name = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"Note {self.pk}"
