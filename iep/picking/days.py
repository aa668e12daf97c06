"""Days as people write them, day first: 3/11/2026, 3.11.26, 3rd Nov 2026, 2026-11-03."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

_MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_WORD: Final = "|".join(f"{month}[a-z]*" for month in _MONTHS)
_DAY: Final = re.compile(
    r"(?<![\w/.-])(?:"
    r"(?P<iso>\d{4})-(?P<iso_month>\d{1,2})-(?P<iso_day>\d{1,2})"
    r"|(?P<day>\d{1,2})\s?[/.-]\s?(?P<month>\d{1,2})\s?[/.-]\s?(?P<year>\d{4}|\d{2})"
    r"|(?P<worded_day>\d{1,2})(?:st|nd|rd|th)?[\s,.-]+(?:of\s+)?"
    rf"(?P<word>{_WORD})[\s,.-]+(?P<worded_year>\d{{4}}|\d{{2}})"
    r")(?![\w/])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Found:
    """A date in the text. `years` has two where the century is not written."""

    start: int
    end: int
    written: str
    day: int
    month: int
    years: tuple[int, ...]
    is_worded: bool

    def days(self) -> list[date]:
        """The days that it can mean; none where there is no such day."""
        return [day for year in self.years if (day := _date(year, self.month, self.day))]

    def past(self, today: date) -> list[date]:
        return [day for day in self.days() if day <= today]

    @property
    def could_be_month_first(self) -> bool:
        """`02/03/26`: read day first, as it is written here, and said so."""
        return not self.is_worded and self.day <= 12 and self.day != self.month


def dates_in(text: str) -> Iterator[Found]:
    for match in _DAY.finditer(text):
        yield _found(match)


def _found(match: re.Match[str]) -> Found:
    parts = match.groupdict()
    if parts["iso"]:
        day, month, year = parts["iso_day"], int(parts["iso_month"]), parts["iso"]
    elif parts["word"]:
        day, year = parts["worded_day"], parts["worded_year"]
        month = _MONTHS.index(parts["word"][:3].lower()) + 1
    else:
        day, month, year = parts["day"], int(parts["month"]), parts["year"]
    years = (int(year),) if len(year) == 4 else (2000 + int(year), 1900 + int(year))
    is_worded = bool(parts["word"] or parts["iso"])
    return Found(*match.span(), match.group(), int(day), month, years, is_worded)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def typed(day: date) -> str:
    """As the form shows a date in one box: `3 11 2026`."""
    return f"{day.day} {day.month} {day.year}"


def in_words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
