"""The checklist of a ticket: what is done, by whom and when, and what it waits for (I2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery

from iep.models import Disc, Study, Ticket, TicketEventRow, Transaction, TransactionEventRow
from iep.states.discs import DiscState
from iep.states.studies import StudyState
from iep.states.tickets import RANG, TicketEvent, TicketKind, TicketState
from iep.states.transactions import TransactionEvent, TransactionState

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


def with_upload(rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
    """With when and by whom it was first uploaded, if it was."""
    first = TransactionEventRow.objects.filter(transaction=OuterRef("pk"), event__in=_UPLOADED)
    first = first.order_by("pk")
    return rows.annotate(
        uploaded_at=Subquery(first.values("at")[:1]),
        uploaded_by=Subquery(first.values("by_name")[:1]),
    ).order_by("created_at")


def steps_of(
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


def _uploaded(title: str, transactions: list[Any], events: list[TicketEventRow]) -> Step:
    """The transactions as with_upload reads them."""
    for each in transactions:
        if each.uploaded_at is not None:
            by = each.institution.name if each.brings_images else each.uploaded_by
            return Step(title, True, each.uploaded_at, by)
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
    rang = next((row for row in events if _is_of_the_end(row)), None)
    return Step("Requester told", True, ticket.told_at, rang.by_name if rang else "By e-mail")


def _is_of_the_end(row: TicketEventRow) -> bool:
    """Rung, and not for details that were missing."""
    return row.words.startswith(RANG) and row.to_state != TicketState.AWAITING_DETAILS
