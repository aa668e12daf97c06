"""A message held back because a downtime form went in its place (hazard H51).

Held, it keeps its place in its stream: nothing of the same request passes it, and no worker takes
it. The room that held it says, once, whether it goes after all or never. Every verb here is called
in that room's transaction, and the row's lock decides against a worker who is about to send it.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from messaging.models import OutboundMessage
from messaging.states import OutEvent, OutState, after_out

from .outbox import ring_for

_LONGEST_REASON = 300


class Held(StrEnum):
    """What came of asking for a message to be held."""

    HELD = "held"
    GONE = "gone"  # the other machine has it
    BUSY = "busy"  # it is on the wire at this moment; ask again
    OTHERWISE = "otherwise"  # it was refused, or closed: a person looks after it already


def hold(control_id: str, *, reason: str, by: Acting) -> Held:
    """Keep the message back, if it has not been acknowledged. Asking twice is asking once.

    `Held.BUSY` while a worker's lease on it runs: whether it arrived is known within the lease.
    """
    row = _locked(control_id)
    if row.state == OutState.HELD:
        return Held.HELD
    if row.state in (OutState.TAKEN, OutState.ACKNOWLEDGED):
        return Held.GONE
    if row.state in (OutState.DEAD, OutState.HANDLED, OutState.REPLACED):
        return Held.OTHERWISE
    if _is_on_the_wire(row):
        return Held.BUSY
    _move(row, OutEvent.HOLD, reason, by)
    return Held.HELD


def may_have_arrived(control_id: str) -> bool:
    """Whether it left at least once: then the other machine may have it though it never said so."""
    return OutboundMessage.objects.filter(
        control_id=control_id, first_sent_at__isnull=False
    ).exists()


def let_go(control_id: str, *, reason: str, by: Acting) -> None:
    """It goes after all, in its place. Raises NoSuchMove unless it is held."""
    row = _locked(control_id)
    _move(row, OutEvent.LET_GO, reason, by, not_before=None, failures=0)
    transaction.on_commit(partial(ring_for, row.partner_id))


def withdraw(control_id: str, *, reason: str, by: Acting) -> None:
    """It never goes; what follows it in its stream may. Raises NoSuchMove unless it is held."""
    row = _locked(control_id)
    _move(
        row, OutEvent.WITHDRAW, reason, by, handled_by=by.label[:150],
        handled_at=timezone.now(), handled_how=reason[:_LONGEST_REASON],
    )  # fmt: skip
    transaction.on_commit(partial(ring_for, row.partner_id))


def _locked(control_id: str) -> OutboundMessage:
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("holding belongs in the business transaction")
    return OutboundMessage.objects.select_for_update().get(control_id=control_id)


def _is_on_the_wire(row: OutboundMessage) -> bool:
    """A claim whose lease runs, by the database's clock, which gave it."""
    running = OutboundMessage.objects.filter(pk=row.pk, lease_until__gt=Now())
    return row.state == OutState.SENDING and running.exists()


def _move(
    row: OutboundMessage, event: OutEvent, reason: str, by: Acting, **changes: object
) -> None:
    state = after_out(row.state, event)
    OutboundMessage.objects.filter(pk=row.pk).update(
        state=state, lease_token=None, lease_until=None, reason=reason[:_LONGEST_REASON], **changes
    )
    audit.record(
        acting=by, action=f"{event.name.lower()}_message_out",
        object_type="messaging.OutboundMessage", object_id=row.pk,
    )  # fmt: skip
