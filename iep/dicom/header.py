"""What the head of a DICOM file says, typed and bounded: all that the product knows of a file.

What the sandbox found crosses to us as `facts` (plain JSON), and `header_of` holds them to bounds,
because whoever broke the sandbox may say anything. Nothing here prints itself: a header in a log
or a traceback shows its type and no more. Needs no library of DICOM: every process loads it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

UID = re.compile(rb"[0-9.]{1,64}")
TEXTS: dict[str, tuple[int, int]] = {  # field: tag, longest (characters)
    "name": (0x00100010, 200), "patient_id": (0x00100020, 64), "issuer": (0x00100021, 64),
    "birth_date": (0x00100030, 16), "sex": (0x00100040, 16), "accession": (0x00080050, 64),
    "study_date": (0x00080020, 26), "study_time": (0x00080030, 16), "utc_offset": (0x00080201, 8),
    "modality": (0x00080060, 16), "body_part": (0x00180015, 64),
    "institution": (0x00080080, 120), "study_description": (0x00081030, 120),
    "series_description": (0x0008103E, 64),
}  # fmt: skip
# Two people must not become one because a name was cut off: too long is refused.
IDENTITY = ("name", "patient_id", "issuer", "birth_date", "sex")
UIDS = {"sop_class": 0x00080016, "sop_uid": 0x00080018, "study_uid": 0x0020000D,
        "series_uid": 0x0020000E}  # fmt: skip
NUMBERS = {"series_number": 0x00200011, "instance_number": 0x00200013, "frames": 0x00280008}
SHORTS = {"samples": 0x00280002, "rows": 0x00280010, "columns": 0x00280011, "bits": 0x00280100}


@dataclass(frozen=True, repr=False)
class Header:
    """One file's head. Texts are as they stand, without padding; "" is not there."""

    sop_class: str
    sop_uid: str
    study_uid: str
    series_uid: str
    transfer_syntax: str
    name: str = ""
    patient_id: str = ""
    issuer: str = ""
    birth_date: str = ""
    sex: str = ""
    nhs_number: str = ""  # only where the file itself calls it one
    accession: str = ""
    study_date: str = ""
    study_time: str = ""
    utc_offset: str = ""
    modality: str = ""
    body_part: str = ""
    institution: str = ""
    study_description: str = ""
    series_description: str = ""
    code: str = ""  # the sender's examination code
    series_number: int | None = None
    instance_number: int | None = None
    frames: int = 1
    rows: int | None = None
    columns: int | None = None

    def __repr__(self) -> str:
        return "<Header>"

    __str__ = __repr__

    @property
    def identity(self) -> dict[str, str]:
        """Whose, as it stands: what every file of a study must have in common (hazard H41)."""
        return {name: getattr(self, name) for name in (*IDENTITY, "nhs_number")}

    @property
    def acquired_on(self) -> date | None:
        """(0008,0020): the date of the study, never of its import (hazard H47)."""
        return day(self.study_date)

    def facts(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


def day(text: str) -> date | None:
    """DA as PS3.5 6.2 has it, and its older form with dots; None where it is no day."""
    found = re.fullmatch(r"(\d{4})\.?(\d{2})\.?(\d{2})", text, re.ASCII)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def header_of(facts: Any) -> Header:
    """The header of what the sandbox answered. Raises ValueError: it is no header."""
    if not isinstance(facts, dict) or set(facts) != {each.name for each in fields(Header)}:
        raise ValueError("these are no facts of a header")
    for name, value in facts.items():
        if not _is_within(name, value):
            raise ValueError("a fact of a header is out of bounds")
    return Header(**facts)


def _is_within(name: str, value: Any) -> bool:
    if name in NUMBERS or name in SHORTS:
        return (value is None and name != "frames") or (
            type(value) is int and -(2**31) <= value < 2**31
        )
    if not isinstance(value, str) or any(unicodedata.category(c) in ("Cc", "Cs") for c in value):
        return False
    if name in UIDS or name == "transfer_syntax":
        return UID.fullmatch(value.encode("utf-8", "replace")) is not None
    longest = {"nhs_number": 10, "code": 20}.get(name) or TEXTS[name][1]
    return len(value) <= longest
