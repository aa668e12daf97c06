"""Do results of one sender for one practice come as they usually do? Plain Python (hazard H29).

Two questions, because neither sees everything. Of the samples that should have a result by now,
how many have none: that sees a small share go missing, whatever the volume of the day. And how many
results came in the last day beside the same weekdays before: that sees a stop, also where nobody
told us of a sample. A day on which every practice of the sender has less (a bank holiday) is no
alarm. With too little history the answer is that it is not known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from statistics import median
from typing import Final

ENOUGH_TURNAROUNDS: Final = 200  # results of the sender, before its usual time is known
ENOUGH_DAYS: Final = 6  # of the same weekday
LATE_QUANTILE: Final = 0.995
LATE_MARGIN: Final = 1.25
LEAST_SHARE: Final = 0.002  # that is missing on any day
CHANCE: Final = 1e-5  # of a false alarm for a practice in a day
DEVIATIONS: Final = 4.5


class Verdict(StrEnum):
    USUAL = "usual"
    UNKNOWN = "unknown"
    FEWER = "fewer"
    STOPPED = "stopped"


VERDICT_WORDS: Final = {
    Verdict.USUAL: "As usual",
    Verdict.UNKNOWN: "Not enough history yet",
    Verdict.FEWER: "Fewer than usual",
    Verdict.STOPPED: "Stopped",
}


def late_after(
    turnarounds: Sequence[timedelta], *, enough: int = ENOUGH_TURNAROUNDS
) -> timedelta | None:
    """From taken to resulted: after this a result is missing, not slow. None: too few to say."""
    if len(turnarounds) < enough:
        return None
    ordered = sorted(turnarounds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * LATE_QUANTILE))] * LATE_MARGIN


def judge_share(due: int, missing: int, *, usual_share: float = 0.0) -> Verdict:
    """Of `due` samples whose result should be here `missing` have none. `usual_share`: how many
    of them usually have none, as this sender has been."""
    expected = due * max(usual_share, LEAST_SHARE)
    if missing < 3 or chance_of(missing, expected) >= CHANCE:
        return Verdict.USUAL
    return Verdict.STOPPED if missing == due else Verdict.FEWER


def chance_of(at_least: int, expected: float) -> float:
    """That so many or more happen where `expected` do on average (Poisson)."""
    term = total = math.exp(-expected)
    for number in range(1, at_least):
        term *= expected / number
        total += term
    return max(0.0, 1.0 - total)


@dataclass(frozen=True)
class Usual:
    """What came on the same weekdays: the median, and how far days usually are from it."""

    count: float
    spread: float


def usual_of(history: Sequence[int], *, enough: int = ENOUGH_DAYS) -> Usual | None:
    """Robust: one bad week does not become the rule. None: too few days to say."""
    if len(history) < enough:
        return None
    middle = float(median(history))
    deviation = 1.4826 * float(median(abs(each - middle) for each in history))
    return Usual(middle, max(deviation, math.sqrt(middle), 1.0))


def judge_count(now: int, usual: Usual | None, *, others: float = 1.0) -> Verdict:
    """What came in the last day. `others`: what the sender's other practices had, as a part of
    their usual; a day on which all have less is no alarm."""
    if usual is None:
        return Verdict.UNKNOWN
    scale = min(1.0, others)
    expected = usual.count * scale
    lowest = expected - DEVIATIONS * max(usual.spread * scale, math.sqrt(expected))
    if now >= lowest or expected < 1:
        return Verdict.USUAL
    return Verdict.STOPPED if now == 0 else Verdict.FEWER


def worse(left: Verdict, right: Verdict) -> Verdict:
    """An alarm of either is one; where one does not know, the other decides."""
    order = (Verdict.STOPPED, Verdict.FEWER, Verdict.USUAL, Verdict.UNKNOWN)
    return min(left, right, key=order.index)
