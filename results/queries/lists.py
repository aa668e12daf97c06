"""Results to review: the groups in their order, the counts, what came since, what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from nhsuk.charts import Point
from patients.models import Patient
from results.ladder import LADDER, Rung
from results.models import Copy, Observation, Report, ReportVersion
from results.policies import escalated_to, may_open_list
from results.ranges import Mark
from results.states import GROUP_WORDS, IMAGING, OUTCOME_WORDS, Filing, Group, Outcome

from .overtime import Key, key_of, limits_of, mark_for, points_of, series_of

PAGE = 50
MOST_TOGETHER = 50
OVERLAP = timedelta(seconds=10)  # a report is in its transaction for less than this


class Scope(StrEnum):
    """Whose results: this person's (and what was passed on to them), or the whole place's."""

    MINE = "mine"
    PLACE = "practice"


@dataclass(frozen=True)
class Row:
    """One line of the list."""

    id: UUID
    group: Group
    patient: Patient
    test: str
    owner: str
    is_imaging: bool
    significance: str
    result_status: str
    is_amended: bool
    is_conflicting: bool
    was_worse: bool
    headline: str
    value: Observation | None
    mark: Mark | None
    points: tuple[Point, ...]
    low: float | None
    high: float | None
    issued_at: datetime
    waiting: timedelta
    is_overdue: bool
    passed_to: str
    is_read: bool = False
    is_copy: bool = False


@dataclass(frozen=True)
class Part:
    """One group of the list; `total` counts what is on other pages too."""

    group: Group
    words: str
    total: int
    rows: tuple[Row, ...]
    together: int = 0  # how many of it may be filed together


@dataclass(frozen=True)
class Counts:
    """What waits, by scope."""

    mine: int
    place: int


@dataclass(frozen=True)
class Inbox:
    """The results list of one person."""

    scope: Scope
    parts: tuple[Part, ...]
    counts: Counts
    shown_from: int
    shown_to: int
    total: int
    page: int
    last_page: int
    at: datetime
    known: tuple[int, int]  # for `fresh_since`


def scope_of(acting: Acting, wanted: str = "") -> Scope:
    """A person who reviews starts with their own; who only looks sees the place's."""
    if wanted in set(Scope):
        return Scope(wanted)
    return Scope.MINE if acting.may(LADDER[Rung.OWNER].seen_by) else Scope.PLACE


def _mine(acting: Acting) -> Q:
    """This person's own, and what was passed on to people like them. Of this place only."""
    passed_on = escalated_to(acting)
    return Q(owner=acting.user) | Q(rung__gte=min(passed_on)) if passed_on else Q(owner=acting.user)


def _unread(acting: Acting, scope: Scope) -> QuerySet[Report]:
    """No end date, and no filter besides the scope that the page names (H33)."""
    if not may_open_list(acting) or acting.organisation is None:
        return Report.objects.none()
    here = Report.objects.filter(state=Filing.UNREAD, organisation=acting.organisation)
    return here.filter(_mine(acting)) if scope is Scope.MINE else here


def counts(acting: Acting) -> Counts:
    """How many wait. What this person is only to be told of counts as theirs."""
    here = _unread(acting, Scope.PLACE)
    found = here.aggregate(place=Count("pk"), mine=Count("pk", filter=_mine(acting)))
    copies = _copies(acting).count()
    return Counts(mine=(found["mine"] or 0) + copies, place=found["place"] or 0)


def to_review(
    acting: Acting, *, scope: str = "", page: int = 1, request: HttpRequest | None = None
) -> Inbox:
    """R8: a page of what waits, the worst group first, in each the longest waiting first."""
    chosen = scope_of(acting, scope)
    at = timezone.now()
    unread = _unread(acting, chosen)
    totals = _totals(unread)
    total = sum(each[0] for each in totals.values())
    last_page = max(1, -(-total // PAGE))
    page = min(max(page, 1), last_page)
    first = (page - 1) * PAGE
    reports = list(_in_order(whole(unread))[first : first + PAGE])
    told = page == last_page and chosen is Scope.MINE
    copies = list(whole(_copies(acting)).order_by("arrived_at")[:PAGE]) if told else []
    rows = _rows(reports, copies, at)
    _note_look(acting, chosen, len(rows), request)
    return Inbox(
        scope=chosen,
        parts=_parts(rows, totals),
        counts=counts(acting),
        shown_from=first + 1 if reports else 0,
        shown_to=first + len(reports),
        total=total,
        page=page,
        last_page=last_page,
        at=at,
        known=_arrived_since(acting, chosen, at),
    )


def _in_order(reports: QuerySet[Report]) -> QuerySet[Report]:
    return reports.order_by("list_group", "arrived_at", "pk")


def _note_look(acting: Acting, scope: Scope, shown: int, request: HttpRequest | None) -> None:
    audit.record(
        acting=acting, action="list_results", object_type="results.Report",
        reason=f"{scope}: {shown} shown", request=request,
    )  # fmt: skip


def _totals(unread: QuerySet[Report]) -> dict[int, tuple[int, int]]:
    """Group → how many, and how many of them are a laboratory's."""
    laboratory = Count("pk", filter=~Q(discipline=IMAGING))
    found = unread.values("list_group").annotate(all=Count("pk"), labs=laboratory).order_by()
    return {each["list_group"]: (each["all"], each["labs"]) for each in found}


def whole(reports: QuerySet[Report]) -> QuerySet[Report]:
    return reports.select_related("patient", "item", "leading", "owner")


def _copies(acting: Acting) -> QuerySet[Report]:
    """Reports that somebody else answers for and of which this person was to be told."""
    unseen = Copy.objects.filter(user=acting.user, seen_at__isnull=True)
    return Report.objects.filter(pk__in=unseen.values("report")).exclude(owner=acting.user)


def rows_of(reports: Sequence[Report]) -> list[Row]:
    """Lines of reports, in their order; they come with patient, item, leading value, owner."""
    return _rows(reports, [], timezone.now())


def _rows(reports: Sequence[Report], copies: Sequence[Report], at: datetime) -> list[Row]:
    """A report that is both somebody's to review and a copy is shown once, as theirs to review."""
    here = {report.pk for report in reports}
    copies = [report for report in copies if report.pk not in here]
    lines = series_of(each.leading for each in [*reports, *copies] if each.leading)
    return [
        *(_row(each, Group(each.list_group), lines, at) for each in reports),
        *(_row(each, Group.INFORMATION, lines, at, is_copy=True) for each in copies),
    ]


def _row(
    report: Report, group: Group, lines: dict[Key, list[Observation]], at: datetime,
    *, is_copy: bool = False,
) -> Row:  # fmt: skip
    value = report.leading
    low, high = limits_of(value) if value else (None, None)
    line = lines.get(key_of(value), []) if value else []
    return Row(
        id=report.pk,
        group=group,
        patient=report.patient,
        test=report.item.service_name,
        owner=report.owner.display_name,
        is_imaging=report.discipline == IMAGING,
        significance=report.significance,
        result_status=report.result_status,
        is_amended=report.is_amended,
        is_conflicting=report.is_conflicting,
        was_worse=report.was_worse,
        headline=report.headline,
        value=value,
        mark=mark_for(value) if value else None,
        points=points_of(line, until=value.observed_at) if value else (),
        low=low,
        high=high,
        issued_at=report.issued_at,
        waiting=max(at - report.arrived_at, timedelta(0)),
        is_overdue=report.due_at < at and not is_copy,
        passed_to=LADDER[Rung(report.rung)].words if report.rung and not is_copy else "",
        is_read=report.state == Filing.REVIEWED,
        is_copy=is_copy,
    )


def _parts(rows: Sequence[Row], totals: dict[int, tuple[int, int]]) -> tuple[Part, ...]:
    """The groups that have rows on this page. Copies are all on it, and in no total."""
    parts = []
    for group in Group:
        here = tuple(row for row in rows if row.group is group)
        total, laboratory = totals.get(group, (0, 0))
        copies = sum(row.is_copy for row in here)
        together = laboratory if group is Group.NORMAL else 0
        parts.append(Part(group, GROUP_WORDS[group], total + copies, here, together))
    return tuple(part for part in parts if part.rows)


# --- What came since, and what comes next --------------------------------------------------------


@dataclass(frozen=True)
class Fresh:
    """What the list on the screen does not show yet."""

    new: int
    critical: int
    counts: Counts
    at: datetime


def _arrived_since(acting: Acting, scope: Scope, since: datetime) -> tuple[int, int]:
    """How many, and how many of them critical, since shortly before then."""
    newer = _unread(acting, scope).filter(arrived_at__gt=since - OVERLAP)
    critical = Count("pk", filter=Q(list_group=Group.CRITICAL))
    found = newer.aggregate(all=Count("pk"), critical=critical)
    return found["all"], found["critical"]


def fresh_since(
    acting: Acting, *, scope: str, since: datetime, known: tuple[int, int] = (0, 0)
) -> Fresh:
    """What arrived since the list was drawn at `since`; `known` is what that list said of itself.

    Looks back a little behind `since`, for reports whose transaction was still open then.
    """
    new, critical = _arrived_since(acting, scope_of(acting, scope), since)
    return Fresh(
        new=max(new - known[0], 0),
        critical=max(critical - known[1], 0),
        counts=counts(acting),
        at=timezone.now(),
    )


def next_unread(acting: Acting, after: Report, *, scope: str = "") -> Report | None:
    """The report that follows on the list; past its end, the first; None when all are read."""
    waiting = _in_order(_unread(acting, scope_of(acting, scope)).exclude(pk=after.pk))
    later = Q(list_group__gt=after.list_group) | Q(
        list_group=after.list_group, arrived_at__gte=after.arrived_at
    )
    return waiting.filter(later).first() or waiting.first()


@dataclass(frozen=True)
class Done:
    """The line that says what was just reviewed."""

    id: UUID
    test: str
    outcome: str


def done_line(acting: Acting, report_id: str) -> Done | None:
    """The report that this person has just reviewed; None for anything else."""
    try:
        key = UUID(report_id)
    except ValueError:
        return None
    mine = Report.objects.filter(pk=key, review__by_user=acting.user)
    report = mine.select_related("item", "review").first()
    if report is None or report.review is None:
        return None
    outcome = OUTCOME_WORDS[Outcome(report.review.outcome)]
    return Done(report.pk, report.item.service_name, outcome)


# --- Normal results together ---------------------------------------------------------------------


@dataclass(frozen=True)
class NormalRow:
    """One report with every value of it, to be ticked by itself."""

    id: UUID
    version: int
    patient: Patient
    test: str
    values: tuple[Observation, ...]
    text: str
    issued_at: datetime


def normal_rows(
    acting: Acting, *, scope: str = "", request: HttpRequest | None = None
) -> list[NormalRow]:
    """The reports that may be filed together, the longest waiting first."""
    waiting = _unread(acting, scope_of(acting, scope)).filter(list_group=Group.NORMAL)
    reports = list(
        _in_order(waiting.exclude(discipline=IMAGING))
        .select_related("patient", "item", "current")
        .prefetch_related("current__observations")[:MOST_TOGETHER]
    )
    _note_look(acting, scope_of(acting, scope), len(reports), request)
    return [_normal_row(each) for each in reports if each.current is not None]


def _normal_row(report: Report) -> NormalRow:
    current = cast("ReportVersion", report.current)  # what is listed has one
    return NormalRow(
        id=report.pk,
        version=current.pk,
        patient=report.patient,
        test=report.item.service_name,
        values=tuple(current.observations.all()),
        text=current.text,
        issued_at=report.issued_at,
    )
