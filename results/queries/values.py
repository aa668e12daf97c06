"""The values of a version as its page shows them: what stands out, what was taken back, files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from nhsuk.charts import Point
from results.hl7 import CENTRE, Kind
from results.models import AgreedHost, Observation, ReportVersion
from results.ranges import Mark
from results.states import OTHER_PATIENT, STRUCK, Significance, value_status_words

from .overtime import key_of, limits_of, mark_for, points_of, series_of

LONGEST_IN_A_CELL = 40
KIND_WORDS = {Kind.PDF: "PDF", Kind.JPEG: "picture", Kind.PNG: "picture", Kind.TEXT: "text"}
# Nothing in it that two readers of addresses could read in two ways: no user, no odd port.
_LINK = re.compile(r"https://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::443)?(?:[/?][!-\[\]-~]*)?\Z")


@dataclass(frozen=True)
class Run:
    """A run of text; `kind` is `strong`, `centre`, or nothing."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Attached:
    """A document that may be downloaded."""

    id: int
    words: str  # "PDF, 84 kB"


@dataclass(frozen=True)
class Pointer:
    """An address that a report names. Only one of an agreed host is a link."""

    address: str
    host: str
    is_link: bool


@dataclass(frozen=True)
class Value:
    """One line of the values table."""

    code: str
    name: str
    sub_id: str  # "" where the values of the version have no parts
    value: str
    runs: tuple[Run, ...]
    coded: str
    units: str
    reference_range: str
    mark: Mark
    status_words: str
    note: str
    document: str
    document_problem: str
    attached: tuple[Attached, ...]
    pointers: tuple[Pointer, ...]
    is_struck: bool  # deleted: what it was is shown struck through
    is_hidden: bool  # another patient's: not shown
    is_long: bool  # several lines: shown as they are, not in a column
    previous: str
    previous_at: datetime | None
    points: tuple[Point, ...]
    low: float | None
    high: float | None


# --- What is hidden ------------------------------------------------------------------------------


Address = tuple[str, str]


def address_of(each: Observation) -> Address:
    return each.code or each.name, each.sub_id


def shown(version: ReportVersion, hidden: frozenset[Address] = frozenset()) -> list[Observation]:
    """The values that go into the table: of imaging what is not the text of the report itself.
    Those of another patient come without anything that was said of that patient."""
    values = [each for each in version.observations.all() if not each.is_prose]
    return [_veiled(each) if _is_hidden(each, hidden) else each for each in values]


def hidden_in(version: ReportVersion) -> frozenset[Address]:
    """Which values the version takes back as another patient's: they are in no version shown."""
    values = version.observations.all()
    return frozenset(address_of(each) for each in values if each.status == OTHER_PATIENT)


def _is_hidden(each: Observation, hidden: frozenset[Address]) -> bool:
    return each.status == OTHER_PATIENT or address_of(each) in hidden


def _veiled(each: Observation) -> Observation:
    """A copy for the page, never saved."""
    bare = copy(each)
    bare.value = bare.units = bare.reference_range = bare.flags = bare.note = bare.coded = ""
    bare.document = bare.document_problem = ""
    bare.marks = []
    bare.status = OTHER_PATIENT
    return bare


# --- The lines -----------------------------------------------------------------------------------


def values_of(
    version: ReportVersion, values: Sequence[Observation], earlier: Sequence[Observation]
) -> tuple[Value, ...]:
    """The lines of the table. `earlier`: the values of the version before, for what was deleted."""
    lines = series_of(each for each in values if each.value and each.status not in STRUCK)
    hosts = _agreed_hosts(version) if any(each.value_type == "RP" for each in values) else set()
    were = {address_of(each): each for each in reversed(earlier)}
    has_parts = len({each.sub_id for each in values if each.sub_id}) > 1
    return tuple(
        _value(each, lines.get(key_of(each), []), were.get(address_of(each)), hosts, has_parts)
        for each in values
    )


def _value(
    each: Observation,
    line: Sequence[Observation],
    was: Observation | None,
    hosts: set[str],
    has_parts: bool,
) -> Value:
    before = _before(each, line)
    previous = before[-1] if before else None
    low, high = limits_of(each)
    old = was if each.status in STRUCK - {OTHER_PATIENT} and not each.value else None
    value, units = (old.value, old.units) if old else (each.value, each.units)
    is_pointer = each.value_type == "RP"
    is_long = not is_pointer and ("\n" in value or len(value) > LONGEST_IN_A_CELL)
    return Value(
        code=each.code,
        name=each.name,
        sub_id=each.sub_id if has_parts else "",
        value="" if is_pointer else value,
        runs=runs_of(value, old.marks if old else each.marks),
        coded=each.coded,
        units=units,
        reference_range=each.reference_range,
        mark=_mark(each),
        status_words=value_status_words(each.status),
        note=each.note,
        document=each.document,
        document_problem=each.document_problem,
        attached=_attached(each),
        pointers=_pointers(each, hosts) if is_pointer else (),
        is_struck=each.status in STRUCK and bool(value),
        is_hidden=each.status == OTHER_PATIENT,
        is_long=is_long,
        previous=previous.value if previous and not is_long else "",
        previous_at=previous.observed_at if previous else None,
        points=points_of([*before, each]) if each.status not in STRUCK else (),
        low=low,
        high=high,
    )


def _before(each: Observation, line: Sequence[Observation]) -> list[Observation]:
    """The values of the line that were taken earlier and came in another version."""
    return [
        other for other in line
        if other.observed_at < each.observed_at and other.version_id != each.version_id
    ]  # fmt: skip


def _mark(each: Observation) -> Mark:
    """Of what was taken back and of a document the words beside it say enough."""
    if each.status in STRUCK:
        return Mark("", "", Significance.UNEXPECTED)
    if each.document and not each.flags:
        words = "Cannot be opened" if each.document_problem else ""
        return Mark("", words, Significance(each.level))
    return mark_for(each)


def runs_of(text: str, marks: Iterable[Sequence[object]]) -> tuple[Run, ...]:
    """The text in runs, each with the mark that it is under; together they are the whole text."""
    spans = [(str(kind), int(str(start)), int(str(end))) for kind, start, end in marks]
    edges = sorted({0, len(text), *(edge for _, *pair in spans for edge in pair)})
    runs = []
    for start, end in pairwise(edges):
        kinds = {kind for kind, first, last in spans if first <= start and end <= last}
        kind = CENTRE if CENTRE in kinds else next(iter(kinds), "")
        runs.append(Run(text[start:end], kind))
    return tuple(run for run in runs if run.text)


# --- Documents -----------------------------------------------------------------------------------


def _attached(each: Observation) -> tuple[Attached, ...]:
    if not each.document or each.status == OTHER_PATIENT:
        return ()
    found = each.documents.only("id", "kind", "size")
    return tuple(Attached(one.pk, f"{_kind(one.kind)}, {_size(one.size)}") for one in found)


def _kind(kind: str) -> str:
    return KIND_WORDS[Kind(kind)]


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{max(1, size // 1000)} kB"


def _agreed_hosts(version: ReportVersion) -> set[str]:
    """What the sender of this version agreed with us; nothing for what came by no message."""
    partner = version.message.partner_id if version.message else None
    found = AgreedHost.objects.filter(partner=partner) if partner else AgreedHost.objects.none()
    return set(found.values_list("host", flat=True))


def _pointers(each: Observation, hosts: set[str]) -> tuple[Pointer, ...]:
    return tuple(pointer(address, hosts) for address in each.value.split("\n") if address)


def pointer(address: str, hosts: set[str]) -> Pointer:
    """An address as the page shows it; whatever is not surely of an agreed host is only text."""
    found = _LINK.match(address)
    host = found[1] if found else ""
    return Pointer(address, host, is_link=bool(host) and host in hosts)
