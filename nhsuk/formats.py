"""Dates, times, ages, names and numbers as the screens write them. Any room may enter.

Staff screens follow the NHS common user interface (ISB 1500 to 1508): `22-Nov-2026`, 24-hour.
Patient screens follow the NHS service manual: `22 November 2026`, `5:30pm`. Never both on a page.

Each format comes twice: `..._text` gives plain words (for sentences, labels, CSV), and the filter
of the short name gives HTML with `<time>` that does not break over two lines.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

NOT_KNOWN = "Not known"
NOT_RECORDED = "Not recorded"
NO_DATA = "No data"

LONDON = ZoneInfo("Europe/London")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Named(Protocol):
    """Anybody with the parts of a name, such as a Patient."""

    family_name: str
    given_names: str
    title: str


def missing(word: str = NOT_RECORDED) -> SafeString:
    """What stands where there is no value: a word, in the secondary colour, never a blank."""
    return format_html('<span class="app-missing">{}</span>', word)


def known(value: object, word: str = NOT_KNOWN) -> object:
    """The value, or the word that says there is none."""
    return value if value not in (None, "") else missing(word)


def in_london(value: datetime) -> datetime:
    """The wall clock of the clinic. A datetime without a zone is a programming error."""
    return timezone.localtime(value, LONDON)


def _day_of(value: date | datetime) -> date:
    return in_london(value).date() if isinstance(value, datetime) else value


# --- Staff: dates and times ----------------------------------------------------------------------


def cdate_text(value: date | datetime | None, *, day: bool = False) -> str:
    """`22-Nov-2026`; with the day of the week, `Sun 22-Nov-2026` (CUI D+Ta)."""
    if value is None:
        return NOT_RECORDED
    on = _day_of(value)
    weekday = f"{DAYS[on.weekday()][:3]} " if day else ""
    return f"{weekday}{on.day:02d}-{MONTHS[on.month - 1][:3]}-{on.year:04d}"


def cdate(value: date | datetime | None, *, day: bool = False) -> SafeString:
    """A date on a staff screen."""
    if value is None:
        return missing()
    return _time_tag(_day_of(value).isoformat(), cdate_text(value, day=day))


def cday(value: date | datetime | None) -> SafeString:
    """A date with its weekday, for appointments: `Sun 22-Nov-2026`."""
    return cdate(value, day=True)


def ctime_text(value: datetime | time | None) -> str:
    """`09:05`. In the hour that the clocks repeat in October it says which: `01:30 GMT`."""
    if value is None:
        return NOT_RECORDED
    if isinstance(value, time):
        return f"{value:%H:%M}"
    local = in_london(value)
    happens_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{local:%H:%M %Z}" if happens_twice else f"{local:%H:%M}"


def ctime(value: datetime | time | None) -> SafeString:
    """A 24-hour time on a staff screen."""
    if value is None:
        return missing()
    machine = value if isinstance(value, time) else in_london(value)
    return _time_tag(machine.isoformat(timespec="minutes"), ctime_text(value))


def cdatetime_text(value: datetime | None, *, relative: bool = True) -> str:
    """`22-Nov-2026 09:05 (12 min ago)`: the relative words only within a day, never alone."""
    if value is None:
        return NOT_RECORDED
    ago = since_text(value) if relative else ""
    return f"{cdate_text(value)} {ctime_text(value)}" + (f" ({ago})" if ago else "")


def cdatetime(value: datetime | None, *, relative: bool = True) -> SafeString:
    """Date and time on a staff screen, with how long ago while that is recent."""
    if value is None:
        return missing()
    ago = since_text(value) if relative else ""
    stamp = _time_tag(
        in_london(value).isoformat(timespec="minutes"), cdatetime_text(value, relative=False)
    )
    return format_html("{} ({})", stamp, ago) if ago else stamp


def since_text(value: datetime) -> str:
    """`just now`, `12 min ago`, `3hr ago`; nothing for the future or for more than a day."""
    passed = timezone.now() - value
    minutes = int(passed.total_seconds() // 60)
    if passed < timedelta(0) or passed >= timedelta(days=1):
        return ""
    if minutes < 1:
        return "just now"
    return f"{minutes} min ago" if minutes < 60 else f"{minutes // 60}hr ago"


def _time_tag(machine: str, words: str) -> SafeString:
    return format_html('<time class="app-nowrap" datetime="{}">{}</time>', machine, words)


# --- Staff: names, numbers, ages, durations ------------------------------------------------------


def cname(person: Named) -> str:
    """`TREETAWTCHAIWONG, Lertchai (Mr)`: in full, never cut (CUI NID-0001 to 0013)."""
    name = ", ".join(part for part in (person.family_name.upper(), person.given_names) if part)
    if not name:
        return NOT_KNOWN
    return f"{name} ({person.title})" if person.title else name


def spoken_name(person: Named) -> str:
    """As one says it: `Mr Treetawtchaiwong`; without a title, `Lertchai Treetawtchaiwong`."""
    first = person.title or person.given_names
    return " ".join(part for part in (first, person.family_name) if part) or NOT_KNOWN


def nhsno_text(number: str | None) -> str:
    """`999 123 4567`. Only groups the digits; whether they are right is `patients.nhs_number`."""
    digits = "".join((number or "").split())
    if len(digits) != 10:
        return digits or NOT_KNOWN
    return f"{digits[:3]} {digits[3:6]} {digits[6:]}"


def nhsno(number: str | None) -> SafeString:
    """The NHS number on one line (CUI NUM-0001 to 0018), or `Not known`."""
    if not number:
        return missing(NOT_KNOWN)
    return format_html('<span class="app-nowrap">{}</span>', nhsno_text(number))


def age(born: date | datetime | None, at: date | datetime | None = None) -> str:
    """Age as CUI Table 7 groups it: `45min`, `36hr`, `12d`, `30w 2d`, `13m 5d`, `4y 1m`, `61y`.

    With a birth date but no time of birth the smallest unit is days. `at` is now unless given
    (the date of death, say). A birth in the future has no age.
    """
    if born is None:
        return NOT_KNOWN
    at = at or timezone.now()
    if isinstance(born, datetime) and isinstance(at, datetime) and at - born < timedelta(days=2):
        return _hours_old(at - born)
    return _days_old(_day_of(born), _day_of(at))


def _hours_old(lived: timedelta) -> str:
    if lived < timedelta(0):
        return NOT_KNOWN
    minutes = int(lived.total_seconds() // 60)
    return f"{minutes}min" if minutes < 120 else f"{minutes // 60}hr"


def _days_old(born: date, on: date) -> str:
    days = (on - born).days
    months, spare_days = whole_months(born, on)
    if days < 0:
        return NOT_KNOWN
    if days < 28:
        return f"{days}d"
    if months < 12:
        return f"{days // 7}w {days % 7}d"
    if months < 24:
        return f"{months}m {spare_days}d"
    return f"{months // 12}y {months % 12}m" if months < 216 else f"{months // 12}y"


def whole_months(start: date, end: date) -> tuple[int, int]:
    """Whole calendar months from start to end, and the days left over."""
    months = (end.year - start.year) * 12 + end.month - start.month
    if end.day < start.day:
        months -= 1
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    last_day = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return months, (end - first.replace(day=min(start.day, last_day))).days


def duration(value: timedelta | None) -> str:
    """`32min`, `4hr 32min`, `3d` (CUI D+Tb): whole numbers, the units that matter."""
    if value is None:
        return NOT_RECORDED
    minutes = int(value.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes}min"
    if minutes < 24 * 60:
        return f"{minutes // 60}hr {minutes % 60}min" if minutes % 60 else f"{minutes // 60}hr"
    return f"{minutes // (24 * 60)}d"


def how_many(count: int, one: str, many: str = "") -> str:
    """`1 request`, `3 requests`, `No requests`."""
    return f"{count or 'No'} {one if count == 1 else many or one + 's'}"


# --- Patients: letters, booking, kiosk -----------------------------------------------------------


def pdate(value: date | datetime | None, *, day: bool = False) -> str:
    """`22 November 2026`; with the day, `Sunday 22 November 2026`."""
    if value is None:
        return "We do not have this"
    on = _day_of(value)
    weekday = f"{DAYS[on.weekday()]} " if day else ""
    return f"{weekday}{on.day} {MONTHS[on.month - 1]} {on.year}"


def ptime(value: datetime | time | None) -> str:
    """`9:05am`, `5pm`, `midday`, `midnight` (service manual: dates and times)."""
    if value is None:
        return "We do not have this"
    at = in_london(value).time() if isinstance(value, datetime) else value
    if at.minute == 0 and at.hour in (0, 12):
        return "midday" if at.hour else "midnight"
    minutes = f":{at.minute:02d}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minutes}{'am' if at.hour < 12 else 'pm'}"


def pduration(value: timedelta) -> str:
    """`4 hours 32 minutes`."""
    hours, minutes = divmod(int(value.total_seconds() // 60), 60)
    parts = [(hours, "hour"), (minutes, "minute")]
    return " ".join(how_many(n, unit) for n, unit in parts if n) or "less than a minute"


def pname(person: Named) -> str:
    """`Mr Lertchai Treetawtchaiwong`."""
    parts = (person.title, person.given_names, person.family_name)
    return " ".join(part for part in parts if part) or "We do not have this"


_STAFF_DATE = re.compile(r"\b\d{2}-[A-Z][a-z]{2}-\d{4}\b")


def dates_whole(text: str) -> SafeString:
    """A sentence in which no staff date breaks at its hyphens: `Answer by 27-Nov-2026.`"""
    whole = _STAFF_DATE.sub(r'<span class="app-nowrap">\g<0></span>', escape(text))
    return mark_safe(whole)  # noqa: S308  escaped above; only our own span is added


WEEK = {
    "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday",
    "sat": "Saturday", "sun": "Sunday",
}  # fmt: skip


def popening(hours: Mapping[str, Sequence[str]]) -> str:
    """`Monday to Friday 8:30am to 5pm, Saturday 9am to 1pm` from {"mon": ["08:30", "17:00"]}."""
    spans: list[tuple[list[str], tuple[str, ...]]] = []
    for day in WEEK:
        times = tuple(hours.get(day, ()))
        if spans and spans[-1][1] == times:
            spans[-1][0].append(day)
        else:
            spans.append(([day], times))
    said = [f"{_days(days)} {_from_to(times)}" for days, times in spans if times]
    return ", ".join(said) or "Ring for opening times"


def _days(days: Sequence[str]) -> str:
    first, last = WEEK[days[0]], WEEK[days[-1]]
    return first if first == last else f"{first} to {last}"


def _from_to(times: Sequence[str]) -> str:
    return " to ".join(ptime(time.fromisoformat(each)) for each in times)


FILTERS = {
    function.__name__: function
    for function in (
        cdate, cdate_text, cday, ctime, ctime_text, cdatetime, cdatetime_text, since_text, cname,
        spoken_name, nhsno, nhsno_text, age, duration, how_many, known, missing, pdate, ptime,
        pduration, pname, popening, dates_whole,
    )
}  # fmt: skip
