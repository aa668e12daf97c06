"""How a link to a partner stands: states, events, the table that joins them, and its clocks.

Plain Python. `messaging.services.links` alone moves a link, and only by this table. What the words
mean, and why the clocks are as they are: docs/adr/014-states-of-a-link.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from .errors import NoSuchMove
from .states import Wait


class LinkStatus(StrEnum):
    """How a link stands. People are told of the last two; operators of the last three."""

    UP = "up"
    SUSPECT = "suspect"  # something failed; it is not yet said to everybody
    DOWN = "down"  # nothing gets through, by what we see or by what a person declared
    RECOVERING = "recovering"  # it answers again, and has not yet proved that it stays


class LinkSign(StrEnum):
    """What moves a link. The first five are seen in the traffic, the last two are a person's."""

    STUMBLE = "stumble"  # three failures in a row, or no answer for `suspect_after`
    FALL = "fall"  # no answer for `down_after`; while it recovers, three failures too
    STEADY = "be steady"  # no trouble for `steady_after`
    ANSWER = "answer"  # one good answer after it fell
    PROVE = "prove itself"  # `good_probes` good answers in a row, over `proof_lasts`
    DECLARE = "be declared down"
    LIFT = "be declared over"


MOVES: dict[tuple[LinkStatus, LinkSign], LinkStatus] = {
    (LinkStatus.UP, LinkSign.STUMBLE): LinkStatus.SUSPECT,
    (LinkStatus.SUSPECT, LinkSign.FALL): LinkStatus.DOWN,
    (LinkStatus.SUSPECT, LinkSign.STEADY): LinkStatus.UP,
    (LinkStatus.DOWN, LinkSign.ANSWER): LinkStatus.RECOVERING,
    (LinkStatus.RECOVERING, LinkSign.FALL): LinkStatus.DOWN,
    (LinkStatus.RECOVERING, LinkSign.PROVE): LinkStatus.UP,
    (LinkStatus.UP, LinkSign.DECLARE): LinkStatus.DOWN,
    (LinkStatus.SUSPECT, LinkSign.DECLARE): LinkStatus.DOWN,
    # It is down already: from now on it stays so until a person says that it is over.
    (LinkStatus.DOWN, LinkSign.DECLARE): LinkStatus.DOWN,
    (LinkStatus.RECOVERING, LinkSign.DECLARE): LinkStatus.DOWN,
    # A person's word does not make it up: it has to answer first.
    (LinkStatus.DOWN, LinkSign.LIFT): LinkStatus.RECOVERING,
}


def after_link(state: str, event: LinkSign) -> LinkStatus:
    """The state after the event. Raises NoSuchMove."""
    try:
        return MOVES[LinkStatus(state), event]
    except KeyError:
        raise NoSuchMove(event, state, "link") from None


# Of which everybody is told: the notice at the top of each page.
NOT_WORKING = (LinkStatus.DOWN, LinkStatus.RECOVERING)

# Whose each state is and after how long it is late. "operators" see them all on "All services".
LINK_WAITS: dict[LinkStatus, Wait] = {
    LinkStatus.SUSPECT: Wait("worker", timedelta(minutes=15)),
    LinkStatus.DOWN: Wait("operators", timedelta(hours=1)),
    LinkStatus.RECOVERING: Wait("worker", timedelta(minutes=15)),
}


@dataclass(frozen=True)
class Clocks:
    """The times of a link; settings.LINK_CLOCKS changes them by name, in seconds or counts.

    From the first message that goes unanswered to the notice on every page at most 60 s:
    `down_after` + one look (5 s) for each of two moves + what the pages remember (5 s). From the
    first moment at which it answers again to RECOVERING: `probe_every` and its jitter + one look.
    """

    stumbles: int = 3  # failures in a row
    first_pause: float = 1.0  # after one failure, and twice as long after each further one
    breaker_opens: int = 5  # failures in a row: from then on one probe at a time
    suspect_after: float = 20.0
    down_after: float = 40.0
    probe_every: float = 30.0  # and up to a tenth later; never sooner
    good_probes: int = 3
    proof_lasts: float = 25.0  # a link that flaps every 20 s never proves itself
    recovering_probe_every: float = 5.0
    steady_after: float = 300.0
    relapse_within: float = 600.0  # down again so soon after it came back: it flaps
    window: float = 300.0  # a link that flaps is looked at over whole windows
    most_bad_share: float = 0.2  # of the attempts of a window in which it may come back
    most_failures_a_day: int = 3000
    over_the_cap_probe_every: float = 300.0


def clocks_from(changes: Mapping[str, Any]) -> Clocks:
    """The clocks with these changed. Raises TypeError for a name that there is not."""
    return Clocks(**changes)
