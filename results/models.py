"""Reports as issued, every version kept; who has read them and what they did."""

from __future__ import annotations

import uuid

import pgtrigger
from django.db import models
from django.db.models import F, Q

from accounts.models import Discipline, Organisation, User
from messaging.models import InboundMessage, MailMessage, Partner
from patients.models import Patient
from requesting.models import RequestItem

from .ladder import Rung
from .notice_states import NoticeKind, NoticeState
from .states import Event, Filing, Group, Outcome, Significance
from .unmatched import State as Placed

APPEND_ONLY = pgtrigger.Protect(
    name="append_only", operation=pgtrigger.Update | pgtrigger.Delete
)  # also against raw SQL


def _one_of(field: str, codes: type) -> Q:
    return Q(**{f"{field}__in": [code.value for code in codes]})  # type: ignore[attr-defined]


class Report(models.Model):
    """The answer to one item. The current version is what people read; all versions stay.

    What is here besides `state`, the ladder and the clock follows from the versions alone
    (`results.states.view_of`), whatever order they came in.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    item = models.ForeignKey(RequestItem, models.PROTECT, related_name="reports")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="reports")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="reports")
    department = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    discipline = models.CharField(max_length=12, choices=Discipline)
    key = models.CharField(max_length=200)  # OBR-3 and OBR-4.1: which report of the item
    name = models.TextField()  # OBR-4.2 as sent
    owner = models.ForeignKey(User, models.PROTECT, related_name="reports_to_review")
    state = models.CharField(max_length=12, default=Filing.UNREAD.value)
    significance = models.CharField(max_length=12)
    list_group = models.PositiveSmallIntegerField()  # results.states.Group
    result_status = models.CharField(max_length=2)  # of the current version: table 0123
    is_amended = models.BooleanField(default=False)
    is_conflicting = models.BooleanField(default=False)
    was_worse = models.BooleanField(default=False)
    issued_at = models.DateTimeField()
    arrived_at = models.DateTimeField()  # of what people read now: the clock starts here
    due_at = models.DateTimeField()  # when it should have been reviewed
    rung = models.PositiveSmallIntegerField(default=Rung.OWNER.value)
    escalates_at = models.DateTimeField(null=True, blank=True)  # None: read, or at the top
    headline = models.CharField(max_length=200, blank=True)  # the first line of a text
    current = models.ForeignKey(
        "ReportVersion", models.PROTECT, null=True, blank=True, related_name="+"
    )
    leading = models.ForeignKey(  # the value that matters most of the current version
        "Observation", models.PROTECT, null=True, blank=True, related_name="+"
    )
    review = models.ForeignKey(  # the last one, of the current version
        "Review", models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "key"], name="one_report_per_item_and_key"),
            models.CheckConstraint(condition=_one_of("state", Filing), name="filing_is_known"),
            models.CheckConstraint(
                condition=_one_of("significance", Significance), name="significance_is_known"
            ),
            models.CheckConstraint(condition=_one_of("list_group", Group), name="group_is_known"),
            models.CheckConstraint(condition=_one_of("rung", Rung), name="rung_is_known"),
            models.CheckConstraint(
                condition=Q(state=Filing.UNREAD.value, review__isnull=True)
                | Q(state=Filing.REVIEWED.value, review__isnull=False, escalates_at__isnull=True),
                name="read_reports_have_a_review",
            ),
            models.CheckConstraint(
                condition=Q(state=Filing.REVIEWED.value)
                | Q(rung=max(Rung).value)
                | Q(escalates_at__isnull=False),
                name="what_is_unread_has_a_clock",
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner", "list_group", "arrived_at"],
                name="reports_unread",
                condition=Q(state="unread"),
            ),
            models.Index(
                fields=["organisation", "list_group", "arrived_at"],
                name="reports_unread_by_place",
                condition=Q(state="unread"),
            ),
            models.Index(
                fields=["escalates_at"],
                name="reports_to_escalate",
                condition=Q(escalates_at__isnull=False),
            ),
            models.Index(fields=["patient", "-issued_at"], name="reports_of_patient"),
        ]

    def __str__(self) -> str:
        return f"Report {self.pk}"  # never whose it is: this reaches logs


@pgtrigger.register(APPEND_ONLY)
class ReportVersion(models.Model):
    """One version exactly as issued. Never overwritten."""

    report = models.ForeignKey(Report, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField()  # in the order of arrival
    result_status = models.CharField(max_length=2)  # OBR-25 (table 0123)
    issued_at = models.DateTimeField()  # OBR-22, else MSH-7
    sent_at = models.DateTimeField()  # MSH-7
    received_at = models.DateTimeField()
    observed_at = models.DateTimeField()  # OBR-7: sample taken, examination done
    significance = models.CharField(max_length=12)
    text = models.TextField(blank=True)  # of imaging, the report; of a laboratory, its comment
    marks = models.JSONField(default=list)  # of `text`: [kind, start, end], see results.hl7
    patient_note = models.TextField(blank=True)  # NTE below PID: of the patient, with this report
    parent_number = models.CharField(max_length=200, blank=True)  # OBR-29.2: a report of theirs
    parent_value = models.TextField(blank=True)  # OBR-26: the value that this one follows from
    authoriser = models.TextField(blank=True)
    content_sha256 = models.CharField(max_length=64)
    message = models.ForeignKey(InboundMessage, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "number"], name="one_version_number"),
            models.UniqueConstraint(
                fields=["report", "result_status", "issued_at", "content_sha256", "sent_at"],
                name="one_version_per_content",
            ),
            models.CheckConstraint(
                condition=_one_of("significance", Significance),
                name="version_significance_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"ReportVersion {self.pk}"


@pgtrigger.register(APPEND_ONLY)
class Observation(models.Model):
    """One value, as sent (OBX). Nothing that was sent is cut to fit."""

    version = models.ForeignKey(ReportVersion, models.PROTECT, related_name="observations")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=200, blank=True)  # OBX-3.1
    code_system = models.TextField(blank=True)
    name = models.TextField()  # OBX-3.2
    sub_id = models.TextField(blank=True)  # OBX-4: which values belong together
    value_type = models.CharField(max_length=8, blank=True)  # OBX-2
    value = models.TextField(blank=True)  # as sent, repetitions joined by new lines
    marks = models.JSONField(default=list)  # of `value`, as ReportVersion.marks
    coded = models.TextField(blank=True)  # of a coded value: codes and systems, a line each
    units = models.TextField(blank=True)
    reference_range = models.TextField(blank=True)
    flags = models.TextField(blank=True)  # OBX-8 as sent, a line a repetition
    level = models.CharField(max_length=12)  # results.states.Significance
    status = models.TextField(blank=True)  # OBX-11
    observed_at = models.DateTimeField()
    note = models.TextField(blank=True)
    document = models.CharField(max_length=60, blank=True)  # its kind, where the value is one
    document_problem = models.TextField(blank=True)  # why it cannot be opened, in words
    is_prose = models.BooleanField(default=False)  # of imaging: a part of the report's text

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="one_value_per_position"),
            models.CheckConstraint(condition=_one_of("level", Significance), name="level_is_known"),
        ]
        indexes = [
            models.Index(fields=["patient", "code", "-observed_at"], name="values_over_time")
        ]

    def __str__(self) -> str:
        return f"Observation {self.pk}"


@pgtrigger.register(APPEND_ONLY)
class Document(models.Model):
    """A document that came inside a value (ED), decoded and looked at; only ever handed out as a
    file. What could not be decoded is not here: `Observation.document_problem` says why."""

    observation = models.ForeignKey(Observation, models.PROTECT, related_name="documents")
    number = models.PositiveSmallIntegerField()  # of the repetition
    kind = models.CharField(max_length=8)  # results.hl7.Kind
    sha256 = models.CharField(max_length=64)  # of `content`
    size = models.PositiveIntegerField()  # bytes
    content = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["observation", "number"], name="one_document_per_number"
            ),
        ]

    def __str__(self) -> str:
        return f"Document {self.pk}"


class AgreedHost(models.Model):
    """A host of a partner's own to which its reports may point (RP). No other becomes a link."""

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="agreed_hosts")
    host = models.CharField(max_length=253)  # lower case, no port

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "host"], name="one_agreement_per_host"),
        ]

    def __str__(self) -> str:
        return f"{self.host} of partner {self.partner_id}"


@pgtrigger.register(APPEND_ONLY)
class Review(models.Model):
    """A person read this version and said what they did about it."""

    version = models.ForeignKey(ReportVersion, models.PROTECT, related_name="reviews")
    by_user = models.ForeignKey(User, models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=150)
    organisation_code = models.CharField(max_length=12)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=24)  # results.states.Outcome
    words = models.CharField(max_length=300, blank=True)
    together = models.BooleanField(default=False)  # ticked on the page of normal results

    class Meta:
        constraints = [
            models.CheckConstraint(condition=_one_of("outcome", Outcome), name="outcome_is_known")
        ]

    def __str__(self) -> str:
        return f"Review {self.pk}"


@pgtrigger.register(APPEND_ONLY)
class ReportEvent(models.Model):
    """What happened to a report: who, when, from where to where, and why."""

    report = models.ForeignKey(Report, models.PROTECT, related_name="events")
    version = models.ForeignKey(ReportVersion, models.PROTECT, null=True, related_name="+")
    event = models.CharField(max_length=16)
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12)
    at = models.DateTimeField()
    by_user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    by_name = models.CharField(max_length=150)
    organisation_code = models.CharField(max_length=12, blank=True)
    words = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=_one_of("event", Event), name="report_event_is_known")
        ]
        indexes = [models.Index(fields=["report", "at"], name="events_of_report")]

    def __str__(self) -> str:
        return f"ReportEvent {self.pk}"


class Copy(models.Model):
    """Somebody who is to be told: the requester asked for it (copy to), or they read an earlier
    version of what was amended since (H24). A new version is unseen again."""

    report = models.ForeignKey(Report, models.PROTECT, related_name="copies")
    user = models.ForeignKey(User, models.PROTECT, related_name="report_copies")
    seen_at = models.DateTimeField(null=True, blank=True)
    is_reader = models.BooleanField(default=False)  # told because they read what was changed

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "user"], name="one_copy_per_person")
        ]
        indexes = [
            models.Index(fields=["user"], name="copies_unseen", condition=Q(seen_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"Copy {self.pk}"


class Hold(models.Model):
    """The news of routine results is held: of one department, of one place, or all of it.

    The results are not held: they are on their lists. Closed only when every one is accounted for.
    """

    department = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+")
    practice = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+")
    cause = models.CharField(max_length=40, blank=True)  # "link 7": begun by the link's state
    reason = models.CharField(max_length=300)
    began_at = models.DateTimeField()
    began_by = models.CharField(max_length=150)
    until = models.DateTimeField()  # then it ends by itself
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=150, blank=True)
    held = models.PositiveIntegerField(default=0)
    released = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(held=F("released") + F("cancelled")),
                name="what_was_held_is_accounted_for",
            ),
            models.UniqueConstraint(
                fields=["cause"],
                condition=Q(ended_at__isnull=True) & ~Q(cause=""),
                name="one_hold_for_each_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"Hold {self.pk}"


class Notice(models.Model):
    """That a place is told by mail of one version of a report; once for each version (H35)."""

    version = models.OneToOneField(ReportVersion, models.PROTECT, related_name="notice")
    report = models.ForeignKey(Report, models.PROTECT, related_name="notices")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8)
    may_be_held = models.BooleanField()
    state = models.CharField(max_length=10)
    since = models.DateTimeField()
    due_at = models.DateTimeField()  # of the digest that it wants to be in
    hold = models.ForeignKey(Hold, models.PROTECT, null=True, related_name="notices")
    mail = models.ForeignKey(MailMessage, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=80, blank=True)  # why nobody had to be told

    class Meta:
        constraints = [
            models.CheckConstraint(condition=_one_of("state", NoticeState), name="notice_state"),
            models.CheckConstraint(condition=_one_of("kind", NoticeKind), name="notice_kind"),
            models.CheckConstraint(
                condition=~Q(state=NoticeState.HELD.value)
                | Q(may_be_held=True, hold__isnull=False, kind=NoticeKind.ROUTINE.value),
                name="only_routine_news_is_held",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "due_at"],
                name="notices_waiting",
                condition=Q(state=NoticeState.WAITING.value),
            ),
            models.Index(
                fields=["hold"], name="notices_held", condition=Q(state=NoticeState.HELD.value)
            ),
        ]

    def __str__(self) -> str:
        return f"Notice {self.pk}"


class Attachment(models.Model):
    """A person put a result that matched no request to one; a conflict needs a second (H21)."""

    message = models.ForeignKey(InboundMessage, models.PROTECT, related_name="attachments")
    item = models.ForeignKey(RequestItem, models.PROTECT, related_name="attachments")
    state = models.CharField(max_length=10)  # unmatched.State
    conflicts = models.TextField(blank=True)  # what did not agree, in words without values
    reason = models.CharField(max_length=300)
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=_one_of("state", Placed), name="attachment_state"),
            models.CheckConstraint(
                condition=~Q(state="attached")
                | Q(conflicts="")
                | (Q(decided_by__isnull=False) & ~Q(decided_by=F("proposed_by"))),
                name="a_conflict_needs_two_people",
            ),
            models.UniqueConstraint("message", condition=Q(state="proposed"), name="one_proposal"),
        ]

    def __str__(self) -> str:
        return f"Attachment {self.pk}"
