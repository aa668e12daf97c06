"""The night window of batch work: hours of the wall clock in London, whatever the clocks do."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def is_night(at: datetime, window: str) -> bool:
    """Whether an aware moment falls into a window such as `20:00-06:00` (the end is not in it).

    The wall clock decides: on the night when it goes back the window is an hour longer, on the
    night when it goes forward an hour shorter. Raises ValueError: no window.
    """
    begins, ends = _hours(window)
    now = at.astimezone(LONDON).time()
    if begins <= ends:
        return begins <= now < ends
    return now >= begins or now < ends


def night_begins(window: str) -> time:
    """When the window opens, by the wall clock. Raises ValueError: no window."""
    return _hours(window)[0]


def _hours(window: str) -> tuple[time, time]:
    begins, ends = (time.fromisoformat(part.strip()) for part in window.split("-"))
    return begins, ends
