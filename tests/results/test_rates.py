"""Results of a sender for one practice: five in a hundred go missing, or all do (H29)."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from results.rates import (
    Verdict,
    chance_of,
    judge_count,
    judge_share,
    late_after,
    usual_of,
)

START = datetime(2026, 6, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
A_DAY = {0: 480, 1: 460, 2: 470, 3: 455, 4: 430, 5: 60, 6: 20}  # samples, by weekday
HOLIDAYS = {START + 26 * DAY, START + 70 * DAY}


class Practice:
    """Samples that were taken and when each had its result; `lost` from `drop` on."""

    def __init__(self, seed: int, *, days: int, drop: datetime | None = None, share: float = 0.0):
        chance = random.Random(seed)
        self.samples: list[tuple[datetime, datetime | None]] = []
        for number in range(days):
            day = START + number * DAY
            usual = A_DAY[day.weekday()] * (0.08 if day in HOLIDAYS else 1)
            for _ in range(max(0, round(chance.gauss(usual, usual**0.5)))):
                at = day + timedelta(hours=chance.triangular(8, 18, 11))
                took = timedelta(hours=min(9.0, chance.lognormvariate(0.9, 0.45)))
                missing = chance.random() < (share if drop and at >= drop else 0.0002)
                self.samples.append((at, None if missing else at + took))

    def limit(self, now: datetime) -> timedelta | None:
        since = now - 56 * DAY
        return late_after([end - at for at, end in self.samples if end and since < end <= now])

    def verdict(self, now: datetime, limit: timedelta) -> Verdict:
        due = [end for at, end in self.samples if now - limit - DAY < at <= now - limit]
        return judge_share(len(due), sum(end is None or end > now for end in due))

    def came(self, now: datetime) -> int:
        return sum(end is not None and now - DAY < end <= now for _, end in self.samples)


@pytest.mark.hazard("H29")
@pytest.mark.parametrize("seed", range(5))
def test_five_in_a_hundred_missing_are_flagged_within_a_day(seed):
    drop = START + 63 * DAY  # a Monday
    practice = Practice(seed, days=66, drop=drop, share=0.05)
    limit = practice.limit(drop)
    hours = [n for n in range(48) if practice.verdict(drop + n * HOUR, limit) is Verdict.FEWER]
    assert hours, "never flagged"
    assert hours[0] <= 24


@pytest.mark.hazard("H29")
@pytest.mark.parametrize("seed", range(3))
def test_ninety_usual_days_raise_no_alarm(seed):
    """Judged every four hours after four weeks of history; with weekends and bank holidays."""
    practice = Practice(seed, days=118)
    alarms, limit = [], None
    for number in range(28 * 6, 118 * 6):
        now = START + number * 4 * HOUR
        if number % 6 == 0:
            limit = practice.limit(now)
        if practice.verdict(now, limit) is not Verdict.USUAL:
            alarms.append(now)
    assert alarms == []


@pytest.mark.hazard("H29")
@pytest.mark.parametrize("seed", range(3))
def test_ninety_usual_days_of_counts_raise_no_alarm_and_a_stop_does(seed):
    here, there = Practice(seed, days=118), Practice(seed + 100, days=118)
    counts = {
        name: [each.came(START + (day + 1) * DAY) for day in range(118)]
        for name, each in (("here", here), ("there", there))
    }
    for day in range(48, 118):
        usual = {name: usual_of([each[day - 7 * n] for n in range(1, min(13, day // 7 + 1))])
                 for name, each in counts.items()}  # fmt: skip
        others = counts["there"][day] / usual["there"].count
        assert judge_count(counts["here"][day], usual["here"], others=others) is Verdict.USUAL, day
        if A_DAY[(START + day * DAY).weekday()] > 100 and START + day * DAY not in HOLIDAYS:
            assert judge_count(0, usual["here"], others=others) is Verdict.STOPPED


def test_with_too_little_history_nothing_is_said():
    assert usual_of([10, 12, 11]) is None
    assert judge_count(0, None) is Verdict.UNKNOWN
    assert late_after([HOUR] * 199) is None
    assert late_after([HOUR] * 200) == HOUR * 1.25


def test_a_day_on_which_every_practice_has_less_is_no_alarm():
    usual = usual_of([400] * 8)
    assert judge_count(30, usual, others=0.08) is Verdict.USUAL
    assert judge_count(30, usual, others=1.0) is Verdict.FEWER


def test_all_that_was_due_missing_is_a_stop():
    assert judge_share(20, 20) is Verdict.STOPPED
    assert judge_share(400, 2) is Verdict.USUAL


def test_the_chance_of_a_false_alarm_is_a_poisson_tail():
    assert chance_of(1, 1.0) == pytest.approx(0.632, abs=0.001)
    assert chance_of(10, 1.0) < 2e-7
