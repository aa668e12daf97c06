"""What is typed to make a transaction, and to narrow the exchange's home; checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from iep.queries.home.filters import Chip, Filters
from iep.states.priorities import (
    ELIGIBILITY_WORDS,
    PRIORITY_WORDS,
    REASON_WORDS,
    Eligibility,
    Priority,
    Reason,
)
from iep.states.transactions import Tab, TransactionKind
from nhsuk.dates import LIKE_DAY, read_day
from nhsuk.formats import cdate_text
from patients.nhs_number import is_valid

Errors = list[dict[str, str]]
MOST_EXAMS = 50  # as many as a gateway takes
EXAM_PARTS = ("", "-date", "-modality", "-code")  # fields of a row, after "exam-1"
KIND_WORDS = {"request": "Request", "transfer": "Transfer", "direct": "Direct routing"}


@dataclass(frozen=True)
class Pill:
    """An active filter, and the address that leaves it out."""

    words: str
    without: str


# --- The home's filters --------------------------------------------------------------------------


def read_filters(data: Mapping[str, str], search: str) -> tuple[Filters, Errors]:
    """The filters; what cannot be read is said, and does not narrow."""
    errors: Errors = []
    since, until = _day(data, "since", errors), _day(data, "until", errors)
    if since and until and until < since:
        errors.append(_error("until", "The last day is before the first"))
    kind, chip = data.get("kind", ""), data.get("chip", "")
    assigned = data.get("assigned", "")
    filters = Filters(
        mine=data.get("mine") == "1", incoming=data.get("incoming") == "1",
        outgoing=data.get("outgoing") == "1", blue=data.get("blue") == "1",
        kind=kind if kind in set(TransactionKind) else "",
        institution=" ".join(data.get("institution", "").split())[:60],
        assigned=assigned if assigned in ("me", "nobody") else "",
        chip=chip if chip in set(Chip) else "", since=since, until=until, search=search,
        ended=data.get("ended") == "all",
    )  # fmt: skip
    return filters, errors


def read_tab(data: Mapping[str, str]) -> Tab:
    wanted = data.get("tab", "")
    return Tab(wanted) if wanted in set(Tab) else Tab.ACTION


def read_drawn(data: Mapping[str, str]) -> datetime | None:
    """When the list was drawn that the person had before this."""
    try:
        moment = parse_datetime(data.get("drawn", ""))
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def read_known(data: Mapping[str, str]) -> int:
    """How many rows that list had."""
    return _number(data.get("known", ""), 0)


def read_page(data: Mapping[str, str]) -> int:
    return _number(data.get("page", ""), 1)


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else otherwise


def pills(data: QueryDict, filters: Filters) -> list[Pill]:
    """One for each active filter. A search says only that there is one."""
    words = {
        "who": "One search" if filters.search else "",
        "mine": "Created by me" if filters.mine else "",
        "incoming": "Incoming" if filters.incoming else "",
        "outgoing": "Outgoing" if filters.outgoing else "",
        "blue": "Clinical emergency" if filters.blue else "",
        "kind": KIND_WORDS.get(filters.kind, ""),
        "institution": filters.institution,
        "assigned": {"me": "Assigned to me", "nobody": "Assigned to nobody"}.get(
            filters.assigned, ""
        ),
        "chip": {"purging": "Purging soon", "awaiting": "Awaiting details"}.get(filters.chip, ""),
        "since": f"From {cdate_text(filters.since)}" if filters.since else "",
        "until": f"To {cdate_text(filters.until)}" if filters.until else "",
    }
    return [Pill(text, _without(data, name)) for name, text in words.items() if text]


def _without(data: QueryDict, name: str) -> str:
    rest = data.copy()
    for each in (name, "page"):
        rest.pop(each, None)
    return f"?{rest.urlencode()}"


# --- Making one ----------------------------------------------------------------------------------


def read_transaction(
    data: Mapping[str, str], *, asks_person: bool = True
) -> tuple[dict[str, Any], Errors]:
    """The facts of services.exchange.transactions.About, with `priority`; and what is wrong.

    `asks_person`: the page asks whose images they are; where it does not, the facts leave it out.
    """
    errors: Errors = []
    facts: dict[str, Any] = _read_person(data, errors) if asks_person else {}
    facts["exams"] = _exams(data, errors)
    facts |= _texts(data, _NEEDED, errors) | read_priority(data, errors)
    facts["needed_by"] = _day(data, "needed_by", errors)
    for name, most in (("comments", 1000), ("care_reason", 200)):
        facts[name] = _line(data, name, most)
    return facts, errors


def _read_person(data: Mapping[str, str], errors: Errors) -> dict[str, Any]:
    facts: dict[str, Any] = _texts(data, _NEEDED_OF_PERSON, errors)
    facts["birth_date"] = _past(data, "birth_date", errors)
    facts["nhs_number"] = _nhs_number(data, errors)
    facts["local_number"] = _line(data, "local_number", 40)
    if not facts["nhs_number"] and not facts["local_number"] and not _has(errors, "nhs_number"):
        errors.append(_error("nhs_number", "Enter the NHS number, or the S number"))
    return facts


def _texts(
    data: Mapping[str, str], needed: Mapping[str, tuple[int, str]], errors: Errors
) -> dict[str, str]:
    """Fields that must not be empty: how long each may be, and what is said where it is."""
    facts = {name: _line(data, name, most) for name, (most, _) in needed.items()}
    errors += [_error(name, words) for name, (_, words) in needed.items() if not facts[name]]
    return facts


def _line(data: Mapping[str, str], name: str, most: int) -> str:
    return " ".join(data.get(name, "").split())[:most]


_NEEDED_OF_PERSON = {
    "family_name": (80, "Enter the family name"),
    "given_names": (80, "Enter the given names"),
}
_NEEDED = {
    "requester_name": (120, "Name the requester, or it may be declined"),
    "consultant": (120, "Name the consultant, or it may be declined"),
    "department": (120, "Name the department, or it may be declined"),
}


def read_priority(data: Mapping[str, str], errors: Errors) -> dict[str, Any]:
    """`priority`, `reason` and `eligibility`; Blue Light says which of three it is."""
    text = data.get("priority", "")
    if text not in {str(int(each)) for each in Priority}:
        errors.append(_error("priority", "Choose the priority"))
        return {"priority": Priority.NORMAL, "reason": "", "eligibility": ""}
    priority, reason = Priority(int(text)), data.get("reason", "")
    eligibility = data.get("eligibility", "") if priority is Priority.BLUE_LIGHT else ""
    if priority is Priority.BLUE_LIGHT:
        reason = Reason.BLUE_LIGHT.value
        if eligibility not in set(Eligibility):
            errors.append(_error("eligibility", "Say what makes it Blue Light"))
    elif reason not in set(Reason) or reason == Reason.BLUE_LIGHT:
        errors.append(_error("reason", "Choose the reason for the priority"))
    return {"priority": priority, "reason": reason, "eligibility": eligibility}


def exam_rows(data: Mapping[str, str]) -> int:
    """How many rows of examinations the page has: every one that it was drawn with, from 1."""
    rows = range(MOST_EXAMS, 1, -1)
    return next((row for row in rows if any(f"exam-{row}{each}" in data for each in EXAM_PARTS)), 1)


def _exams(data: Mapping[str, str], errors: Errors) -> list[dict[str, str]]:
    """Each row in which anything was typed; none is left out without a word."""
    found = [
        _exam(data, f"exam-{row}", errors)
        for row in range(1, exam_rows(data) + 1)
        if any(data.get(f"exam-{row}{part}", "").strip() for part in EXAM_PARTS)
    ]
    if not found:
        errors.append(_error("exam-1", "Enter at least one examination, with its date"))
    return found


def _exam(data: Mapping[str, str], field: str, errors: Errors) -> dict[str, str]:
    description, day = _line(data, field, 120), _past(data, f"{field}-date", errors)
    if not description:
        errors.append(_error(field, "Enter the type and body part"))
    return {
        "description": description, "acquired_on": day.isoformat() if day else "",
        "modality": data.get(f"{field}-modality", "").strip().upper()[:16],
        "code": data.get(f"{field}-code", "").strip()[:20],
    }  # fmt: skip


def _nhs_number(data: Mapping[str, str], errors: Errors) -> str:
    digits = "".join(data.get("nhs_number", "").split())
    if digits and not is_valid(digits):
        errors.append(_error("nhs_number", "This is not an NHS number. Check its 10 digits"))
        return ""
    return digits


def _past(data: Mapping[str, str], field: str, errors: Errors) -> date | None:
    found = _day(data, field, errors)
    if found and found > timezone.localdate():
        errors.append(_error(field, "The date is in the future"))
    if found is None and not _has(errors, field):
        errors.append(_error(field, f"Enter the date like {LIKE_DAY}"))
    return found


def _day(data: Mapping[str, str], field: str, errors: Errors) -> date | None:
    text = data.get(field, "").strip()
    if not text:
        return None
    try:
        return read_day(text)
    except ValueError:
        errors.append(_error(field, f"Enter the day like {LIKE_DAY}"))
        return None


def _has(errors: Errors, field: str) -> bool:
    return any(each["href"] == f"#{field}" for each in errors)


def _error(field: str, text: str) -> dict[str, str]:
    return {"text": text, "href": f"#{field}"}


def choices() -> dict[str, Any]:
    """The options of the pages' fields."""
    return {
        "priorities": [(str(int(each)), words) for each, words in PRIORITY_WORDS.items()],
        "reasons": [
            (each.value, words) for each, words in REASON_WORDS.items() if each != "blue_light"
        ],
        "eligibilities": [(each.value, words) for each, words in ELIGIBILITY_WORDS.items()],
        "kinds": list(KIND_WORDS.items()),
    }
