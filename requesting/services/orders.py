"""Orders into the outbox, and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation
from accounts.policies import Acting, partner_acting
from messaging.errors import NotEncodable, NotSendable
from messaging.models import Partner
from messaging.services import enqueue, next_control_id
from requesting import reasons
from requesting.hl7 import order_of, render
from requesting.models import OrderMessage, Request, RequestItem
from requesting.states import ON_THE_WIRE, Attention, Event, Status

from .changes import change_taken, refuse_change
from .form_moving import end_by_delivery
from .moving import locked, move

SUBJECT = "requesting.OrderMessage"
Control = OrderMessage.Control


class NotWritable(Exception):
    """The order cannot be put on the wire as it is meant. The text is for the requester."""


def partner_of(department: Organisation) -> Partner | None:
    """The system that takes a department's orders; None when it has none."""
    return Partner.objects.filter(departments=department).order_by("pk").first()


def rehearse(request: Request, items: list[RequestItem], partner: Partner) -> None:
    """Write the order and throw it away: what cannot be sent is told before Send, not after.

    Raises NotWritable, NoCodeFor.
    """
    _rendered(request, items, partner, "REHEARSAL")


def write_order(
    request: Request,
    items: list[RequestItem],
    *,
    control: str = OrderMessage.Control.NEW,
    reason_code: str = "",
    reason: str = "",
    collected_at: datetime | None = None,
) -> OrderMessage:
    """One message for one department into the outbox, in the caller's transaction.

    Raises NotWritable, NoCodeFor; then nothing is in the outbox.
    """
    department = items[0].department
    partner = partner_of(department)
    if partner is None:
        raise NotWritable(f"{department.name} has no link to send it by.")
    control_id = next_control_id()
    raw = _rendered(
        request, items, partner, control_id, control=control, reason_code=reason_code,
        reason=reason, collected_at=collected_at,
    )  # fmt: skip
    order = OrderMessage.objects.create(
        request=request, department=department, partner=partner, control=control,
        control_id=control_id,
    )  # fmt: skip
    order.items.set(items)
    enqueue(
        partner=partner, kind=f"{partner.order_message} {control}", subject_type=SUBJECT,
        subject_id=str(order.pk), stream=str(request.pk), raw=raw, control_id=control_id,
    )  # fmt: skip
    return order


def _rendered(
    request: Request, items: list[RequestItem], partner: Partner, control_id: str, **others: Any
) -> bytes:
    now = timezone.now()
    try:
        return render(order_of(request, items, partner, control_id=control_id, at=now, **others))
    except (NotEncodable, NotSendable) as refusal:
        raise NotWritable(refusal.sentence) from refusal


def record_delivery(subject_id: str, outcome: str, text: str) -> None:
    """What became of an order message: "delivered", "refused" or "failing".

    Called by messaging in the transaction that records it; safe to repeat. A refusal comes to the
    requester, in `text`'s words, on the list of what needs them.
    """
    order = OrderMessage.objects.select_related("partner").get(pk=int(subject_id))
    by = partner_acting(order.partner.name)
    handle = {"delivered": _delivered, "refused": _refused, "failing": _failing}[outcome]
    with transaction.atomic():
        for item in locked(order.items.values_list("pk", flat=True)):
            handle(item, order, text, by)
        end_by_delivery(order, outcome, by)


def _delivered(item: RequestItem, order: OrderMessage, text: str, by: Acting) -> None:
    resent = item.status == Status.REJECTED and item.reason_code == reasons.REFUSED_BY_MACHINE
    if order.control == Control.CHANGE:
        change_taken(item, order)
    if order.control == Control.NEW and (item.status in ON_THE_WIRE or resent):
        move(item, Event.DELIVERED, by=by)


def _refused(item: RequestItem, order: OrderMessage, text: str, by: Acting) -> None:
    words = f"{order.partner.name} could not take it: {text}"[:300]
    if order.control == Control.CANCEL:
        refuse_cancel(item, words, by=by)
    elif order.control == Control.CHANGE:
        refuse_change(item, words, answers=order.control_id, by=by)
    if order.control != Control.NEW:  # what they missed of a taken sample is on the messages page
        return
    unheard = item.status in (Status.ACCEPTED, Status.WALKIN) and item.told_at is None
    if item.status in ON_THE_WIRE or unheard:
        code = reasons.REFUSED_BY_MACHINE
        move(item, Event.DELIVERY_REFUSED, by=by, reason_code=code, reason=words)


def _failing(item: RequestItem, order: OrderMessage, text: str, by: Acting) -> None:
    if order.control == Control.NEW and item.status == Status.SENT:
        move(item, Event.LINK_FAILED, by=by, reason=text)


def refuse_cancel(item: RequestItem, words: str, *, by: Acting) -> None:
    """The department cannot cancel any more: the requester has to know, and to ring."""
    if item.cancel_requested_at is not None:
        move(
            item, Event.CANCEL_REFUSED, by=by, reason=words,
            cancel_requested_at=None, attention=Attention.CANCEL_REFUSED,
        )  # fmt: skip
