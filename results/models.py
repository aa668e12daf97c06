"""Reports as issued, every version kept; who has read them and what they did."""

import uuid

import pgtrigger
from accounts.models import Organisation, User
from django.db import models
from messaging.models import InboundMessage
from patients.models import Patient
from requesting.models import RequestItem


class Report(models.Model):
    """The answer to one item. The current version is what people read; all versions stay."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    item = models.ForeignKey(RequestItem, models.PROTECT, related_name="reports")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="reports")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="reports")
    department = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    discipline = models.CharField(max_length=12)
    key = models.CharField(max_length=60)  # OBR-3, else OBR-4.1: which report of the item
    name = models.CharField(max_length=140)  # OBR-4.2 as sent
    owner = models.ForeignKey(User, models.PROTECT, related_name="reports_to_review")
    state = models.CharField(max_length=12, default="unread")  # results.states.Filing
    significance = models.CharField(max_length=12)
    result_status = models.CharField(max_length=2)  # of the current version: P F C X
    is_amended = models.BooleanField(default=False)
    issued_at = models.DateTimeField()
    arrived_at = models.DateTimeField()  # of the current version: the clock starts here
    due_at = models.DateTimeField()  # unread after this: escalates
    current = models.ForeignKey(
        "ReportVersion", models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "key"], name="one_report_per_item_and_key")
        ]
        indexes = [
            models.Index(
                fields=["owner", "significance", "arrived_at"],
                name="reports_unread",
                condition=models.Q(state="unread"),
            ),
            models.Index(
                fields=["organisation", "arrived_at"],
                name="reports_unread_by_place",
                condition=models.Q(state="unread"),
            ),
            models.Index(fields=["patient", "-issued_at"]),
        ]


@pgtrigger.register(
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
)
class ReportVersion(models.Model):
    """One version exactly as issued. Never overwritten."""

    report = models.ForeignKey(Report, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField()
    result_status = models.CharField(max_length=2)  # OBR-25 (table 0123)
    issued_at = models.DateTimeField()  # OBR-22
    received_at = models.DateTimeField()
    significance = models.CharField(max_length=12)
    text = models.TextField(blank=True)
    authoriser = models.CharField(max_length=150, blank=True)
    content_sha256 = models.CharField(max_length=64)
    message = models.ForeignKey(InboundMessage, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "number"], name="one_version_number"),
            models.UniqueConstraint(
                fields=["report", "result_status", "issued_at", "content_sha256"],
                name="one_version_per_content",
            ),
        ]


class Observation(models.Model):
    """One value, as sent (OBX)."""

    version = models.ForeignKey(ReportVersion, models.PROTECT, related_name="observations")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=40)  # OBX-3.1
    code_system = models.CharField(max_length=20, blank=True)
    name = models.CharField(max_length=120)  # OBX-3.2
    value_type = models.CharField(max_length=3)  # OBX-2
    value = models.TextField(blank=True)  # as sent, repetitions joined by new lines
    units = models.CharField(max_length=30, blank=True)
    reference_range = models.CharField(max_length=60, blank=True)
    flag = models.CharField(max_length=20, blank=True)  # OBX-8 as sent
    level = models.CharField(max_length=12)  # results.ranges: critical abnormal normal none
    status = models.CharField(max_length=2, blank=True)  # OBX-11
    observed_at = models.DateTimeField()
    note = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["patient", "code", "-observed_at"])]


@pgtrigger.register(
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
)
class Review(models.Model):
    """A person read this version and said what they did about it. Append-only."""

    version = models.ForeignKey(ReportVersion, models.PROTECT, related_name="reviews")
    by_user = models.ForeignKey(User, models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=150)
    organisation_code = models.CharField(max_length=12)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=24)  # results.states.Outcome
    words = models.CharField(max_length=300, blank=True)
