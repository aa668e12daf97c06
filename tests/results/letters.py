"""ORU^R01 messages as a hospital sends them, with what a test wants to be different."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

from messaging import wire

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADA = {
    3: wire.Repeat([["9990000018", "", "", "NHS", "NH"]]),
    5: ["Lovelace", "Ada"],
    7: "19550312",
    8: "F",
}


def pid(**changed: object) -> wire.Segment:
    """Ada's PID; `f7="19550313"` changes PID-7."""
    fields = ADA | {int(name[1:]): value for name, value in changed.items()}
    return wire.segment("PID", fields)  # type: ignore[arg-type]


def orc(placer: str = "OC10000000001", filler: str = "LAB77") -> wire.Segment:
    return wire.segment("ORC", ["RE", placer, filler])


def obr(
    placer: str = "OC10000000001",
    filler: str = "LAB77",
    code: str = "26604007",
    name: str = "Full blood count",
    *,
    status: str = "F",
    issued: datetime = NOON,
    observed: datetime | None = None,
) -> wire.Segment:
    return wire.segment(
        "OBR",
        {
            1: "1", 2: placer, 3: filler, 4: [code, name, "SCT"],
            7: wire.timestamp(observed or issued - timedelta(hours=3)),
            22: wire.timestamp(issued), 25: status,
            32: [["C7654321", "Okafor", "Ngozi", "", "", "Dr"]],
        },
    )  # fmt: skip


def obx(
    code: str = "HB",
    value: wire.Value = "142",
    *,
    kind: str = "NM",
    name: str = "",
    units: str = "g/L",
    limits: str = "115-165",
    flag: wire.Value = "N",
    status: str = "F",
    part: str = "",
) -> wire.Segment:
    return wire.segment(
        "OBX",
        {
            2: kind, 3: [code, name or f"The {code}", "L"], 4: part, 5: value, 6: units, 7: limits,
            8: flag, 11: status,
        },
    )  # fmt: skip


PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def pdf(
    content: bytes = PDF,
    *,
    code: str = "DOC",
    data: str = "",
    encoding: str = "Base64",
    **others: str,
) -> wire.Segment:
    """A document inside a value, in Base64; `data` is what is sent in its place."""
    letters = data or base64.b64encode(content).decode()
    value = ["", "application", others.pop("subtype", "pdf"), encoding, letters]
    return obx(code, value, kind="ED", name="Report as a document", units="", limits="", flag="",
               **others)  # fmt: skip


def nte(words: str) -> wire.Segment:
    return wire.segment("NTE", {3: wire.Text(words)})


def oru(
    *segments: wire.Segment,
    control_id: str = "H1",
    sent: datetime = NOON,
    sender: str = "LIMS",
    facility: str = "RX1",
) -> wire.Message:
    header = wire.header(
        sender=(sender, facility),
        receiver=("ORDERCOMMS", "OC1"),
        at=sent,
        message_type=("ORU", "R01", "ORU_R01"),
        control_id=control_id,
    )
    return wire.build([header, *segments])
