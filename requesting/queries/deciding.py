"""One request before the radiologist (ux.md V2): everything that the decision needs, the order in
which requests come, and what this person decided a moment ago."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Discipline
from accounts.policies import Acting
from catalogue import queries as catalogue
from catalogue.models import Question, Service
from nhsuk.formats import in_london, whole_months
from patients.models import Patient
from requesting import policies
from requesting.clocks import LOCK_LASTS, undo_time
from requesting.models import Answer, PreviousResult, RequestItem, RequestMessage
from requesting.reasons import REJECTIONS, Rejection
from requesting.states import Event, Status

from .doors import as_uuid, item_row
from .examining import group_of
from .telling import HistoryLine, history
from .vetting import (
    DECIDED,
    MOST_LISTED,
    VettingLane,
    asked_of,
    flags,
    lane_is,
    looking_words,
    ordered,
)

SAME_EXAM_WITHIN = timedelta(days=365)
MOST_VALUES = 8
MOST_PREVIOUS = 100
SIDE_WORDS = {"L": "left", "R": "right", "B": "both sides"}


@dataclass(frozen=True)
class ExamChoice:
    """An examination that it can be changed to. `value` is "knee-xray L": code and side."""

    value: str
    words: str


@dataclass(frozen=True)
class JustDecided:
    """What this person decided a moment ago, and how long they can take it back."""

    item: RequestItem
    words: str
    seconds_left: int


@dataclass(frozen=True)
class VettingDetail:
    """One request for the radiologist (ux.md V2). `position` of `of` in the list to vet."""

    item: RequestItem
    patient: Patient
    position: int
    of: int
    next_id: UUID | None
    answers: tuple[Answer, ...]
    unanswered: tuple[str, ...]  # the questions that had to be answered, in words
    left_open: tuple[str, ...]  # and those that need not be
    flags: tuple[str, ...]
    same_exam: tuple[PreviousResult, ...]
    imaging: tuple[PreviousResult, ...]
    values: tuple[PreviousResult, ...]
    messages: tuple[RequestMessage, ...]
    history: tuple[HistoryLine, ...]
    exams: tuple[tuple[str, tuple[ExamChoice, ...]], ...]  # by kind of examination
    rejections: tuple[tuple[str, Rejection], ...]
    looking: str
    may_decide: bool
    may_undo: bool


# --- One request ---------------------------------------------------------------------------------


def vetting_for(
    acting: Acting, item_id: UUID | str, *, request: HttpRequest | None = None
) -> VettingDetail:
    """The request with everything that the decision needs. Raises NotFound."""
    item = item_row(acting, item_id, request=request)
    waiting = list(
        ordered(asked_of(acting).filter(lane_is(VettingLane.TO_VET, acting)))
        .values_list("pk", flat=True)[:MOST_LISTED]
    )  # fmt: skip
    place = waiting.index(item.pk) if item.pk in waiting else -1
    imaging = _previous(item, Discipline.RADIOLOGY)
    answers = tuple(item.answers.all())
    unanswered = _unanswered(item, answers)
    return VettingDetail(
        item=item,
        patient=item.patient,
        position=place + 1,
        of=len(waiting),
        next_id=_next(waiting, place),
        answers=answers,
        unanswered=tuple(each.text for each in unanswered if each.is_required),
        left_open=tuple(each.text for each in unanswered if not each.is_required),
        flags=flags(answers),
        same_exam=(same := _same_exam(item, imaging)),
        imaging=tuple(row for row in imaging if row not in same),
        values=_latest(_previous(item, Discipline.PATHOLOGY)),
        messages=tuple(item.messages.order_by("at")),
        history=tuple(history(item)),
        exams=_exams(item),
        rejections=tuple(REJECTIONS.items()),
        looking=looking_words(item, acting),
        may_decide=policies.may_vet(acting, item) and item.status == Status.VETTING,
        may_undo=_may_undo(acting, item),
    )


def _next(waiting: list[UUID], place: int) -> UUID | None:
    """The one after this; from the end, or from a request already decided, the first."""
    others = waiting[place + 1 :] + waiting[: max(place, 0)]
    return others[0] if others else None


def next_to_vet(acting: Acting, *, after: UUID | None = None) -> UUID | None:
    """Where "Start vetting" begins: the most urgent that nobody else is looking at. With `after`,
    the one that follows it; from the end of the list, the first again."""
    free = Q(vetting_by__isnull=True) | Q(vetting_by=acting.user)
    free |= Q(vetting_since__lt=timezone.now() - LOCK_LASTS)
    waiting = ordered(asked_of(acting).filter(lane_is(VettingLane.TO_VET, acting)).filter(free))
    keys = waiting.values_list("pk", flat=True)
    if after is None:
        return keys.first()
    found = list(keys[:MOST_LISTED])
    return _next(found, found.index(after) if after in found else -1)


def just_decided(acting: Acting, item_id: str) -> JustDecided | None:
    """For the bar on the page that follows a decision; None when it was not this person's, or it
    was taken back."""
    key = as_uuid(item_id)
    item = asked_of(acting).filter(pk=key).select_related("request").first() if key else None
    last = item.events.order_by("-id").first() if item else None
    is_own = last is not None and acting.user is not None and last.by_user_id == acting.user.pk
    if item is None or last is None or not is_own or last.event not in DECIDED:
        return None
    left = (item.status_at + undo_time() - timezone.now()).total_seconds()
    return JustDecided(item, _decision_words(item, last.event), max(int(left + 0.999), 0))


def _decision_words(item: RequestItem, event: str) -> str:
    """`Accepted: CT head`; a rejection with its reason."""
    if event == Event.REJECTED:
        return f"Rejected: {item.service_name}. {item.reason}"
    return f"{'Question sent' if event == Event.ASKED else 'Accepted'}: {item.service_name}"


def _unanswered(item: RequestItem, answers: Iterable[Answer]) -> list[Question]:
    """The questions that this patient and test need and that have no answer."""
    asked_on = in_london(item.requested_at).date()
    born = item.patient.birth_date
    age = whole_months(born, asked_on)[0] // 12 if born else None
    answered = {answer.question_code for answer in answers}
    questions = catalogue.questions_for(item.service, age, on=asked_on)
    return [each for each in questions if each.code not in answered]


def _previous(item: RequestItem, discipline: Discipline) -> list[PreviousResult]:
    found = PreviousResult.objects.filter(patient=item.patient, service__discipline=discipline)
    return list(found.select_related("service").order_by("-observed_at")[:MOST_PREVIOUS])


def _latest(previous: list[PreviousResult]) -> tuple[PreviousResult, ...]:
    """The newest of each test that has a value, the newest first."""
    newest: dict[int, PreviousResult] = {}
    for row in previous:
        if row.value:
            newest.setdefault(row.service_id, row)
    return tuple(newest.values())[:MOST_VALUES]


def _same_exam(item: RequestItem, previous: list[PreviousResult]) -> tuple[PreviousResult, ...]:
    since = timezone.now() - SAME_EXAM_WITHIN
    group = group_of(item.service)
    return tuple(
        row for row in previous if group_of(row.service) == group and row.observed_at >= since
    )


def _exams(item: RequestItem) -> tuple[tuple[str, tuple[ExamChoice, ...]], ...]:
    """What it can be changed to: all that the department does, the same kind first."""
    services = Service.objects.on(timezone.localdate()).filter(
        offerings__department=item.department, discipline=Discipline.RADIOLOGY
    )
    groups: dict[str, list[ExamChoice]] = {item.service.modality: []}
    for row in services.distinct().order_by("modality", "name"):
        groups.setdefault(row.modality, []).extend(_choices(row, item))
    return tuple((catalogue.examination_words(key), tuple(each)) for key, each in groups.items())


def _choices(service: Service, item: RequestItem) -> Iterator[ExamChoice]:
    """One for each side that may be asked; not what it is already."""
    for side in list(service.sides) or [""]:
        if (service.pk, side) != (item.service_id, item.side):
            words = f"{service.name}, {SIDE_WORDS[side]}" if side else service.name
            yield ExamChoice(f"{service.code} {side}".strip(), words)


def exam(code: str) -> Service:
    """The service to change to. Raises catalogue.errors.UnknownService."""
    return catalogue.service(code)


def _may_undo(acting: Acting, item: RequestItem) -> bool:
    last = item.events.order_by("-id").first()
    is_own = last is not None and acting.user is not None and last.by_user_id == acting.user.pk
    in_time = timezone.now() < item.status_at + undo_time()
    return is_own and in_time and last is not None and last.event in DECIDED
