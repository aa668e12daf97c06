"""Instants and days on the wire (HL7 v2.4 2.9.47, TS)."""

import re
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from messaging.errors import NotATime

LONDON = ZoneInfo("Europe/London")
_TIME = re.compile(
    r"(\d{8})(?:(\d{2})(\d{2})(?:(\d{2})(?:\.(\d{1,4}))?)?)?(?:([+-])(\d{2})(\d{2}))?\Z"
)


def timestamp(at: datetime) -> str:
    """An instant for the wire, with its offset: `20261122090500+0000`."""
    if at.utcoffset() is None:
        raise NotATime("An instant without a zone is a guess.")
    return at.astimezone(LONDON).strftime("%Y%m%d%H%M%S%z")


def read_timestamp(text: str) -> datetime:
    """The instant that is meant. Without an offset it is London's; without hours, midnight there.

    Raises NotATime when the day is missing or does not exist.
    """
    found = _TIME.match(text)
    if not found:
        raise NotATime("Not a time of HL7 with at least its day.")
    try:
        day = datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=_zone(found))
        clock = [int(found[part] or 0) for part in (2, 3, 4)]
        return day.replace(
            hour=clock[0], minute=clock[1], second=clock[2],
            microsecond=int((found[5] or "0").ljust(6, "0")),
        )  # fmt: skip
    except ValueError:
        raise NotATime("There is no such day or time.") from None


def _zone(found: re.Match[str]) -> ZoneInfo | timezone:
    if not found[6]:
        return LONDON
    offset = timedelta(hours=int(found[7]), minutes=int(found[8]))
    return timezone(offset if found[6] == "+" else -offset)


def read_date(text: str) -> date:
    """The day, from a date or a time of HL7. Raises NotATime when it is not all there."""
    try:
        return datetime.strptime(text[:8], "%Y%m%d").replace(tzinfo=LONDON).date()
    except ValueError:
        raise NotATime("Not a date of HL7 with its day.") from None
