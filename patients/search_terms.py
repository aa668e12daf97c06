"""What somebody typed into the one search box. Plain Python; only this room enters.

An NHS number, a hospital number, a birth date, `family name, given name`, or a name and a birth
date. Reading never guesses between people; where a text can be read in two ways, both are sought.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final

from . import nhs_number
from .matching import name_key

NOTHING: Final = "Enter an NHS number, a hospital number, a name or a birth date"
NO_SUCH_DATE: Final = "That birth date does not exist. Enter a date such as 14 7 1965"
FUTURE: Final = "A birth date cannot be in the future"
SHORT_NAME: Final = "Enter at least 2 letters of the family name"
NOT_READABLE: Final = (
    "Enter a family name and a given name, such as Jones, Rhys. Search for a number by itself"
)

EARLIEST_YEAR: Final = 1870
_MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_MONTH_WORD: Final = "|".join(f"{month}[a-z]*" for month in _MONTHS)
_GAP: Final = r"[\s./,–-]+"
_YEAR: Final = r"(?P<year>\d{4}|\d{2})"
_PATTERNS: Final = (
    rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:{_GAP})?(?P<word>{_MONTH_WORD})(?:{_GAP})?{_YEAR}",
    rf"(?P<day>\d{{1,2}}){_GAP}(?P<month>\d{{1,2}}){_GAP}{_YEAR}",
    rf"(?P<year>\d{{4}}){_GAP}(?P<month>\d{{1,2}}){_GAP}(?P<day>\d{{1,2}})",
    r"(?P<day>\d{2})(?P<month>\d{2})(?P<year>\d{4})",
)
_DATES: Final = [re.compile(rf"(?<![\w]){each}(?![\w])", re.IGNORECASE) for each in _PATTERNS]
_HOSPITAL_NUMBER: Final = re.compile(r"(?=.*\d)[A-Z0-9][A-Z0-9/.-]{2,39}")


class NotSearchable(ValueError):
    """The text cannot be searched for. The sentence says what to type instead."""


@dataclass(frozen=True, repr=False)
class Term:
    """What to look for. `names` are ways to read a name: (family key, given key), each a prefix.

    `problem` is what to say when nothing is found: the number was mistyped, say.
    """

    nhs_number: str = ""
    hospital_numbers: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    birth_dates: tuple[date, ...] = ()
    problem: str = ""

    @property
    def kind(self) -> str:
        """In a word for the audit trail, which may not hold the text."""
        if self.nhs_number:
            return "NHS number"
        parts = (("name", self.names), ("birth date", self.birth_dates))
        return " and ".join(word for word, part in parts if part) or "hospital number"


def read(text: str, *, today: date) -> Term:
    """What was typed, pasted or scanned. Raises NotSearchable with what to type instead."""
    text = unicodedata.normalize("NFKC", text).strip()
    if not nhs_number.normalise(text):
        raise NotSearchable(NOTHING)
    slip = nhs_number.problem(text)
    if slip is None:
        return Term(nhs_number=nhs_number.parse(text), hospital_numbers=_numbers(text))
    if slip is nhs_number.Problem.NATIONAL_INSURANCE:
        raise NotSearchable(slip.value)
    found = next((match for each in _DATES if (match := each.search(text))), None)
    rest = (text[: found.start()] + " " + text[found.end() :]).strip(" ,;-") if found else text
    if found and not any(character.isdigit() for character in rest):
        return _with_birth_date(found, rest, text, today)
    if any(character.isdigit() for character in text):
        return _number(text, slip)
    return Term(names=_names(text, shortest=2))


def _with_birth_date(found: re.Match[str], rest: str, text: str, today: date) -> Term:
    """A birth date alone or beside a name. Eight digits alone may be a hospital number too."""
    numbers = _numbers(text) if text.isdigit() else ()
    try:
        dates = _birth_dates(found, today)
    except NotSearchable as error:
        if not numbers:
            raise
        return Term(hospital_numbers=numbers, problem=str(error))
    return Term(names=_names(rest, shortest=1), birth_dates=dates, hospital_numbers=numbers)


def _birth_dates(found: re.Match[str], today: date) -> tuple[date, ...]:
    """The days that the text can mean: two centuries for a year of two digits."""
    parts = found.groupdict()
    word = parts.get("word")
    month = _MONTHS.index(word[:3].lower()) + 1 if word else int(parts["month"])
    year = int(parts["year"])
    years = (year,) if len(parts["year"]) == 4 else (2000 + year, 1900 + year)
    days = [day for each in years if (day := _day(each, month, int(parts["day"])))]
    if not days:
        raise NotSearchable(NO_SUCH_DATE)
    past = tuple(day for day in days if day <= today)
    if not past:
        raise NotSearchable(FUTURE)
    return past


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if year >= EARLIEST_YEAR else None
    except ValueError:
        return None


def _number(text: str, slip: nhs_number.Problem) -> Term:
    """A number that is not an NHS number: a hospital's, or an NHS number with a slip in it."""
    numbers = _numbers(text)
    has_letters = any(character.isalpha() for character in text)
    if not numbers:
        raise NotSearchable(NOT_READABLE if has_letters else slip.value)
    return Term(hospital_numbers=numbers, problem="" if has_letters else slip.value)


def _numbers(text: str) -> tuple[str, ...]:
    """The text as a hospital number: as it was typed, and without its separators."""
    typed = text.upper().strip()
    forms = dict.fromkeys((typed, nhs_number.normalise(text)))
    has_words = re.search(r"[^\W\d_]{2,}.*\s|\s.*[^\W\d_]{2,}", typed)
    return () if has_words else tuple(f for f in forms if _HOSPITAL_NUMBER.fullmatch(f))


def _names(text: str, *, shortest: int) -> tuple[tuple[str, str], ...]:
    """With a comma the family name comes first; without, either order, or a family name alone."""
    family, comma, given = text.partition(",")
    words = text.split()
    readings = [(family, given)] if comma else [(text, "")]
    if not comma and len(words) > 1:
        readings += [(words[-1], " ".join(words[:-1])), (words[0], " ".join(words[1:]))]
    keys = dict.fromkeys((name_key(first), name_key(second)) for first, second in readings)
    if text and not any(len(first) >= shortest for first, _ in keys):
        raise NotSearchable(SHORT_NAME)
    return tuple(key for key in keys if len(key[0]) >= shortest)
