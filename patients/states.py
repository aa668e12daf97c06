"""How two records become one: states, reasons to wait, and who must look by when. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo


class MergeState(StrEnum):
    HELD = "held"  # a person decides
    APPLIED = "applied"  # the retired record is read through the survivor
    REFUSED = "refused"
    UNDONE = "undone"


class MergeEvent(StrEnum):
    HELD = "held"
    APPLIED = "applied"
    REFUSED = "refused"
    UNDONE = "undone"


class Why(StrEnum):
    """Why a merge waits for a person. Nothing here is weighed: one is enough."""

    SAME_TEST = "same_test"
    NHS_NUMBERS = "nhs_numbers"
    BIRTH_DATES = "birth_dates"
    NAMES = "names"
    DEATH = "death"
    UNDONE_BEFORE = "undone_before"


WHY_WORDS: Final[dict[Why, str]] = {
    Why.SAME_TEST: "Both records have an open request for the same test",
    Why.NHS_NUMBERS: "The NHS numbers are different",
    Why.BIRTH_DATES: "The birth dates are different",
    Why.NAMES: "Both the family name and the given names are different",
    Why.DEATH: "One of the two has died",
    Why.UNDONE_BEFORE: "One of the two was in a merge that was undone or refused",
}
STATE_WORDS: Final[dict[MergeState, str]] = {
    MergeState.HELD: "Waits for a person",
    MergeState.APPLIED: "Merged",
    MergeState.REFUSED: "Refused",
    MergeState.UNDONE: "Undone",
}
# (state, event) → state; None is a merge that a message has just asked for.
TRANSITIONS: Final[dict[tuple[MergeState | None, MergeEvent], MergeState]] = {
    (None, MergeEvent.HELD): MergeState.HELD,
    (None, MergeEvent.APPLIED): MergeState.APPLIED,
    (MergeState.HELD, MergeEvent.APPLIED): MergeState.APPLIED,
    (MergeState.HELD, MergeEvent.REFUSED): MergeState.REFUSED,
    (MergeState.APPLIED, MergeEvent.UNDONE): MergeState.UNDONE,
}


@dataclass(frozen=True)
class Wait:
    """Whose a state is, for how long, and which page lists it."""

    owner: str
    limit: timedelta  # of working time
    list_name: str  # URL name


WAITS: Final[dict[MergeState, Wait]] = {
    MergeState.HELD: Wait("operators", timedelta(hours=1), "patients:merges"),
}
SETTLED: Final = frozenset({MergeState.APPLIED, MergeState.REFUSED, MergeState.UNDONE})
LEAST_WORDS: Final = 5
LONGEST_WORDS: Final = 300

LONDON: Final = ZoneInfo("Europe/London")
OPENS, CLOSES, SATURDAY = time(9), time(17), 5


def after(state: MergeState | str | None, event: MergeEvent) -> MergeState:
    """The state after the event. Raises KeyError for a move that the table does not have."""
    return TRANSITIONS[(MergeState(state) if state else None, event)]


def working_time_after(at: datetime, limit: timedelta) -> datetime:
    """When `limit` of working time (Monday to Friday, 9 to 17 in London) has passed since `at`.

    Bank holidays count as working days: a clock that runs early is looked at early.
    """
    here, left = at.astimezone(LONDON), limit
    while True:
        opens = datetime.combine(here.date(), OPENS, LONDON)
        closes = datetime.combine(here.date(), CLOSES, LONDON)
        here = max(here, opens)
        if here.weekday() < SATURDAY and here < closes:
            if here + left <= closes:
                return here + left
            left -= closes - here
        here = datetime.combine(here.date() + timedelta(days=1), OPENS, LONDON)
