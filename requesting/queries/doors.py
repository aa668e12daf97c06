"""One door to each thing: absent and forbidden look the same, and the look is on record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.models import Site
from accounts.policies import Acting
from patients import queries as patients
from patients.models import Patient
from requesting import policies
from requesting.drafts import read
from requesting.errors import NotFound, Refused
from requesting.models import (
    AlertOutcome,
    Answer,
    Draft,
    PreviousResult,
    Request,
    RequestItem,
    RequestMessage,
)
from requesting.reasons import REJECTIONS, Rejection
from requesting.states import Status

from .composing import hours_today
from .telling import HistoryLine, department_sentence, history, is_overdue, next_sentence
from .tracking import visible_to

VIEWED = "view_request"


@dataclass(frozen=True)
class ItemDetail:
    """All of one item (ux.md R6). `actions` are verbs of `policies.actions` in the page's order."""

    item: RequestItem
    patient: Patient
    sentence: str
    is_overdue: bool
    history: tuple[HistoryLine, ...]
    messages: tuple[RequestMessage, ...]
    answers: tuple[Answer, ...]
    alerts: tuple[AlertOutcome, ...]
    actions: tuple[str, ...]
    rejection: Rejection | None  # what to put right, when a vetter refused it here
    siblings: tuple[RequestItem, ...]
    replaced_by: tuple[RequestItem, ...]
    reports: tuple[UUID, ...]  # of `results`, the newest first
    may_undo: bool
    seconds_left: int
    is_of_asker: bool  # read by the place that asked, not by the department that was asked


@dataclass(frozen=True)
class SentTest:
    """One test on the "Request sent" page, with what happens next."""

    item: RequestItem
    sentence: str
    where: str


@dataclass(frozen=True)
class SentRequest:
    """A request just sent (ux.md R4). `seconds_left` counts to `release_at`."""

    request: Request
    patient: Patient
    tests: tuple[SentTest, ...]
    may_undo: bool
    seconds_left: int
    is_queued: bool


def item_for(
    acting: Acting, item_id: UUID | str, *, request: HttpRequest | None = None
) -> ItemDetail:
    """The item with everything about it. Raises NotFound."""
    item = _found(visible_to(acting), item_id, acting, request)
    rejection = REJECTIONS.get(item.reason_code) if item.status == Status.REJECTED else None
    others = visible_to(acting).select_related("request").order_by("position")
    previous = PreviousResult.objects.filter(item=item).order_by("-observed_at")
    return ItemDetail(
        item=item,
        patient=item.patient,
        sentence=sentence_for(acting, item),
        is_overdue=is_overdue(item),
        history=tuple(history(item)),
        messages=tuple(item.messages.order_by("at")),
        answers=tuple(item.answers.all()),
        alerts=tuple(item.alerts.order_by("-level", "id")),
        actions=policies.actions(acting, item),
        rejection=rejection,
        siblings=tuple(others.filter(request=item.request_id).exclude(pk=item.pk)),
        replaced_by=tuple(
            others.filter(request__replaces=item.pk, request__undone_at__isnull=True)
        ),
        reports=tuple(previous.values_list("report_id", flat=True)),
        may_undo=may_undo_now(acting, item.request),
        seconds_left=_seconds_left(item.request),
        is_of_asker=policies.asked_here(acting, item),
    )


def sentence_for(acting: Acting, item: RequestItem) -> str:
    """What happens next, to the reader: the place that asked, or the department that was asked."""
    if not policies.asked_here(acting, item):
        return department_sentence(item)
    site = item.site or _any_site(item)
    return next_sentence(item, hours=hours_today(site, timezone.localdate()))


def _any_site(item: RequestItem) -> Site | None:
    return item.department.sites.first() if item.status == Status.WALKIN else None


def item_row(
    acting: Acting, item_id: UUID | str, *, request: HttpRequest | None = None
) -> RequestItem:
    """Only the item, for a verb. Raises NotFound."""
    return _found(visible_to(acting), item_id, acting, request)


def item_in_hand(acting: Acting, item_id: UUID | str) -> RequestItem:
    """The item whose page is open already: no further line in the audit trail for each look that
    the page takes by itself. Raises NotFound."""
    key = as_uuid(item_id)
    whole = visible_to(acting).select_related(
        "request", "service", "department", "site", "organisation"
    )
    item = whole.filter(pk=key).first() if key else None
    if item is None:
        raise NotFound
    return item


def _found(
    items: QuerySet[RequestItem], item_id: UUID | str, acting: Acting, request: HttpRequest | None
) -> RequestItem:
    key = as_uuid(item_id)
    whole = items.select_related(
        "patient__practice", "service", "department__parent", "request__results_to",
        "request__replaces", "requester", "organisation", "site", "vetting_by",
    ).prefetch_related("answers", "patient__identifiers")  # fmt: skip
    item = whole.filter(pk=key).first() if key else None
    audit.record(
        acting=acting, action=VIEWED, object_type="requesting.RequestItem", object_id=key or "",
        patient_id=item.patient_id if item else "", outcome="ok" if item else "denied",
        request=request,
    )  # fmt: skip
    if item is None:
        raise NotFound
    return item


def as_uuid(value: UUID | str) -> UUID | None:
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        return None


def request_for(
    acting: Acting, request_id: UUID | str, *, request: HttpRequest | None = None
) -> SentRequest:
    """A whole request, for the place that asked. Raises NotFound."""
    key = as_uuid(request_id)
    items = visible_to(acting).filter(request=key, organisation=acting.organisation)
    rows = list(
        items.select_related(
            "request__patient__practice", "request__results_to", "service", "department",
            "patient", "site", "organisation",
        ).order_by("position")
    ) if key else []  # fmt: skip
    audit.record(
        acting=acting, action=VIEWED, object_type="requesting.Request", object_id=key or "",
        patient_id=rows[0].patient_id if rows else "", outcome="ok" if rows else "denied",
        request=request,
    )  # fmt: skip
    if not rows:
        raise NotFound
    return _sent(acting, rows)


def sent_for(
    acting: Acting,
    request_id: UUID | str,
    *,
    patient: Patient,
    request: HttpRequest | None = None,
) -> SentRequest:
    """The same, on a page of this patient. Raises NotFound for another's request."""
    sent = request_for(acting, request_id, request=request)
    if sent.patient.pk != patient.pk:
        raise NotFound
    return sent


def sent_with_key(acting: Acting, key: UUID | None) -> Request | None:
    """What this person's form has sent already: a second click opens it instead."""
    mine = Request.objects.filter(requester=acting.user, organisation=acting.organisation)
    return mine.filter(idempotency_key=key).first() if key and acting.user else None


def _sent(acting: Acting, rows: list[RequestItem]) -> SentRequest:
    sent = rows[0].request
    return SentRequest(
        request=sent,
        patient=sent.patient,
        tests=tuple(SentTest(row, next_sentence(row), _attends(row)) for row in rows),
        may_undo=may_undo_now(acting, sent),
        seconds_left=_seconds_left(sent),
        is_queued=any(row.status == Status.QUEUED for row in rows),
    )


def _seconds_left(request: Request) -> int:
    left = (request.release_at - timezone.now()).total_seconds()
    return max(int(left + 0.999), 0)


def _attends(item: RequestItem) -> str:
    words = {
        "walk_in": "Walk-in: the patient can go to any site.",
        "booked": f"{item.department.name} will contact the patient.",
        "practice": "The sample is taken at the practice.",
    }
    return words[item.attendance]


def may_undo_now(acting: Acting, request: Request, now: datetime | None = None) -> bool:
    is_open = request.released_at is None and request.undone_at is None
    return (
        is_open
        and policies.may_undo(acting, request)
        and (now or timezone.now()) < request.release_at
    )


# --- Drafts --------------------------------------------------------------------------------------


def draft_for(acting: Acting, patient: Patient) -> Draft:
    """This person's draft for this patient here; a new, unsaved one when there is none."""
    found = Draft.objects.select_related("replaces__service", "replaces__department").filter(
        user=acting.user, organisation=acting.organisation, patient=patient
    )
    draft = found.first() or Draft(
        user=acting.user, organisation=acting.organisation, content={}, version=0
    )
    draft.patient = patient
    return draft


def open_drafts(acting: Acting) -> list[Draft]:
    """What this person began and did not send, the newest first; empty ones do not count."""
    drafts = Draft.objects.filter(user=acting.user, organisation=acting.organisation)
    rows = drafts.select_related("patient").order_by("-saved_at")[:20]
    return [draft for draft in rows if read(draft.content).lines]


def patient_in_hand(acting: Acting, patient_id: UUID | str) -> Patient:
    """The patient whose page is open already: no further line in the audit trail for each key.

    Raises NotFound.
    """
    key = as_uuid(patient_id)
    found = patients.visible_to(acting).filter(pk=key).first() if key else None
    if found is None:
        raise NotFound
    return found


def check_within_reach(patient: Patient, acting: Acting) -> None:
    """Raises Refused for a patient who is nobody's business here."""
    if not patients.visible_to(acting).filter(pk=patient.pk).exists():
        raise Refused("This patient is not registered with you.", rule="reach")
