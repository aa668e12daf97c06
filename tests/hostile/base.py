"""The good messages that are spoilt: of requests that were really sent, from known departments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from messaging import wire
from patients.hl7 import pid_segment
from tests.bench.results import _copies
from tests.messaging.senders import AT
from tests.results.clinic import Clinic
from tests.results.letters import nte, obx, pdf
from tests.world import World


def good_messages(requests: int) -> list[bytes]:
    """Reports, statuses, patients' details, merges and answers of so many requests."""
    clinic = Clinic(World())
    items = [clinic.sent("chest-xray") for _ in range(5)]
    items += _copies(clinic.sent("fbc"), requests)
    found = [message for item in items for message in _about(clinic, item)]
    for one, other in zip(items[::9], items[4::9], strict=False):
        found.append(_message("ADT", "A40", pid_segment(one.patient), _merged(other.patient)))
    return [_in_utf_8(message.raw) for message in found]


def _about(clinic: Clinic, item: Any) -> Iterator[wire.Message]:
    values = [obx(f"A{n}", f"{n}.2", units="10*9/L", limits="0.1-99") for n in range(6)]
    yield clinic.letter(item, *values, nte("Haemolysed \\ & | ^ ~"))
    yield clinic.letter(item, obx(status="P"), status="P")
    yield clinic.letter(item, obx("HB", "61", flag="LL", status="C"), pdf(), status="C")
    pid = pid_segment(item.patient)
    sender = "RIS" if item.service.discipline == "radiology" else "LIMS"
    status = {1: "SC", 2: item.placer_number, 3: f"F{item.placer_number[-6:]}", 5: "IP"}
    order = wire.segment("OBR", {1: "1", 2: item.placer_number, 4: [item.code, item.service_name]})
    kind = ("OMG", "O19") if sender == "RIS" else ("OML", "O21")
    yield _message(*kind, pid, wire.segment("ORC", status), order, sender=sender)
    yield _message("ORM", "O01", pid, wire.segment("ORC", status), order, sender=sender)
    yield _message("ADT", "A08", wire.segment("EVN", ["A08"]), pid, wire.segment("PV1", ["1", "O"]))
    answer = wire.segment("MSA", ["AA", item.placer_number])
    yield _message("ORL", "O22", answer, wire.segment("ORC", status | {1: "OK"}), order)


def _merged(patient: Any) -> wire.Segment:
    return wire.segment("MRG", {1: [patient.nhs_number or "S1", "", "", "NHS", "NH"]})


def _message(
    code: str, trigger: str, *segments: wire.Segment, sender: str = "LIMS"
) -> wire.Message:
    header = wire.header(
        sender=(sender, "RZ1"), receiver=("ORDERCOMMS", "OC1"), at=AT,
        message_type=(code, trigger), control_id="1",
    )  # fmt: skip
    return wire.build([header, *segments])


def _in_utf_8(raw: bytes) -> bytes:
    """With MSH-18 filled in, so that any text is in its character set; and of now."""
    fields = raw.split(b"\r", 1)[0].split(b"|")
    fields += [b""] * (18 - len(fields))
    fields[6] = wire.timestamp(timezone.now()).encode()
    fields[17] = b"UNICODE UTF-8"
    return b"|".join(fields) + b"\r" + raw.split(b"\r", 1)[1]
