"""Dates and times as people type them on staff screens. Any room may enter.

The screens write `22-Nov-2026` (formats.py) and read the same back, so a field is plain text: a
browser's own date field shows the order of the browser, which may put the month first.
Day before month, always; the month in words where somebody prefers it.
"""

import re
from datetime import date, datetime
from typing import Final

from .formats import LONDON, MONTHS

LIKE_DAY: Final = "22-Nov-2026"
LIKE_MOMENT: Final = "22-Nov-2026 09:05"

_GAP: Final = r"[\s./-]+"
_WORDS: Final = "|".join(f"{month[:3]}(?:{month[3:]})?" for month in MONTHS)
_DAYS: Final = (
    re.compile(
        rf"(?P<day>\d{{1,2}}){_GAP}(?:(?P<month>\d{{1,2}})|(?P<word>{_WORDS})){_GAP}(?P<year>\d{{4}})",
        re.IGNORECASE | re.ASCII,
    ),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII),  # ISO 8601
)
_MOMENT: Final = re.compile(r"(?P<day>\S.*?)(?:T|,?\s+)(?P<time>\d{1,2}[:.]\d{2})", re.ASCII)


def read_day(text: str) -> date:
    """`22-Nov-2026`, `22 November 2026`, `22/11/2026`, `22 11 2026`, or ISO `2026-11-22`.

    Raises ValueError for anything else, a day that does not exist and a year of two digits.
    """
    text = text.strip()
    found = next((match for each in _DAYS if (match := each.fullmatch(text))), None)
    if found is None:
        raise ValueError("not a date")
    parts = found.groupdict()
    month = int(parts["month"]) if parts.get("month") else _month(parts["word"])
    return date(int(parts["year"]), month, int(parts["day"]))


def _month(word: str) -> int:
    return [each[:3].lower() for each in MONTHS].index(word[:3].lower()) + 1


def read_moment(text: str) -> datetime:
    """A day as `read_day` takes it and a 24-hour time, `22-Nov-2026 09:05`, by the clinic's clock.

    Raises ValueError for anything else.
    """
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError("not a date and a time")
    hour, minute = re.split("[:.]", found["time"])
    day = read_day(found["day"])
    return datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=LONDON)
