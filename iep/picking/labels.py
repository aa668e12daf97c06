"""Lines that say what follows: "Consultant: Mr A Bell"; and which part of a form they are in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(
    r"^[\s*•>-]*(?P<label>[A-Za-z][A-Za-z’'/ .]{1,40}?)\s*[:=\t]\s*(?P<said>.+)$"
)
_STAFF: Final = re.compile(
    r"staff contact|contact details|requester|requested by|requesting clinician|from\b|"
    r"site contact",
    re.IGNORECASE,
)
_PATIENT: Final = re.compile(r"patient(?:'s|’s)? details|^patient\b", re.IGNORECASE)
_LONGEST_HEADING: Final = 40


@dataclass(frozen=True)
class Line:
    """`label` in small letters; `part`: "patient", "staff" or "" where no heading said."""

    label: str
    said: str
    part: str


def labelled(text: str) -> Iterator[Line]:
    """Every line with a label; a heading above it says whose it is."""
    part = ""
    for raw in text.splitlines():
        line = raw.strip()
        match = _LINE.match(raw)
        if match is None:
            if line and len(line) <= _LONGEST_HEADING:
                part = _part_of(line) or part
            continue
        yield Line(match["label"].strip().lower(), match["said"].strip(), part)


def _part_of(heading: str) -> str:
    if _PATIENT.search(heading):
        return "patient"
    return "staff" if _STAFF.search(heading) and not heading.endswith(".") else ""


def said_under(text: str, pattern: str, *, part: str = "") -> list[str]:
    """What the lines say whose whole label the pattern matches; without doubles, in order.

    `part`: only lines of that part, or of none.
    """
    label = re.compile(pattern, re.IGNORECASE)
    found = (
        line.said
        for line in labelled(text)
        if label.fullmatch(line.label) and (not part or line.part in (part, ""))
    )
    return list(dict.fromkeys(found))
