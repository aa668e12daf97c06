"""How far a drill has got: states, events, the table that joins them, who waits for what.

Plain Python. `messaging.services.drills` alone moves a drill, and only by this table. A drill
never touches a link, a message or a request: docs/adr/015-drills.md.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from .errors import NoSuchMove


class DrillState(StrEnum):
    """Of a drill."""

    PLANNED = "planned"
    RUNNING = "running"
    ENDED = "ended"  # at its planned end
    STOPPED = "stopped"  # a person stopped it
    OVERTAKEN = "overtaken"  # the link failed in earnest: the real thing goes before
    CALLED_OFF = "called_off"  # it never began


class DrillEvent(StrEnum):
    """What can happen to a drill."""

    START = "be started"
    STOP = "be stopped"
    END = "come to its end"
    FAIL = "be overtaken by a real failure"
    CALL_OFF = "be called off"
    LAPSE = "lapse"  # its end has passed and nobody had started it


S, E = DrillState, DrillEvent
DRILL_MOVES: dict[tuple[DrillState, DrillEvent], DrillState] = {
    (S.PLANNED, E.START): S.RUNNING,
    (S.PLANNED, E.FAIL): S.OVERTAKEN,  # it was due, and the link was down
    (S.PLANNED, E.CALL_OFF): S.CALLED_OFF,
    (S.PLANNED, E.LAPSE): S.CALLED_OFF,
    (S.RUNNING, E.STOP): S.STOPPED,
    (S.RUNNING, E.END): S.ENDED,
    (S.RUNNING, E.FAIL): S.OVERTAKEN,
}
DRILL_OVER = (S.ENDED, S.STOPPED, S.OVERTAKEN, S.CALLED_OFF)


@dataclass(frozen=True)
class DrillWait:
    """A state that is not the end: whose it is, how long after its planned turn it is late, and
    which list (a URL name) shows it."""

    owner: str
    limit: timedelta
    list_name: str


DRILL_WAITS: dict[DrillState, DrillWait] = {
    S.PLANNED: DrillWait("operators", timedelta(minutes=1), "requesting:drills"),
    S.RUNNING: DrillWait("operators", timedelta(minutes=1), "requesting:drills"),
}

DRILL_WORDS: dict[str, str] = {
    S.PLANNED: "Planned",
    S.RUNNING: "Running",
    S.ENDED: "Over",
    S.STOPPED: "Stopped",
    S.OVERTAKEN: "Ended by a real failure",
    S.CALLED_OFF: "Called off",
}

LONGEST = timedelta(hours=8)
FURTHEST = timedelta(days=365)  # ahead
HOURS = (3600, 600, 60)  # seconds that an hour of the 72 takes in a drill


def after_drill(state: str, event: DrillEvent) -> DrillState:
    """The state after the event. Raises NoSuchMove."""
    try:
        return DRILL_MOVES[DrillState(state), event]
    except KeyError:
        raise NoSuchMove(event, state.replace("_", " "), "drill") from None
