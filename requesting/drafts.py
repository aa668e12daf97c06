"""What a draft says: JSON to frozen dataclasses and back. Plain Python.

Only known keys are read and only sane types are kept; whether a code exists and whether anything
is missing is for the catalogue and for `requesting.queries.compose` to say.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from .rules import Given

MOST_ITEMS = 30
DETAILS_LENGTH = 500
ANSWER_LENGTH = 200


class Collection(StrEnum):
    """Where a sample is taken (ux.md R2)."""

    PATIENT_BOOKS = "patient_books"
    HERE_NOW = "here_now"
    HOME_VISIT = "home_visit"


COLLECTION_WORDS: dict[str, str] = {
    Collection.PATIENT_BOOKS: "Patient books",
    Collection.HERE_NOW: "Here now",
    Collection.HOME_VISIT: "Home visit",
}


@dataclass(frozen=True)
class Line:
    """One chosen test: codes of the catalogue, and the person's own words."""

    service: str
    side: str = ""
    reasons: tuple[str, ...] = ()
    details: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)  # question code → value
    alerts: Mapping[str, Given] = field(default_factory=dict)  # rule key → answer
    take_from: date | None = None
    collection: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "side": self.side,
            "reasons": list(self.reasons),
            "details": self.details,
            "answers": dict(self.answers),
            "alerts": {
                key: {"reason": given.reason, "words": given.words}
                for key, given in self.alerts.items()
            },
            "take_from": self.take_from.isoformat() if self.take_from else "",
            "collection": self.collection,
        }


@dataclass(frozen=True)
class Content:
    """A whole draft. `results_to` and `copy_to` are ids of users; `hospital` is the code of the
    trust that is asked where it does the test, "" for the usual one."""

    lines: tuple[Line, ...] = ()
    hospital: str = ""
    priority: str = "routine"
    results_to: int | None = None
    copy_to: tuple[int, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(line.service for line in self.lines)

    def without(self, codes: frozenset[str]) -> Content:
        return replace(self, lines=tuple(x for x in self.lines if x.service not in codes))

    def as_json(self) -> dict[str, Any]:
        return {
            "items": [line.as_json() for line in self.lines],
            "hospital": self.hospital,
            "priority": self.priority,
            "results_to": self.results_to,
            "copy_to": list(self.copy_to),
        }


def read(content: Mapping[str, Any]) -> Content:
    """The draft that this JSON means. A test appears once; what is malformed reads as empty."""
    lines = [_line(item) for item in _list(content.get("items")) if isinstance(item, Mapping)]
    by_code = {line.service: line for line in reversed(lines) if line.service}
    ordered = [by_code[code] for code in dict.fromkeys(x.service for x in lines) if code]
    copies = _list(content.get("copy_to"))
    return Content(
        lines=tuple(ordered[:MOST_ITEMS]),
        hospital=_text(content.get("hospital")),
        priority=_text(content.get("priority")) or "routine",
        results_to=_number(content.get("results_to")),
        copy_to=tuple(dict.fromkeys(n for n in map(_number, copies) if n)),
    )


def _line(item: Mapping[str, Any]) -> Line:
    answers = _mapping(item.get("answers"))
    return Line(
        service=_text(item.get("service")),
        side=_text(item.get("side")),
        reasons=tuple(dict.fromkeys(filter(None, map(_text, _list(item.get("reasons")))))),
        details=_details(item.get("details")),
        answers={key: _text(value) for key, value in answers.items() if _text(value)},
        alerts={
            key: Given(_text(given.get("reason")), _text(given.get("words")))
            for key, given in _mapping(item.get("alerts")).items()
            if isinstance(given, Mapping) and given.get("reason")
        },
        take_from=_day(item.get("take_from")),
        collection=_text(item.get("collection")),
    )


def _details(value: object) -> str:
    """Browsers post CRLF; a line is a line."""
    return str(value or "").replace("\r\n", "\n").replace("\r", "\n").strip()


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and value else None
    except ValueError:
        return None


def fingerprint(content: Content, *who: object) -> str:
    """SHA-256 of what is asked, by whom, for whom: the same form gives the same one."""
    body = json.dumps([content.as_json(), [str(part) for part in who]], sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


def merged(first: Content, second: Content) -> Content:
    """Both, when an undone request meets a draft begun since: the draft's own lines win."""
    more = tuple(line for line in second.lines if line.service not in first.codes)
    return replace(first, lines=first.lines + more)
