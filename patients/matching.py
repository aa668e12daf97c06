"""Are these demographics the same person? Plain Python; any room may enter.

Two descriptions are the same person only when a number, the family name and the birth date all
agree and nothing contradicts them (hazard H21). Nothing here scores, ranks or guesses: whatever
does not agree is a conflict, in words that a person can act on and that hold none of the values.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final


@dataclass(frozen=True, repr=False)
class HospitalNumber:
    """A number that an organisation gave the patient: the issuer's ODS code, and the number."""

    issuer: str
    value: str


@dataclass(frozen=True, repr=False)
class Demographics:
    """What is said of a person's identity. Empty or None: not said.

    Its `repr` prints nothing of it, so a log line or a traceback cannot.
    """

    nhs_number: str = ""
    family_name: str = ""
    given_names: str = ""
    birth_date: date | None = None
    hospital_numbers: tuple[HospitalNumber, ...] = ()

    def __repr__(self) -> str:
        return "<Demographics>"


@dataclass(frozen=True)
class Match:
    """Whether two descriptions agree; if not, every reason why."""

    conflicts: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return not self.conflicts


NO_NUMBER_IN_COMMON: Final = "no number is on both records"
NHS_NUMBER_DIFFERS: Final = "the NHS number is different"
HOSPITAL_NUMBER_DIFFERS: Final = "the hospital number is different"
FAMILY_NAME_DIFFERS: Final = "the family name is different"
FAMILY_NAME_MISSING: Final = "the family name was not given"
GIVEN_NAME_DIFFERS: Final = "the given name is different"
BIRTH_DATE_DIFFERS: Final = "the birth date is different"
BIRTH_DATE_MISSING: Final = "the birth date was not given"


def compare(ours: Demographics, theirs: Demographics) -> Match:
    """What stands against these being one person, in the order of the banner.

    A given name counts only when both sides have one and they share nothing, not even a short
    form's beginning: it is how a twin's result is told from the other twin's. Gender does not
    count: it is recorded differently in different places for the same person.
    """
    found = (
        _family_name_conflict(ours.family_name, theirs.family_name),
        GIVEN_NAME_DIFFERS if given_names_differ(ours, theirs) else None,
        _birth_date_conflict(ours.birth_date, theirs.birth_date),
        *_number_conflicts(ours, theirs),
    )
    return Match(tuple(conflict for conflict in found if conflict))


def family_names_differ(ours: Demographics, theirs: Demographics) -> bool:
    """Both sides give a family name, and it is not the same one."""
    keys = name_key(ours.family_name), name_key(theirs.family_name)
    return all(keys) and keys[0] != keys[1]


def given_names_differ(ours: Demographics, theirs: Demographics) -> bool:
    """Both sides give given names, and no name of one begins a name of the other."""
    left, right = _words(ours.given_names), _words(theirs.given_names)
    related = any(a.startswith(b) or b.startswith(a) for a in left for b in right)
    return bool(left and right) and not related


def birth_dates_differ(ours: Demographics, theirs: Demographics) -> bool:
    """Both sides give a birth date, and it is not the same one."""
    dates = ours.birth_date, theirs.birth_date
    return None not in dates and dates[0] != dates[1]


# The letters that Unicode does not take apart into a base letter and its mark. The database makes
# the same key from the same two strings: see patients.models.
UNMARKED_FROM: Final = "ØøŁłĐđÐðÞþßÆæŒœıĦħ"
UNMARKED_TO: Final = "oollddddttsaaooihh"
NOT_IN_A_KEY: Final = r"[\u0300-\u036f\s.,'’‘`´ʼʻ()/_\u002d\u00ad\u2010-\u2015\u2212]+"
_UNMARKED: Final = str.maketrans(UNMARKED_FROM, UNMARKED_TO)
_DROPPED: Final = re.compile(NOT_IN_A_KEY)


def name_key(name: str) -> str:
    """A name without case, accents, spaces, hyphens, apostrophes: `O’Néill-Smith` → `oneillsmith`.

    The whole name stays: `Smith` is never `Smith-Jones`, and nothing that sounds alike is equal.
    """
    apart = unicodedata.normalize("NFKD", name)
    return _DROPPED.sub("", apart).translate(_UNMARKED).lower()


def _words(names: str) -> list[str]:
    return [key for key in map(name_key, re.split(r"[\s,-]+", names)) if key]


def _family_name_conflict(ours: str, theirs: str) -> str | None:
    if not (name_key(ours) and name_key(theirs)):
        return FAMILY_NAME_MISSING
    return None if name_key(ours) == name_key(theirs) else FAMILY_NAME_DIFFERS


def _birth_date_conflict(ours: date | None, theirs: date | None) -> str | None:
    if ours is None or theirs is None:
        return BIRTH_DATE_MISSING
    return None if ours == theirs else BIRTH_DATE_DIFFERS


def _number_conflicts(ours: Demographics, theirs: Demographics) -> tuple[str, ...]:
    """Numbers that contradict each other, or the lack of one that both sides have."""
    conflicts = []
    both_nhs = ours.nhs_number and theirs.nhs_number
    if both_nhs and ours.nhs_number != theirs.nhs_number:
        conflicts.append(NHS_NUMBER_DIFFERS)
    shared = set(ours.hospital_numbers) & set(theirs.hospital_numbers)
    if _issuers(ours) & _issuers(theirs) - {number.issuer for number in shared}:
        conflicts.append(HOSPITAL_NUMBER_DIFFERS)
    if not (both_nhs or shared or conflicts):
        conflicts.append(NO_NUMBER_IN_COMMON)
    return tuple(conflicts)


def _issuers(side: Demographics) -> set[str]:
    return {number.issuer for number in side.hospital_numbers}
