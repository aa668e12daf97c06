"""The rows of the exchange's home: transactions, and tickets without one, in the same columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Min, OuterRef, Subquery, prefetch_related_objects
from django.urls import reverse

from iep.models import Disc, Ticket, Transaction, Transfer
from iep.queries.exchange.sentences import Turn, is_late, progress_of, sentence, turns_of
from iep.queries.exchange.transactions import unread
from iep.queries.home.endings import Ending, days_until, ending_of, ticket_ending
from iep.queries.lanes.blue_light import clock_words
from iep.queries.ticketing.unreached import ring_by, unreached_since
from iep.states.discs import DiscState
from iep.states.priorities import Priority
from iep.states.tickets import TicketKind, TicketState
from iep.states.transactions import Direction, TransactionState
from iep.states.transfers import TransferState

S, T = TransactionState, TicketState


@dataclass(frozen=True)
class Row:
    """One line of the list."""

    address: str
    kind: str  # "Request", "Transfer", "Direct routing", "Ticket"
    way: str  # "In", "Out", ""
    at: datetime
    thing: Transaction | Ticket
    is_ticket: bool
    institution: str
    assigned: str
    unread: int
    status: str  # for the tag
    sentence: str
    ending: Ending | None  # the clock that ends it, or has to be met
    is_blue: bool
    is_late: bool
    reference: str  # the call reference
    number: int | None
    clock: str = ""  # of a Blue Light: how long of its four hours is gone


def rows_of(keys: Sequence[tuple[Any, ...]], now: datetime) -> Iterator[Row]:
    ids = [key[0] for key in keys if not key[1]]
    things = {
        str(each.pk): each
        for each in Transaction.objects.filter(pk__in=ids).select_related(
            "institution", "ticket", "assigned_to", "node"
        ).annotate(unread=unread())
    }  # fmt: skip
    matched = [each for each in things.values() if each.state == S.FIXED_UP]
    prefetch_related_objects(matched, "studies")  # what they were matched to stands in the list
    tickets = {
        str(each.pk): each
        for each in Ticket.objects.filter(pk__in=[key[0] for key in keys if key[1]]).select_related(
            "institution", "assigned_to"
        ).annotate(drop_off_by=_drop_off_by(), unreached_since=unreached_since())
    }  # fmt: skip
    transfers = _transfers_of(ids)
    waiting = [
        each for rows in transfers.values() for each in rows if each.state == TransferState.WAITING
    ]
    turns = turns_of(waiting)
    for key in keys:
        if key[1]:
            yield ticket_row(tickets[key[0]], now)
        else:
            thing = things[key[0]]
            yield _row(thing, transfers.get(thing.pk, []), turns, now)


def _drop_off_by() -> Subquery:
    waiting = Disc.objects.filter(ticket=OuterRef("pk"), state=DiscState.EXPECTED.value)
    return Subquery(waiting.order_by().values("ticket").annotate(at=Min("due_at")).values("at"))


def _transfers_of(ids: Sequence[Any]) -> dict[Any, list[Transfer]]:
    found: dict[Any, list[Transfer]] = {}
    for each in Transfer.objects.filter(transaction__in=ids).order_by("pk"):
        found.setdefault(each.transaction_id, []).append(each)
    return found


_KINDS = {"request": "Request", "transfer": "Transfer", "direct": "Direct routing"}


def _row(
    thing: Any,  # a Transaction, with `unread`
    transfers: list[Transfer],
    turns: dict[UUID, Turn],
    now: datetime,
) -> Row:
    is_blue = thing.priority == Priority.BLUE_LIGHT
    return Row(
        address=reverse("iep:transaction", args=[thing.number]),
        kind=_KINDS[thing.kind],
        way="In" if thing.direction == Direction.IN else "Out",
        at=thing.created_at,
        thing=thing,
        is_ticket=False,
        institution=thing.institution.full_name,
        assigned=thing.assigned_to.display_name if thing.assigned_to else "",
        unread=thing.unread,
        status=thing.state,
        sentence=sentence(thing, now, progress=progress_of(transfers), turn=turns.get(thing.pk)),
        ending=ending_of(thing, now),
        is_blue=is_blue,
        is_late=is_late(thing, now) and thing.state not in (S.DELIVERED, S.DECLINE, S.FAILED),
        reference=thing.ticket.reference if thing.ticket else "",
        number=thing.number,
        clock=clock_words(thing.asked_at, now) if is_blue and days_matter(thing) else "",
    )


def days_matter(thing: Transaction) -> bool:
    """Whether its four hours still run."""
    return thing.state not in {S.DELIVERED, S.FIXED_UP, S.PURGED, S.CANCELLED, S.DECLINE}


def ticket_row(ticket: Any, now: datetime) -> Row:
    """A ticket that is a row; with `drop_off_by`, until when its first disc is expected, and
    `unreached_since`, since when who was asked for details does not know of it."""
    open_states = {T.NEW, T.AWAITING_DETAILS, T.ACCEPTED, T.WITH_OTHER, T.ARRIVED}
    is_blue = ticket.priority == Priority.BLUE_LIGHT
    late = ticket.due_at is not None and ticket.due_at <= now and ticket.state in open_states
    return Row(
        address=reverse("iep:ticket", args=[ticket.reference]),
        kind="Disc" if ticket.kind == TicketKind.DISC else "Ticket",
        way="Out" if ticket.kind == TicketKind.EXPORT else "In",
        at=ticket.opened_at,
        thing=ticket,
        is_ticket=True,
        institution=ticket.institution.full_name if ticket.institution else "",
        assigned=ticket.assigned_to.display_name if ticket.assigned_to else "",
        unread=0,
        status=_TICKET_TAGS[T(ticket.state)],
        sentence=_ticket_sentence(ticket, now),
        ending=ticket_ending(ticket, now, ticket.drop_off_by),
        is_blue=is_blue,
        is_late=late or _rings_late(ticket, now),
        reference=ticket.reference,
        number=None,
        clock=clock_words(ticket.asked_at, now) if is_blue and ticket.state in open_states else "",
    )


# A ticket wears the portal's word where there is one.
_TICKET_TAGS = {
    T.NEW: "new", T.AWAITING_DETAILS: "awaiting_details", T.ACCEPTED: "accepted",
    T.WITH_OTHER: "started", T.ARRIVED: "delivered", T.DONE: "fixed_up",
    T.CANCELLED: "cancelled", T.CLOSED: "cancelled",
}  # fmt: skip


def _rings_late(ticket: Any, now: datetime) -> bool:
    """Whether somebody should have rung by now whom no mail has reached (hazard H45)."""
    since = ticket.unreached_since if ticket.state == T.AWAITING_DETAILS else None
    return since is not None and ring_by(since) <= now


def _ticket_sentence(ticket: Any, now: datetime) -> str:
    if ticket.state == T.AWAITING_DETAILS and ticket.due_at:
        left = days_until(ticket.due_at, now)
        whom = "the other hospital" if ticket.chased == "institution" else ticket.requester_name
        waits = f"Waiting for {whom}."
        if ticket.unreached_since:
            waits = f"Not reached: ring {ticket.requester_name}, {ticket.requester_phone}."
        return f"{waits} Cancels itself in {left} day{'' if left == 1 else 's'}."
    return {
        T.NEW: "Not looked at yet.",
        T.ACCEPTED: "Make a transaction of it, or wait for the disc.",
        T.WITH_OTHER: "With the other hospital.",
        T.ARRIVED: "The images are here, not matched yet.",
        T.DONE: "Done, and the requester was told."
        if ticket.told_at
        else "Done. The requester was not told yet: ring them.",
        T.CANCELLED: f"{ticket.cancelled_why or 'Cancelled'}".rstrip(".")
        + ". The requester has not acknowledged it.",
        T.CLOSED: f"{ticket.cancelled_why or 'Cancelled'}".rstrip(".") + ".",
    }[T(ticket.state)]
