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
    REPLACED = "replaced"  # a corrected copy stands in its place


class InEvent(StrEnum):
    PROCESS = "be processed"
    DELAY = "be tried again later"
    PARK = "be parked"
    RETRY = "be retried"
    HANDLE = "be marked as handled"
    REPLACE = "be replaced"


class OutState(StrEnum):
    """Of a message that goes."""

    WAITING = "waiting"  # its turn has not come, or it is tried again later
    SENDING = "sending"  # on the wire; a lease says whose
    HELD = "held"  # a downtime form went in its place: not sent until a person says so
    TAKEN = "taken"  # enhanced mode: they have it (CA), and have yet to say what they make of it
    ACKNOWLEDGED = "acknowledged"
    DEAD = "dead"  # the dead letters: trying again will not help, a person has to decide
    HANDLED = "handled"
    REPLACED = "replaced"  # a corrected message stands in its place


class OutEvent(StrEnum):
    CLAIM = "be claimed"
    TAKE = "be taken"
    ACKNOWLEDGE = "be acknowledged"
    DELAY = "be tried again later"
    BURY = "be given up"
    HOLD = "be held"
    LET_GO = "be let go"
    WITHDRAW = "be withdrawn"
    RETRY = "be retried"
    HANDLE = "be marked as handled"
    REPLACE = "be replaced"


IN_MOVES: dict[tuple[InState, InEvent], InState] = {
    (InState.RECEIVED, InEvent.PROCESS): InState.PROCESSED,
    (InState.RECEIVED, InEvent.DELAY): InState.RECEIVED,
    (InState.RECEIVED, InEvent.PARK): InState.PARKED,
    (InState.PARKED, InEvent.RETRY): InState.RECEIVED,
    (InState.PARKED, InEvent.HANDLE): InState.HANDLED,
    (InState.PARKED, InEvent.REPLACE): InState.REPLACED,
}

OUT_MOVES: dict[tuple[OutState, OutEvent], OutState] = {
    (OutState.WAITING, OutEvent.CLAIM): OutState.SENDING,
    # Its claimer died: whoever now holds the partner's lock sends it again, with a new lease.
    (OutState.SENDING, OutEvent.CLAIM): OutState.SENDING,
    (OutState.SENDING, OutEvent.TAKE): OutState.TAKEN,
    (OutState.SENDING, OutEvent.ACKNOWLEDGE): OutState.ACKNOWLEDGED,
    (OutState.SENDING, OutEvent.DELAY): OutState.WAITING,
    (OutState.SENDING, OutEvent.BURY): OutState.DEAD,
    # The application's answer to what was taken: AA; AE or AR, or none in time; AA after all.
    (OutState.TAKEN, OutEvent.ACKNOWLEDGE): OutState.ACKNOWLEDGED,
    (OutState.TAKEN, OutEvent.BURY): OutState.DEAD,
    (OutState.DEAD, OutEvent.ACKNOWLEDGE): OutState.ACKNOWLEDGED,
    (OutState.WAITING, OutEvent.HOLD): OutState.HELD,
    # Its claimer's lease ran out: nobody is at it, and a late answer has an older token.
    (OutState.SENDING, OutEvent.HOLD): OutState.HELD,
    (OutState.HELD, OutEvent.LET_GO): OutState.WAITING,
    # Not HANDLE: only whoever ends the form may end its message.
    (OutState.HELD, OutEvent.WITHDRAW): OutState.HANDLED,
    (OutState.DEAD, OutEvent.RETRY): OutState.WAITING,
    (OutState.DEAD, OutEvent.HANDLE): OutState.HANDLED,
    (OutState.DEAD, OutEvent.REPLACE): OutState.REPLACED,
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
OUT_UNFINISHED = (OutState.WAITING, OutState.SENDING, OutState.HELD, OutState.DEAD)


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
    InState.REPLACED: List.DONE,
}

OUT_LISTS: dict[OutState, List] = {
    OutState.DEAD: List.NEEDS_YOU,
    OutState.WAITING: List.WAITING,
    OutState.SENDING: List.WAITING,
    OutState.TAKEN: List.WAITING,
    OutState.HELD: List.WAITING,
    OutState.ACKNOWLEDGED: List.DONE,
    OutState.HANDLED: List.DONE,
    OutState.REPLACED: List.DONE,
}


@dataclass(frozen=True)
class Wait:
    """A state that is not the end: whose it is, and after how long it is late."""

    # "worker"; "operators": the roles with Permission.OPERATE_MESSAGES; "departments": those with
    # Permission.KEY_IN_FORMS
    owner: str
    limit: timedelta


IN_WAITS: dict[InState, Wait] = {
    InState.RECEIVED: Wait("worker", timedelta(minutes=5)),
    InState.PARKED: Wait("operators", timedelta(hours=1)),
}

OUT_WAITS: dict[OutState, Wait] = {
    OutState.WAITING: Wait("worker", timedelta(minutes=5)),
    OutState.SENDING: Wait("worker", timedelta(minutes=2)),
    # The department keys the form in, and says so on its list (`/vetting/downtime/`).
    OutState.HELD: Wait("departments", timedelta(hours=72)),
    OutState.TAKEN: Wait("worker", timedelta(hours=1)),  # each partner's own time is kept besides
    OutState.DEAD: Wait("operators", timedelta(hours=1)),
}


# --- What operators set going --------------------------------------------------------------------


class CorrectionState(StrEnum):
    """Of an edited copy of a message: it waits for a second person where it must."""

    PROPOSED = "proposed"
    APPLIED = "applied"  # the copy went its way, and the message is replaced
    DECLINED = "declined"


class CorrectionEvent(StrEnum):
    APPLY = "be applied"
    DECLINE = "be declined"


CORRECTION_MOVES: dict[tuple[CorrectionState, CorrectionEvent], CorrectionState] = {
    (CorrectionState.PROPOSED, CorrectionEvent.APPLY): CorrectionState.APPLIED,
    (CorrectionState.PROPOSED, CorrectionEvent.DECLINE): CorrectionState.DECLINED,
}


class ReplayState(StrEnum):
    """Of a replay of many messages."""

    RUNNING = "running"  # a worker releases them at the rate that was chosen
    DONE = "done"
    STOPPED = "stopped"  # by a person; what was not released stayed where it was


class ReplayEvent(StrEnum):
    FINISH = "be finished"
    STOP = "be stopped"


REPLAY_MOVES: dict[tuple[ReplayState, ReplayEvent], ReplayState] = {
    (ReplayState.RUNNING, ReplayEvent.FINISH): ReplayState.DONE,
    (ReplayState.RUNNING, ReplayEvent.STOP): ReplayState.STOPPED,
}

# The page that lists each: a URL name. Both pages show what is open first, then what is done.
CORRECTION_LISTS: dict[CorrectionState, str] = dict.fromkeys(
    CorrectionState, "messaging:corrections"
)
REPLAY_LISTS: dict[ReplayState, str] = dict.fromkeys(ReplayState, "messaging:replays")

CORRECTION_WAITS: dict[CorrectionState, Wait] = {
    CorrectionState.PROPOSED: Wait("operators", timedelta(hours=1)),
}
REPLAY_WAITS: dict[ReplayState, Wait] = {ReplayState.RUNNING: Wait("worker", timedelta(hours=4))}


def after_correction(state: str, event: CorrectionEvent) -> CorrectionState:
    """The state after the event. Raises NoSuchMove."""
    try:
        return CORRECTION_MOVES[CorrectionState(state), event]
    except KeyError:
        raise NoSuchMove(event, state) from None


def after_replay(state: str, event: ReplayEvent) -> ReplayState:
    """The state after the event. Raises NoSuchMove."""
    try:
        return REPLAY_MOVES[ReplayState(state), event]
    except KeyError:
        raise NoSuchMove(event, state) from None
