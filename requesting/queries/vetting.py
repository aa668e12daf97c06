"""The department's own lists: what to vet (ux.md V1, V2), and what was asked of a laboratory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from uuid import UUID

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Discipline
from accounts.policies import Acting
from catalogue import queries as catalogue
from catalogue.models import Service
from nhsuk.formats import ctime_text, duration
from patients.models import Patient
from requesting import policies
from requesting.clocks import LOCK_LASTS, undo_time
from requesting.models import (
    Answer,
    PreviousResult,
    Priority,
    RequestEvent,
    RequestItem,
    RequestMessage,
)
from requesting.reasons import REJECTIONS, Rejection
from requesting.states import WAITS, Event, Status

from .doors import item_row
from .examining import group_of
from .telling import HistoryLine, history
from .tracking import PAGE, Filters, Tally, filtered, tally

REASON_LENGTH = 80
SAME_EXAM_WITHIN = timedelta(days=365)
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


@dataclass(frozen=True)
class ExamChoice:
    code: str
    name: str
    sides: str


@dataclass(frozen=True)
class VettingDetail:
    """One request for the radiologist (ux.md V2). `position` of `of` in the list to vet."""

    item: RequestItem
    patient: Patient
    position: int
    of: int
    next_id: UUID | None
    answers: tuple[Answer, ...]
    unanswered: int
    flags: tuple[str, ...]
    same_exam: tuple[PreviousResult, ...]
    imaging: tuple[PreviousResult, ...]
    values: tuple[PreviousResult, ...]
    messages: tuple[RequestMessage, ...]
    history: tuple[HistoryLine, ...]
    exams: tuple[ExamChoice, ...]
    rejections: tuple[tuple[str, Rejection], ...]
    looking: str
    may_decide: bool
    may_undo: bool


# --- The lists -----------------------------------------------------------------------------------


def _asked_of(acting: Acting) -> QuerySet[RequestItem]:
    if acting.organisation is None or not policies.may_open_department_list(acting):
        return RequestItem.objects.none()
    return RequestItem.objects.filter(
        department=acting.organisation, request__released_at__isnull=False
    )


def _in_lane(lane: VettingLane, acting: Acting) -> Q:
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


def _ordered(items: QuerySet[RequestItem]) -> QuerySet[RequestItem]:
    return items.order_by(_urgent_first(), "requested_at", "id")


def department_worklist(
    acting: Acting,
    lane: VettingLane = VettingLane.TO_VET,
    filters: Filters | None = None,
    *,
    page: int = 1,
) -> VettingPage:
    """A page of the department's vetting list: urgent first, then the oldest."""
    items = filtered(_asked_of(acting), filters or Filters()).filter(_in_lane(lane, acting))
    whole = _ordered(items).select_related(
        "patient", "service", "requester", "organisation", "site", "department", "vetting_by"
    )
    start = (max(page, 1) - 1) * PAGE
    rows = list(whole.prefetch_related("answers")[start : start + PAGE])
    priors = _priors(row.patient_id for row in rows)
    return VettingPage(
        lane=lane,
        rows=tuple(_row(row, acting, priors.get(row.patient_id, 0)) for row in rows),
        total=tally(items, MOST_LISTED),
        counts=department_counts(acting),
    )


def department_counts(acting: Acting) -> dict[VettingLane, Tally]:
    """How many in each lane."""
    items = _asked_of(acting)
    found = items.filter(due_at__isnull=False).aggregate(
        **{
            lane.value: Count("pk", filter=_in_lane(lane, acting))
            for lane in (VettingLane.TO_VET, VettingLane.MINE, VettingLane.WAITING)
        }
    )
    decided = tally(items.filter(_in_lane(VettingLane.DECIDED, acting)), MOST_LISTED)
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
        reason=reason_words(item)[:REASON_LENGTH],
        flags=flags(item.answers.all()),
        priors=priors,
        looking=_looking(item, acting),
    )


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


def _looking(item: RequestItem, acting: Acting) -> str:
    holder, since = item.vetting_by, item.vetting_since
    is_mine = holder is not None and acting.user is not None and holder.pk == acting.user.pk
    if holder is None or since is None or is_mine or timezone.now() - since >= LOCK_LASTS:
        return ""
    return f"{holder.display_name} is looking at this (since {ctime_text(since)})."


# --- One request ---------------------------------------------------------------------------------


def vetting_for(
    acting: Acting, item_id: UUID | str, *, request: HttpRequest | None = None
) -> VettingDetail:
    """The request with everything that the decision needs. Raises NotFound."""
    item = item_row(acting, item_id, request=request)
    waiting = list(
        _ordered(_asked_of(acting).filter(_in_lane(VettingLane.TO_VET, acting)))
        .values_list("pk", flat=True)[:MOST_LISTED]
    )  # fmt: skip
    place = waiting.index(item.pk) if item.pk in waiting else -1
    previous = list(
        PreviousResult.objects.filter(patient=item.patient)
        .select_related("service", "item").order_by("-observed_at")[:100]
    )  # fmt: skip
    answers = tuple(item.answers.all())
    return VettingDetail(
        item=item,
        patient=item.patient,
        position=place + 1,
        of=len(waiting),
        next_id=_next(waiting, place),
        answers=answers,
        unanswered=_unanswered(item, answers),
        flags=flags(answers),
        same_exam=_same_exam(item, previous),
        imaging=tuple(row for row in previous if row.service.discipline == Discipline.RADIOLOGY),
        values=tuple(row for row in previous if row.service.discipline == Discipline.PATHOLOGY),
        messages=tuple(item.messages.order_by("at")),
        history=tuple(history(item)),
        exams=_exams(item),
        rejections=tuple(REJECTIONS.items()),
        looking=_looking(item, acting),
        may_decide=policies.may_vet(acting, item) and item.status == Status.VETTING,
        may_undo=_may_undo(acting, item),
    )


def _next(waiting: list[UUID], place: int) -> UUID | None:
    """The one after this; from the end, or from a request already decided, the first."""
    others = waiting[place + 1 :] + waiting[: max(place, 0)]
    return others[0] if others else None


def next_to_vet(acting: Acting) -> UUID | None:
    """Where "Start vetting" begins: the most urgent that nobody else is looking at."""
    free = Q(vetting_by__isnull=True) | Q(vetting_by=acting.user)
    free |= Q(vetting_since__lt=timezone.now() - LOCK_LASTS)
    waiting = _ordered(_asked_of(acting).filter(_in_lane(VettingLane.TO_VET, acting)).filter(free))
    return waiting.values_list("pk", flat=True).first()


def _unanswered(item: RequestItem, answers: Iterable[Answer]) -> int:
    """How many of the service's questions have no answer: the completeness meter."""
    answered = {answer.question_code for answer in answers}
    return sum(question.code not in answered for question in item.service.questions.all())


def _same_exam(item: RequestItem, previous: list[PreviousResult]) -> tuple[PreviousResult, ...]:
    since = timezone.now() - SAME_EXAM_WITHIN
    group = group_of(item.service)
    return tuple(
        row for row in previous if group_of(row.service) == group and row.observed_at >= since
    )


def _exams(item: RequestItem) -> tuple[ExamChoice, ...]:
    """What it can be changed to: everything that the department does."""
    today = timezone.localdate()
    services = Service.objects.on(today).filter(
        offerings__department=item.department, discipline=Discipline.RADIOLOGY
    )
    rows = services.distinct().order_by("name")
    return tuple(ExamChoice(row.code, row.name, row.sides) for row in rows)


def exam(code: str) -> Service:
    """The service to change to. Raises catalogue.errors.UnknownService."""
    return catalogue.service(code)


def _may_undo(acting: Acting, item: RequestItem) -> bool:
    last = item.events.order_by("-id").first()
    is_own = last is not None and acting.user is not None and last.by_user_id == acting.user.pk
    in_time = timezone.now() < item.status_at + undo_time()
    return is_own and in_time and last is not None and last.event in DECIDED


# --- A laboratory's list -------------------------------------------------------------------------


def department_requests(
    acting: Acting, filters: Filters | None = None, *, page: int = 1
) -> tuple[list[RequestItem], Tally]:
    """What was asked of this department and is not done, the oldest first."""
    items = filtered(_asked_of(acting), filters or Filters()).filter(due_at__isnull=False)
    whole = items.select_related("patient", "service", "requester", "organisation", "department")
    start = (max(page, 1) - 1) * PAGE
    rows = whole.order_by("requested_at", "id")[start : start + PAGE]
    return list(rows), tally(items, MOST_LISTED)
