"""An ORU^R01 taken apart into its reports: patient, order, values, comments. HL7 v2.4 chapter 7."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import takewhile
from typing import Final

from messaging import wire
from messaging.errors import Park
from patients.hl7 import demographics
from patients.matching import Demographics
from results.states import (
    CANCELLED,
    NOT_BEGUN,
    RANKS,
    STATUS_ONLY,
    STRUCK,
    Rank,
    UnknownStatus,
    overall_status,
)

from .values import TIME, IncomingObservation, read_observation, read_text, read_time

# The reason codes of what we park.
NO_PATIENT: Final = "no_patient"
NO_REPORT: Final = "no_report"
NO_REQUEST_NUMBER: Final = "no_request_number"
REQUEST_NUMBERS_DIFFER: Final = "request_numbers_differ"
UNKNOWN_STATUS: Final = "unknown_result_status"
TOO_LONG: Final = "too_long"
NO_VALUES: Final = "no_values"

TAKES_BACK: Final = STRUCK | {CANCELLED}  # of a value: it says something though it has none
LONGEST_CODE: Final = 200  # Observation.code and Report.key


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
    patient_note: str = ""  # NTE below PID
    parent_number: str = ""  # OBR-29.2: the sender's own number of the report it follows from
    parent_value: str = ""  # OBR-26: the value it follows from, in words
    order_control: str = ""  # ORC-1
    order_status: str = ""  # ORC-5
    reason_code: str = ""  # ORC-16
    reason: str = ""  # why, in the sender's words: ORC-16, else the comments
    scheduled_at: datetime | None = None  # OBR-36

    @property
    def is_status_only(self) -> bool:
        """It says how far the work is, and nothing that was found: no OBX at all."""
        if self.observations or self.result_status not in STATUS_ONLY:
            return False
        return not self.note or self.result_status in NOT_BEGUN

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
        parts += [part for part in (self.patient_note, self.parent_value) if part]
        for each in self.observations:
            parts += [
                each.code, each.name, each.value_type, each.value, each.units,
                each.reference_range, each.flags, each.status, each.note, each.document,
                each.document_sha256,
            ]  # fmt: skip
            parts += [part for part in (each.sub_id, each.coded) if part]
        return sha256("\x1f".join(parts).encode()).hexdigest()

    def __repr__(self) -> str:
        return "<IncomingReport>"


@dataclass(repr=False)
class _Order:
    """One OBR with what belongs to it, while the message is read."""

    pid: wire.Segment
    orc: wire.Segment | None
    obr: wire.Segment
    patient_notes: list[str] = field(default_factory=list)
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
    """The orders of one patient, each with the comments (NTE) on the patient above them."""
    patient_notes = _notes(takewhile(lambda each: each.name not in ("ORC", "OBR"), person))
    for group in wire.groups(person, "ORC", "OBR"):
        orc = group[0] if group[0].name == "ORC" else None
        obr = next((segment for segment in group if segment.name == "OBR"), None)
        if obr is None:
            if any(segment.name == "OBX" for segment in group):
                raise Park(NO_REPORT, "There are values (OBX) without a report (OBR) above them.")
            continue
        order = _Order(person[0], orc, obr, patient_notes)
        order.notes += _notes(group[: group.index(obr)])
        _collect(order, group[group.index(obr) + 1 :])
        yield order


def _notes(segments: Iterable[wire.Segment]) -> list[str]:
    return [read_text(segment, 3).text for segment in segments if segment.name == "NTE"]


def _collect(order: _Order, segments: Iterable[wire.Segment]) -> None:
    """Values and comments: an NTE belongs to the OBX above it, else to the report."""
    for segment in segments:
        if segment.name == "OBX":
            order.values.append((segment, []))
        elif segment.name == "NTE":
            notes = order.values[-1][1] if order.values else order.notes
            notes.append(read_text(segment, 3).text)


def _report(order: _Order, sent_at: datetime) -> IncomingReport:
    obr = order.obr
    observed_at = read_time(obr.get(7), obr.get(14)) or read_time(obr.get(22)) or sent_at
    observations = tuple(read_observation(obx, notes, observed_at) for obx, notes in order.values)
    report = IncomingReport(
        patient=demographics(order.pid),
        placer_number=_placer_number(order),
        filler_number=obr.get(3) or (order.orc.get(3) if order.orc else ""),
        code=obr.get(4),
        name=obr.get(4, 2) or obr.get(4, 5) or obr.get(4),
        result_status=_status(obr.get(25), observations),
        observed_at=observed_at,
        issued_at=read_time(obr.get(22)) or sent_at,
        sent_at=sent_at,
        authoriser=_authoriser(obr),
        note="\n".join(order.notes),
        observations=observations,
        patient_note="\n".join(order.patient_notes),
        parent_number=obr.get(29, 2) or obr.get(29, 2, 1),
        parent_value=_parent_value(obr),
        scheduled_at=read_time(obr.get(36)),
        **_order_words(order),
    )
    _check_contents(report)
    return report


def _parent_value(obr: wire.Segment) -> str:
    """OBR-26 (PRL): which value of the parent: its name, its part (OBX-4), what it said."""
    value = obr.get(26, 1, 2) or obr.get(26, 1)
    return ", ".join(part for part in (value, obr.get(26, 2), obr.get(26, 3)) if part)


def _order_words(order: _Order) -> dict[str, str]:
    """What ORC says of the order; empty where there is none."""
    orc = order.orc
    if orc is None:
        return {"reason": "\n".join(order.notes)}
    words = orc.get(16, 5) or orc.get(16, 2)
    return {
        "order_control": orc.get(1),
        "order_status": orc.get(5),
        "reason_code": orc.get(16),
        "reason": words or "\n".join(order.notes),
    }


def _placer_number(order: _Order) -> str:
    """ORC-2 and OBR-2 are the same number wherever both are there. A test that the department
    added itself has none, and names the request it follows from (OBR-29.1)."""
    found = {order.obr.get(2), order.orc.get(2) if order.orc else ""} - {"", wire.NULL}
    if len(found) > 1:
        raise Park(REQUEST_NUMBERS_DIFFER, "ORC-2 and OBR-2 are numbers of different requests.")
    parent = order.obr.get(29)
    if not found and parent:
        return parent
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
    codes = [report.key, report.parent_number, *(each.code for each in report.observations)]
    if max(map(len, codes)) > LONGEST_CODE:
        raise Park(TOO_LONG, f"OBR-3, OBR-4 or OBX-3 has a code of over {LONGEST_CODE} characters.")
    says = report.note or any(
        each.value or each.document or each.status in TAKES_BACK for each in report.observations
    )
    may_be_empty = RANKS[report.result_status] is Rank.WITHDRAWN or report.is_status_only
    if not says and not may_be_empty:
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
        observations=observations, patient_note=first.patient_note,
        parent_number=first.parent_number or second.parent_number,
        parent_value=first.parent_value or second.parent_value,
        order_control=first.order_control, order_status=first.order_status,
        reason_code=first.reason_code or second.reason_code,
        reason=first.reason or second.reason, scheduled_at=first.scheduled_at,
    )  # fmt: skip


# --- Who and when --------------------------------------------------------------------------------


def _authoriser(obr: wire.Segment) -> str:
    """OBR-32: a name in subcomponents (NDL, CM) or, as some send it, in components (XCN)."""
    if obr.get(32, 1, 2):
        family, given, title = (obr.get(32, 1, part) for part in (2, 3, 6))
    else:
        family, given, title = obr.get(32, 2), obr.get(32, 3), obr.get(32, 6)
    return " ".join(part for part in (title, given, family) if part) or obr.get(32)


def _sent_at(message: wire.Message) -> datetime:
    sent = read_time(message.header.get(7))
    if sent is None:
        raise Park(TIME, "MSH-7 does not say when the message was sent.")
    return sent
