"""The messages that the hospital sends, as `docs/hl7/hospital.md` describes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .hl7 import Field, Formatted, Repeated, message, moment, segment
from .orders import Order, Version
from .panels import panel_for
from .paper import in_base64, pdf_of
from .prose import section_of
from .values import Value

ORDER_REPLIES = {
    "OMG^O19": ["ORG", "O20", "ORG_O20"],
    "OML^O21": ["ORL", "O22", "ORL_O22"],
    "OML^O33": ["ORL", "O34", "ORL_O34"],
    "ORM^O01": ["ORR", "O02", "ORR_O02"],
}
ADT_STRUCTURES = {
    "A28": "ADT_A05", "A31": "ADT_A05", "A01": "ADT_A01", "A04": "ADT_A01", "A08": "ADT_A01",
}  # fmt: skip
# Invented people of the demo: number, family, given, title.
RADIOLOGIST = ["C7654321", "Okafor", "Ngozi", "", "", "Dr"]
PATHOLOGIST = ["C7123450", "Lindqvist", "Maja", "", "", "Dr"]


@dataclass(frozen=True)
class Envelope:
    """What every message begins with: who writes to whom, when, under which number."""

    department: str
    receiver: list[str]
    control: str
    at: datetime
    version: str = "2.4"
    processing: str = "T"


def envelope_for(order: Order, control: str, at: datetime) -> Envelope:
    return Envelope(order.department, order.sender, control, at, order.version, order.processing)


def _msh(envelope: Envelope, kind: list[str]) -> str:
    application, facility = envelope.department.split("/")
    return segment(
        "MSH",
        {
            3: application,
            4: facility,
            5: envelope.receiver[0],
            6: envelope.receiver[1],
            7: moment(envelope.at),
            9: kind[:2] if envelope.version == "2.3" else kind,  # no structure before 2.3.1
            10: envelope.control,
            11: envelope.processing,
            12: envelope.version,
            17: "GBR",
            18: "UNICODE UTF-8",
        },
    )


def same(whole: Field) -> Repeated:
    """A field as it came, to be sent again."""
    return Repeated([[list(part) for part in one] for one in whole])


def _pid(patient: dict[str, Field], changed: dict[int, object] | None = None) -> str:
    fields: dict[int, object] = {1: "1"}
    fields |= {int(number): same(whole) for number, whole in patient.items()}
    return segment("PID", fields | (changed or {}))


def _pv1(order: Order, place: list[object] | None = None) -> str:
    return segment("PV1", {1: "1", 2: "O", 3: place})


def _orc(
    order: Order, control: str, status: str, at: datetime, reason: list[str] | None = None
) -> str:
    return segment(
        "ORC",
        {
            1: control,
            2: order.placer,
            3: order.filler,
            5: status,
            9: moment(at),
            12: same(order.orderer),
            16: reason,
        },
    )


def _spm(order: Order) -> str:
    return segment("SPM", {1: "1", 4: [*order.specimen] if any(order.specimen) else ["", "Sample"]})


def _obr(order: Order, more: dict[int, object] | None = None) -> str:
    fields: dict[int, object] = {
        1: "1",
        2: order.placer,
        3: order.filler,
        4: [order.code, order.name, order.system],
        16: same(order.orderer),
    }
    return segment("OBR", fields | (more or {}))


def reason_field(code: str, meaning: str, words: str = "") -> list[str]:
    """ORC-16: the code and its meaning; the person's own words as the alternate text."""
    return [code, meaning, "L", "", words]


def _specimen_before(order: Order) -> list[str]:
    """OML^O33 and ORL^O34 have the specimen above the order."""
    return [_spm(order)] if order.message_type == "OML^O33" else []


# --- Orders ---------------------------------------------------------------------------------------


def order_reply(
    envelope: Envelope, order: Order, *, answers: str, control: str, status: str,
    reason: list[str] | None = None,
) -> bytes:  # fmt: skip
    """ORG^O20 or ORL^O22/O34; `answers` is the control id of the order or cancel message."""
    return message(
        _msh(envelope, ORDER_REPLIES[order.message_type]),
        segment("MSA", {1: "AA", 2: answers}),
        _pid(order.patient),
        *_specimen_before(order),
        _orc(order, control, status, envelope.at, reason),
        _obr(order),
    )


def status_message(
    envelope: Envelope, order: Order, *, control: str, status: str,
    reason: list[str] | None = None, more: dict[int, object] | None = None,
    place: list[object] | None = None,
) -> bytes:  # fmt: skip
    """OMG^O19 or OML^O21/O33, unasked: `more` are fields of OBR, `place` is PV1-3."""
    code, trigger = order.message_type.split("^")
    return message(
        _msh(envelope, [code, trigger, f"{code}_{trigger}"]),
        _pid(order.patient),
        _pv1(order, place),
        *_specimen_before(order),
        _orc(order, control, status, envelope.at, reason),
        _obr(order, more),
    )


# --- Results --------------------------------------------------------------------------------------


def report_message(
    envelope: Envelope, order: Order, version: Version, *, performed: datetime,
    changed: dict[int, object] | None = None,
) -> bytes:  # fmt: skip
    """ORU^R01; `changed` are fields of PID that are sent wrong on purpose."""
    author = RADIOLOGIST if order.is_imaging else PATHOLOGIST
    status = {"P": "A", "X": "CA"}.get(version.status, "CM")
    more: dict[int, object] = {
        7: moment(performed),
        22: moment(envelope.at),
        24: _section(order),
        25: version.status,
        32: [author],
    }
    if not order.is_imaging:
        more |= {14: moment(performed), 15: [[_specimen(order)]]}
    return message(
        _msh(envelope, ["ORU", "R01", "ORU_R01"]),
        _pid(order.patient, changed),
        _pv1(order),
        _orc(order, "RE", status, envelope.at),
        _obr(order, more),
        *_observations(order, version, performed),
    )


def _section(order: Order) -> str:
    if order.is_imaging:
        return section_of(order.code, order.name)
    panel = panel_for(order.code, order.name)
    return panel.section if panel else "LAB"


def _specimen(order: Order) -> str:
    panel = panel_for(order.code, order.name)
    return order.specimen[1] or (panel.specimen if panel else "Sample")


def _observations(order: Order, version: Version, performed: datetime) -> list[str]:
    if version.status == "X":
        return [segment("NTE", {1: "1", 2: "L", 3: Formatted(version.text)})]
    found = [_text_obx(order, version, performed)] if order.is_imaging else []
    for place, stored in enumerate(version.values, start=1):
        value = Value(**stored)
        found.append(_value_obx(place, value, version.status, performed))
        if value.comment:
            found.append(segment("NTE", {1: "1", 2: "L", 3: Formatted(value.comment)}))
    if version.kind == "document":
        found.append(_document_obx(len(found) + 1, order, version, performed))
    return found


def _document_obx(place: int, order: Order, version: Version, performed: datetime) -> str:
    """The same report as a document (ED), as a hospital that prints its reports sends it too."""
    values = [f"{each['name']}: {each['text']} {each['units']}" for each in version.values]
    lines = [f"Report {version.number}", "", *version.text.split("\n"), *values]
    letters = in_base64(pdf_of(order.name, lines))
    return segment(
        "OBX",
        {
            1: str(place),
            2: "ED",
            3: ["PDF", "Report as a document", "L"],
            5: ["", "application", "pdf", "Base64", letters],
            11: version.status,
            14: moment(performed),
        },
    )


def _text_obx(order: Order, version: Version, performed: datetime) -> str:
    return segment(
        "OBX",
        {
            1: "1",
            2: "FT",
            3: [order.code, order.name, order.system],
            5: Formatted(version.text),
            8: version.flag,
            11: version.status,
            14: moment(performed),
        },
    )


def _value_obx(place: int, value: Value, status: str, performed: datetime) -> str:
    return segment(
        "OBX",
        {
            1: str(place),
            2: value.kind,
            3: value.coding,
            5: _value_field(value),
            6: value.units,
            7: value.limits,
            8: value.flag,
            11: status,
            14: moment(performed),
        },
    )


def _value_field(value: Value) -> object:
    if value.kind == "SN":
        return [value.text[0], value.text[1:]]
    if value.kind == "TX":
        return Repeated(value.text.split("~"))
    return value.text


# --- Patients -------------------------------------------------------------------------------------


def adt_message(
    envelope: Envelope, *, event: str, patient: dict[str, Field], practice: list[str],
    changed: dict[int, object] | None = None,
) -> bytes:  # fmt: skip
    """ADT^A28, A31, A01, A04 or A08; `practice` is code and name."""
    surgery = [practice[0], practice[1]] if practice[0] else []
    return message(
        _msh(envelope, ["ADT", event, ADT_STRUCTURES[event]]),
        segment("EVN", {1: event, 2: moment(envelope.at)}),
        _pid(patient, changed),
        *([segment("PD1", {3: [practice[1], "", practice[0]], 4: surgery})] if surgery else []),
        segment("PV1", {1: "1", 2: "N"}),
    )


def merge_message(envelope: Envelope, *, kept: dict[str, Field], gone: list[str]) -> bytes:
    """ADT^A40: PID-3 stays, `gone` (CX) is discarded."""
    return message(
        _msh(envelope, ["ADT", "A40", "ADT_A39"]),
        segment("EVN", {1: "A40", 2: moment(envelope.at)}),
        _pid(kept),
        segment("MRG", {1: gone}),
    )


# --- Acknowledgements -----------------------------------------------------------------------------


def acknowledgement(
    *, sender: list[str], receiver: list[str], trigger: str, control: str, at: datetime,
    code: str, answers: str, words: str, version: str, processing: str,
) -> bytes:  # fmt: skip
    """ACK in original mode, with ERR when it is a refusal (2.4: ERR-1.4.2; 2.5: ERR-3 and -8)."""
    envelope = Envelope("/".join(sender), receiver, control, at, version, processing)
    kind = ["ACK", trigger, "ACK"] if trigger else ["ACK"]
    parts = [_msh(envelope, kind), segment("MSA", {1: code, 2: answers, 3: words})]
    if code != "AA":
        parts.append(segment("ERR", _error(words, is_old=version < "2.5")))
    return message(*parts)


def _error(words: str, *, is_old: bool) -> dict[int, object]:
    if is_old:
        return {1: ["", "", "", ["207", words]]}
    return {3: ["207", "Application internal error", "HL70357"], 4: "E", 8: words}
