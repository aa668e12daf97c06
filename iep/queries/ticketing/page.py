"""I2: everything on one ticket's page: the checklist, what hangs on it, what may be done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from accounts.policies import Acting
from accounts.roles import Permission
from iep import policies
from iep.asking import LABELS
from iep.models import (
    Disc,
    Study,
    Ticket,
    TicketEventRow,
    TicketMail,
    Transaction,
    Transfer,
)
from iep.queries.ticketing.answering import fields_of
from iep.queries.ticketing.steps import EVENT_WORDS, Step, steps_of, with_upload
from iep.queries.ticketing.tickets import KIND_WORDS, days_left, sentence
from iep.queries.ticketing.unreached import not_reached
from iep.states.priorities import (
    ELIGIBILITY_WORDS,
    PRIORITY_WORDS,
    REASON_WORDS,
    Eligibility,
    Priority,
    Reason,
)
from iep.states.studies import StudyState
from iep.states.tickets import OPEN, TicketEvent, TicketKind, TicketState
from iep.states.transactions import TransactionState
from iep.states.transfers import TransferState
from messaging.models import Mailbox
from messaging.policies import may_verify_mailbox
from messaging.queries.own_mailboxes import own_mailbox
from messaging.services.mail.posting import is_usable


@dataclass(frozen=True)
class Line:
    """One event of the history."""

    title: str
    words: str
    by: str
    at: datetime


@dataclass(frozen=True)
class TransferLine:
    """One transfer: how many of its images are there. `share`: 0 to 100."""

    transfer: Transfer
    status: str
    share: int


@dataclass(frozen=True)
class Actions:
    """What this person may do with this ticket now."""

    work: bool = False  # assign, note, correct, priority
    chase: bool = False
    details: bool = False
    cancel: bool = False
    acknowledge: bool = False
    transact: bool = False
    confirm_address: bool = False
    ring: bool = False
    note: bool = False
    scans: bool = False  # correct what is asked for: nothing has been sent

    @property
    def any(self) -> bool:
        return any(vars(self).values())


@dataclass(frozen=True)
class TicketPage:
    ticket: Ticket
    kind: str
    sentence: str
    days_left: int | None
    priority: str
    reason: str
    missing: tuple[str, ...]
    steps: tuple[Step, ...]
    history: tuple[Line, ...]
    mails: tuple[TicketMail, ...]
    transactions: tuple[Transaction, ...]
    transfers: tuple[TransferLine, ...]
    studies: tuple[Study, ...]
    discs: tuple[Disc, ...]
    actions: Actions
    is_open: bool
    ring_instead: str  # why no mail goes to the requester; empty: it goes
    answers: tuple[str, ...]  # the fields that an answer can be put into
    not_reached: bool  # asked for details, and no mail went and nobody rang: the desk rings
    why_no_answers: str  # what carries them already; empty: they can be changed


def page_of(ticket: Ticket, acting: Acting) -> TicketPage:
    events = list(TicketEventRow.objects.filter(ticket=ticket).order_by("-pk"))
    transactions = list(with_upload(ticket.transactions.select_related("institution")))
    studies = list(_live(ticket.studies.all()))
    is_disc = ticket.kind == TicketKind.DISC
    discs = list(ticket.disc_set.select_related("site")) if is_disc else []
    box = own_mailbox(ticket.organisation, ticket.requester_email)
    carried = carried_by(ticket, transactions=transactions, has_studies=bool(studies))
    mails = list(ticket.mails.select_related("mail"))
    actions = _actions(ticket, acting, box, carried)
    stands = why_answers_stand(ticket, transactions=transactions, has_studies=bool(studies))
    return TicketPage(
        ticket=ticket,
        kind=KIND_WORDS[TicketKind(ticket.kind)],
        sentence=sentence(ticket, to_requester=_is_requester(ticket, acting)),
        days_left=days_left(ticket),
        priority=PRIORITY_WORDS[Priority(ticket.priority)],
        reason=_reason(ticket),
        missing=tuple(LABELS[name] for name in ticket.missing if name in LABELS),
        steps=tuple(steps_of(ticket, events, transactions, studies, discs)),
        history=tuple(_line(each) for each in events),
        mails=tuple(mails),
        transactions=tuple(transactions),
        transfers=tuple(_transfers(ticket)) if transactions else (),
        studies=tuple(studies),
        discs=tuple(discs),
        actions=actions,
        is_open=ticket.state in OPEN,
        ring_instead=_ring_instead(box),
        answers=fields_of(ticket) if actions.details and not stands else (),
        not_reached=not_reached(ticket) is not None,
        why_no_answers=stands if actions.details and fields_of(ticket) else "",
    )


def _line(row: TicketEventRow) -> Line:
    return Line(EVENT_WORDS[TicketEvent(row.event)], row.words, row.by_name, row.at)


def _reason(ticket: Ticket) -> str:
    if ticket.eligibility:
        return ELIGIBILITY_WORDS[Eligibility(ticket.eligibility)]
    words = REASON_WORDS[Reason(ticket.reason)] if ticket.reason else ""
    return f"{words}: {ticket.reason_words}" if ticket.reason_words else words


def _live(studies: QuerySet[Study]) -> QuerySet[Study]:
    return studies.exclude(state=StudyState.DISCARDED.value).order_by("acquired_on", "pk")


def _transfers(ticket: Ticket) -> list[TransferLine]:
    rows = Transfer.objects.filter(transaction__ticket=ticket)
    return [
        TransferLine(each, TRANSFER_WORDS[TransferState(each.state)],
                     min(100 * each.images_done // each.images, 100) if each.images else 0)
        for each in rows.order_by("pk")
    ]  # fmt: skip


TRANSFER_WORDS: Final = {
    TransferState.WAITING: "Waiting for a lane",
    TransferState.RUNNING: "Running",
    TransferState.PAUSED: "Paused",
    TransferState.UNCONFIRMED: "Sent, not confirmed yet",
    TransferState.DELIVERED: "Delivered",
    TransferState.PARTIAL: "Partial",
    TransferState.FAILED: "Failed",
    TransferState.CANCELLED: "Cancelled",
}


def _ring_instead(box: Mailbox | None) -> str:
    if box is None:
        return "No mail can go to the requester’s address."
    if not is_usable(box):
        return "Nobody has made sure of the requester’s address yet, so no mail goes there."
    return ""


# --- What may be done ----------------------------------------------------------------------------


def _actions(ticket: Ticket, acting: Acting, box: Mailbox | None, carried: str) -> Actions:
    works, own = policies.may_work(acting, ticket.organisation_id), _is_own(ticket, acting)
    is_open = ticket.state in OPEN
    awaits = ticket.state == TicketState.AWAITING_DETAILS
    return Actions(
        work=works and is_open,
        chase=works and is_open,
        details=(works or own) and awaits,
        cancel=(works or own) and is_open,
        acknowledge=(works or own) and ticket.state == TicketState.CANCELLED,
        transact=works and is_open and not awaits and ticket.kind != TicketKind.DISC,
        confirm_address=works and _may_confirm(box, acting),
        ring=works,
        note=works or own,
        scans=not (_why_not_theirs(ticket, acting) or carried),
    )


def carried_by(
    ticket: Ticket,
    *,
    transactions: Iterable[Transaction] | None = None,
    has_studies: bool | None = None,
) -> str:
    """Why the scans stand as they are: what has gone out, or come, with them; empty: nothing.

    `transactions` and `has_studies`: of the ticket, where they are at hand.
    """
    known = ticket.transactions.all() if transactions is None else transactions
    sent = _standing(known)
    if sent is not None:
        return (
            f"Transaction {sent} carries these scans already. Cancel it first, or ask for "
            "others with a new ticket."
        )
    if has_studies is None:
        has_studies = _live(ticket.studies.all()).exists()
    if has_studies:
        return "Images have come for this ticket already. Ask for others with a new ticket."
    return ""


def why_answers_stand(
    ticket: Ticket,
    *,
    transactions: Iterable[Transaction] | None = None,
    has_studies: bool | None = None,
) -> str:
    """As carried_by, of the details that were asked for: they can be answered in words then."""
    known = ticket.transactions.all() if transactions is None else transactions
    sent = _standing(known)
    if sent is not None:
        return f"Transaction {sent} carries what stands there. Cancel it first, or say it in words."
    if has_studies is None:
        has_studies = _live(ticket.studies.all()).exists()
    return "Images have come for what stands there. Say it in words." if has_studies else ""


def _standing(transactions: Iterable[Transaction]) -> int | None:
    """The first that was made for the ticket and not given up."""
    over = (TransactionState.CANCELLED, TransactionState.PURGED)
    return min((each.number for each in transactions if each.state not in over), default=None)


def why_scans_stand(ticket: Ticket, acting: Acting) -> str:
    """Why this person cannot correct its scans; empty: they can."""
    return _why_not_theirs(ticket, acting) or carried_by(ticket)


def _why_not_theirs(ticket: Ticket, acting: Acting) -> str:
    if not (policies.may_work(acting, ticket.organisation_id) or _is_own(ticket, acting)):
        return "Only the service desk and the person who asked can correct the scans."
    if ticket.state not in OPEN:
        return "This ticket has ended. Ask for other scans with a new ticket."
    return ""


def _is_own(ticket: Ticket, acting: Acting) -> bool:
    return (
        _is_requester(ticket, acting)
        and policies.is_of_trust(acting, ticket.organisation_id)
        and acting.may(Permission.ASK_FOR_IMAGES)
    )


def _is_requester(ticket: Ticket, acting: Acting) -> bool:
    return acting.user is not None and acting.user.pk == ticket.requester_id


def _may_confirm(box: Mailbox | None, acting: Acting) -> bool:
    return box is not None and not is_usable(box) and may_verify_mailbox(acting, box)
