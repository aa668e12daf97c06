"""How far a message has got, in and out: states, events, the table that joins them, who waits.

Plain Python. `messaging.services` alone moves a message, and only by these tables. Every state is
on one list of the messages page (`IN_LISTS`, `OUT_LISTS`); one that is not an end has a row in
`IN_WAITS` or `OUT_WAITS`.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from .errors import NoSuchMove


class InState(StrEnum):
    """Of a message that came."""

    RECEIVED = "received"  # stored and acknowledged; a worker will take it
    PROCESSED = "processed"
    PARKED = "parked"  # a person has to decide
    HANDLED = "handled"  # a person did, outside this system
    REFUSED = "refused"  # the sender was told AR and still has it
    REPEAT = "repeat"  # the same message again: acknowledged the same, without effect


class InEvent(StrEnum):
    PROCESS = "be processed"
    DELAY = "be tried again later"
    PARK = "be parked"
    RETRY = "be retried"
    HANDLE = "be marked as handled"


class OutState(StrEnum):
    """Of a message that goes."""

    WAITING = "waiting"  # its turn has not come, or it is tried again later
    SENDING = "sending"  # on the wire; a lease says whose
    ACKNOWLEDGED = "acknowledged"
    DEAD = "dead"  # the dead letters: trying again will not help, a person has to decide
    HANDLED = "handled"


class OutEvent(StrEnum):
    CLAIM = "be claimed"
    ACKNOWLEDGE = "be acknowledged"
    DELAY = "be tried again later"
    BURY = "be given up"
    RETRY = "be retried"
    HANDLE = "be marked as handled"


IN_MOVES: dict[tuple[InState, InEvent], InState] = {
    (InState.RECEIVED, InEvent.PROCESS): InState.PROCESSED,
    (InState.RECEIVED, InEvent.DELAY): InState.RECEIVED,
    (InState.RECEIVED, InEvent.PARK): InState.PARKED,
    (InState.PARKED, InEvent.RETRY): InState.RECEIVED,
    (InState.PARKED, InEvent.HANDLE): InState.HANDLED,
}

OUT_MOVES: dict[tuple[OutState, OutEvent], OutState] = {
    (OutState.WAITING, OutEvent.CLAIM): OutState.SENDING,
    # Its claimer died: whoever now holds the partner's lock sends it again, with a new lease.
    (OutState.SENDING, OutEvent.CLAIM): OutState.SENDING,
    (OutState.SENDING, OutEvent.ACKNOWLEDGE): OutState.ACKNOWLEDGED,
    (OutState.SENDING, OutEvent.DELAY): OutState.WAITING,
    (OutState.SENDING, OutEvent.BURY): OutState.DEAD,
    (OutState.DEAD, OutEvent.RETRY): OutState.WAITING,
    (OutState.DEAD, OutEvent.HANDLE): OutState.HANDLED,
}


def after_in(state: str, event: InEvent) -> InState:
    """The state after the event. Raises NoSuchMove."""
    try:
        return IN_MOVES[InState(state), event]
    except KeyError:
        raise NoSuchMove(event, state) from None


def after_out(state: str, event: OutEvent) -> OutState:
    """The state after the event. Raises NoSuchMove."""
    try:
        return OUT_MOVES[OutState(state), event]
    except KeyError:
        raise NoSuchMove(event, state) from None


# What keeps the next message of the same stream back: all that is not done.
OUT_UNFINISHED = (OutState.WAITING, OutState.SENDING, OutState.DEAD)


class List(StrEnum):
    """A list of the messages page; its value is the word in the address."""

    NEEDS_YOU = "needs-you"
    WAITING = "waiting"
    REFUSED = "refused"
    DONE = "done"


IN_LISTS: dict[InState, List] = {
    InState.PARKED: List.NEEDS_YOU,
    InState.RECEIVED: List.WAITING,
    InState.REFUSED: List.REFUSED,
    InState.PROCESSED: List.DONE,
    InState.REPEAT: List.DONE,
    InState.HANDLED: List.DONE,
}

OUT_LISTS: dict[OutState, List] = {
    OutState.DEAD: List.NEEDS_YOU,
    OutState.WAITING: List.WAITING,
    OutState.SENDING: List.WAITING,
    OutState.ACKNOWLEDGED: List.DONE,
    OutState.HANDLED: List.DONE,
}


@dataclass(frozen=True)
class Wait:
    """A state that is not the end: whose it is, and after how long it is late."""

    owner: str  # "worker", or "operators": the roles with Permission.OPERATE_MESSAGES
    limit: timedelta


IN_WAITS: dict[InState, Wait] = {
    InState.RECEIVED: Wait("worker", timedelta(minutes=5)),
    InState.PARKED: Wait("operators", timedelta(hours=1)),
}

OUT_WAITS: dict[OutState, Wait] = {
    OutState.WAITING: Wait("worker", timedelta(minutes=5)),
    OutState.SENDING: Wait("worker", timedelta(minutes=2)),
    OutState.DEAD: Wait("operators", timedelta(hours=1)),
}
