"""My requests and the practice tracker (ux.md R5): lanes, counts, filters, pages.

The cost is flat as the table grows: open items have indexes of their own, pages go by key, and
counts stop where a person stops reading them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.policies import Acting
from accounts.queries import colleagues
from accounts.roles import Permission
from requesting import policies
from requesting.models import RequestItem
from requesting.states import LANES, WAITS, Lane, Owner, Status

from .telling import days_waiting, is_overdue, next_sentence

PAGE = 50
MOST_COUNTED = 10_000
MOST_DONE_COUNTED = 1_000
_KEY_TIME = "%Y%m%dT%H%M%S.%f"
P = Permission


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; empty means everything. Dates are London days, inclusive."""

    mine: bool = False
    patient_ids: tuple[UUID, ...] | None = None  # from patients.queries.find; () finds nobody
    service: str = ""
    modality: str = ""
    discipline: str = ""
    site: int | None = None
    requester: int | None = None
    organisation: int | None = None  # who asked
    priority: str = ""
    status: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def are_any(self) -> bool:
        return replace(self, mine=False) != Filters()


@dataclass(frozen=True)
class Tally:
    """A count that stops at what a person would read: `412`, `10,000+`."""

    number: int
    is_more: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.is_more else ''}"

    def __bool__(self) -> bool:
        return self.number > 0


@dataclass(frozen=True)
class TrackerRow:
    """One line of the list."""

    item: RequestItem
    sentence: str
    days_waiting: int
    is_overdue: bool
    actions: tuple[str, ...]  # verbs of policies.actions, and "review"


@dataclass(frozen=True)
class TrackerPage:
    """A page of a lane. `after` opens the next one; "" when there is none."""

    lane: Lane | None
    rows: tuple[TrackerRow, ...]
    total: Tally
    after: str
    filters: Filters


def visible_to(acting: Acting | None) -> QuerySet[RequestItem]:
    """Every item that this person may see: what their place asked for, or was asked for and got;
    and what they answer for, wherever it was asked (who supervises, hazard H12)."""
    place = acting.organisation if acting else None
    if acting is None or place is None:
        return RequestItem.objects.none()
    seen = Q(pk__in=[])
    if acting.may(P.TRACK_REQUESTS) or acting.may(P.REQUEST_TESTS):
        seen |= Q(organisation=place) | Q(request__results_to=acting.user)
    if policies.may_open_department_list(acting):
        seen |= Q(department=place, request__released_at__isnull=False)
    return RequestItem.objects.filter(seen)


# --- Lanes ---------------------------------------------------------------------------------------


def in_lane(lane: Lane | None, now: datetime) -> Q:
    """The lane's items, as `states.lane_of` has it; None is every item."""
    if lane is None:
        return Q()
    if lane is Lane.NEEDS_YOU:
        return Q(due_at__lte=now)
    statuses = Q(status__in=sorted(LANES[lane]))
    if lane is Lane.DONE:
        return statuses & Q(due_at__isnull=True)
    return statuses & Q(due_at__gt=now)


def tracker(
    acting: Acting, lane: Lane | None, filters: Filters | None = None, after: str = ""
) -> TrackerPage:
    """A page of the requests of this person's place: of one lane, or of all (None).

    What waits comes oldest first; what is done, and everything together, newest first.
    """
    now, filters = timezone.now(), filters or Filters()
    items = filtered(_of_place(acting, filters), filters).filter(in_lane(lane, now))
    oldest_first = lane not in (None, Lane.DONE)
    rows = list(_after(_whole(items), after, oldest_first=oldest_first)[: PAGE + 1])
    return TrackerPage(
        lane=lane,
        rows=tuple(_row(item, acting, now) for item in rows[:PAGE]),
        total=tally(items, MOST_COUNTED if oldest_first else MOST_DONE_COUNTED),
        after=_key(rows[PAGE - 1]) if len(rows) > PAGE else "",
        filters=filters,
    )


def _of_place(acting: Acting, filters: Filters) -> QuerySet[RequestItem]:
    place = acting.organisation
    if place is None or not (acting.may(P.TRACK_REQUESTS) or acting.may(P.REQUEST_TESTS)):
        return RequestItem.objects.none()
    items = RequestItem.objects.filter(organisation=place)
    if filters.mine:
        items = items.filter(requester=acting.user)
    return items


def _whole(items: QuerySet[RequestItem]) -> QuerySet[RequestItem]:
    return items.select_related(
        "patient", "service", "department", "request", "requester", "site", "organisation"
    )


def _after(items: QuerySet[RequestItem], key: str, *, oldest_first: bool) -> QuerySet[RequestItem]:
    """What comes behind the key: a row that came meanwhile moves no other to another page."""
    sign, step = ("", "gt") if oldest_first else ("-", "lt")
    if key:
        at, pk = _read_key(key)
        items = items.filter(
            Q(**{f"requested_at__{step}": at}) | Q(requested_at=at, **{f"id__{step}": pk})
        )
    return items.order_by(f"{sign}requested_at", f"{sign}id")


def _key(item: RequestItem) -> str:
    return f"{item.requested_at.astimezone(UTC):{_KEY_TIME}}_{item.pk.hex}"


def _read_key(key: str) -> tuple[datetime, UUID]:
    """Raises ValueError for what is no key of ours."""
    at, _, pk = key.partition("_")
    return datetime.strptime(at, _KEY_TIME).replace(tzinfo=UTC), UUID(pk)


def filtered(items: QuerySet[RequestItem], filters: Filters) -> QuerySet[RequestItem]:
    wanted = {
        "service__code": filters.service,
        "service__modality": filters.modality,
        "service__discipline": filters.discipline,
        "site": filters.site,
        "requester": filters.requester,
        "organisation": filters.organisation,
        "priority": filters.priority,
        "status": filters.status,
    }
    items = items.filter(**{name: value for name, value in wanted.items() if value})
    if filters.patient_ids is not None:
        items = items.filter(patient__in=filters.patient_ids)
    if filters.since:
        items = items.filter(requested_at__gte=_midnight(filters.since))
    if filters.until:
        items = items.filter(requested_at__lt=_midnight(filters.until + timedelta(days=1)))
    return items


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))


def _row(item: RequestItem, acting: Acting, now: datetime) -> TrackerRow:
    verbs = policies.actions(acting, item)
    if item.status == Status.REPORTED and policies.may_review(acting, item):
        verbs = ("review", *verbs)
    return TrackerRow(
        item=item,
        sentence=next_sentence(item),
        days_waiting=days_waiting(item, now),
        is_overdue=is_overdue(item, now),
        actions=verbs,
    )


# --- Counts --------------------------------------------------------------------------------------


def tally(items: QuerySet[RequestItem], most: int) -> Tally:
    found = items.order_by().values("pk")[: most + 1].count()
    return Tally(min(found, most), found > most)


def counts(acting: Acting, *, mine: bool = False) -> dict[Lane, Tally]:
    """How many in each lane, in two queries: the open ones together, and the done."""
    now = timezone.now()
    items = _of_place(acting, Filters(mine=mine))
    lanes = (Lane.NEEDS_YOU, Lane.WAITING, Lane.BOOKED)
    open_items = items.filter(due_at__isnull=False).order_by()[: MOST_COUNTED + 1]
    found = open_items.aggregate(
        **{lane.value: Count("pk", filter=in_lane(lane, now)) for lane in lanes}
    )
    is_more = sum(found.values()) > MOST_COUNTED
    tallies = {lane: Tally(found[lane.value], is_more) for lane in lanes}
    done = tally(items.filter(in_lane(Lane.DONE, now)), MOST_DONE_COUNTED)
    return {**tallies, Lane.DONE: done}


def needs_you_count(acting: Acting, *, mine: bool = False) -> int:
    """For the menu: one query."""
    items = _of_place(acting, Filters(mine=mine)).filter(in_lane(Lane.NEEDS_YOU, timezone.now()))
    return tally(items, MOST_COUNTED).number


def overdue(owner: Owner, *, limit: int = PAGE) -> list[RequestItem]:
    """What waits for these people longer than the table allows, the longest first: for the
    operators' page, whatever the place."""
    statuses = [status for status, wait in WAITS.items() if wait.owner is owner]
    late = RequestItem.objects.filter(status__in=statuses, due_at__lte=timezone.now())
    found = _whole(late).order_by("due_at")[: limit * 4]
    return [item for item in found if is_overdue(item)][:limit]


def requesters(acting: Acting) -> list[User]:
    """Whom the list can be narrowed to."""
    if acting.organisation is None:
        return []
    return list(colleagues(acting.organisation, P.REQUEST_TESTS))


def requests_of_patient(acting: Acting, patient_id: UUID, *, limit: int = PAGE) -> list[TrackerRow]:
    """What was asked for this patient, as far as this person may see it, newest first."""
    now = timezone.now()
    items = _whole(visible_to(acting).filter(patient=patient_id)).order_by("-requested_at", "-id")
    return [_row(item, acting, now) for item in items[:limit]]
