"""When the undo time is over: entitlement once more, then on its way. Timers ring here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.policies import SYSTEM, Acting
from accounts.queries import acting_at
from messaging.models import Partner
from messaging.queries.links import is_down
from patients.services import note_relationship
from requesting import reasons
from requesting.errors import NoCodeFor
from requesting.models import Request, RequestItem
from requesting.policies import may_request
from requesting.rules import Decision
from requesting.states import Event, Status

from .moving import locked, move
from .orders import NotWritable, partner_of, write_order

NOT_THERE_ANY_MORE = Decision(
    False, "role", "The requester no longer works there.", "Somebody else must request it"
)


def release_due(*, limit: int = 50, request_id: UUID | None = None, by: Acting = SYSTEM) -> int:
    """Send on what may no longer be undone, each request in its own transaction; how many."""
    released = 0
    while released < limit and _release_one(request_id, by):
        released += 1
    return released


def _release_one(request_id: UUID | None, by: Acting) -> bool:
    with transaction.atomic():
        waiting = Request.objects.filter(
            release_at__lte=timezone.now(), released_at__isnull=True, undone_at__isnull=True
        )
        if request_id:
            waiting = waiting.filter(pk=request_id)
        request = waiting.select_for_update(skip_locked=True).order_by("release_at").first()
        if request is None:
            return False
        _release(request, by)
        return True


def release_now(request: Request, *, by: Acting) -> None:
    """Its requester gave up what was left of the undo time. The row must be locked."""
    request.release_at = min(request.release_at, timezone.now())
    request.save(update_fields=["release_at"])
    _release(request, by)


def _release(request: Request, by: Acting) -> None:
    request.released_at = timezone.now()
    request.save(update_fields=["released_at"])
    replaced = [request.replaces_id] if request.replaces_id else []
    held = request.items.filter(status=Status.HELD).values_list("pk", flat=True)
    rows = locked([*held, *replaced])
    old = [row for row in rows if row.pk in replaced]
    entitled = _still_entitled([row for row in rows if row.pk not in replaced], by)
    going = sorted(entitled, key=lambda item: (item.department_id, item.position))
    for _, items in groupby(going, key=lambda item: item.department_id):
        _send_on(request, list(items), by)
    for item in old:
        _put_in_its_place(item, request, by)


def _still_entitled(items: Iterable[RequestItem], by: Acting) -> list[RequestItem]:
    """Those that their requester may still ask for; the others stop here, with the reason (H06)."""
    going = []
    for item in items:
        decision = _decision_now(item)
        if decision.allowed:
            going.append(item)
        else:
            words = f"{decision.heading} {decision.body}."
            stop(item, reasons.NOT_ENTITLED, words, by=by)
    return going


def _decision_now(item: RequestItem) -> Decision:
    acting = acting_at(item.request.requester, item.request.organisation.ods_code)
    if acting is None:
        return NOT_THERE_ANY_MORE
    return may_request(acting, item.service, item.department)


def stop(item: RequestItem, code: str, words: str, *, by: Acting) -> None:
    move(item, Event.STOPPED, by=by, reason_code=code, reason=words)


def _send_on(request: Request, items: list[RequestItem], by: Acting) -> None:
    department = items[0].department
    note_relationship(request.patient, organisation=department, kind="department", by=by)
    if department.vets_here:
        for item in items:
            move(item, Event.TO_VETTING, by=by)
        return
    try:
        order = write_order(request, items)
    except (NotWritable, NoCodeFor) as refusal:
        for item in items:
            stop(item, reasons.CANNOT_BE_WRITTEN, str(refusal), by=by)
        return
    for item in items:
        move(item, Event.RELEASED, by=by)
        if is_waited_for(order.partner):
            move(item, Event.LINK_FAILED, by=by)


def is_waited_for(partner: Partner) -> bool:
    """Whether what goes to the partner stays in the queue for now."""
    return bool(partner.failing_since or partner.is_paused or is_down(partner.pk))


def _put_in_its_place(item: RequestItem, request: Request, by: Acting) -> None:
    """What the new request stands for is closed, once the new one can no longer be undone."""
    if item.status in (Status.REJECTED, Status.DNA):
        words = f"Replaced by {request.reference}"
        move(item, Event.REPLACED, by=by, reason_code=reasons.REPLACED, reason=words)


def order_due(*, limit: int = 50, now: datetime | None = None) -> int:
    """Write the orders of items that a vetter accepted here and can no longer undo; how many."""
    written = 0
    while written < limit and _order_one(now or timezone.now()):
        written += 1
    return written


def _order_one(now: datetime) -> bool:
    with transaction.atomic():
        due = RequestItem.objects.filter(order_due_at__lte=now).order_by("order_due_at")
        first = due.select_for_update(skip_locked=True, of=("self",)).first()
        if first is None:
            return False
        (item,) = locked([first])
        try:
            if partner_of(item.department) is not None:  # else it books from this product's list
                write_order(item.request, [item])
        except (NotWritable, NoCodeFor) as refusal:
            _refuse_accepted(item, str(refusal))
            return True
        item.order_due_at = None
        item.save(update_fields=["order_due_at"])
        return True


def _refuse_accepted(item: RequestItem, words: str) -> None:
    code = reasons.CANNOT_BE_WRITTEN
    move(item, Event.DELIVERY_REFUSED, by=SYSTEM, reason_code=code, reason=words, order_due_at=None)
