"""One OBX: its value as a reader reads it, by its data type. HL7 v2.4 chapters 2 and 7."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from messaging import wire
from messaging.errors import Park
from nhsuk.formats import MONTHS, cdate_text, ctime_text

from . import formatted
from .documents import IncomingDocument, kind_words, pointer_of, read_documents
from .formatted import Formatted, Mark

TIME: Final = "message_time"

DOCUMENT_TYPES: Final = frozenset({"ED", "RP"})  # encapsulated data, and a pointer to it
CODED_TYPES: Final = frozenset({"CE", "CWE", "CNE", "CF"})
TEXT_TYPES: Final = frozenset({"TX", "FT"})
TIME_TYPES: Final = frozenset({"DT", "TM", "TS", "DTM"})

_CLOCK = re.compile(r"([01]\d|2[0-3])([0-5]\d)(?:([0-5]\d)(?:\.\d+)?)?([+-]\d{4})?\Z")
_PART_OF_A_DAY = re.compile(r"(\d{4})(0[1-9]|1[0-2])?\Z")


@dataclass(frozen=True, repr=False)
class IncomingObservation:
    """One OBX. `flags` and `value` have a line for each repetition; all else is as it was sent."""

    code: str
    code_system: str
    name: str
    value_type: str
    value: str
    units: str
    reference_range: str
    flags: str
    status: str
    observed_at: datetime
    note: str
    sub_id: str = ""
    coded: str = ""  # of a coded value: its codes with their systems, a line each
    marks: tuple[Mark, ...] = ()  # what stands out in `value`
    document: str = ""  # what kind of document there is, where the value is one
    document_sha256: str = ""
    documents: tuple[IncomingDocument, ...] = ()
    document_problem: str = ""  # why one of them cannot be opened, in words

    def __repr__(self) -> str:
        return "<IncomingObservation>"


def read_observation(
    obx: wire.Segment, notes: Sequence[str], when: datetime
) -> IncomingObservation:
    """The value with all that stands around it; `when` is the time of its report."""
    value_type = obx.get(2)
    is_document = value_type in DOCUMENT_TYPES
    documents, problem = read_documents(obx) if value_type == "ED" else ((), "")
    value = _value(obx, value_type)
    return IncomingObservation(
        code=obx.get(3),
        code_system=obx.get(3, 3),
        name=obx.get(3, 2) or obx.get(3, 5) or obx.get(3),
        sub_id=obx.text(4),
        value_type=value_type,
        value=value.text,
        marks=value.marks,
        coded=_codings(obx) if value_type in CODED_TYPES else "",
        units=_units(obx),
        reference_range=obx.text(7),
        flags=obx.text(8),
        status=obx.get(11),
        observed_at=read_time(obx.get(14)) or when,
        note="\n".join(notes),
        document=kind_words(obx) if is_document else "",
        document_sha256=sha256(obx.raw(5).encode()).hexdigest() if is_document else "",
        documents=documents,
        document_problem=problem,
    )


def _value(obx: wire.Segment, value_type: str) -> Formatted:
    """The value for a reader; a type that we do not know stays as it is on the wire."""
    if value_type == "ED":
        return Formatted("")
    if value_type == "RP":
        return Formatted(pointer_of(obx))
    if value_type == "SN":
        return Formatted("\n".join(_structured_number(each) for each in obx.repetitions(5)))
    if value_type in CODED_TYPES:
        return Formatted("\n".join(_coded(each) for each in obx.repetitions(5)))
    if value_type in TIME_TYPES:
        return Formatted("\n".join(_moment(each, value_type) for each in obx.repetitions(5)))
    return read_text(obx, 5)


def read_text(segment: wire.Segment, field: int) -> Formatted:
    """A field of words: every repetition from a new line, its formatting commands obeyed."""
    repetitions = segment.repetitions(field)
    return formatted.joined(formatted.read(each.source, each.charset) for each in repetitions)


def _units(obx: wire.Segment) -> str:
    """OBX-6 is coded (`mmol/L^millimole per litre^UCUM`) or, unescaped, just `10^9/L`."""
    return obx.get(6) or obx.get(6, 2) if obx.get(6, 3) else obx.text(6)


def _structured_number(each: wire.Repetition) -> str:
    """SN: comparator, number, separator, number: `<5`, `1:128`, `3-5`."""
    return "".join(each.get(component) for component in (1, 2, 3, 4))


def _coded(each: wire.Repetition) -> str:
    """What a coded value says: the words that were coded (CWE-9), its name, else its code."""
    return each.get(9) or each.get(2) or each.get(5) or each.get(1)


def _codings(obx: wire.Segment) -> str:
    return "\n".join(filter(None, (_coding(each) for each in obx.repetitions(5))))


def _coding(each: wire.Repetition) -> str:
    """Both codings of a value: code, words where they are others than are shown, system as sent."""
    shown, found = _coded(each), []
    for code, words, system in ((1, 2, 3), (4, 5, 6)):
        parts = [text for text in (each.get(code), each.get(words)) if text and text != shown]
        if parts or each.get(system):
            named = " ".join(parts) or each.get(code)
            found.append(f"{named} ({each.get(system)})" if each.get(system) else named)
    return "; ".join(filter(None, found))


# --- Times ---------------------------------------------------------------------------------------


def _moment(each: wire.Repetition, value_type: str) -> str:
    """A date or a time as the screens write it; what is none stays as it was sent."""
    text = each.get(1)
    clock = _CLOCK.match(text) if value_type == "TM" else None
    if clock:
        seconds = f":{clock[3]}" if clock[3] and clock[3] != "00" else ""
        zone = f" ({clock[4]})" if clock[4] else ""
        return f"{clock[1]}:{clock[2]}{seconds}{zone}"
    part = _PART_OF_A_DAY.match(text) if value_type != "TM" else None
    if part:
        return f"{MONTHS[int(part[2]) - 1][:3]}-{part[1]}" if part[2] else part[1]
    return each.text if value_type == "TM" else _day_and_time(text) or each.text


def _day_and_time(text: str) -> str:
    """`22-Nov-2026`, with the time of London where there is one; "" for what is no time."""
    try:
        at = wire.read_timestamp(text)
    except wire.NotATime:
        return ""
    return cdate_text(at) if len(text) == len("20261122") else f"{cdate_text(at)} {ctime_text(at)}"


def read_time(*texts: str) -> datetime | None:
    """The first that is there. A time that is there and is none parks the message."""
    text = next((text for text in texts if text and text != wire.NULL), "")
    if not text:
        return None
    try:
        return wire.read_timestamp(text)
    except wire.NotATime:
        raise Park(TIME, "OBR-7, OBR-22 or OBX-14 is not a time.") from None
