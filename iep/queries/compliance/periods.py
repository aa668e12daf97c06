"""Half years and years, as the figures of the exchange are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

FIRST_YEARS = 3  # offered in the picker


@dataclass(frozen=True)
class Period:
    """A half year ("2026-2") or a year ("2026"), by London's calendar."""

    key: str
    words: str
    first: date
    last: date

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """From, and before when."""
        return _start(self.first), _start(self.last + timedelta(days=1))


def _start(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def half(year: int, number: int) -> Period:
    first, last = ((1, 1), (6, 30)) if number == 1 else ((7, 1), (12, 31))
    words = f"{'January to June' if number == 1 else 'July to December'} {year}"
    return Period(f"{year}-{number}", words, date(year, *first), date(year, *last))


def month(first: date) -> Period:
    """The month that begins on that day."""
    after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return Period(f"{first:%Y-%m}", f"{first:%B %Y}", first, after - timedelta(days=1))


def months(period: Period, today: date) -> list[Period]:
    """Those of the period that have begun."""
    starts = [date(period.first.year, number, 1)
              for number in range(period.first.month, period.last.month + 1)]  # fmt: skip
    return [month(each) for each in starts if each <= today]


def year(number: int) -> Period:
    return Period(str(number), f"The year {number}", date(number, 1, 1), date(number, 12, 31))


def periods(today: date) -> list[Period]:
    """Those that can be chosen, the present half year first."""
    years = range(today.year, today.year - FIRST_YEARS, -1)
    halves = [half(each, number) for each in years for number in (2, 1)]
    return [each for each in halves if each.first <= today] + [year(each) for each in years]


def period_of(key: str, today: date) -> Period:
    """The one of that key; the present half year where there is none."""
    offered = periods(today)
    return next((each for each in offered if each.key == key), offered[0])
