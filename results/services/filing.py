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
from results import ranges
from results.hl7 import TEXT_TYPES, IncomingObservation, IncomingReport
from results.ladder import Rung, due_at, escalates_at
from results.models import Copy, Observation, Report, ReportVersion
from results.states import (
    IMAGING,
    RANKS,
    VALUE_STATUS_WORDS,
    Event,
    Filing,
    Group,
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

LONGEST_HEADLINE = 200
_KNOWN_VALUE_STATUSES = frozenset({"", "F", "U", *VALUE_STATUS_WORDS})
_TO_READ = frozenset({Event.FILED, Event.CHANGED, Event.CONTRADICTED})


def file_report(
    incoming: IncomingReport, *, item: RequestItem, message: InboundMessage | None, by: Acting
) -> Report:
    """Keep the report as a version of its item's report, and put it in front of its owner.

    Versions may come in any order and more than once: the same set of them gives the same view.
    The same content again is noted and asks nobody for anything. `item` comes with its patient,
    service, department, organisation and request.
    """
    with transaction.atomic(savepoint=False):  # the caller's transaction is all or nothing
        report = _locked(incoming, item)
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
        report.save()
        if event in _TO_READ:
            _tell(report, item, by)
        return report


def _locked(incoming: IncomingReport, item: RequestItem) -> Report:
    """The report's row, locked; a new one, which nobody sees yet, where there was none."""
    now = timezone.now()
    new = Report(
        item=item,
        key=incoming.key,
        patient_id=item.patient_id,
        organisation_id=item.organisation_id,
        department_id=item.department_id,
        discipline=item.service.discipline,
        name=incoming.name,
        owner_id=item.request.results_to_id,
        significance=Significance.UNCLASSIFIED,
        list_group=Group.ABNORMAL,
        result_status=incoming.result_status,
        issued_at=incoming.issued_at,
        arrived_at=now,
        due_at=now,
        escalates_at=now,
    )
    Report.objects.bulk_create([new], ignore_conflicts=True)  # one statement, whoever was first
    report = Report.objects.select_for_update().get(item=item, key=incoming.key)
    report.organisation = item.organisation
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
    version = ReportVersion.objects.create(
        report=report,
        number=number,
        result_status=incoming.result_status,
        issued_at=incoming.issued_at,
        sent_at=incoming.sent_at,
        observed_at=incoming.observed_at,
        received_at=message.received_at if message else timezone.now(),
        significance=worst(levels),
        text=_text(incoming, is_imaging=is_imaging),
        authoriser=incoming.authoriser,
        content_sha256=incoming.content_sha256,
        message=message,
    )
    together = enumerate(zip(incoming.observations, levels, strict=True), 1)
    values = [
        _observation(each, level, version, report, position) for position, (each, level) in together
    ]
    return version, Observation.objects.bulk_create(values)


def _level(each: IncomingObservation, *, is_imaging: bool) -> Significance:
    """Imaging is judged by its flag alone. A status that nobody knows is never normal (H27)."""
    level = ranges.level_of(
        flags=each.flags,
        value=each.value,
        value_type=each.value_type,
        reference_range="" if is_imaging else each.reference_range,
    )
    if each.status not in _KNOWN_VALUE_STATUSES or (each.document and level == "normal"):
        return worst([level, Significance.UNCLASSIFIED if each.document else Significance.ABNORMAL])
    return level


def _text(incoming: IncomingReport, *, is_imaging: bool) -> str:
    """What is read as prose: of imaging the report itself, line for line, then the comments."""
    prose = [each.value for each in incoming.observations if is_imaging and _is_prose(each)]
    return "\n".join(part for part in (*prose, incoming.note) if part)


def _is_prose(each: IncomingObservation) -> bool:
    """Of imaging: words of the report, not a measurement."""
    is_words = each.value_type in TEXT_TYPES or (each.value_type == "ST" and not each.units)
    return is_words and not each.note


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
        value_type=each.value_type[:8],
        value=each.value,
        units=each.units,
        reference_range=each.reference_range,
        flags=each.flags,
        status=each.status,
        observed_at=each.observed_at,
        note=each.note,
        document=each.document,
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
    report.leading = _leading(values)
    report.headline = _headline(current, values)


def _leading(values: Iterable[Observation]) -> Observation | None:
    """The first of the values that matter most; none where the report is words alone."""
    values = [each for each in values if _fits_a_line(each)]
    heaviest = worst(each.level for each in values)
    return next((each for each in values if each.level == heaviest), None)


def _fits_a_line(each: Observation) -> bool:
    words = each.is_prose or each.value_type in TEXT_TYPES or "\n" in each.value
    return bool(each.value) and not words


def _headline(version: ReportVersion, values: Iterable[Observation]) -> str:
    """The first line of the text; of a laboratory without one, of its first value in words."""
    words = [version.text, *(each.value for each in values)]
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


def _tell(report: Report, item: RequestItem, by: Acting) -> None:
    """The request it answers, and those whom the requester asked to be told."""
    unread = Report.objects.filter(item=item, state=Filing.UNREAD)
    leading, current = report.leading, report.current
    requesting.mark_resulted(
        item,
        significance=worst(unread.values_list("significance", flat=True)),
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
    copies = [
        Copy(report=report, user_id=user)
        for user in item.request.copy_to.values_list("pk", flat=True)
    ]
    if copies:
        unique, told_again = ["report", "user"], ["seen_at"]
        Copy.objects.bulk_create(
            copies, update_conflicts=True, unique_fields=unique, update_fields=told_again
        )
