"""What the traffic says of a link: evidence in, one sign or none out. Plain Python.

The decision is here and nowhere else, so that every case of it can be tried without a socket.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from .link_states import Clocks, LinkSign, LinkStatus


@dataclass(frozen=True)
class Evidence:
    """What is seen of a link at one moment. Times are in seconds ago, by the database's clock."""

    now: datetime
    is_paused: bool = False
    failures: int = 0  # in a row
    phase: str = ""  # of the last failure
    failing_for: float | None = None  # since the first of them was sent
    in_flight_for: float | None = None  # since a question was put, or since the last answer
    is_due: bool = False  # a message could go, and nobody sends it
    unsent_for: float | None = None  # since that was first seen
    good_probes: int = 0
    answering_for: float | None = None  # since the first answer after the last failure
    steady_for: float | None = None  # since trouble was last seen
    moved_for: float | None = None  # since the last transition
    came_back_for: float | None = None  # since it last came out of DOWN
    is_flapping: bool = False
    window_for: float | None = None
    window_good: int = 0
    window_bad: int = 0
    is_declared: bool = False
    declared_is_over: bool = False
    can_be_proved: bool = True  # there is, or will be, something to send to it

    @property
    def silent_for(self) -> float:
        """How long nothing was answered that should have been."""
        return max(self.failing_for or 0, self.in_flight_for or 0, self.unsent_for or 0)

    @property
    def began_at(self) -> datetime:
        """When what is wrong now began."""
        return self.now - timedelta(seconds=self.silent_for)


def is_trouble(seen: Evidence, clocks: Clocks) -> bool:
    """Three failures in a row, or a silence that is longer than usual."""
    return seen.failures >= clocks.stumbles or seen.silent_for >= clocks.suspect_after


def sign_of(state: LinkStatus, seen: Evidence, clocks: Clocks) -> LinkSign | None:
    """What moves a link in this state now; None: it stays. A paused link is not judged."""
    if seen.is_paused and not seen.is_declared:
        return None
    match state:
        case LinkStatus.UP:
            return LinkSign.STUMBLE if is_trouble(seen, clocks) else None
        case LinkStatus.SUSPECT:
            return _while_suspect(seen, clocks)
        case LinkStatus.DOWN:
            return _while_down(seen, clocks)
        case LinkStatus.RECOVERING:
            return _while_recovering(seen, clocks)


def _while_suspect(seen: Evidence, clocks: Clocks) -> LinkSign | None:
    if seen.silent_for >= clocks.down_after:
        return LinkSign.FALL
    calm = seen.steady_for is None or seen.steady_for >= clocks.steady_after
    return LinkSign.STEADY if calm and not is_trouble(seen, clocks) else None


def _while_down(seen: Evidence, clocks: Clocks) -> LinkSign | None:
    if seen.is_declared:
        return LinkSign.LIFT if seen.declared_is_over else None
    if seen.failures or not seen.good_probes:
        return None
    held = seen.is_flapping and not may_come_back(seen, clocks)
    return None if held else LinkSign.ANSWER


def may_come_back(seen: Evidence, clocks: Clocks) -> bool:
    """Of a link that flaps: a whole window has passed in which few attempts failed."""
    if not window_is_over(seen, clocks) or seen.window_good < clocks.good_probes:
        return False
    return seen.window_bad <= clocks.most_bad_share * (seen.window_good + seen.window_bad)


def window_is_over(seen: Evidence, clocks: Clocks) -> bool:
    return seen.window_for is not None and seen.window_for >= clocks.window


def _while_recovering(seen: Evidence, clocks: Clocks) -> LinkSign | None:
    if seen.silent_for >= clocks.down_after or seen.failures >= clocks.stumbles:
        return LinkSign.FALL
    if seen.failures:
        return None
    if seen.good_probes >= clocks.good_probes:
        return LinkSign.PROVE if (seen.answering_for or 0) >= clocks.proof_lasts else None
    # Nothing waits, and nothing may be sent to try it: what was sent was answered.
    quiet = not seen.can_be_proved and (seen.moved_for or 0) >= clocks.proof_lasts
    return LinkSign.PROVE if quiet else None
