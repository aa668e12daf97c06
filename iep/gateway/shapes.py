"""What the JSON of the gateway looks like: plain values, both ways."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from iep.dicom.errors import DicomFailure, Family, Phase

UID = re.compile(r"[0-9.]{1,64}")
SHA256 = re.compile(r"[0-9a-f]{64}")
MOST_INSTANCES = 20_000  # of one manifest


@dataclass(frozen=True)
class Offered:
    """One instance as a manifest has it."""

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    transfer_syntax: str
    size: int  # bytes, of the file
    sha256: str  # of the file, 64 hexadecimal digits


@dataclass(frozen=True)
class Kept:
    """One instance as the other side has it: size and hash are those of the bytes on its disk."""

    sop_uid: str
    size: int
    sha256: str
    state: str = ""  # FileState


def with_words(thing: Offered | Kept) -> dict[str, Any]:
    """As JSON has it."""
    return asdict(thing)


def instance_key(sop_uid: str) -> UUID:
    """What stands in an address in the place of a UID: the first 128 bits of its SHA-256."""
    return UUID(hex=hashlib.sha256(sop_uid.encode()).hexdigest()[:32])


def offered_of(said: Any) -> Offered:
    """Raises DicomFailure: it is not a line of a manifest."""
    line = _strings(said, Offered)
    uids = (line["study_uid"], line["series_uid"], line["sop_uid"])
    if not all(UID.fullmatch(each) for each in uids):
        raise _odd()
    return Offered(**line, **_bytes(said))


def kept_of(said: Any) -> Kept:
    """Raises DicomFailure: it does not say what is kept."""
    return Kept(**_strings(said, Kept), **_bytes(said))


def _strings(said: Any, shape: type[Offered | Kept]) -> dict[str, str]:
    names = [name for name in shape.__dataclass_fields__ if name not in ("size", "sha256")]
    if not isinstance(said, dict) or not all(isinstance(said.get(name), str) for name in names):
        raise _odd()
    return {name: said[name][:64] for name in names}


def _bytes(said: dict[str, Any]) -> dict[str, Any]:
    size, sha256 = said.get("size"), said.get("sha256")
    is_size = isinstance(size, int) and not isinstance(size, bool) and size > 0
    if not (is_size and isinstance(sha256, str) and SHA256.fullmatch(sha256)):
        raise _odd()
    return {"size": size, "sha256": sha256}


def _odd() -> DicomFailure:
    words = "The other side's list of images cannot be read."
    return DicomFailure(Phase.FIND, Family.REFUSED, words)
