"""What did not go well: the ticket comes back to the service desk, its requester is told why."""

from __future__ import annotations

from accounts.policies import Acting
from iep.models import Transaction
from iep.services.exchange import transactions
from iep.services.ticketing import tickets
from iep.services.ticketing.ticket_mail import tell_requester
from iep.states.tickets import OPEN, TicketEvent, TicketState
from iep.states.transactions import TransactionEvent


def failed(row: Transaction, why: str, *, by: Acting) -> Transaction:
    """It failed: back to the service desk, and the requester is told."""
    row = transactions.record(row, TransactionEvent.FAILED, words=why, by=by, why=why[:300])
    if row.ticket is not None and row.ticket.state in OPEN:
        tickets.record(row.ticket, TicketEvent.FAILED, words=why, by=by)
        count = row.events.filter(event=TransactionEvent.FAILED.value).count()
        text = f"The transfer failed: {why} The service desk is working on it."
        tell_requester(row.ticket, f"failed {row.number} {count}", text, by)
    return row


def declined(thing: Transaction, *, by: Acting) -> None:
    """They will not send it, or not take it: the ticket comes back to the service desk, and the
    requester is told, also where the ticket had ended when the images were there."""
    ticket = thing.ticket
    if ticket is None or ticket.state not in OPEN | {TicketState.DONE}:
        return
    event = TicketEvent.DECLINED if ticket.state in OPEN else TicketEvent.NOTED
    words = thing.why if ticket.state in OPEN else f"Declined there after all: {thing.why}"[:300]
    tickets.record(ticket, event, words=words, by=by)
    count = thing.events.filter(event=TransactionEvent.DECLINED.value).count()
    decision = "send" if thing.brings_images else "take"
    text = (
        f"{thing.institution.full_name} declined: {thing.why}. The service desk will try again "
        f"where it can. The decision to {decision} images is theirs."
    )
    tell_requester(ticket, f"declined {thing.number} {count}", text, by)


def called_off(thing: Transaction, *, by: Acting) -> None:
    """They cancelled it, or it ended by itself: the ticket comes back to the service desk, and the
    requester is told."""
    ticket = thing.ticket
    if ticket is None or ticket.state not in OPEN:
        return
    why = f"{thing.why.rstrip('.')}."
    tickets.record(ticket, TicketEvent.FAILED, words=f"Cancelled: {why}"[:300], by=by)
    text = (
        f"The exchange with {thing.institution.full_name} was cancelled: {why} The service desk "
        "decides how it goes on."
    )
    tell_requester(ticket, f"called off {thing.number}", text, by)
