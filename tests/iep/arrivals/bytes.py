"""DICOM files byte by byte, for tests: proper ones, and ones that lie (PS3.5 7.1, PS3.10 7.1)."""

import struct
from itertools import count
from typing import Any

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
CT = "1.2.840.10008.5.1.4.1.1.2"
LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
ROOT = "2.25.4711"
_numbers = count(1)


def uid() -> str:
    """One that nobody else has."""
    return f"{ROOT}.{next(_numbers)}"


def padded(value: bytes, vr: str) -> bytes:
    return value + (b"\0" if vr in ("UI", "OB", "UN") else b" ") * (len(value) % 2)


def element(tag: int, vr: str, value: str | bytes | int, *, length: int | None = None) -> bytes:
    """One element in explicit little endian; `length` is what it says, whatever it holds."""
    if isinstance(value, int):
        value = struct.pack("<H", value)
    data = padded(value.encode() if isinstance(value, str) else value, vr)
    says = len(data) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    return head + (struct.pack("<HL", 0, says) if vr in LONG else struct.pack("<H", says)) + data


def item(*elements: bytes) -> bytes:
    inside = b"".join(elements)
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(inside)) + inside


def meta(sop_uid: str, syntax: str = EXPLICIT, group_length: int | None = None) -> bytes:
    inside = (
        element(0x00020001, "OB", b"\0\1")
        + element(0x00020002, "UI", CT)
        + element(0x00020003, "UI", sop_uid)
        + (element(0x00020010, "UI", syntax) if syntax else b"")
    )
    said = len(inside) if group_length is None else group_length
    return element(0x00020000, "UL", struct.pack("<L", said)) + inside


def part10(dataset: bytes, *, sop_uid: str = "1.2.3", preamble: bytes = bytes(128),
           syntax: str = EXPLICIT, group_length: int | None = None) -> bytes:  # fmt: skip
    return (
        preamble[:128].ljust(128, b"\0") + b"DICM" + meta(sop_uid, syntax, group_length) + dataset
    )


FIELDS: dict[str, tuple[int, str]] = {
    "charset": (0x00080005, "CS"), "sop_class": (0x00080016, "UI"), "sop_uid": (0x00080018, "UI"),
    "study_date": (0x00080020, "DA"), "study_time": (0x00080030, "TM"),
    "accession": (0x00080050, "SH"), "modality": (0x00080060, "CS"),
    "institution": (0x00080080, "LO"), "utc_offset": (0x00080201, "SH"),
    "study_description": (0x00081030, "LO"), "series_description": (0x0008103E, "LO"),
    "name": (0x00100010, "PN"), "patient_id": (0x00100020, "LO"), "issuer": (0x00100021, "LO"),
    "birth_date": (0x00100030, "DA"), "sex": (0x00100040, "CS"), "other_ids": (0x00101002, "SQ"),
    "body_part": (0x00180015, "CS"), "study_uid": (0x0020000D, "UI"),
    "series_uid": (0x0020000E, "UI"), "series_number": (0x00200011, "IS"),
    "instance_number": (0x00200013, "IS"), "samples": (0x00280002, "US"),
    "frames": (0x00280008, "IS"), "rows": (0x00280010, "US"), "columns": (0x00280011, "US"),
    "bits": (0x00280100, "US"), "procedures": (0x00081032, "SQ"), "pixels": (0x7FE00010, "OW"),
}  # fmt: skip
USUAL: dict[str, Any] = {
    "sop_class": CT, "study_date": "20261103", "study_time": "091500", "modality": "CT",
    "name": "Testpatient^Agnes", "patient_id": "X4711", "issuer": "STMARY",
    "birth_date": "19580302", "sex": "F", "study_description": "CT head",
    "institution": "St Mary’s of Invention".replace("’", "'"), "series_number": "1", "rows": 4,
    "columns": 4, "bits": 16, "samples": 1, "pixels": bytes(32), "body_part": "HEAD",
    "accession": "A1", "utc_offset": "+0100",
}  # fmt: skip


def dataset(**said: Any) -> bytes:
    """The elements in the order of their tags; None leaves one out, bytes go in as they are."""
    values = {**USUAL, "study_uid": ROOT, "series_uid": ROOT + ".1", "sop_uid": uid()} | said
    extra = values.pop("extra", b"")
    made = {FIELDS[k][0]: element(*FIELDS[k], v) for k, v in values.items() if v is not None}
    return b"".join(made[tag] for tag in sorted(made)) + extra


def image(*, preamble: bytes = bytes(128), **said: Any) -> bytes:
    """A whole file of an invented patient."""
    said.setdefault("sop_uid", uid())
    return part10(dataset(**said), sop_uid=said["sop_uid"], preamble=preamble)
