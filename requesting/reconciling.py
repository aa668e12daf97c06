"""A partner's list beside what we hold: what counts as a difference, in words, and how it ends.

Plain Python: nothing is looked up and nothing is changed here. docs/hl7/reconciliation.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from .partner_lists import ENDS, STAGES, ListKind, PartnerList, Theirs
from .states import Status

# What is on its way while the list is written is on neither side: it is asked for next time.
GRACE: Final = timedelta(minutes=15)


class Kind(StrEnum):
    """What does not agree."""

    NOT_THERE = "not_there"
    NOT_HERE = "not_here"
    ACCESSION = "accession"
    NUMBERS = "numbers"
    STATUS = "status"
    NO_STATUS = "no_status"
    NO_RESULT = "no_result"
    REPORT_NOT_HERE = "report_not_here"
    REPORT_NOT_THERE = "report_not_there"
    VERSION = "version"
    FEWER = "fewer"
    STOPPED = "stopped"


WORDS: Final[dict[Kind, str]] = {
    Kind.NOT_THERE: "Delivered, and not on their list",
    Kind.NOT_HERE: "On their list under an order number that we do not have",
    Kind.ACCESSION: "An accession number that only they know",
    Kind.NUMBERS: "Their accession number is not the one we hold",
    Kind.STATUS: "They are further than we know",
    Kind.NO_STATUS: "Taken, and nothing was heard of it since",
    Kind.NO_RESULT: "No result by its usual time",
    Kind.REPORT_NOT_HERE: "They sent a report that is not here",
    Kind.REPORT_NOT_THERE: "A report is here that is not on their list",
    Kind.VERSION: "Not the same version of a report",
    Kind.FEWER: "Fewer results than usual for one practice",
    Kind.STOPPED: "Results for one practice have stopped",
}
TRY_FIRST: Final[dict[Kind, str]] = {
    Kind.NOT_THERE: "Ask whether they have it under another number. If not, send it again.",
    Kind.NOT_HERE: "Ask them where the order came from, and for which patient.",
    Kind.ACCESSION: "Ask them for the order number of this accession number.",
    Kind.NUMBERS: "Ask them which accession number is right, and to send its status again.",
    Kind.STATUS: "Ask them to send the status or the report again.",
    Kind.NO_STATUS: "Ask whether they have it. If not, send it again.",
    Kind.NO_RESULT: "Ask them how far it is, and to send the result if it was sent before.",
    Kind.REPORT_NOT_HERE: "Ask them to send the report again, and where it went.",
    Kind.REPORT_NOT_THERE: "Ask them whether they issued it. Tell the requester if they did not.",
    Kind.VERSION: "Ask them to send every version again: what is here already is kept once.",
    Kind.FEWER: "Ask them what became of this practice’s results of the last day.",
    Kind.STOPPED: "Ask them what became of this practice’s results of the last day.",
}
MAY_RESEND: Final = frozenset({Kind.NOT_THERE, Kind.NO_STATUS})
# What a list of theirs, and what our own clocks, bring up and take away again.
BY_LIST: Final[dict[ListKind, frozenset[Kind]]] = {
    ListKind.ORDERS: frozenset(
        {Kind.NOT_THERE, Kind.NOT_HERE, Kind.ACCESSION, Kind.NUMBERS, Kind.STATUS}
    ),
    ListKind.REPORTS: frozenset({Kind.REPORT_NOT_HERE, Kind.REPORT_NOT_THERE, Kind.VERSION}),
}
URGENT_LIMIT: Final = timedelta(hours=1)
ROUTINE_LIMIT: Final = timedelta(hours=24)


class State(StrEnum):
    """Of a difference. Open has an owner (operators), a clock and a list."""

    OPEN = "open"
    EXPLAINED = "explained"  # a person said why, and it stays so while nothing changes
    RESOLVED = "resolved"  # a later list, or a message, shows that it is over


class Event(StrEnum):
    EXPLAIN = "explain"
    GO = "go"  # the two sides agree now
    CHANGE = "change"  # it is there again, or differs in another way


MOVES: Final[dict[tuple[State, Event], State]] = {
    (State.OPEN, Event.EXPLAIN): State.EXPLAINED,
    (State.OPEN, Event.GO): State.RESOLVED,
    (State.EXPLAINED, Event.GO): State.RESOLVED,
    (State.OPEN, Event.CHANGE): State.OPEN,
    (State.EXPLAINED, Event.CHANGE): State.OPEN,
    (State.RESOLVED, Event.CHANGE): State.OPEN,
}
LISTS: Final[dict[State, str]] = dict.fromkeys(State, "results:reconciliation")


class NoSuchMove(Exception):
    """Somebody was faster. Nothing was changed."""


def after(state: str, event: Event) -> State:
    """The state after the event. Raises NoSuchMove."""
    try:
        return MOVES[State(state), event]
    except KeyError:
        raise NoSuchMove(f"{state}: {event}") from None


# --- Orders --------------------------------------------------------------------------------------

S = Status
_OURS: Final[dict[Status, int]] = {
    S.QUEUED: 1, S.SENT: 1, S.RECEIVED: 2, S.ACCEPTED: 3, S.WALKIN: 4, S.BOOKED: 4, S.DNA: 4,
    S.COLLECTED: 5, S.PROGRESS: 6, S.REPORTED: 7, S.REVIEWED: 7,
}  # fmt: skip
BELIEVED_THERE: Final = frozenset(
    {S.RECEIVED, S.ACCEPTED, S.WALKIN, S.BOOKED, S.DNA, S.COLLECTED, S.PROGRESS}
)


@dataclass(frozen=True)
class Ours:
    """An order as we hold it. `sent_at`: when its message left; `at`: since when the status."""

    placer: str
    accession: str
    status: Status
    sent_at: datetime
    at: datetime


@dataclass(frozen=True)
class Found:
    """One difference. `key` is what it is the difference of: the same in every list."""

    kind: Kind
    key: str
    placer: str = ""
    accession: str = ""
    ours: str = ""
    theirs: str = ""


def compare_orders(theirs: PartnerList, ours: Iterable[Ours]) -> tuple[Found, ...]:
    """What does not agree. `ours`: every order that the partner was ever sent by us."""
    held = {each.placer: each for each in ours}
    accessions = {each.accession for each in held.values() if each.accession}
    listed = {row.placer for row in theirs.rows if row.placer}
    found = [
        *_missing_there(theirs, held, listed),
        *(each for row in theirs.rows for each in _of_row(row, theirs, held, accessions)),
    ]
    return tuple(sorted(found, key=lambda each: (each.kind, each.key)))


def _missing_there(
    theirs: PartnerList, held: Mapping[str, Ours], listed: set[str]
) -> Iterable[Found]:
    for each in held.values():
        in_time = theirs.since <= each.sent_at <= theirs.as_of - GRACE
        if in_time and each.status in BELIEVED_THERE and each.placer not in listed:
            yield Found(
                Kind.NOT_THERE, each.placer, each.placer, each.accession, ours=each.status.value
            )


def _of_row(
    row: Theirs, theirs: PartnerList, held: Mapping[str, Ours], accessions: set[str]
) -> Iterable[Found]:
    is_fresh = (row.changed or row.at or theirs.since) > theirs.as_of - GRACE
    mine = held.get(row.placer)
    if is_fresh:
        return
    if row.placer and mine is None:
        yield Found(Kind.NOT_HERE, row.placer, row.placer, row.accession, theirs=row.status)
    elif mine is None and row.accession not in accessions:
        yield Found(Kind.ACCESSION, row.accession, "", row.accession, theirs=row.status)
    elif mine is not None:
        if row.accession and mine.accession and row.accession != mine.accession:
            yield Found(
                Kind.NUMBERS, row.placer, row.placer, row.accession, mine.accession, row.accession
            )
        if states_differ(mine.status, row.status):
            yield Found(
                Kind.STATUS, row.placer, row.placer, row.accession, mine.status.value, row.status
            )


def states_differ(ours: Status, theirs: str) -> bool:
    """They know more than we do, or hold open what we believe to have ended.

    That we are further than their list is none: their list is older than our last message.
    """
    if ours is S.CANCELLED:
        return theirs != "cancelled"
    if ours is S.REJECTED:
        return theirs not in ENDS
    if theirs in ENDS:
        return ours not in (S.REPORTED, S.REVIEWED)
    if theirs == "missed":
        return ours is not S.DNA and _OURS.get(ours, 0) <= STAGES["missed"]
    return STAGES[theirs] > _OURS.get(ours, 0)


# --- Reports -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OurReport:
    """What we filed under one order and accession number; `count`: its versions."""

    placer: str
    accession: str
    status: str
    issued_at: datetime
    arrived_at: datetime
    count: int


def compare_reports(
    theirs: PartnerList, ours: Iterable[OurReport], *, parked: frozenset[str] = frozenset()
) -> tuple[Found, ...]:
    """What does not agree. `parked`: numbers of reports that are here and wait for a person."""
    held = {(each.placer, each.accession): each for each in ours}
    by_accession = {each.accession: each for each in held.values()}
    found, met = [], set()
    for row in theirs.rows:
        mine = held.get((row.placer, row.accession)) if row.placer else None
        mine = mine or (by_accession.get(row.accession) if not row.placer else None)
        if mine:
            met.add((mine.placer, mine.accession))
        if (row.at or theirs.since) <= theirs.as_of - GRACE:
            found += _of_report(row, mine, parked)
    for key, each in held.items():
        latest = max(each.issued_at, each.arrived_at)
        if key not in met and theirs.since <= each.issued_at and latest <= theirs.as_of - GRACE:
            found.append(
                Found(Kind.REPORT_NOT_THERE, _key(each), each.placer, each.accession, each.status)
            )
    return tuple(sorted(found, key=lambda each: (each.kind, each.key)))


def _of_report(row: Theirs, mine: OurReport | None, parked: frozenset[str]) -> list[Found]:
    if {row.placer, row.accession} & parked:
        return []  # on the list of unmatched results, with a clock of its own
    said = f"{row.status}, {row.count} version{'s' if row.count > 1 else ''}"
    if mine is None:
        return [Found(Kind.REPORT_NOT_HERE, _key(row), row.placer, row.accession, "", said)]
    if (row.status, row.count) == (mine.status, mine.count):
        return []
    held = f"{mine.status}, {mine.count} version{'s' if mine.count > 1 else ''}"
    return [Found(Kind.VERSION, _key(row), mine.placer, row.accession, held, said)]


def _key(each: Theirs | OurReport) -> str:
    return f"{each.placer} {each.accession}".strip()


# --- Clocks --------------------------------------------------------------------------------------


def working_deadline(
    start: datetime, hours: float, *, opens: int = 0, closes: int = 24, weekends: bool = True
) -> datetime:
    """`hours` after `start`, counted only while the department is open. `start` in local time."""
    left, at = timedelta(hours=hours), start
    while True:
        begin = at.replace(hour=opens, minute=0, second=0, microsecond=0)
        end = begin + timedelta(hours=closes - opens)
        at = max(at, begin)
        if (weekends or at.weekday() < 5) and at < end:
            if at + left <= end:
                return at + left
            left -= end - at
        at = begin + timedelta(days=1)
