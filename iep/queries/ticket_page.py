"""I2: everything on one ticket's page: the checklist, what hangs on it, what may be done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from accounts.policies import Acting
from accounts.roles import Permission
from iep import policies
from iep.asking import LABELS
from iep.models import Disc, Study, Ticket, TicketEventRow, TicketMail, Transaction, Transfer
from iep.states.discs import DiscState
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
from iep.states.transactions import TransactionEvent, TransactionState
from iep.states.transfers import TransferState
from messaging.policies import may_verify_mailbox
from messaging.queries.own_mailboxes import own_mailbox
from messaging.services.mail.posting import is_usable

from .tickets import KIND_WORDS, days_left, sentence

EVENT_WORDS: Final = {
    TicketEvent.OPENED: "Ticket opened",
    TicketEvent.TAKEN: "Assigned",
    TicketEvent.CHASED: "Details asked for",
    TicketEvent.REMINDED: "Reminded",
    TicketEvent.DETAILS_CAME: "Details received",
    TicketEvent.REQUESTED: "Requested on IEP",
    TicketEvent.DECLINED: "The other hospital declined",
    TicketEvent.FAILED: "The transfer failed",
    TicketEvent.ARRIVED: "Images arrived",
    TicketEvent.FIXED_UP: "Fixed up",
    TicketEvent.FINISHED: "Done",
    TicketEvent.CANCELLED: "Cancelled",
    TicketEvent.EXPIRED: "Cancelled after 2 weeks without the details",
    TicketEvent.ACKNOWLEDGED: "Cancellation acknowledged",
    TicketEvent.SCANS_CHANGED: "Scans corrected",
    TicketEvent.NOTED: "Note",
}
_LEFT: Final = (TransactionState.DELIVERED, TransactionState.FIXED_UP)
_UPLOADED: Final = (TransactionEvent.UPLOADED.value, TransactionEvent.DELIVERED.value)


@dataclass(frozen=True)
class Step:
    """A line of the checklist: whether it is done, by whom and when, or what it waits for."""

    title: str
    is_done: bool = False
    at: datetime | None = None
    by: str = ""
    words: str = ""  # "2 of 3"


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


def page_of(ticket: Ticket, acting: Acting) -> TicketPage:
    events = list(TicketEventRow.objects.filter(ticket=ticket).order_by("-pk"))
    transactions = list(ticket.transactions.select_related("institution").order_by("created_at"))
    studies = list(_live(ticket.studies.all()))
    discs = list(ticket.disc_set.select_related("site"))
    mails = list(ticket.mails.select_related("mail"))
    return TicketPage(
        ticket=ticket,
        kind=KIND_WORDS[TicketKind(ticket.kind)],
        sentence=sentence(ticket, to_requester=_is_requester(ticket, acting)),
        days_left=days_left(ticket),
        priority=PRIORITY_WORDS[Priority(ticket.priority)],
        reason=_reason(ticket),
        missing=tuple(LABELS[name] for name in ticket.missing if name in LABELS),
        steps=tuple(_steps(ticket, events, transactions, studies, discs)),
        history=tuple(_line(each) for each in events),
        mails=tuple(mails),
        transactions=tuple(transactions),
        transfers=tuple(_transfers(ticket)),
        studies=tuple(studies),
        discs=tuple(discs),
        actions=_actions(ticket, acting),
        is_open=ticket.state in OPEN,
        ring_instead=_ring_instead(ticket),
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
    rows = Transfer.objects.filter(transaction__ticket=ticket).select_related("node__institution")
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


def _ring_instead(ticket: Ticket) -> str:
    box = own_mailbox(ticket.organisation, ticket.requester_email)
    if box is None:
        return "No mail can go to the requester’s address."
    if not is_usable(box):
        return "Nobody has made sure of the requester’s address yet, so no mail goes there."
    return ""


# --- The checklist -------------------------------------------------------------------------------


def _steps(
    ticket: Ticket,
    events: list[TicketEventRow],
    transactions: list[Transaction],
    studies: list[Study],
    discs: list[Disc],
) -> list[Step]:
    kind = TicketKind(ticket.kind)
    middle = {
        TicketKind.IMPORT: lambda: [
            _of_event("Requested on IEP", events, TicketEvent.REQUESTED),
            _uploaded("Uploaded by sender", transactions, events),
            _arrived("Downloaded", events),
            *_filing(studies),
        ],
        TicketKind.EXPORT: lambda: [
            _of_event("Created on IEP", events, TicketEvent.REQUESTED),
            _uploaded("Uploaded by us", transactions, events),
            _delivered(ticket, transactions, events),
        ],
        TicketKind.DISC: lambda: [
            _disc("Dropped off", discs, _AFTER_DROP),
            _disc("Collected", discs, _AFTER_COLLECTION),
            _disc("Read in", discs, _AFTER_READING),
            *_filing(studies),
        ],
    }[kind]()
    return [_details(ticket, events), *middle, _told(ticket, events)]


def _first(events: list[TicketEventRow], *wanted: TicketEvent) -> TicketEventRow | None:
    """The last one of these kinds: events come newest first."""
    values = {each.value for each in wanted}
    return next((row for row in events if row.event in values), None)


def _step(title: str, row: TicketEventRow | None, *, words: str = "") -> Step:
    if row is None:
        return Step(title, words=words)
    return Step(title, True, row.at, row.by_name, words)


def _of_event(title: str, events: list[TicketEventRow], event: TicketEvent) -> Step:
    """Done since it last happened, and undone by what took the ticket back to the desk."""
    row = _first(events, event)
    back = _first(events, TicketEvent.DECLINED, TicketEvent.FAILED)
    if row and back and back.pk > row.pk:
        return Step(title, words=EVENT_WORDS[TicketEvent(back.event)])
    return _step(title, row)


def _details(ticket: Ticket, events: list[TicketEventRow]) -> Step:
    if ticket.state == TicketState.AWAITING_DETAILS:
        return Step("Details complete", words="Asked for, not received yet")
    return _step("Details complete", _first(events, TicketEvent.DETAILS_CAME, TicketEvent.OPENED))


def _uploaded(title: str, transactions: list[Transaction], events: list[TicketEventRow]) -> Step:
    for each in transactions:
        row = each.events.filter(event__in=_UPLOADED).order_by("pk").first()
        if row is not None:
            return Step(title, True, row.at, each.institution.name if each.brings_images else
                        row.by_name)  # fmt: skip
    return _arrived(title, events)


def _arrived(title: str, events: list[TicketEventRow]) -> Step:
    return _of_event(title, events, TicketEvent.ARRIVED)


def _delivered(
    ticket: Ticket, transactions: list[Transaction], events: list[TicketEventRow]
) -> Step:
    there = sum(each.state in _LEFT for each in transactions)
    if ticket.state == TicketState.DONE:
        return _step("Delivered", _first(events, TicketEvent.FINISHED))
    words = f"{there} of {len(transactions)}" if transactions else ""
    return Step("Delivered", words=words)


def _filing(studies: list[Study]) -> list[Step]:
    """Each study is matched by a person, and then in PACS and RIS: n of m, never "all" of none."""
    matched = [each for each in studies if each.matched_at]
    filed = [each for each in studies if each.state == StudyState.FILED]
    return [
        _counted("Matched", studies, matched, [(s.matched_at, s.matched_by) for s in matched]),
        _counted("In PACS and RIS", studies, filed, [(s.in_pacs_at, s.matched_by) for s in filed]),
    ]


def _counted(
    title: str, all_of: list[Study], done: list[Study], when: list[tuple[datetime | None, str]]
) -> Step:
    known = [pair for pair in when if pair[0] is not None]
    at, by = max(known, default=(None, ""), key=lambda pair: str(pair[0]))
    is_done = bool(all_of) and len(done) == len(all_of)
    words = f"{len(done)} of {len(all_of)}" if all_of and not is_done else ""
    return Step(title, is_done, at if is_done else None, by if is_done else "", words)


_AFTER_READING: Final = {DiscState.READ, DiscState.RETURNED}
_AFTER_COLLECTION: Final = _AFTER_READING | {
    DiscState.COLLECTED, DiscState.READING, DiscState.STOPPED, DiscState.UNREADABLE,
}  # fmt: skip
_AFTER_DROP: Final = _AFTER_COLLECTION | {DiscState.IN_BOX}


def _disc(title: str, discs: list[Disc], states: set[DiscState]) -> Step:
    live = [each for each in discs if each.state != DiscState.CANCELLED]
    done = [each for each in live if each.state in states]
    is_done = bool(live) and len(done) == len(live)
    words = f"{len(done)} of {len(live)}" if live and not is_done else ""
    return Step(title, is_done, max(each.state_since for each in done) if is_done else None,
                words=words)  # fmt: skip


def _told(ticket: Ticket, events: list[TicketEventRow]) -> Step:
    if ticket.told_at is None:
        return Step("Requester told")
    rang = next((row for row in events if row.words.startswith("Rang the requester")), None)
    return Step("Requester told", True, ticket.told_at, rang.by_name if rang else "By e-mail")


# --- What may be done ----------------------------------------------------------------------------


def _actions(ticket: Ticket, acting: Acting) -> Actions:
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
        confirm_address=works and _may_confirm(ticket, acting),
        ring=works,
        note=works or own,
        scans=not why_scans_stand(ticket, acting),
    )


def carried_by(ticket: Ticket) -> str:
    """Why the scans stand as they are: what has gone out, or come, with them; empty: nothing."""
    over = [TransactionState.CANCELLED.value, TransactionState.PURGED.value]
    sent = ticket.transactions.exclude(state__in=over).order_by("number").first()
    if sent is not None:
        return (
            f"Transaction {sent.number} carries these scans already. Cancel it first, or ask for "
            "others with a new ticket."
        )
    if _live(ticket.studies.all()).exists():
        return "Images have come for this ticket already. Ask for others with a new ticket."
    return ""


def why_scans_stand(ticket: Ticket, acting: Acting) -> str:
    """Why this person cannot correct its scans; empty: they can."""
    if not (policies.may_work(acting, ticket.organisation_id) or _is_own(ticket, acting)):
        return "Only the service desk and the person who asked can correct the scans."
    if ticket.state not in OPEN:
        return "This ticket has ended. Ask for other scans with a new ticket."
    return carried_by(ticket)


def _is_own(ticket: Ticket, acting: Acting) -> bool:
    return (
        _is_requester(ticket, acting)
        and policies.is_of_trust(acting, ticket.organisation_id)
        and acting.may(Permission.ASK_FOR_IMAGES)
    )


def _is_requester(ticket: Ticket, acting: Acting) -> bool:
    return acting.user is not None and acting.user.pk == ticket.requester_id


def _may_confirm(ticket: Ticket, acting: Acting) -> bool:
    box = own_mailbox(ticket.organisation, ticket.requester_email)
    return box is not None and not is_usable(box) and may_verify_mailbox(acting, box)
