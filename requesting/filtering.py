"""What the lists are narrowed to: from an address to `queries.Filters`, and back as chips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.http import QueryDict

from accounts.policies import Acting
from nhsuk.dates import LIKE_DAY, read_day
from nhsuk.formats import cdate_text
from nhsuk.tags import tag
from patients.models import Patient

from . import queries
from .queries import Filters
from .states import Status

DISCIPLINES = {"radiology": "Imaging", "pathology": "Bloods and samples"}
NAMES = ("discipline", "requester", "status", "since", "until")
Problems = list[dict[str, str]]


@dataclass(frozen=True)
class Chip:
    """An active filter, and the address that leaves it out."""

    words: str
    without: str


def read(data: Mapping[str, str], *, mine: bool = False) -> tuple[Filters, Problems]:
    """The filters; what cannot be read is said, and does not narrow."""
    since, one = _day(data, "since")
    until, two = _day(data, "until")
    if since and until and until < since:
        two = [{"text": "The last day is before the first", "href": "#until"}]
    requester = data.get("requester", "")
    filters = Filters(
        mine=mine,
        discipline=data.get("discipline", "") if data.get("discipline") in DISCIPLINES else "",
        requester=int(requester) if requester.isdecimal() else None,
        status=data.get("status", "") if data.get("status") in set(Status) else "",
        since=since,
        until=until,
    )
    return filters, one + two


def _day(data: Mapping[str, str], field: str) -> tuple[date | None, Problems]:
    text = data.get(field, "").strip()
    if not text:
        return None, []
    try:
        return read_day(text), []
    except ValueError:
        words = f"Enter the {'first' if field == 'since' else 'last'} day like {LIKE_DAY}"
        return None, [{"text": words, "href": f"#{field}"}]


def typed(data: Mapping[str, str], filters: Filters) -> dict[str, str]:
    """What stands in the two fields for a day: as the screens write it, or as it was typed."""
    read = {"since": filters.since, "until": filters.until}
    return {each: cdate_text(day) if day else data.get(each, "") for each, day in read.items()}


def only(filters: Filters, found: Iterable[Patient]) -> Filters:
    return replace(filters, patient_ids=tuple(patient.pk for patient in found))


def choices(acting: Acting) -> dict[str, list[tuple[str, str]]]:
    """The options of the filter panel."""
    return {
        "discipline": list(DISCIPLINES.items()),
        "requester": [(str(user.pk), user.display_name) for user in queries.requesters(acting)],
        "status": [(status.value, _label(status)) for status in Status],
    }


def _label(status: str) -> str:
    found = tag("order", status)
    return found.label if found else status


def chips(data: QueryDict, who: str | None) -> list[Chip]:
    """One for each active filter. The patient's says only that there is one."""
    found = [Chip("One patient", _without(data, "who"))] if who else []
    return found + [
        Chip(_words(name, data[name]), _without(data, name)) for name in NAMES if data.get(name)
    ]


def _without(data: QueryDict, name: str) -> str:
    rest = data.copy()
    for each in (name, "after", "page"):
        rest.pop(each, None)
    return f"?{rest.urlencode()}"


def _words(name: str, value: str) -> str:
    words: dict[str, Any] = {
        "discipline": lambda: DISCIPLINES.get(value, value),
        "requester": lambda: "One requester",
        "status": lambda: _label(value) if value in set(Status) else "A status that is not ours",
        "since": lambda: f"From {_date_words(value)}",
        "until": lambda: f"To {_date_words(value)}",
    }
    return words[name]()


def _date_words(value: str) -> str:
    try:
        return cdate_text(read_day(value))
    except ValueError:
        return value


# --- A department's own lists --------------------------------------------------------------------

DEPARTMENT_NAMES = {
    "modality": "One kind", "site": "One site", "priority": "One priority",
    "practice": "One practice",
}  # fmt: skip


def of_department(data: Mapping[str, str]) -> Filters:
    """What a department's list is narrowed to; what cannot be read does not narrow."""
    return Filters(
        modality=data.get("modality", "")[:4],
        site=_whole(data.get("site", "")),
        organisation=_whole(data.get("practice", "")),
        priority=data.get("priority", "")[:8],
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None


def page_number(data: Mapping[str, str]) -> int:
    """Which page, from 1; no further than anybody reads."""
    return min(max(_whole(data.get("page", "")) or 1, 1), 200)


def department_chips(data: QueryDict) -> list[Chip]:
    return [
        Chip(words, _without(data, name)) for name, words in DEPARTMENT_NAMES.items()
        if data.get(name)
    ]  # fmt: skip
