"""Whose images the text asks for: name, birth date, NHS number, S number, address."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from patients import nhs_number

from . import days
from .labels import said_under

_NUMBER: Final = re.compile(r"(?<![\d+])\d{3}[ .-]?\d{3}[ .-]?\d{4}(?!\d)")
_NHS_LABEL: Final = re.compile(
    r"\bNHS\s*(?:no|num(?:ber)?|#)?\.?\s*[:#-]?\s*(?P<said>\d[\d .-]{6,16}\d)", re.IGNORECASE
)
_TITLES: Final = r"(?:mr|mrs|ms|miss|master|mx|dr|prof|sir|dame|rev)\.?"
_BORN: Final = re.compile(
    r"\b(?:d\.?\s?o\.?\s?b\.?|date of birth|born(?: on)?|birth date)\s*[:=-]?\s*\(?$", re.IGNORECASE
)
_RE: Final = re.compile(
    r"^\s*(?:re|patient(?:[’']s)?(?: name)?|pt)\b\s*[:-]\s*(?P<said>[^\n]+)$",
    re.IGNORECASE | re.MULTILINE,
)
_STOP: Final = re.compile(
    r"\s*(?:[,;(]\s*)?"
    r"(?:\b(?:d\.?o\.?b|dob|date of birth|born|nhs|hosp|uhl|s\d{5,})|\d|[(;|\t]).*$",
    re.IGNORECASE,
)
_PART: Final = r"[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ’'-]*"
_COMMA: Final = re.compile(
    rf"^(?P<family>{_PART}(?: {_PART}){{0,2}}),\s*(?P<given>{_PART}(?: {_PART}){{0,3}})$"
)
_PLAIN: Final = re.compile(rf"^{_PART}(?: {_PART}){{1,4}}$")
Said = tuple[dict[str, str], dict[str, str]]


def of_patient(text: str, *, today: date, s_number_pattern: str) -> Said:
    values: dict[str, str] = {}
    notes: dict[str, str] = {}
    for found in (
        _name(text),
        _birth_date(text, today),
        _nhs_number(text),
        _s_number(text, s_number_pattern),
        _address(text),
    ):
        values |= found[0]
        notes |= found[1]
    return values, notes


# --- Numbers -------------------------------------------------------------------------------------


def _nhs_number(text: str) -> Said:
    """Ten digits whose last one checks; what is called an NHS number and is none gets a note."""
    called = {nhs_number.normalise(m["said"]) for m in _NHS_LABEL.finditer(text)}
    good = {number for number in called if nhs_number.is_valid(number)}
    if not called:
        loose = (nhs_number.normalise(m.group()) for m in _NUMBER.finditer(text))
        good = {number for number in loose if nhs_number.is_valid(number)}
    if len(good) > 1:
        return {}, {"nhs_number": "More than one NHS number is in the text. Enter the right one"}
    if called - good:
        return {}, {"nhs_number": "The NHS number in the text is not correct. Check each digit"}
    return {"nhs_number": nhs_number.spaced(good.pop()) if good else ""}, {}


def _s_number(text: str, pattern: str) -> Said:
    inside = pattern.removeprefix("^").removesuffix("$")
    found = {m.group().upper() for m in re.finditer(rf"\b{inside}\b", text, re.IGNORECASE)}
    if len(found) > 1:
        return {}, {"s_number": "More than one S number is in the text. Enter the right one"}
    return {"s_number": found.pop() if found else ""}, {}


# --- Name and birth date -------------------------------------------------------------------------


def _name(text: str) -> Said:
    said = said_under(
        text, r"(?:patient(?:[’']s)?\s*(?:full )?(?:name)?|full name|name)", part="patient"
    )
    said += [match["said"] for match in _RE.finditer(text)]
    names = dict.fromkeys(pair for each in said if (pair := split_name(each)))
    if len({(family.lower(), given.lower()) for family, given in names}) > 1:
        return {}, {"family_name": "More than one name is in the text. Enter the patient’s"}
    if not names:
        return {}, {}
    family, given = next(iter(names))
    return {"family_name": family, "given_names": given}, {}


def split_name(said: str) -> tuple[str, str] | None:
    """Family name and given names: `SMITH, Ann`; `Ann SMITH`; `Mrs Ann Smith`. None: not a name."""
    plain = _STOP.sub("", re.sub(rf"^\s*{_TITLES}\s+", "", said.strip(), flags=re.IGNORECASE))
    plain = re.sub(rf"\s*\(?\b{_TITLES}\)?\s*$", "", plain.strip(" ,.-"), flags=re.IGNORECASE)
    if match := _COMMA.match(plain):
        return _cased(match["family"]), _cased(match["given"])
    if not _PLAIN.match(plain):
        return None
    words = plain.split()
    capitals = [word for word in words if word.isupper() and len(word) > 1]
    if 0 < len(capitals) < len(words):
        given = [word for word in words if word not in capitals]
        return _cased(" ".join(capitals)), _cased(" ".join(given))
    return _cased(words[-1]), _cased(" ".join(words[:-1]))


def _cased(name: str) -> str:
    """Capitals as people write a name; what has small letters stays as it is."""
    if not name.isupper():
        return name
    return re.sub(r"[^\W\d_]+", lambda m: m.group().capitalize(), name.replace("’", "'"))


def _birth_date(text: str, today: date) -> Said:
    born = [each for each in days.dates_in(text) if _BORN.search(text[: each.start][-30:])]
    wrong = next((each for each in born if not each.past(today)), None)
    if wrong is not None:
        return {}, {"birth_date": f"{wrong.written} is not a possible date of birth"}
    read = {day for each in born for day in each.past(today)}
    if len(read) > 1:
        if len(born) == 1:
            return {}, {"birth_date": f"{born[0].written} can be in two centuries. Enter the year"}
        return {}, {"birth_date": "More than one date of birth is in the text"}
    if not read:
        return {}, {}
    notes = {}
    if born[0].could_be_month_first:
        notes["birth_date"] = f"{born[0].written} was read as {days.in_words(min(read))}, day first"
    return {"birth_date": days.typed(min(read))}, notes


def is_birth_date(text: str, found: days.Found) -> bool:
    return bool(_BORN.search(text[: found.start][-30:]))


def _address(text: str) -> Said:
    said = said_under(text, r"(?:patient(?:[’']s)? )?address", part="patient")
    if len(said) != 1:
        return {}, {}
    post = re.search(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b", said[0].upper())
    code = post.group() if post else ""
    lines = re.sub(re.escape(code), "", said[0], flags=re.IGNORECASE) if code else said[0]
    parts = [part.strip() for part in lines.split(",") if part.strip(" .")]
    return {"address": "\n".join(parts), "postcode": code}, {}
