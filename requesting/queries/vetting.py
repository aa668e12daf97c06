"""The department's own lists: what to vet (ux.md V1), and what was asked of a laboratory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from uuid import UUID

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from accounts.models import Discipline
from accounts.policies import Acting
from catalogue import queries as catalogue
from nhsuk.formats import ctime_text, duration
from requesting import policies
from requesting.clocks import LOCK_LASTS
from requesting.models import Answer, PreviousResult, Priority, RequestEvent, RequestItem
from requesting.states import WAITS, Event, Status

from .telling import department_sentence
from .tracking import PAGE, Filters, Tally, filtered, tally

REASON_LENGTH = 80
MOST_LISTED = 2_000
DECIDED = (Event.ACCEPTED, Event.READY, Event.REJECTED, Event.ASKED)
# What a vetter sees of a safety answer without opening the request.
FLAGS = {
    "pregnant": "Pregnancy", "mri-pregnant": "Pregnancy", "mri-implant": "MRI implant",
    "mri-eye-metal": "Metal in eye", "contrast-reaction": "Contrast reaction",
    "kidney-risk": "Kidney risk", "metformin": "Metformin", "infection": "Infection",
}  # fmt: skip


class VettingLane(StrEnum):
    TO_VET = "to_vet"
    MINE = "mine"
    WAITING = "waiting"
    DECIDED = "decided"


@dataclass(frozen=True)
class VettingRow:
    """A line of the list. `looking` is "Dr Khan is looking at this (since 10:40)"."""

    item: RequestItem
    clock: str
    is_over: bool
    reason: str
    flags: tuple[str, ...]
    priors: int
    looking: str


@dataclass(frozen=True)
class VettingPage:
    lane: VettingLane
    rows: tuple[VettingRow, ...]
    total: Tally
    counts: dict[VettingLane, Tally]
    next_page: int = 0  # 0: this is the last


# --- The lists -----------------------------------------------------------------------------------


def asked_of(acting: Acting) -> QuerySet[RequestItem]:
    if acting.organisation is None or not policies.may_open_department_list(acting):
        return RequestItem.objects.none()
    return RequestItem.objects.filter(
        department=acting.organisation, request__released_at__isnull=False
    )


def lane_is(lane: VettingLane, acting: Acting) -> Q:
    if lane is VettingLane.MINE:
        return Q(status=Status.VETTING, vetting_by=acting.user)
    if lane is VettingLane.WAITING:
        return Q(status=Status.INFO)
    if lane is VettingLane.DECIDED:
        today = timezone.make_aware(datetime.combine(timezone.localdate(), time()))
        events = RequestEvent.objects.filter(
            at__gte=today, event__in=DECIDED, by_user__isnull=False
        )
        return Q(pk__in=events.values("item"))
    return Q(status=Status.VETTING)


def _urgent_first() -> Case:
    whens = [When(priority=Priority.TWO_WEEK_WAIT, then=Value(0)),
             When(priority=Priority.URGENT, then=Value(1))]  # fmt: skip
    return Case(*whens, default=Value(2), output_field=IntegerField())


def ordered(items: QuerySet[RequestItem]) -> QuerySet[RequestItem]:
    return items.order_by(_urgent_first(), "requested_at", "id")


def department_worklist(
    acting: Acting,
    lane: VettingLane = VettingLane.TO_VET,
    filters: Filters | None = None,
    *,
    page: int = 1,
) -> VettingPage:
    """A page of the department's vetting list: urgent first, then the oldest."""
    items = filtered(asked_of(acting), filters or Filters()).filter(lane_is(lane, acting))
    in_order = items.order_by("-status_at") if lane is VettingLane.DECIDED else ordered(items)
    whole = in_order.select_related(
        "patient", "service", "requester", "organisation", "site", "department", "vetting_by"
    )
    start = (max(page, 1) - 1) * PAGE
    rows = list(whole.prefetch_related("answers")[start : start + PAGE + 1])
    priors = _priors(row.patient_id for row in rows)
    return VettingPage(
        lane=lane,
        rows=tuple(_row(row, acting, priors.get(row.patient_id, 0)) for row in rows[:PAGE]),
        total=tally(items, MOST_LISTED),
        counts=department_counts(acting),
        next_page=page + 1 if len(rows) > PAGE else 0,
    )


def department_counts(acting: Acting) -> dict[VettingLane, Tally]:
    """How many in each lane."""
    items = asked_of(acting)
    found = items.filter(due_at__isnull=False).aggregate(
        **{
            lane.value: Count("pk", filter=lane_is(lane, acting))
            for lane in (VettingLane.TO_VET, VettingLane.MINE, VettingLane.WAITING)
        }
    )
    decided = tally(items.filter(lane_is(VettingLane.DECIDED, acting)), MOST_LISTED)
    return {VettingLane(key): Tally(n) for key, n in found.items()} | {VettingLane.DECIDED: decided}


def _priors(patients: Iterable[UUID]) -> dict[UUID, int]:
    """How many earlier examinations each of these patients has here."""
    rows = PreviousResult.objects.filter(
        patient__in=set(patients), service__discipline=Discipline.RADIOLOGY
    )
    counted = rows.order_by().values("patient").annotate(times=Count("pk"))
    return {row["patient"]: row["times"] for row in counted}


def _row(item: RequestItem, acting: Acting, priors: int) -> VettingRow:
    waited = timezone.now() - item.status_at
    return VettingRow(
        item=item,
        clock=duration(waited),
        is_over=waited > WAITS[Status.VETTING].limit,
        reason=_shortened(reason_words(item)),
        flags=flags(item.answers.all()),
        priors=priors,
        looking=looking_words(item, acting),
    )


def _shortened(text: str) -> str:
    return text if len(text) <= REASON_LENGTH else text[: REASON_LENGTH - 1].rstrip() + "…"


def reason_words(item: RequestItem) -> str:
    """Why it was asked for, on one line."""
    said = [each.get("sentence") or each["text"] for each in item.reasons]
    return " ".join([*said, *item.clinical_details.split()])


def flags(answers: Iterable[Answer]) -> tuple[str, ...]:
    """The safety answers that somebody has to think about, as words."""
    found = []
    for answer in answers:
        word = FLAGS.get(answer.question_code)
        if word and answer.value == "yes":
            found.append(word)
        elif word and answer.value == "unsure":
            found.append(f"{word} not sure")
    return tuple(found)


def looking_words(item: RequestItem, acting: Acting) -> str:
    holder, since = item.vetting_by, item.vetting_since
    is_mine = holder is not None and acting.user is not None and holder.pk == acting.user.pk
    if holder is None or since is None or is_mine or timezone.now() - since >= LOCK_LASTS:
        return ""
    return f"{holder.display_name} is looking at this (since {ctime_text(since)})."


def came_since(acting: Acting, moment: datetime) -> int:
    """How many came to the list to vet after it was drawn: "3 new. Show them"."""
    fresh = asked_of(acting).filter(lane_is(VettingLane.TO_VET, acting), status_at__gt=moment)
    return tally(fresh, MOST_LISTED).number


@dataclass(frozen=True)
class Narrowing:
    """What a department's list can be narrowed to: (value, words) each, of what is on it."""

    modalities: tuple[tuple[str, str], ...]
    sites: tuple[tuple[str, str], ...]
    practices: tuple[tuple[str, str], ...]


def narrowing(acting: Acting) -> Narrowing:
    """One query, whatever the list's length."""
    waiting = asked_of(acting).filter(due_at__isnull=False).order_by()
    found = list(
        waiting.values_list(
            "service__modality", "site", "site__name", "organisation", "organisation__name"
        ).distinct()
    )
    modalities = {row[0]: catalogue.examination_words(row[0]) for row in found if row[0]}
    return Narrowing(
        modalities=_by_words(modalities),
        sites=_by_words({str(row[1]): row[2] for row in found if row[1]}),
        practices=_by_words({str(row[3]): row[4] for row in found}),
    )


def _by_words(options: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(options.items(), key=lambda option: option[1]))


# --- A laboratory's list -------------------------------------------------------------------------


@dataclass(frozen=True)
class DepartmentRow:
    """A line of the list: the item, and whose move it is in words."""

    item: RequestItem
    sentence: str


def department_rows(
    acting: Acting, filters: Filters | None = None, *, page: int = 1
) -> tuple[tuple[DepartmentRow, ...], Tally]:
    """The same as `department_requests`, in words."""
    items, total = department_requests(acting, filters, page=page)
    return tuple(DepartmentRow(item, department_sentence(item)) for item in items), total


def department_requests(
    acting: Acting, filters: Filters | None = None, *, page: int = 1
) -> tuple[list[RequestItem], Tally]:
    """What was asked of this department and is not done, the oldest first."""
    items = filtered(asked_of(acting), filters or Filters()).filter(due_at__isnull=False)
    whole = items.select_related(
        "patient", "service", "requester", "organisation", "department", "request", "site"
    )
    start = (max(page, 1) - 1) * PAGE
    rows = whole.order_by("requested_at", "id")[start : start + PAGE]
    return list(rows), tally(items, MOST_LISTED)
