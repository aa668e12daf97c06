"""What can be changed of a test, before and after; and what the department says of a change."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from accounts.policies import Acting
from requesting.models import Amendment, Answer, OrderMessage, RequestItem
from requesting.states import TRANSITIONS, Attention, Event, Status

from .moving import due_of, move

CONFIRMED, REFUSED = "XR", "UX"  # HL7 table 0119
_ANSWER = ("question_code", "question_text", "kind", "value", "label")


def snapshot(item: RequestItem) -> dict[str, Any]:
    """What a change can change, as it is now."""
    return {
        "priority": item.priority,
        "reasons": item.reasons,
        "clinical_details": item.clinical_details,
        "answers": list(item.answers.order_by("pk").values(*_ANSWER)),
    }


def put(item: RequestItem, kept: dict[str, Any]) -> None:
    """Make the item say what was kept; the caller saves it."""
    for name in ("priority", "reasons", "clinical_details"):
        setattr(item, name, kept[name])
    item.answers.all().delete()
    Answer.objects.bulk_create(Answer(item=item, **answer) for answer in kept["answers"])


def change_taken(item: RequestItem, order: OrderMessage) -> None:
    """Their system has the change: nothing more is waited for, unless they say that they cannot."""
    last = _last(item)
    if item.change_sent_at and last and last.order_id == order.pk:
        item.change_sent_at = None
        item.due_at = due_of(item)
        item.save(update_fields=["change_sent_at", "due_at"])


def confirm_change(item: RequestItem, *, answers: str, by: Acting) -> None:
    """XR: said again, or of no change of ours, it changes nothing."""
    amendment = _asked(item, answers)
    if amendment is not None and _can(item, Event.CHANGE_CONFIRMED):
        _answered(amendment, CONFIRMED)
        move(item, Event.CHANGE_CONFIRMED, by=by, change_sent_at=None)


def refuse_change(item: RequestItem, words: str, *, answers: str = "", by: Acting) -> None:
    """UX, or their system refused the message: the test is again what they hold, and the requester
    has to know and to ring. A later change that is on its way says everything itself."""
    amendment = _asked(item, answers)
    if amendment is None or not _can(item, Event.CHANGE_REFUSED):
        return
    _answered(amendment, REFUSED)
    if amendment == _last(item):
        put(item, amendment.before)
    move(item, Event.CHANGE_REFUSED, by=by, reason=words, change_sent_at=None,
         attention=Attention.CHANGE_REFUSED)  # fmt: skip


def _can(item: RequestItem, event: Event) -> bool:
    return (Status(item.status), event) in TRANSITIONS


def _last(item: RequestItem) -> Amendment | None:
    return item.amendments.order_by("-pk").first()


def _asked(item: RequestItem, answers: str) -> Amendment | None:
    """The change that is answered: by its message's number (MSA-2), else the latest; it has no
    answer yet."""
    sent = item.amendments.filter(order__control=OrderMessage.Control.CHANGE)
    named = sent.filter(order__control_id=answers).first() if answers else None
    amendment = named or sent.order_by("-pk").first()
    return None if amendment is None or amendment.answer else amendment


def _answered(amendment: Amendment, answer: str) -> None:
    amendment.answer, amendment.answered_at = answer, timezone.now()
    amendment.save(update_fields=["answer", "answered_at"])
