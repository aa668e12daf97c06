"""How far a transfer is, in words that are honest: nothing is promised that the rate does not bear.

ux 2.9: time left is shown after 10 s of data, rounded, and not at all while the last minute's rate
varies by more than a half; no movement for 60 s is Stalled; a transfer that was taken up again says
from where.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from iep.states.transfers import STALLED_AFTER, TransferState

MINUTE = timedelta(minutes=1)
BARS = 12  # of the last minute, 5 s each
_ENOUGH = timedelta(seconds=10)
_MOST_VARIATION = 0.5


@dataclass(frozen=True)
class Pace:
    """How many images moved in each twelfth of the last minute, the oldest first."""

    bars: tuple[int, ...]
    seconds: float  # of which there is data: 0 to 60

    @property
    def a_second(self) -> float:
        """Images a second over what there is of the last minute."""
        return sum(self.bars) / self.seconds if self.seconds > 0 else 0.0

    @property
    def is_steady(self) -> bool:
        """Whether the two halves of what there is differ by a half of the faster one at most."""
        used = self.bars[-max(2, round(self.seconds / 60 * BARS)) :]
        middle = len(used) // 2
        halves = sum(used[:middle]) / max(middle, 1), sum(used[middle:]) / (len(used) - middle)
        return max(halves) > 0 and (max(halves) - min(halves)) <= _MOST_VARIATION * max(halves)


def pace_of(moments: Iterable[datetime], *, began: datetime | None, now: datetime) -> Pace:
    """From when the images of the last minute moved, and since when the lane has had it.

    What moved before a Blue Light took the lane, or by another lane, is no part of its pace.
    """
    bars = [0] * BARS
    for moment in moments:
        age = (now - moment).total_seconds()
        if 0 <= age < 60 and began is not None and moment >= began:
            bars[BARS - 1 - int(age / 60 * BARS)] += 1
    had = (now - began).total_seconds() if began else 0.0
    return Pace(tuple(bars), min(60.0, max(0.0, had)))


def time_left(left: int, pace: Pace) -> str:
    """`about 6 min`, `under 1 min`; "" where nobody can say."""
    if left <= 0 or pace.seconds < _ENOUGH.total_seconds() or not pace.is_steady:
        return ""
    return about(timedelta(seconds=left / pace.a_second))


def about(duration: timedelta) -> str:
    """Rounded: to the minute below an hour, to ten minutes above."""
    minutes = duration.total_seconds() / 60
    if minutes < 1:
        return "under 1 min"
    if minutes < 60:
        return f"about {round(minutes)} min"
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    return f"about {hours} h {rest} min" if rest else f"about {hours} h"


def is_stalled(
    state: str, *, last_image_at: datetime | None, since: datetime, now: datetime
) -> bool:
    """No image for 60 s while a lane has it."""
    moved = max(last_image_at, since) if last_image_at else since
    return state == TransferState.RUNNING and now - moved > STALLED_AFTER


def volume(size: int) -> str:
    """`1.2 GB`, `35 MB`: powers of ten, as disks are sold."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= one:
            amount = size / one
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    return f"{size} bytes"
