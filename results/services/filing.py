"""A report that arrived becomes a version. What people read follows from the versions alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from django.db import transaction
from django.utils import timezone

from accounts.policies import Acting
from accounts.queries import colleagues
from accounts.roles import Permission
from messaging.models import InboundMessage
from requesting import services as requesting
from requesting.models import RequestItem
from requesting.states import Status
from results import ranges
from results.hl7 import (
    DOCUMENT_TYPES,
    TEXT_TYPES,
    Formatted,
    IncomingObservation,
    IncomingReport,
    joined,
)
from results.ladder import Rung, due_at, escalates_at
from results.models import Copy, Document, Observation, Report, ReportVersion
from results.states import (
    CANCELLED,
    IMAGING,
    OTHER_PATIENT,
    RANKS,
    STRUCK,
    VALUE_STATUS_WORDS,
    WITHOUT_VALUE,
    Event,
    Filing,
    Rank,
    Significance,
    View,
    group_of,
    is_copy_of,
    view_of,
    weighs_more,
    worst,
)

from .moving import move
from .notices import tell_place
from .readers import readers_of

LONGEST_HEADLINE = 200
_KNOWN_VALUE_STATUSES = frozenset({"", "F", "U", *VALUE_STATUS_WORDS})
_HAS_REPORTS = frozenset({Status.REPORTED, Status.REVIEWED, Status.CANCELLED})
_TO_READ = frozenset({Event.FILED, Event.CHANGED, Event.CONTRADICTED})


def file_report(
    incoming: IncomingReport, *, item: RequestItem, message: InboundMessage | None, by: Acting
) -> Report:
    """Keep the report as a version of its item's report, and put it in front of its owner.

    Versions may come in any order and more than once: the same set of them gives the same view.
    The same content again is noted and asks nobody for anything. `item` comes with its patient,
    service, department, organisation and request; `is_locked` on it says that its row is locked.
    """
    with transaction.atomic(savepoint=False):  # the caller's transaction is all or nothing
        item = _lock(item)
        report = _report(incoming, item)
        known = list(report.versions.all()) if report.current_id else []
        now = timezone.now()
        if any(is_copy_of(incoming, version) for version in known):
            move(report, Event.RESENT, at=now, by=by)
            return report
        version, values = _version(incoming, report, message, number=len(known) + 1)
        view = view_of([*known, version])
        event = _what_happened(version, known, view)
        if event in _TO_READ:
            _put_in_front(report, view, at=now)
        _show(report, view, values)
        move(report, event, at=now, by=by, version=version)
        report.save(force_insert=not known)  # one statement: its version came before it
        if event in _TO_READ:
            _tell(report, incoming, item, by)
            tell_place(report, version, by=by)
        return report


def _lock(item: RequestItem) -> RequestItem:
    """The item's row, locked until the end: whose it is cannot change meanwhile by a merge of two
    records, and nobody else begins a report of it. `is_locked` says that the caller has done so."""
    if getattr(item, "is_locked", False):
        return item
    row = RequestItem.objects.select_for_update().get(pk=item.pk)
    item.patient_id = row.patient_id
    row.service, row.department = item.service, item.department
    row.organisation, row.request = item.organisation, item.request
    return row


def _report(incoming: IncomingReport, item: RequestItem) -> Report:
    """The report's row, locked; where there is none, a new one that is not in the table yet."""
    report = Report.objects.select_for_update().filter(item=item, key=incoming.key).first()
    if report is None:
        now = timezone.now()
        report = Report(
            item=item,
            key=incoming.key,
            patient_id=item.patient_id,
            department_id=item.department_id,
            discipline=item.service.discipline,
            name=incoming.name,
            owner_id=item.request.results_to_id,
            arrived_at=now,
            due_at=now,
        )
    report.item, report.organisation = item, item.organisation
    return report


def _what_happened(version: ReportVersion, known: list[ReportVersion], view: View) -> Event:
    """What the new version means to somebody who read what there was before."""
    if not known:
        return Event.FILED
    before = view_of(known)
    if view.is_conflicting and not before.is_conflicting:
        return Event.CONTRADICTED
    if weighs_more(view.significance, before.significance):
        return Event.CHANGED
    if view.current is not version:
        return Event.CONTRADICTED if view.is_conflicting else Event.OLDER
    same_rank = RANKS[version.result_status] is RANKS[before.current.result_status]
    same_words = version.content_sha256 == before.current.content_sha256
    return Event.RESENT if same_rank and same_words else Event.CHANGED


# --- The version ---------------------------------------------------------------------------------


def _version(
    incoming: IncomingReport, report: Report, message: InboundMessage | None, *, number: int
) -> tuple[ReportVersion, list[Observation]]:
    is_imaging = report.discipline == IMAGING
    levels = [_level(each, is_imaging=is_imaging) for each in incoming.observations]
    text = _text(incoming, is_imaging=is_imaging)
    version = ReportVersion.objects.create(
        report=report,
        number=number,
        result_status=incoming.result_status,
        issued_at=incoming.issued_at,
        sent_at=incoming.sent_at,
        observed_at=incoming.observed_at,
        received_at=message.received_at if message else timezone.now(),
        significance=worst(levels),
        text=text.text,
        marks=text.marks,
        patient_note=incoming.patient_note,
        parent_number=incoming.parent_number,
        parent_value=incoming.parent_value,
        authoriser=incoming.authoriser,
        content_sha256=incoming.content_sha256,
        message=message,
    )
    together = enumerate(zip(incoming.observations, levels, strict=True), 1)
    values = [
        _observation(each, level, version, report, position) for position, (each, level) in together
    ]
    Observation.objects.bulk_create(values)
    _keep_documents(incoming, values)
    return version, values


def _keep_documents(incoming: IncomingReport, values: list[Observation]) -> None:
    documents = [
        Document(
            observation=value,
            number=each.number,
            kind=each.kind,
            sha256=each.sha256,
            size=len(each.content),
            content=each.content,
        )
        for said, value in zip(incoming.observations, values, strict=True)
        for each in said.documents
    ]
    if documents:
        Document.objects.bulk_create(documents)


def _level(each: IncomingObservation, *, is_imaging: bool) -> Significance:
    """Imaging is judged by its flag alone. A status that nobody knows is never normal (H27), nor is
    a document, which nobody here has read; one that cannot be opened is for a person to ask for.
    A value that was taken back does not weigh what it weighed: that it was is unexpected."""
    if each.status in STRUCK:
        return Significance.UNEXPECTED
    level = ranges.level_of(
        flags=each.flags,
        value=each.value,
        value_type=each.value_type,
        reference_range="" if is_imaging else each.reference_range,
    )
    if each.status not in _KNOWN_VALUE_STATUSES or each.document_problem:
        return worst([level, Significance.ABNORMAL])
    return worst([level, Significance.UNCLASSIFIED]) if each.document else level


def _text(incoming: IncomingReport, *, is_imaging: bool) -> Formatted:
    """What is read as prose: of imaging the report itself, line for line, then the comments."""
    prose = [
        Formatted(each.value, each.marks)
        for each in incoming.observations
        if is_imaging and _is_prose(each)
    ]
    return joined(part for part in (*prose, Formatted(incoming.note)) if part.text)


def _is_prose(each: IncomingObservation) -> bool:
    """Of imaging: words of the report, not a measurement, and not taken back."""
    is_words = each.value_type in TEXT_TYPES or (each.value_type == "ST" and not each.units)
    return is_words and not each.note and each.status not in STRUCK


def _observation(
    each: IncomingObservation,
    level: Significance,
    version: ReportVersion,
    report: Report,
    position: int,
) -> Observation:
    return Observation(
        version=version,
        patient_id=report.patient_id,
        position=position,
        level=level,
        code=each.code,
        code_system=each.code_system,
        name=each.name,
        sub_id=each.sub_id,
        value_type=each.value_type[:8],
        value=each.value,
        marks=each.marks,
        coded=each.coded,
        units=each.units,
        reference_range=each.reference_range,
        flags=each.flags,
        status=each.status,
        observed_at=each.observed_at,
        note=each.note,
        document=each.document,
        document_problem=each.document_problem,
        is_prose=report.discipline == IMAGING and _is_prose(each),
    )


# --- The report ----------------------------------------------------------------------------------


def _show(report: Report, view: View, new: list[Observation]) -> None:
    """What follows from the versions alone. `new`: the values of the version that came just now."""
    current = cast("ReportVersion", view.current)
    is_new = bool(new) and new[0].version_id == current.pk
    values = new if is_new else list(current.observations.all())
    report.current = current
    report.result_status = current.result_status
    report.significance = view.significance
    report.list_group = group_of(view)
    report.is_amended = view.is_amended
    report.is_conflicting = view.is_conflicting
    report.was_worse = view.was_worse
    report.issued_at = current.issued_at
    is_theirs = current.result_status != OTHER_PATIENT
    report.leading = _leading(values) if is_theirs else None
    report.headline = _headline(current, values)


def _leading(values: Iterable[Observation]) -> Observation | None:
    """The first of the values that matter most; none where the report is words alone."""
    values = [each for each in values if _fits_a_line(each)]
    heaviest = worst(each.level for each in values)
    return next((each for each in values if each.level == heaviest), None)


def _fits_a_line(each: Observation) -> bool:
    if each.status in WITHOUT_VALUE or each.value_type in DOCUMENT_TYPES:
        return False
    words = each.is_prose or each.value_type in TEXT_TYPES or "\n" in each.value
    return bool(each.value) and not words


def _headline(version: ReportVersion, values: Iterable[Observation]) -> str:
    """The first line of the text; of a laboratory without one, of its first value in words.
    Of another patient's report nothing."""
    if version.result_status == OTHER_PATIENT:
        return ""
    said = [each for each in values if each.status not in STRUCK and not each.document]
    words = [version.text, *(each.value for each in said)]
    lines = (line.strip() for text in words for line in text.splitlines())
    first = next((line for line in lines if line), "")
    return first if len(first) <= LONGEST_HEADLINE else f"{first[: LONGEST_HEADLINE - 1]}…"


def _put_in_front(report: Report, view: View, *, at: datetime) -> None:
    """Unread from now. What was unread before keeps its earlier clock unless it weighs less now:
    amendments never put off an escalation."""
    was_unread = report.state == Filing.UNREAD and report.current_id is not None
    lighter = was_unread and weighs_more(report.significance, view.significance)
    if not was_unread:
        report.rung = Rung.OWNER if _owner_is_here(report) else Rung.DUTY
    due = due_at(view.significance, at)
    escalates = escalates_at(view.significance, at, report.rung)
    if was_unread and not lighter:
        due = min(due, report.due_at)
        escalates = min(escalates, report.escalates_at or escalates) if escalates else None
    report.arrived_at, report.due_at, report.escalates_at = at, due, escalates
    report.review = None


def _owner_is_here(report: Report) -> bool:
    """Whether the owner can still be expected to read it: somebody always must be (H12, H34)."""
    people = colleagues(report.organisation, Permission.REVIEW_RESULTS)
    return people.filter(pk=report.owner_id).exists()


def _tell(report: Report, incoming: IncomingReport, item: RequestItem, by: Acting) -> None:
    """The request it answers, and those who are to be told."""
    if report.result_status == CANCELLED and not report.is_amended:
        _tell_of_progress(incoming, item, by)  # there never was a result, and there will be none
    else:
        _tell_request(report, item, by)
    _tell_people(report, item)


def note_progress(incoming: IncomingReport, *, item: RequestItem, by: Acting) -> None:
    """A report without anything in it (OBR-25 `I`, say) is news of its request, and no more.

    Raises requesting.errors.MoveRefused or NotUnderstood for what the request's table refuses.
    """
    _tell_of_progress(incoming, item, by)


def _tell_of_progress(incoming: IncomingReport, item: RequestItem, by: Acting) -> None:
    requesting.hear_of_report(
        item, result_status=incoming.result_status, order_control=incoming.order_control,
        order_status=incoming.order_status, filler=incoming.filler_number,
        reason_code=incoming.reason_code, reason=incoming.reason or _first_words(incoming),
        scheduled_at=incoming.scheduled_at, happened_at=incoming.issued_at,
        sent_at=incoming.sent_at, by=by,
    )  # fmt: skip


def _first_words(incoming: IncomingReport) -> str:
    """Of a test that could not be done the reason often stands where its value would."""
    return next((each.value for each in incoming.observations if each.value), "")


def _tell_request(report: Report, item: RequestItem, by: Acting) -> None:
    leading, current = report.leading, report.current
    requesting.mark_resulted(
        item,
        is_locked=True,
        significance=_of_all_unread(report, item),
        report_id=report.pk,
        observed_at=current.observed_at if current else report.issued_at,
        headline=report.headline if report.discipline == IMAGING else "",
        value=leading.value if leading else "",
        units=leading.units if leading else "",
        flag=" ".join(ranges.split_flags(leading.flags)) if leading else "",
        place=(item.department.parent or item.department).name,
        by=by,
    )
    if RANKS[report.result_status] is Rank.WITHDRAWN:
        requesting.forget_result(report_id=report.pk)


def _of_all_unread(report: Report, item: RequestItem) -> Significance:
    """The heaviest of the item's unread reports; before its first one nobody need be asked."""
    if item.status not in _HAS_REPORTS:
        return Significance(report.significance)
    unread = Report.objects.filter(item=item, state=Filing.UNREAD)
    return worst(unread.values_list("significance", flat=True))


def _tell_people(report: Report, item: RequestItem) -> None:
    """Whom the requester named; and of a change, who has read what it was before (H24)."""
    named = set(item.request.copy_to.values_list("pk", flat=True))
    readers = readers_of(report) - named if report.is_amended else set()
    copies = [
        Copy(report=report, user_id=user, is_reader=user in readers) for user in named | readers
    ]
    if copies:
        Copy.objects.bulk_create(
            copies,
            update_conflicts=True,
            unique_fields=["report", "user"],
            update_fields=["seen_at"],
        )
