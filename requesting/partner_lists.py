"""A partner's list as a file: how it is written, and what is no list. Plain Python.

It holds numbers and states and no patient: docs/hl7/reconciliation.md is its description.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

LARGEST: Final = 5_000_000  # bytes
MOST_ROWS: Final = 50_000


class ListKind(StrEnum):
    ORDERS = "orders"
    REPORTS = "reports"


LIST_WORDS: Final = {ListKind.ORDERS: "Orders", ListKind.REPORTS: "Reports"}


# Their words for how far it is; "missed" and the ends are compared by themselves.
STAGES: Final = {
    "received": 2, "accepted": 3, "booked": 4, "missed": 4, "collected": 5, "progress": 6,
    "reported": 7,
}  # fmt: skip
ENDS: Final = {"rejected", "cancelled"}


class NotAList(Exception):
    """The file cannot be compared. `sentence` says what to put right; nothing was compared."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


@dataclass(frozen=True)
class Theirs:
    """A row of their list. Of orders `status` is one of STAGES or ENDS, of reports table 0123."""

    placer: str
    accession: str
    status: str
    at: datetime | None = None  # received there; of a report: issued
    changed: datetime | None = None  # when it came to this status
    count: int = 0  # versions of a report


@dataclass(frozen=True)
class PartnerList:
    """A whole list: of whom, as of when, of what came or was issued since when."""

    kind: ListKind
    partner: str
    as_of: datetime
    since: datetime
    rows: tuple[Theirs, ...]


HEAD: Final = ("list", "partner", "as of", "since", "rows")
COLUMNS: Final[dict[ListKind, tuple[str, ...]]] = {
    ListKind.ORDERS: ("placer", "accession", "status", "received", "changed"),
    ListKind.REPORTS: ("placer", "accession", "status", "issued", "count"),
}
REPORT_STATUSES: Final = frozenset("AIPRSFCWDXOU")


def read_list(raw: bytes) -> PartnerList:
    """Their file as a list. Raises NotAList: a file that is cut short says nothing of its rest."""
    if len(raw) > LARGEST:
        raise NotAList("The file is larger than 5 MB. Ask for a list of fewer days.")
    try:
        text = raw.decode("utf-8-sig")
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if row]
    except (UnicodeDecodeError, csv.Error):
        raise NotAList("The file is not CSV in UTF-8. Ask the partner for it again.") from None
    head = _head(rows[: len(HEAD)])
    kind = _kind(head["list"])
    columns = rows[len(HEAD)] if len(rows) > len(HEAD) else []
    if tuple(columns) != COLUMNS[kind]:
        raise NotAList(f"Line 6 must be: {','.join(COLUMNS[kind])}")
    body = rows[len(HEAD) + 1 :]
    if head["rows"] != str(len(body)) or len(body) > MOST_ROWS:
        raise NotAList(f"It says {head['rows']} rows and has {len(body)}: it may be cut short.")
    numbered = enumerate(body, len(HEAD) + 2)
    read = tuple(_row(kind, row, number) for number, row in numbered)
    as_of, since = _time(head["as of"], 3), _time(head["since"], 4)
    if as_of is None or since is None or since >= as_of:
        raise NotAList("Lines 3 and 4 must be times, and “since” the earlier one.")
    return PartnerList(kind, head["partner"], as_of, since, _once(read))


def _head(rows: list[list[str]]) -> dict[str, str]:
    names = tuple(row[0].lower() for row in rows)
    if names != HEAD or any(len(row) < 2 for row in rows):
        raise NotAList("The first five lines must be: list, partner, as of, since, rows.")
    return {row[0].lower(): row[1] for row in rows}


def _kind(word: str) -> ListKind:
    try:
        return ListKind(word)
    except ValueError:
        raise NotAList("Line 1 must say which list it is: orders or reports.") from None


def _time(text: str, line: int) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise NotAList(f"Line {line}: a time must be like 2026-11-22T06:00:00+00:00.")
    return at


def _row(kind: ListKind, cells: list[str], line: int) -> Theirs:
    if len(cells) != len(COLUMNS[kind]):
        raise NotAList(f"Line {line}: it must have {len(COLUMNS[kind])} columns.")
    placer, accession, status, at, last = cells
    if not (placer or accession):
        raise NotAList(f"Line {line}: it has neither an order number nor an accession number.")
    if len(placer) > 40 or len(accession) > 40:
        raise NotAList(f"Line {line}: a number is longer than 40 characters.")
    known = {*STAGES, *ENDS} if kind is ListKind.ORDERS else REPORT_STATUSES
    if status not in known:
        raise NotAList(f"Line {line}: the status must be one of {', '.join(sorted(known))}.")
    if kind is ListKind.ORDERS:
        return Theirs(placer, accession, status, _time(at, line), _time(last, line))
    if not (last.isdigit() and len(last) < 4 and int(last)):
        raise NotAList(f"Line {line}: count must be a number from 1.")
    return Theirs(placer, accession, status, _time(at, line), count=int(last))


def _once(rows: tuple[Theirs, ...]) -> tuple[Theirs, ...]:
    """The same line twice says nothing new; two lines of one number that differ say too much."""
    seen: dict[tuple[str, str], Theirs] = {}
    for row in rows:
        key = row.placer, row.accession
        if seen.setdefault(key, row) != row:
            raise NotAList("One number is on the list twice, with different states.")
    return tuple(seen.values())
