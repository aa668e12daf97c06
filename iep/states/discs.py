"""How far a disc (CD) has got, from the box at a reception to the images read in."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from .waits import NoSuchMove, Wait


class DiscState(StrEnum):
    EXPECTED = "expected"  # a ticket is open; the disc is to be labelled and dropped off
    IN_BOX = "in_box"  # on the collection chart of a site
    LEFT = "left"  # left in the box: not labelled, or its form is incomplete
    COLLECTED = "collected"
    READING = "reading"  # uploaded; its files are looked at
    STOPPED = "stopped"  # more than one patient on it: a person's
    READ = "read"  # its images are studies now
    UNREADABLE = "unreadable"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class DiscEvent(StrEnum):
    EXPECTED = "expected"  # its ticket was opened: no move
    DROPPED = "dropped"
    LEFT = "left"
    COLLECTED = "collected"
    UPLOADED = "uploaded"
    STOPPED = "stopped"
    RELEASED = "released"
    READ = "read"
    UNREADABLE = "unreadable"
    RETURNED = "returned"
    CANCELLED = "cancelled"


S, E = DiscState, DiscEvent
TERMINAL = frozenset({S.RETURNED, S.CANCELLED})
BEFORE = frozenset({S.EXPECTED, S.IN_BOX, S.LEFT, S.COLLECTED})
AT_DESK = frozenset({S.COLLECTED, S.UNREADABLE})
# What is on no chart, or was left in the box, is not opened (domain I19): it is brought first.
UPLOADABLE = AT_DESK | {S.IN_BOX}

TRANSITIONS: dict[tuple[DiscState, DiscEvent], DiscState] = {
    **{(state, E.DROPPED): S.IN_BOX for state in (S.EXPECTED, S.LEFT)},
    (S.IN_BOX, E.LEFT): S.LEFT,
    **{(state, E.COLLECTED): S.COLLECTED for state in BEFORE | {S.UNREADABLE}},
    **{(state, E.UPLOADED): S.READING for state in UPLOADABLE},
    (S.READING, E.STOPPED): S.STOPPED,
    (S.STOPPED, E.RELEASED): S.READ,
    (S.READING, E.READ): S.READ,
    (S.READING, E.UNREADABLE): S.UNREADABLE,
    **{(state, E.RETURNED): S.RETURNED for state in (S.READ, S.UNREADABLE, S.STOPPED)},
    **{(state, E.CANCELLED): S.CANCELLED for state in BEFORE | {S.UNREADABLE, S.STOPPED}},
}

WAITS: dict[DiscState, Wait] = {
    S.EXPECTED: Wait("requester", timedelta(days=14), "iep:discs"),
    S.IN_BOX: Wait("mbp", timedelta(days=7), "iep:discs"),
    S.LEFT: Wait("requester", timedelta(days=7), "iep:discs"),
    S.COLLECTED: Wait("mbp", timedelta(days=2), "iep:discs"),
    S.READING: Wait("worker", timedelta(hours=1), "iep:discs"),
    S.STOPPED: Wait("mbp", timedelta(hours=4), "iep:discs"),
    S.READ: Wait("mbp", timedelta(days=7), "iep:discs"),
    S.UNREADABLE: Wait("mbp", timedelta(hours=24), "iep:discs"),
}


def after(state: DiscState | str, event: DiscEvent) -> DiscState:
    """The state after the event. Raises NoSuchMove."""
    try:
        return TRANSITIONS[(DiscState(state), event)]
    except KeyError:
        raise NoSuchMove("disc", state, event) from None
