"""When the service desk works, in London's time, and the clocks that run by it.

Monday to Friday 08:00 to 17:30, weekends 08:00 to 20:00 (guideline B35/2018, 2.8). Business as
usual is "excluding UK Bank Holidays" (its glossary): on one the desk is shut, substitute days
too. All of it is settings.IMAGE_DESK_HOURS and settings.IMAGE_DESK_HOLIDAYS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

import holidays
from django.conf import settings
from django.utils import timezone

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FARTHEST: Final = 30  # days: no desk is shut for longer


@dataclass(frozen=True)
class Stretch:
    """A time for which the desk is open, from and until, with their offsets from UTC."""

    opens: datetime
    closes: datetime


@lru_cache(maxsize=8)
def _calendar(country: str, part: str) -> holidays.HolidayBase:
    return holidays.country_holidays(country, subdiv=part or None)


def holiday(day: date) -> str:
    """The bank holiday's name; empty on any other day."""
    country, _, part = settings.IMAGE_DESK_HOLIDAYS.partition("-")
    if not country:
        return ""
    return _calendar(country, part).get(day) or ""


def stretch_on(day: date) -> Stretch | None:
    """When the desk is open on that day; None when it is shut."""
    said = settings.IMAGE_DESK_HOURS.get(DAYS[day.weekday()])
    if not said or holiday(day):
        return None
    opens, closes = (_at(day, time.fromisoformat(each)) for each in said)
    return Stretch(opens, closes)


def _at(day: date, moment: time) -> datetime:
    """That wall-clock time; on a day when the clock changes too."""
    return timezone.make_aware(datetime.combine(day, moment))


def _stretches(since: datetime) -> Iterator[Stretch]:
    first = timezone.localdate(since)
    for ahead in range(_FARTHEST):
        found = stretch_on(first + timedelta(days=ahead))
        if found and found.closes > since:
            yield found


def is_open(at: datetime | None = None) -> bool:
    now = at or timezone.now()
    today = stretch_on(timezone.localdate(now))
    return today is not None and today.opens <= now < today.closes


def next_open(at: datetime | None = None) -> datetime | None:
    """When the desk is open next: now, if it is. None where the settings have no hours at all."""
    now = at or timezone.now()
    found = next(_stretches(now), None)
    return max(found.opens, now) if found else None


def words(at: datetime | None = None) -> str:
    """`Open until 17:30`, `Closed until 08:00 tomorrow`, `Closed for Boxing Day until ...`."""
    now = at or timezone.now()
    today = timezone.localdate(now)
    if is_open(now):
        stretch = stretch_on(today)
        return f"Open until {timezone.localtime(stretch.closes):%H:%M}" if stretch else ""
    because = f" for {holiday(today)}" if holiday(today) else ""
    opens = next_open(now)
    return f"Closed{because} until {_when(opens, today)}" if opens else f"Closed{because}"


def _when(opens: datetime, today: date) -> str:
    local = timezone.localtime(opens)
    days = (local.date() - today).days
    if days < 2:
        return f"{local:%H:%M} {'tomorrow' if days else 'today'}"
    return f"{local:%H:%M on %A} {local.day} {local:%B}"


def working_time_after(start: datetime, span: timedelta) -> datetime:
    """When so much of the desk's open time has gone by since then."""
    left = span
    for stretch in _stretches(start):
        begins = max(stretch.opens, start)
        if stretch.closes - begins >= left:
            return begins + left
        left -= stretch.closes - begins
    return start + span  # no hours are set: the clock alone


def days_later(start: datetime, days: int) -> datetime:
    """The same wall-clock time so many calendar days later, over a change of the clock too."""
    local = timezone.localtime(start)
    return _at(local.date() + timedelta(days=days), local.time())
