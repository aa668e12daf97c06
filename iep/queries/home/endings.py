"""The clocks that end something, or by which somebody has to act: the column "Days left"."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from iep.models import Ticket, Transaction
from iep.states.tickets import TicketState
from iep.states.transactions import Direction, TransactionState

S, T = TransactionState, TicketState


@dataclass(frozen=True)
class Ending:
    """How many days are left (0: it is today, or over), and what they are left for."""

    days: int
    words: str  # "then removed"
    over: int = 0  # days since it was due


def days_until(end: datetime, now: datetime) -> int:
    """Calendar days in London, as one counts to a date."""
    return max(0, (timezone.localdate(end) - timezone.localdate(now)).days)


def days_left(thing: Transaction, now: datetime) -> int | None:
    """Until it is removed from the exchange; None where nothing is to be removed."""
    over = {S.DELIVERED, S.FIXED_UP, S.PURGED, S.CANCELLED, S.DECLINE}
    if thing.purge_at is None or thing.state in over:
        return None
    return max(0, math.ceil((thing.purge_at - now) / timedelta(days=1)))


def ending_of(thing: Transaction, now: datetime) -> Ending | None:
    """Of a transaction, the nearest of its own clocks and its ticket's two weeks."""
    found = [_removal(thing, now), _answer(thing, now)]
    if thing.ticket is not None:
        found.append(_details(thing.ticket, now))
    return min((each for each in found if each), key=lambda each: each.days, default=None)


def _removal(thing: Transaction, now: datetime) -> Ending | None:
    left = days_left(thing, now)
    return None if left is None else Ending(left, "then removed")


def _answer(thing: Transaction, now: datetime) -> Ending | None:
    if thing.due_at is None:
        return None
    if thing.state == S.AWAITING_DETAILS:
        return Ending(days_until(thing.due_at, now), "then cancelled")
    if thing.state == S.DECLINE and thing.direction == Direction.OUT:
        return _due(thing.due_at, now, "to ask again or give up")
    return None


def _due(end: datetime, now: datetime, words: str) -> Ending:
    """Of what somebody has to do: nothing happens by itself when the day has gone by."""
    over = (timezone.localdate(now) - timezone.localdate(end)).days
    return Ending(days_until(end, now), words, max(0, over))


def ticket_ending(ticket: Ticket, now: datetime, drop_off_by: datetime | None) -> Ending | None:
    """Of a ticket: its two weeks for details, its cancellation to be seen, its disc expected."""
    details = _details(ticket, now)
    if details is not None:
        return details
    if ticket.state == T.CANCELLED and ticket.due_at is not None:
        return _due(ticket.due_at, now, "to be acknowledged")
    if drop_off_by is not None and ticket.state in (T.NEW, T.ACCEPTED, T.WITH_OTHER):
        return _due(drop_off_by, now, "to drop off the disc")
    return None


def _details(ticket: Ticket, now: datetime) -> Ending | None:
    if ticket.state != T.AWAITING_DETAILS or ticket.due_at is None:
        return None
    return Ending(days_until(ticket.due_at, now), "then cancelled")
