"""One report as a person reads it (R9): as issued, what changed in it, what was before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import audit
from accounts.policies import Acting
from nhsuk.charts import Point
from nhsuk.formats import in_london
from results.differences import Difference, difference, said
from results.errors import NotFound
from results.models import Copy, Observation, Report, ReportEvent, ReportVersion
from results.policies import may_review, reach_of_reports
from results.ranges import Mark
from results.states import (
    EVENT_WORDS,
    IMAGING,
    OUTCOME_WORDS,
    RANK_WORDS,
    RANKS,
    Event,
    Filing,
    Outcome,
    standing,
    value_status_words,
)

from .overtime import key_of, limits_of, mark_for, points_of, series_of

VIEWED = "view_result"
MOST_PREVIOUS = 5
LONGEST_IN_A_CELL = 40


def report_for(
    acting: Acting | None,
    report_id: UUID | str,
    *,
    action: str = VIEWED,
    request: HttpRequest | None = None,
) -> Report:
    """The report with all that its page needs, and the look on record: the one door.

    Raises NotFound for the absent and the forbidden alike; both refusals are on record too.
    """
    found = _readable(acting).filter(pk=report_id).first()
    audit.record(
        acting=acting, action=action, object_type="results.Report", object_id=report_id,
        patient_id=found.patient_id if found else "", outcome="ok" if found else "denied",
        request=request,
    )  # fmt: skip
    if found is None:
        raise NotFound
    return found


def _readable(acting: Acting | None) -> QuerySet[Report]:
    return (
        Report.objects.filter(reach_of_reports(acting))
        .select_related(
            "patient__practice", "item__service", "item__request", "department__parent",
            "organisation", "owner", "current", "review",
        )
        .prefetch_related("patient__identifiers")
    )  # fmt: skip


@dataclass(frozen=True)
class Value:
    """One line of the values table."""

    code: str
    name: str
    value: str
    units: str
    reference_range: str
    mark: Mark
    status_words: str
    note: str
    document: str
    is_long: bool  # several lines: shown as they are, not in a column
    previous: str
    previous_at: datetime | None
    points: tuple[Point, ...]
    low: float | None
    high: float | None


@dataclass(frozen=True)
class VersionLine:
    """A version in the list of versions, the one that people read first."""

    number: int
    words: str
    issued_at: datetime
    received_at: datetime
    text: str
    values: tuple[str, ...]
    is_current: bool


@dataclass(frozen=True)
class Happened:
    """A line of the report's history."""

    what: str
    who: str
    at: datetime
    words: str


@dataclass(frozen=True)
class Earlier:
    """A report of the same test before this one."""

    id: UUID
    issued_at: datetime
    significance: str
    text: str
    value: str


@dataclass(frozen=True)
class ReportPage:
    """R9, ready to be drawn."""

    report: Report
    version: ReportVersion
    status: str
    is_imaging: bool
    values: tuple[Value, ...]
    versions: tuple[VersionLine, ...]
    changed: Difference
    changed_since: VersionLine | None
    was_reviewed_before: bool
    previous: tuple[Earlier, ...]
    history: tuple[Happened, ...]
    may_review: bool
    is_copy: bool
    outcome: str  # of the review, in words; "" while it is unread


def page_of(report: Report, acting: Acting) -> ReportPage:
    """The page of a report that came from `report_for`."""
    versions = list(report.versions.prefetch_related("observations"))
    versions.sort(key=standing, reverse=True)
    current = next(each for each in versions if each.pk == report.current_id)
    events = list(report.events.order_by("-at", "-pk"))
    reference = _reference(versions, current, events)
    values = _shown(current)
    return ReportPage(
        report=report,
        version=current,
        status=RANK_WORDS[RANKS[current.result_status]],
        is_imaging=report.discipline == IMAGING,
        values=_values(values),
        versions=tuple(_version_line(each, current) for each in versions),
        changed=_changed(reference, current) if reference else Difference((), ()),
        changed_since=_version_line(reference, current) if reference else None,
        was_reviewed_before=any(each.event == Event.REVIEWED for each in events),
        previous=_previous(report, acting),
        history=tuple(_happened(each) for each in events),
        may_review=report.state == Filing.UNREAD and may_review(acting, report),
        is_copy=_is_unseen_copy(report, acting),
        outcome=OUTCOME_WORDS[Outcome(report.review.outcome)] if report.review else "",
    )


def _reference(
    versions: Sequence[ReportVersion], current: ReportVersion, events: Sequence[ReportEvent]
) -> ReportVersion | None:
    """With which version the current one is compared: the last that somebody reviewed, else the
    one before it; of contradicting versions, the one that contradicts."""
    others = [each for each in versions if each.pk != current.pk]
    reviewed = [each.version_id for each in events if each.event == Event.REVIEWED]
    last_read = next((each for key in reviewed for each in others if each.pk == key), None)
    return last_read or next(iter(others), None)


def _changed(reference: ReportVersion, current: ReportVersion) -> Difference:
    return difference(
        reference.text,
        current.text,
        _shown(reference),
        _shown(current),
    )


def _shown(version: ReportVersion) -> list[Observation]:
    """The values that go into the table: of imaging what is not the text of the report itself."""
    return [each for each in version.observations.all() if not each.is_prose]


def _values(values: Sequence[Observation]) -> tuple[Value, ...]:
    lines = series_of(each for each in values if each.value)
    return tuple(_value(each, lines.get(key_of(each), [])) for each in values)


def _value(each: Observation, line: Sequence[Observation]) -> Value:
    earlier = [
        other for other in line
        if other.observed_at < each.observed_at and other.version_id != each.version_id
    ]  # fmt: skip
    before = earlier[-1] if earlier else None
    low, high = limits_of(each)
    is_long = "\n" in each.value or len(each.value) > LONGEST_IN_A_CELL
    return Value(
        code=each.code,
        name=each.name,
        value=each.value,
        units=each.units,
        reference_range=each.reference_range,
        mark=mark_for(each),
        status_words=value_status_words(each.status),
        note=each.note,
        document=each.document,
        is_long=is_long,
        previous=before.value if before and not is_long else "",
        previous_at=before.observed_at if before else None,
        points=points_of([*earlier, each]),
        low=low,
        high=high,
    )


def _version_line(version: ReportVersion, current: ReportVersion) -> VersionLine:
    return VersionLine(
        number=version.number,
        words=RANK_WORDS[RANKS[version.result_status]],
        issued_at=version.issued_at,
        received_at=version.received_at,
        text=version.text,
        values=tuple(f"{each.name} {said(each)}" for each in _shown(version)),
        is_current=version.pk == current.pk,
    )


def _happened(event: ReportEvent) -> Happened:
    return Happened(EVENT_WORDS[Event(event.event)], event.by_name, event.at, event.words)


def _previous(report: Report, acting: Acting) -> tuple[Earlier, ...]:
    """Earlier reports of the same test, or of one that counts as the same examination."""
    service = report.item.service
    same = Report.objects.filter(item__service=service)
    if service.duplicate_group:
        same = Report.objects.filter(item__service__duplicate_group=service.duplicate_group)
    found = (
        same.filter(reach_of_reports(acting), patient=report.patient)
        .filter(issued_at__lte=report.issued_at)
        .exclude(pk=report.pk)
        .select_related("current", "leading")
        .order_by("-issued_at")[:MOST_PREVIOUS]
    )
    return tuple(
        Earlier(
            each.pk,
            each.issued_at,
            each.significance,
            each.current.text if each.current else "",
            f"{each.leading.name} {each.leading.value} {each.leading.units}".strip()
            if each.leading
            else "",
        )
        for each in found
    )


def _is_unseen_copy(report: Report, acting: Acting) -> bool:
    if acting.user is None or report.owner_id == acting.user.pk:
        return False
    return Copy.objects.filter(report=report, user=acting.user, seen_at__isnull=True).exists()


def download_name(report: Report) -> str:
    """`chest-xray-2026-11-22`: the test and the day of issue, and nobody's name or number."""
    return f"{report.item.service.code}-{in_london(report.issued_at).date().isoformat()}"
