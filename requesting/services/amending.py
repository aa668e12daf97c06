"""A test is changed by who asked for it, until the department's system has acknowledged it.

What has not left is written anew in its place. What may have left already is followed by a change
order (XO), which never overtakes it. After the acknowledgement only the department can change it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.policies import Acting
from messaging.services.holding import Held, hold, let_go, may_have_arrived, withdraw
from requesting import drafts, policies, queries
from requesting.drafts import Content
from requesting.errors import Incomplete, NoCodeFor, Problem, Refused, TooLateToUndo
from requesting.models import (
    Amendment,
    DowntimeForm,
    OrderMessage,
    Priority,
    RequestEvent,
    RequestItem,
)
from requesting.queries.as_sent import reasons_of
from requesting.queries.examining import Examined
from requesting.states import ON_THE_WIRE, Event

from .changes import snapshot
from .moving import locked, move
from .orders import NotWritable, write_order
from .submitting import freeze

Control = OrderMessage.Control
WHY = "Changed by the requester before it was sent."
RISING = (Priority.ROUTINE, Priority.URGENT, Priority.TWO_WEEK_WAIT)


class _Way(Enum):
    """What becomes of the message that is in the outbox."""

    REPLACE = "replace"  # it is held back: it never left
    FOLLOW = "follow"  # it may have left
    TOO_LATE = "too late"


def amend(item: RequestItem, *, content: dict[str, Any], by: Acting) -> RequestItem:
    """Change reasons, details and answers of one test, or make it more urgent. `content` is as of a
    draft; only the line of this test and the priority are read.

    The lock on the message's row, taken first as its worker takes it, decides between this and the
    delivery (hazard H09). Raises TooLateToUndo once it was acknowledged; Incomplete with every
    problem; Refused for who may not, and where nothing was changed.
    """
    with transaction.atomic():
        order = _order_of(item)
        way = _stop(order, by)
        rows = locked(order.items.values_list("pk", flat=True))
        row = next(each for each in rows if each.pk == item.pk)
        _check(row, way, by)
        before = snapshot(row)
        _change(row, drafts.read(content), by)
        after = snapshot(row)
        if after == before:
            raise Refused("Nothing was changed.", rule="amend")
        sent = _write(row, rows, order, way, by)
        if way is _Way.REPLACE:  # a form that was taken back waits for the message that goes
            DowntimeForm.objects.filter(order=order).update(order=sent)
        _note(row, sent, before, after, by)
        return row


def _order_of(item: RequestItem) -> OrderMessage:
    """The message that it was asked by; Refused for what never was on a wire."""
    sent = item.order_messages.filter(control=Control.NEW, withdrawn_at__isnull=True)
    order = sent.order_by("-pk").first()
    if order is None:
        raise Refused("This request cannot be changed here.", rule="amend")
    return order


def _stop(order: OrderMessage, by: Acting) -> _Way:
    if _is_followed(order) or may_have_arrived(order.control_id):
        return _Way.FOLLOW
    held = hold(order.control_id, reason=WHY, by=by)
    if held in (Held.GONE, Held.OTHERWISE):
        return _Way.TOO_LATE
    if held is Held.BUSY:
        return _Way.FOLLOW
    if may_have_arrived(order.control_id):  # between the question and the lock
        let_go(order.control_id, reason=WHY, by=by)
        return _Way.FOLLOW
    return _Way.REPLACE


def _is_followed(order: OrderMessage) -> bool:
    """Whether a later message about the same tests stands behind it in the stream."""
    later = OrderMessage.objects.filter(
        request=order.request_id, pk__gt=order.pk, items__in=order.items.all()
    )
    return later.exists()


def _check(row: RequestItem, way: _Way, by: Acting) -> None:
    if row.status not in ON_THE_WIRE or way is _Way.TOO_LATE:
        raise TooLateToUndo(row.department.phone)
    if not policies.may_amend(by, row):
        raise Refused("You cannot change this request now.", rule="may_amend")


# --- The change ----------------------------------------------------------------------------------


def _change(row: RequestItem, posted: Content, by: Acting) -> None:
    """The rules run again, as for a new request; then the item says what was typed."""
    content = queries.amended(row, posted)
    known = queries.look_up(content.codes, row.patient, by, not_counting=row.pk)
    tests = queries.examine(content, known)
    people = frozenset({row.request.results_to_id})
    problems = queries.problems_of(content, tests, people, known.today)
    if problems := (*_of_priority(row, content.priority), *problems):
        raise Incomplete(problems)
    (test,) = tests
    _become(row, test, content.priority)


def _of_priority(row: RequestItem, priority: str) -> Iterable[Problem]:
    if priority in RISING and RISING.index(Priority(priority)) < RISING.index(
        Priority(row.priority)
    ):
        words = f"It can be made more urgent here, not less. Ring {row.department.phone}"
        yield Problem("priority", words, "priority")


def _become(row: RequestItem, test: Examined, priority: str) -> None:
    row.priority = priority
    row.clinical_details = test.line.details
    row.reasons = [
        {"code": each.code, "text": each.text, "sentence": each.sentence}
        for each in reasons_of(test)
    ]
    row.answers.all().delete()
    freeze(row, test)


# --- What goes out -------------------------------------------------------------------------------


def _write(
    row: RequestItem, rows: list[RequestItem], order: OrderMessage, way: _Way, by: Acting
) -> OrderMessage:
    row.save()  # what the message is written from
    try:
        if way is _Way.FOLLOW:
            return write_order(row.request, [row], control=Control.CHANGE)
        withdraw(order.control_id, reason=WHY, by=by)
        order.withdrawn_at = timezone.now()
        order.save(update_fields=["withdrawn_at"])
        still = [each if each.pk != row.pk else row for each in rows if each.status in ON_THE_WIRE]
        return write_order(row.request, sorted(still, key=lambda each: each.position))
    except (NotWritable, NoCodeFor) as refusal:
        where = f"{row.service.code}.details"
        raise Incomplete((Problem(where, str(refusal), "what can be sent"),)) from refusal


def _note(
    row: RequestItem, sent: OrderMessage, before: dict[str, Any], after: dict[str, Any], by: Acting
) -> None:
    follows = sent.control == Control.CHANGE
    changed = ", ".join(change.part for change in queries.changes_of(before, after))
    move(row, Event.AMENDED, by=by, reason=changed,
         change_sent_at=timezone.now() if follows else None)  # fmt: skip
    event = RequestEvent.objects.filter(item=row, event=Event.AMENDED).latest("pk")
    Amendment.objects.create(item=row, event=event, order=sent, before=before, after=after)
