"""Who asks: name, telephone, e-mail, consultant, department."""

from __future__ import annotations

import re
from typing import Final

from .labels import said_under

_TITLE: Final = r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sister|Sr)\.?"
_PART: Final = r"[A-ZÀ-Ö][A-Za-zÀ-ÖØ-öø-ÿ’'-]*\.?"
_PERSON: Final = rf"(?:{_TITLE}\s+)?{_PART}(?:[ ]{_PART}){{0,3}}"
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
)
_FROM: Final = re.compile(
    r"^From:\s*\"?(?P<who>[^<\"\n]+?)\"?\s*(?:<(?P<email>[^>\n]+)>.*)?$", re.MULTILINE
)
_PHONE: Final = re.compile(
    r"\b(?:tel(?:ephone)?|phone|contact (?:no|number)|ext(?:n|ension)?|bleep|mob(?:ile)?|"
    r"ring me on|call me on|on)\b\.?\s*(?:no\.?|number)?\s*[:=-]?\s*"
    r"(?P<said>(?:\+44\s?)?\(?\d[\d ()-]{2,16}\d(?:\s*(?:ext|x|extension)\.?\s*\d{3,6})?)",
    re.IGNORECASE,
)
_REGARDS: Final = re.compile(
    rf"^\s*(?:kind|best|many|with)?\s*(?:regards|thanks|wishes|thank you|yours sincerely|"
    rf"yours faithfully)[,.!]?\s*\n+\s*(?P<who>{_PERSON})\s*(?:,.*)?$",
    re.IGNORECASE | re.MULTILINE,
)
_CONSULTANT: Final = re.compile(
    rf"\b(?:[Cc]onsultant(?: is|:)?|[Uu]nder(?: the care of)?(?: [Cc]onsultant)?|[Cc]are of)\s+"
    rf"(?P<who>{_TITLE}\s+{_PART}(?:[ ]{_PART}){{0,2}})"
)
Said = tuple[dict[str, str], dict[str, str]]


def of_requester(text: str) -> Said:
    values: dict[str, str] = {}
    notes: dict[str, str] = {}
    for found in (_name(text), _email(text), _phone(text), _consultant(text), _department(text)):
        values |= found[0]
        notes |= found[1]
    return values, notes


def _one(field: str, found: list[str], what: str) -> Said:
    """The only one there is; a note where there are several."""
    different = list(dict.fromkeys(" ".join(each.split()).strip(" ,.;") for each in found))
    different = [each for each in different if each]
    if len(different) > 1:
        return {}, {field: f"More than one {what} is in the text: {' or '.join(different[:3])}"}
    return {field: different[0] if different else ""}, {}


def _name(text: str) -> Said:
    said = said_under(
        text,
        r"(?:requester|requested by|requesting (?:clinician|doctor|person))(?:[’']s)?(?: name)?",
    )
    said = said or [each for each in said_under(text, "name") if _is_staff(text, each)]
    said = said or [m["who"].strip() for m in _FROM.finditer(text) if "@" not in m["who"]]
    said = said or [match["who"] for match in _REGARDS.finditer(text)]
    return _one(
        "requester_name", [_EMAIL.sub("", each).strip(" <>()") for each in said], "requester"
    )


def _is_staff(text: str, name: str) -> bool:
    from .labels import labelled

    return any(line.part == "staff" and line.said == name for line in labelled(text))


def _email(text: str) -> Said:
    said = [m["email"] for m in _FROM.finditer(text) if m["email"] and _EMAIL.fullmatch(m["email"])]
    labels = r"(?:requester(?:[’']s)? |your |my )?e-?mail(?: address)?"
    said = said or [
        match.group() for each in said_under(text, labels) for match in _EMAIL.finditer(each)
    ]
    said = said or _EMAIL.findall(text)
    return _one("requester_email", [each.lower() for each in said], "e-mail address")


def _phone(text: str) -> Said:
    labels = (
        r"(?:requester(?:[’']s)? |your |my )?(?:contact (?:no|number)|tel(?:ephone)?(?: number)?|"
        r"phone(?: number)?|ext(?:ension)?|bleep)\.?"
    )
    said = [each for each in said_under(text, labels) if re.search(r"\d{3}", each)]
    said = said or [match["said"] for match in _PHONE.finditer(text) if _is_phone(match)]
    return _one("requester_phone", said, "telephone number")


def _is_phone(match: re.Match[str]) -> bool:
    """After "on" only what is too long for a date."""
    digits = sum(character.isdigit() for character in match["said"])
    return not match.group().lower().startswith("on") or digits >= 10


def _consultant(text: str) -> Said:
    said = said_under(text, r"(?:requesting |responsible )?consultant(?: name)?")
    said = said or [match["who"] for match in _CONSULTANT.finditer(text)]
    return _one("consultant", said, "consultant")


def _department(text: str) -> Said:
    said = said_under(text, r"(?:department|dept|specialty|speciality|ward|team)\.?(?:/ward)?")
    return _one("department", said, "department")
