"""Discs: each a thing with a label, in a box, on a chart, and then read in."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.models import Site
from iep.states.discs import TERMINAL, DiscState

from .history import EventRow, append_only
from .tickets import Ticket


class Disc(models.Model):
    """One disc of a ticket."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="disc_set")
    number = models.PositiveSmallIntegerField()  # 1 of 2
    state = models.CharField(max_length=12, default=DiscState.EXPECTED.value)
    state_since = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="+")
    dropped_by = models.CharField(max_length=150, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True)
    labelled = models.BooleanField(default=False)  # the call reference stands on disc and envelope
    form_enclosed = models.BooleanField(default=False)
    collect_on = models.DateField(null=True, blank=True)  # a Wednesday, or as arranged
    is_urgent = models.BooleanField(default=False)  # brought by arrangement
    why = models.CharField(max_length=300, blank=True)
    files_found = models.PositiveIntegerField(null=True, blank=True)
    files_kept = models.PositiveIntegerField(null=True, blank=True)
    files_refused = models.PositiveIntegerField(null=True, blank=True)
    # What was uploaded, until a worker has unpacked it: a folder of ours, named by this id.
    upload_id = models.UUIDField(null=True, blank=True)
    upload_bytes = models.PositiveBigIntegerField(default=0)
    uploaded_by = models.CharField(max_length=150, blank=True)
    uploaded_at = models.DateTimeField(null=True, blank=True)
    files_done = models.PositiveIntegerField(default=0)  # unpacked, of files_found
    unpacked_at = models.DateTimeField(null=True, blank=True)
    left_out = models.JSONField(default=dict, blank=True)  # {"It is not a DICOM file.": 12}
    lease_token = models.UUIDField(null=True, default=None)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["ticket", "number"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[each.value for each in DiscState]), name="disc_state"
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(each.value for each in TERMINAL), due_at__isnull=True)
                | (~Q(state__in=sorted(each.value for each in TERMINAL)) & Q(due_at__isnull=False)),
                name="a_disc_that_waits_has_a_clock",
            ),
            models.UniqueConstraint(fields=["ticket", "number"], name="a_disc_once"),
        ]
        indexes = [models.Index(fields=["state", "collect_on"], name="discs_by_state")]

    def __str__(self) -> str:
        return f"disc {self.pk}"

    @property
    def is_complete(self) -> bool:
        """Labelled, and with its form: what is not is not opened (domain I19)."""
        return self.labelled and self.form_enclosed


@append_only
class DiscEventRow(EventRow):
    """One event of a disc."""

    disc = models.ForeignKey(Disc, models.PROTECT, related_name="events")
