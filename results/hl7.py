"""ORU^R01 to reports as they were issued. Translation only: nothing is looked up, nothing decided.

Enter from `inbound` here. HL7 v2.4 chapter 7; docs/hl7/results.md is the table. Text is kept as it
came, repetitions and `\\.br\\` as new lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

from messaging import wire
from messaging.errors import Park
from patients.hl7 import demographics
from patients.matching import Demographics

from .states import RANKS, Rank, UnknownStatus, overall_status

# The reason codes of what we park.
NO_PATIENT: Final = "no_patient"
NO_REPORT: Final = "no_report"
NO_REQUEST_NUMBER: Final = "no_request_number"
REQUEST_NUMBERS_DIFFER: Final = "request_numbers_differ"
UNKNOWN_STATUS: Final = "unknown_result_status"
TIME: Final = "message_time"
TOO_LONG: Final = "too_long"
NO_VALUES: Final = "no_values"

LONGEST_CODE: Final = 200  # Observation.code and Report.key
DOCUMENT_TYPES: Final = frozenset({"ED", "RP"})  # encapsulated data, and a pointer to it
CODED_TYPES: Final = frozenset({"CE", "CWE", "CNE", "CF"})
TEXT_TYPES: Final = frozenset({"TX", "FT"})


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
    document: str = ""  # what kind of document there is, where the value is one
    document_sha256: str = ""

    def __repr__(self) -> str:
        return "<IncomingObservation>"


@dataclass(frozen=True, repr=False)
class IncomingReport:
    """One report as issued: what OBR says, its observations in order, and whose it is said to be.

    `note`: the comments on the report as a whole (NTE after OBR). `result_status` is a code of
    `states.RANKS`.
    """

    patient: Demographics
    placer_number: str
    filler_number: str
    code: str
    name: str
    result_status: str
    observed_at: datetime
    issued_at: datetime
    sent_at: datetime
    authoriser: str
    note: str
    observations: tuple[IncomingObservation, ...]

    @property
    def key(self) -> str:
        """Which report of its request it is, the same in every version: OBR-3 and OBR-4.

        One accession can hold two examinations, so its number alone does not do.
        """
        return f"{self.filler_number} {self.code}".strip()

    @property
    def content_sha256(self) -> str:
        """Of everything that a reader would read, whatever message brought it and when."""
        parts = [self.name, self.authoriser, self.note]
        for each in self.observations:
            parts += [
                each.code, each.name, each.value_type, each.value, each.units,
                each.reference_range, each.flags, each.status, each.note, each.document,
                each.document_sha256,
            ]  # fmt: skip
        return sha256("\x1f".join(parts).encode()).hexdigest()

    def __repr__(self) -> str:
        return "<IncomingReport>"


@dataclass(repr=False)
class _Order:
    """One OBR with what belongs to it, while the message is read."""

    pid: wire.Segment
    orc: wire.Segment | None
    obr: wire.Segment
    notes: list[str] = field(default_factory=list)
    values: list[tuple[wire.Segment, list[str]]] = field(default_factory=list)


def incoming_reports(message: wire.Message) -> tuple[IncomingReport, ...]:
    """The reports of an ORU^R01, in order. Raises Park with the reason.

    Several OBR of one accession and code (a culture and its sensitivities) are one report.
    """
    orders = [order for person in message.groups("PID") for order in _orders(person)]
    if not orders:
        reason = NO_REPORT if message.first("PID") else NO_PATIENT
        raise Park(reason, f"The message has no {'OBR' if reason == NO_REPORT else 'PID'} segment.")
    if len(orders) != len(message.all("OBR")):
        raise Park(NO_PATIENT, "A report (OBR) comes before any patient (PID).")
    sent_at = _sent_at(message)
    merged: dict[tuple[str, str], IncomingReport] = {}
    for order in orders:
        report = _report(order, sent_at)
        address = report.placer_number, report.key
        merged[address] = _joined(merged[address], report) if address in merged else report
    return tuple(merged.values())


def _orders(person: list[wire.Segment]) -> Iterable[_Order]:
    """The orders of one patient. What stands between PID and the first order is not a report."""
    for group in wire.groups(person, "ORC", "OBR"):
        orc = group[0] if group[0].name == "ORC" else None
        obr = next((segment for segment in group if segment.name == "OBR"), None)
        if obr is None:
            if any(segment.name == "OBX" for segment in group):
                raise Park(NO_REPORT, "There are values (OBX) without a report (OBR) above them.")
            continue
        order = _Order(person[0], orc, obr)
        _collect(order, group[group.index(obr) + 1 :])
        yield order


def _collect(order: _Order, segments: Iterable[wire.Segment]) -> None:
    """Values and comments: an NTE belongs to the OBX above it, else to the report."""
    for segment in segments:
        if segment.name == "OBX":
            order.values.append((segment, []))
        elif segment.name == "NTE":
            notes = order.values[-1][1] if order.values else order.notes
            notes.append(segment.text(3))


def _report(order: _Order, sent_at: datetime) -> IncomingReport:
    obr = order.obr
    observed_at = _time(obr.get(7), obr.get(14)) or _time(obr.get(22)) or sent_at
    observations = tuple(_observation(obx, notes, observed_at) for obx, notes in order.values)
    report = IncomingReport(
        patient=demographics(order.pid),
        placer_number=_placer_number(order),
        filler_number=obr.get(3) or (order.orc.get(3) if order.orc else ""),
        code=obr.get(4),
        name=obr.get(4, 2) or obr.get(4, 5) or obr.get(4),
        result_status=_status(obr.get(25), observations),
        observed_at=observed_at,
        issued_at=_time(obr.get(22)) or sent_at,
        sent_at=sent_at,
        authoriser=_authoriser(obr),
        note="\n".join(order.notes),
        observations=observations,
    )
    _check_contents(report)
    return report


def _placer_number(order: _Order) -> str:
    """ORC-2 and OBR-2 are the same number wherever both are there."""
    found = {order.obr.get(2), order.orc.get(2) if order.orc else ""} - {"", wire.NULL}
    if len(found) > 1:
        raise Park(REQUEST_NUMBERS_DIFFER, "ORC-2 and OBR-2 are numbers of different requests.")
    if not found:
        raise Park(NO_REQUEST_NUMBER, "A report has no request number (ORC-2, OBR-2).")
    return found.pop()


def _status(report: str, observations: tuple[IncomingObservation, ...]) -> str:
    try:
        return overall_status(report, (each.status for each in observations))
    except UnknownStatus:
        words = "OBR-25 and OBX-11 do not say whether the report is preliminary or final."
        raise Park(UNKNOWN_STATUS, words) from None


def _check_contents(report: IncomingReport) -> None:
    codes = [report.key, *(each.code for each in report.observations)]
    if max(map(len, codes)) > LONGEST_CODE:
        raise Park(TOO_LONG, f"OBR-3, OBR-4 or OBX-3 has a code of over {LONGEST_CODE} characters.")
    says = report.note or any(each.value or each.document for each in report.observations)
    if not says and RANKS[report.result_status] is not Rank.WITHDRAWN:
        raise Park(NO_VALUES, "There is nothing in the report: no value, no text, no comment.")
    if any(each.status == "U" and not each.value for each in report.observations):
        raise Park(
            NO_VALUES, "OBX-11 says that an earlier value is final now and does not repeat it."
        )


def _joined(first: IncomingReport, second: IncomingReport) -> IncomingReport:
    """Two OBR that are one report: its status is that of the one that is least finished."""
    if first.patient != second.patient:
        raise Park(NO_PATIENT, "One report stands under two patients.")
    observations = first.observations + second.observations
    status = overall_status("", (first.result_status, second.result_status))
    return IncomingReport(
        patient=first.patient, placer_number=first.placer_number,
        filler_number=first.filler_number, code=first.code, name=first.name, result_status=status,
        observed_at=min(first.observed_at, second.observed_at),
        issued_at=max(first.issued_at, second.issued_at), sent_at=first.sent_at,
        authoriser=first.authoriser or second.authoriser,
        note="\n".join(part for part in (first.note, second.note) if part),
        observations=observations,
    )  # fmt: skip


# --- One value -----------------------------------------------------------------------------------


def _observation(obx: wire.Segment, notes: list[str], when: datetime) -> IncomingObservation:
    value_type = obx.get(2)
    document = _document(obx) if value_type in DOCUMENT_TYPES else ""
    return IncomingObservation(
        code=obx.get(3),
        code_system=obx.get(3, 3),
        name=obx.get(3, 2) or obx.get(3, 5) or obx.get(3),
        value_type=value_type,
        value="" if document else _value(obx, value_type),
        units=_units(obx),
        reference_range=obx.text(7),
        flags=obx.text(8),
        status=obx.get(11),
        observed_at=_time(obx.get(14)) or when,
        note="\n".join(notes),
        document=document,
        document_sha256=sha256(obx.raw(5).encode()).hexdigest() if document else "",
    )


def _value(obx: wire.Segment, value_type: str) -> str:
    """The value for a reader; a type that we do not know stays as it is on the wire."""
    if value_type == "SN":
        return "\n".join(_structured_number(each) for each in obx.repetitions(5))
    if value_type in CODED_TYPES:
        return "\n".join(_coded(each) for each in obx.repetitions(5))
    return obx.text(5)


def _units(obx: wire.Segment) -> str:
    """OBX-6 is coded (`mmol/L^millimole per litre^UCUM`) or, unescaped, just `10^9/L`."""
    return obx.get(6) or obx.get(6, 2) if obx.get(6, 3) else obx.text(6)


def _structured_number(each: wire.Repetition) -> str:
    """SN: comparator, number, separator, number: `<5`, `1:128`, `3-5`."""
    return "".join(each.get(component) for component in (1, 2, 3, 4))


def _coded(each: wire.Repetition) -> str:
    """What a coded value says: the words that were coded (CWE-9), its name, else its code."""
    return each.get(9) or each.get(2) or each.get(5) or each.get(1)


def _document(obx: wire.Segment) -> str:
    """ED: `application PDF`; RP: somewhere else. The document stays in the message as it came."""
    kinds = [each for each in (obx.get(5, 2), obx.get(5, 3)) if each and obx.get(2) == "ED"]
    return " ".join(kinds)[:60] or "document"


# --- Who and when --------------------------------------------------------------------------------


def _authoriser(obr: wire.Segment) -> str:
    """OBR-32: a name in subcomponents (NDL, CM) or, as some send it, in components (XCN)."""
    if obr.get(32, 1, 2):
        family, given, title = (obr.get(32, 1, part) for part in (2, 3, 6))
    else:
        family, given, title = obr.get(32, 2), obr.get(32, 3), obr.get(32, 6)
    return " ".join(part for part in (title, given, family) if part) or obr.get(32)


def _sent_at(message: wire.Message) -> datetime:
    sent = _time(message.header.get(7))
    if sent is None:
        raise Park(TIME, "MSH-7 does not say when the message was sent.")
    return sent


def _time(*texts: str) -> datetime | None:
    """The first that is there. A time that is there and is none parks the message."""
    text = next((text for text in texts if text and text != wire.NULL), "")
    if not text:
        return None
    try:
        return wire.read_timestamp(text)
    except wire.NotATime:
        raise Park(TIME, "OBR-7, OBR-22 or OBX-14 is not a time.") from None
