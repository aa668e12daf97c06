"""The RIS's half of an imported examination: a study to an order message, an answer to words.

An examination that was made elsewhere is registered as one that is over: NW with ORC-5 CM, its
results stored and not verified (OBR-25 R, table 0123), on the day when it was made (OBR-7), under
the sender's code. docs/iep/matching.md has every field. Translation only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from messaging import wire
from messaging.errors import NotSendable
from messaging.wire import Message, Segment, segment

KINDS = {"OMG^O19": ("OMG", "O19", "OMG_O19"), "ORM^O01": ("ORM", "O01", "ORM_O01")}
NEW, CANCEL = "NW", "CA"
COMPLETED = "CM"  # ORC-5, table 0038
STORED_UNVERIFIED = "R"  # OBR-25, table 0123
STUDY_UID = ["113014", "DICOM Study", "DCM"]  # OBX-3 (PS3.16 CID 7005; IHE RAD TF-2)
LOCAL = "L"  # OBR-4.3, table 0396: what the sender calls it, unless a map says more
# OBR-24, UK table 0074, by DICOM modality. What is not here is radiology without saying more.
SECTIONS = {"CT": "CT", "MR": "MRI", "US": "OUS", "NM": "NMS", "PT": "NMS"}
TAKEN, NUMBERED = ("OK", "SC", "XR"), "NA"  # ORC-1, table 0119
NOT_TAKEN = ("UA", "UX", "DE", "UM")
CANCELLED, NOT_CANCELLED = ("OC", "CR"), "UC"


@dataclass(frozen=True)
class Requester:
    """Who asked, as far as we know: number and body only of somebody registered here."""

    number: str = ""
    body: str = ""
    family: str = ""
    given: str = ""
    title: str = ""


@dataclass(frozen=True)
class Registration:
    """One examination made elsewhere. `control` is NW or CA."""

    control: str
    control_id: str
    kind: str  # "OMG^O19"
    version: str
    charset: str
    processing_id: str
    sender: tuple[str, str]
    receiver: tuple[str, str]
    written_at: datetime
    placer: str
    accession: str
    group: str  # the call reference
    patient: Segment
    code: str
    name: str
    code_system: str
    acquired: str  # as DICOM has it: 20261103142210+0000, or a shorter part of that
    section: str
    study_uid: str
    information: str  # where the images come from, in words
    place_code: str
    place_name: str
    requester: Requester = field(default_factory=Requester)
    reason: str = ""  # of a cancellation
    asks: tuple[str, str] = ("", "")


def render(asked: Registration) -> bytes:
    """The message, read back and compared before anybody sends it. Raises NotSendable."""
    if asked.kind not in KINDS:
        words = f"A RIS that takes {asked.kind} cannot be told of an examination made elsewhere."
        raise NotSendable("message_type", words)
    message = wire.build([_header(asked), asked.patient, _orc(asked), _obr(asked), _obx(asked)])
    wire.verify_round_trip(message)
    if _meant(wire.parse(message.raw)) != (
        asked.placer, asked.code, asked.acquired, asked.accession, asked.study_uid,
    ):  # fmt: skip
        raise NotSendable("round_trip", "The message does not read back as it was meant.")
    return message.raw


def _meant(message: Message) -> tuple[str, ...]:
    orc, obr = message.first("ORC"), message.first("OBR")
    if orc is None or obr is None:
        return ()
    return orc.get(2), obr.get(4), obr.get(7), obr.get(18), message.get("OBX", 5)


def _header(asked: Registration) -> Segment:
    return wire.header(
        sender=asked.sender, receiver=asked.receiver, at=asked.written_at,
        message_type=KINDS[asked.kind][: 2 if asked.version == "2.3" else 3],
        control_id=asked.control_id, processing_id=asked.processing_id, version=asked.version,
        charset=asked.charset, asks=asked.asks,
    )  # fmt: skip


def _orc(asked: Registration) -> Segment:
    fields: dict[int, wire.Value] = {
        1: asked.control,
        2: asked.placer,
        4: asked.group,
        5: COMPLETED if asked.control == NEW else "",
        9: wire.timestamp(asked.written_at),
        12: _xcn(asked.requester),
        16: ["", asked.reason, LOCAL] if asked.control == CANCEL else None,
        17: [asked.place_code, asked.place_name],
    }
    if asked.version >= "2.3.1":  # version 2.3 ends at ORC-19
        fields[21] = [asked.place_name, "", asked.place_code]
    return segment("ORC", fields)


def _obr(asked: Registration) -> Segment:
    return segment("OBR", {
        1: "1",
        2: asked.placer,
        4: [asked.code, asked.name, asked.code_system],
        7: asked.acquired,
        13: asked.information,
        16: _xcn(asked.requester),
        18: asked.accession,
        24: asked.section,
        25: STORED_UNVERIFIED if asked.control == NEW else "",
    })  # fmt: skip


def _obx(asked: Registration) -> Segment:
    """Which images: the study as DICOM names it."""
    return segment("OBX", {1: "1", 2: "ST", 3: STUDY_UID, 5: asked.study_uid, 11: "F"})


def _xcn(person: Requester) -> list[str]:
    return [person.number, person.family, person.given, "", "", person.title, "", "", person.body]


# --- Answers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """One ORC of ORG^O20, ORR^O02, or of an order message with a status."""

    control: str  # ORC-1
    order_status: str  # ORC-5
    placer: str  # ORC-2
    filler: str  # ORC-3: the RIS's number of the examination
    words: str  # why not, as somebody or something there wrote it
    acknowledgement: str  # MSA-1

    @property
    def is_refusal(self) -> bool:
        return self.control in NOT_TAKEN or self.acknowledgement in ("AE", "AR", "CE", "CR")

    @property
    def is_cancellation(self) -> bool:
        over = self.control == "SC" and self.order_status in ("CA", "DC")
        return over or self.control in CANCELLED


def read_answers(message: Message) -> tuple[Answer, ...]:
    """One for each ORC; none when the message speaks of no order."""
    return tuple(_answer(message, group) for group in message.groups("ORC"))


def placers(message: Message) -> Iterator[str]:
    """The placer numbers that the message is about."""
    return (each.placer for each in read_answers(message))


def _answer(message: Message, group: list[Segment]) -> Answer:
    orc = group[0]
    obr = next((each for each in group if each.name == "OBR"), None)
    notes = " ".join(each.text(3) for each in group if each.name == "NTE")
    said = (orc.get(16, 5) or orc.get(16, 2) or notes or message.get("MSA", 3)
            or message.get("ERR", 8))  # fmt: skip
    return Answer(
        control=orc.get(1),
        order_status=orc.get(5),
        placer=orc.get(2) or (obr.get(2) if obr else ""),
        filler=orc.get(3) or (obr.get(3) if obr else ""),
        words=" ".join(said.split()),
        acknowledgement=message.get("MSA", 1),
    )
