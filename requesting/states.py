"""How far one test has got: the statuses, the events, the one table that joins them, the waits.

Plain Python. `requesting.services` alone moves an item, and only by this table. Every status that
is not the end has a row in WAITS: somebody owns it, a clock runs, and a list shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Status(StrEnum):
    """Of a request item. A draft is its own thing (`DRAFT` is its tag) and never an item's."""

    HELD = "held"
    QUEUED = "queued"
    SENT = "sent"
    RECEIVED = "received"
    VETTING = "vetting"
    INFO = "info"
    REJECTED = "rejected"
    ACCEPTED = "accepted"
    WALKIN = "walkin"
    BOOKED = "booked"
    DNA = "dna"
    COLLECTED = "collected"
    PROGRESS = "progress"
    REPORTED = "reported"
    REVIEWED = "reviewed"
    CANCELLED = "cancelled"


DRAFT = "draft"  # the seventeenth code of the tag vocabulary


class Event(StrEnum):
    """What can happen to an item. The past tense of the verb that a person would use."""

    SUBMITTED = "submitted"
    UNDONE = "undone"
    RELEASED = "released"
    TO_VETTING = "to_vetting"
    STOPPED = "stopped"  # at release: no longer entitled, or it cannot be written as a message
    LINK_FAILED = "link_failed"
    FORM_SENT = "form_sent"  # on a downtime form: its message is held back
    FORM_RETURNED = "form_returned"  # the form's e-mail did not arrive
    FORM_LET_GO = "form_let_go"  # not on the form any more: it goes by the link
    KEYED_IN = "keyed_in"  # the department keyed the form in
    DELIVERED = "delivered"
    DELIVERY_REFUSED = "delivery_refused"
    ACCEPTED = "accepted"
    READY = "ready"  # accepted, and the patient may walk in
    ASKED = "asked"
    ANSWERED = "answered"
    REJECTED = "rejected"
    EXAM_CHANGED = "exam_changed"
    VET_UNDONE = "vet_undone"
    BOOKED = "booked"
    DNA = "dna"
    COLLECTED = "collected"
    STARTED = "started"
    AMENDED = "amended"  # the requester changed it before the department had acknowledged it
    CHANGE_CONFIRMED = "change_confirmed"
    CHANGE_REFUSED = "change_refused"
    PUT_ON_HOLD = "put_on_hold"  # the department waits for something
    HOLD_ENDED = "hold_ended"
    CANCEL_ASKED = "cancel_asked"
    CANCEL_REFUSED = "cancel_refused"
    CANCELLED = "cancelled"
    CLOSED = "closed"  # the requester closed what was rejected or missed
    REPLACED = "replaced"  # a new request stands in its place
    SEEN = "seen"  # the requester has read what changed
    REPORTED = "reported"
    REVIEWED = "reviewed"


class Attention(StrEnum):
    """Why an item needs the requester though its status alone would not say so."""

    EXAM_CHANGED = "exam_changed"
    CANCEL_REFUSED = "cancel_refused"
    CHANGE_REFUSED = "change_refused"
    CANCELLED = "cancelled"  # by somebody else than the requester


S, E = Status, Event
TERMINAL = frozenset({S.REVIEWED, S.CANCELLED})
ON_THE_WIRE = frozenset({S.SENT, S.QUEUED})
WITH_DEPARTMENT = frozenset({S.RECEIVED, S.ACCEPTED, S.WALKIN, S.BOOKED, S.COLLECTED, S.PROGRESS})
# Asked for and not done: asking again would be doing it twice. A missed one is to be rebooked.
DUPLICATED_WHILE = frozenset({S.HELD, S.VETTING, S.INFO, S.DNA} | ON_THE_WIRE | WITH_DEPARTMENT)
UNFINISHED = frozenset(Status) - TERMINAL - {S.HELD, S.REPORTED}


def _to(target: Status, event: Event, *sources: Iterable[Status]) -> dict:
    return {(source, event): target for group in sources for source in group}


def _stays(event: Event, *sources: Iterable[Status]) -> dict:
    return {(source, event): source for group in sources for source in group}


TRANSITIONS: dict[tuple[Status, Event], Status] = {
    **_to(S.CANCELLED, E.UNDONE, {S.HELD}),
    **_to(S.SENT, E.RELEASED, {S.HELD}),
    **_to(S.VETTING, E.TO_VETTING, {S.HELD}),
    **_to(S.REJECTED, E.STOPPED, {S.HELD}),
    **_to(S.QUEUED, E.LINK_FAILED, {S.SENT}),
    **_stays(E.FORM_SENT, {S.QUEUED}),
    **_stays(E.FORM_RETURNED, {S.QUEUED}),
    **_stays(E.FORM_LET_GO, {S.QUEUED}),
    **_to(S.RECEIVED, E.KEYED_IN, ON_THE_WIRE),
    # From rejected: an operator put right what the other machine had refused, and sent it again.
    **_to(S.RECEIVED, E.DELIVERED, ON_THE_WIRE, {S.REJECTED}),
    **_to(S.REJECTED, E.DELIVERY_REFUSED, ON_THE_WIRE, {S.ACCEPTED, S.WALKIN}),
    **_to(S.ACCEPTED, E.ACCEPTED, ON_THE_WIRE, {S.RECEIVED, S.VETTING, S.DNA}),
    **_to(S.WALKIN, E.READY, ON_THE_WIRE, {S.RECEIVED, S.VETTING, S.DNA}),
    **_to(S.INFO, E.ASKED, {S.VETTING}),
    **_to(S.VETTING, E.ANSWERED, {S.INFO}),
    **_to(S.VETTING, E.VET_UNDONE, {S.ACCEPTED, S.WALKIN, S.REJECTED, S.INFO}),
    **_to(S.REJECTED, E.REJECTED, UNFINISHED - {S.REJECTED}),
    **_stays(E.EXAM_CHANGED, UNFINISHED - {S.REJECTED}),
    # From in progress: the examination was abandoned and booked again.
    **_to(S.BOOKED, E.BOOKED, ON_THE_WIRE, WITH_DEPARTMENT - {S.COLLECTED}, {S.DNA}),
    **_to(S.DNA, E.DNA, ON_THE_WIRE, WITH_DEPARTMENT - {S.COLLECTED, S.PROGRESS}),
    **_to(S.COLLECTED, E.COLLECTED, ON_THE_WIRE, WITH_DEPARTMENT - {S.COLLECTED, S.PROGRESS}),
    **_to(S.PROGRESS, E.STARTED, ON_THE_WIRE, WITH_DEPARTMENT - {S.PROGRESS}, {S.DNA}),
    **_stays(E.AMENDED, ON_THE_WIRE),
    **_stays(E.CHANGE_CONFIRMED, ON_THE_WIRE, WITH_DEPARTMENT),
    **_stays(E.CHANGE_REFUSED, ON_THE_WIRE, WITH_DEPARTMENT, {S.DNA}),
    # On hold is no status: how far it had come stays to be seen, with a clock of its own.
    **_to(S.RECEIVED, E.PUT_ON_HOLD, ON_THE_WIRE),
    **_stays(E.PUT_ON_HOLD, WITH_DEPARTMENT),
    **_stays(E.HOLD_ENDED, WITH_DEPARTMENT),
    **_stays(E.CANCEL_ASKED, ON_THE_WIRE, WITH_DEPARTMENT),
    **_stays(E.CANCEL_REFUSED, ON_THE_WIRE, WITH_DEPARTMENT),
    **_to(S.CANCELLED, E.CANCELLED, UNFINISHED),
    **_to(S.CANCELLED, E.CLOSED, {S.REJECTED, S.DNA}),
    **_to(S.CANCELLED, E.REPLACED, {S.REJECTED, S.DNA}),
    **_stays(E.SEEN, UNFINISHED, {S.CANCELLED}),
    # A result is never lost: whatever we believed, a report is taken; a second one re-opens.
    **_to(S.REPORTED, E.REPORTED, frozenset(Status) - {S.HELD}),
    **_to(S.REVIEWED, E.REVIEWED, {S.REPORTED}),
}

# How far along, for a message that only tells us what we already know.
PROGRESS: dict[Status, int] = {
    S.HELD: 0, S.QUEUED: 1, S.SENT: 1, S.RECEIVED: 2, S.VETTING: 2, S.INFO: 2, S.ACCEPTED: 3,
    S.WALKIN: 3, S.BOOKED: 4, S.COLLECTED: 5, S.PROGRESS: 6, S.REPORTED: 7, S.REVIEWED: 8,
}  # fmt: skip


class Lane(StrEnum):
    """The tracker's lists (ux.md R5)."""

    NEEDS_YOU = "needs_you"
    WAITING = "waiting"
    BOOKED = "booked"
    DONE = "done"


LANES: dict[Lane, frozenset[Status]] = {
    Lane.NEEDS_YOU: frozenset({S.INFO, S.REJECTED, S.DNA}),
    Lane.WAITING: frozenset(
        {S.HELD, S.QUEUED, S.SENT, S.RECEIVED, S.VETTING, S.ACCEPTED, S.COLLECTED, S.PROGRESS,
         S.REPORTED}
    ),
    Lane.BOOKED: frozenset({S.WALKIN, S.BOOKED}),
    Lane.DONE: TERMINAL,
}  # fmt: skip


def lane_of(status: Status, *, due: datetime | None, now: datetime) -> Lane:
    """The one lane an item is in: what is due needs you, whatever its status."""
    if due is not None and due <= now:
        return Lane.NEEDS_YOU
    return next(lane for lane, statuses in LANES.items() if status in statuses)


class Owner(StrEnum):
    """Who has to do something before the item moves on."""

    REQUESTER = "requester"
    DEPARTMENT = "department"
    PATIENT = "patient"
    OPERATORS = "operators"


@dataclass(frozen=True)
class Told:
    """What a sentence may say of an item; every value is words already, dates included."""

    department: str = ""
    phone: str = ""
    who: str = ""  # the person who moved it last
    when: str = ""  # the moment it came to this status
    reason: str = ""
    question: str = ""
    answer_by: str = ""
    place: str = ""
    scheduled: str = ""  # "Tue 24-Nov-2026 09:20"
    sends_at: str = ""  # "10:42:30"
    hours: str = ""
    form: str = ""  # how it went while the link was down, and by when it is keyed in
    usual_days: int = 0
    is_laboratory: bool = False


@dataclass(frozen=True)
class Wait:
    """A status that is not the end: whose it is, for how long, and which list shows it."""

    owner: Owner
    limit: timedelta
    list_name: str  # URL name
    lane: Lane
    sentence: Callable[[Told], str]
    # When the requester must look: at once, or when the limit has passed.
    at_once: bool = False


def _received(told: Told) -> str:
    words = f"{told.department} has it."
    return f"{words} To change it, ring {told.phone}." if told.phone else words


def _vetting(told: Told) -> str:
    days = f"{told.usual_days} day{'' if told.usual_days == 1 else 's'}"
    return f"Usually decided in {days}." if told.usual_days else f"Waiting for {told.department}."


def _accepted(told: Told) -> str:
    return "The laboratory is ready for the sample." if told.is_laboratory else "Being booked."


def _walkin(told: Told) -> str:
    return f"Patient can go to any site. {told.hours}".strip()


def _booked(told: Told) -> str:
    words = ", ".join(part for part in (told.place, told.scheduled) if part)
    return f"{words}." if words else f"Booked by {told.department}."


def _progress(told: Told) -> str:
    return "In the laboratory." if told.is_laboratory else "Scanned, or being scanned."


def _collected(told: Told) -> str:
    return f"Taken {told.when} by {told.who}." if told.who else f"Taken {told.when}."


MINE, DEPARTMENT, QUEUE = "requesting:mine", "requesting:vetting", "messaging:queue"

WAITS: dict[Status, Wait] = {
    S.HELD: Wait(
        Owner.OPERATORS, timedelta(minutes=2), MINE, Lane.WAITING,
        lambda told: f"Sends at {told.sends_at}. Undo or change it now.",
    ),
    S.QUEUED: Wait(
        Owner.OPERATORS, timedelta(hours=1), QUEUE, Lane.WAITING,
        lambda told: told.form or (
            f"The link to {told.department} is down. It will send by itself. Nothing to do."
        ),
    ),
    S.SENT: Wait(
        Owner.OPERATORS, timedelta(minutes=15), QUEUE, Lane.WAITING,
        lambda told: f"Waiting for {told.department} to receive it.",
    ),
    S.RECEIVED: Wait(Owner.DEPARTMENT, timedelta(days=3), MINE, Lane.WAITING, _received),
    S.VETTING: Wait(Owner.DEPARTMENT, timedelta(days=3), DEPARTMENT, Lane.WAITING, _vetting),
    S.INFO: Wait(
        Owner.REQUESTER, timedelta(days=7), MINE, Lane.NEEDS_YOU,
        lambda told: f"{told.who} asked: ‘{told.question}’. Answer by {told.answer_by}.",
        at_once=True,
    ),
    S.REJECTED: Wait(
        Owner.REQUESTER, timedelta(days=2), MINE, Lane.NEEDS_YOU,
        lambda told: f"Reason: {told.reason}. Fix and send again, or close.",
        at_once=True,
    ),
    S.ACCEPTED: Wait(Owner.DEPARTMENT, timedelta(days=14), MINE, Lane.WAITING, _accepted),
    S.WALKIN: Wait(Owner.PATIENT, timedelta(days=28), MINE, Lane.BOOKED, _walkin),
    S.BOOKED: Wait(Owner.PATIENT, timedelta(days=1), MINE, Lane.BOOKED, _booked),
    S.DNA: Wait(
        Owner.REQUESTER, timedelta(days=7), MINE, Lane.NEEDS_YOU,
        lambda told: f"Missed {told.scheduled or told.when}. Rebook or cancel.",
        at_once=True,
    ),
    S.COLLECTED: Wait(Owner.DEPARTMENT, timedelta(days=2), MINE, Lane.WAITING, _collected),
    S.PROGRESS: Wait(Owner.DEPARTMENT, timedelta(days=7), MINE, Lane.WAITING, _progress),
    S.REPORTED: Wait(
        Owner.REQUESTER, timedelta(days=2), "results:inbox", Lane.WAITING,
        lambda told: "Review the result.",
    ),
}  # fmt: skip

# A critical result needs the requester at once, and is late after this (domain.md 3.9).
CRITICAL_LIMIT = timedelta(hours=2)

ENDINGS: dict[Status, Callable[[Told], str]] = {
    S.REVIEWED: lambda told: f"Reviewed by {told.who} {told.when}.",
    S.CANCELLED: lambda told: f"Cancelled by {told.who}: {told.reason or 'no reason given'}.",
}


def sentence(status: Status, told: Told) -> str:
    """The sentence beside the tag (ux.md 2.3)."""
    say = WAITS[status].sentence if status in WAITS else ENDINGS[status]
    return say(told)


def due_at(
    status: Status,
    *,
    since: datetime,
    scheduled_at: datetime | None = None,
    not_before: datetime | None = None,
    is_critical: bool = False,
    attention: str = "",
) -> datetime | None:
    """When the requester must look, if nothing moves first; None at the end of the road.

    `since` is when the status began. A booked item's clock starts at its appointment; one asked
    for a later date (`not_before`) waits for that date first.
    """
    if attention:
        return since
    wait = WAITS.get(status)
    if wait is None:
        return None
    if wait.at_once or (status is S.REPORTED and is_critical):
        return since
    start = scheduled_at or since if status is S.BOOKED else since
    if not_before and status in {S.RECEIVED, S.ACCEPTED, S.WALKIN}:
        start = max(start, not_before)
    return start + wait.limit
