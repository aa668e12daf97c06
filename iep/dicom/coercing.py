"""A copy of an instance with our numbers in it, after a person decided whose it is (hazard H41).

Only identity is written; whose words they replace is kept in Original Attributes Sequence (PS3.3
C.12.1.1.9) and in Other Patient IDs Sequence. Everything behind group 0400 - frames, waveforms,
whatever private groups hold - is copied byte for byte, never read; so is what stands in front,
element by element. The transfer syntax stays. Runs in the sandbox: the bytes are a stranger's.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

from pydicom.dataset import Dataset
from pydicom.filebase import DicomIO
from pydicom.filereader import (
    _read_file_meta_info,
    read_dataset,
    read_preamble,
)
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

ORIGINALS = Tag(0x0400, 0x0561)  # Original Attributes Sequence: the last that we write
MOST_INFLATED = 256 * 1024 * 1024  # bytes, of a deflated dataset
MOST_HEAD = 64 * 1024 * 1024  # bytes in front of group 0400; the rest is never in memory
# Whose number it is goes with the number: theirs must not stand beside ours.
_TAKEN_OUT = ("IssuerOfAccessionNumberSequence", "IssuerOfPatientIDQualifiersSequence")


class NotCoercible(Exception):
    """No copy can be made. The sentence says why and holds nothing of what is in the file."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, repr=False)
class Identity:
    """What the hospital's record says, as DICOM writes it. Its `repr` prints nothing of it."""

    patient_id: str
    issuer: str
    name: str  # PN: family^given^middle^prefix
    birth_date: str  # YYYYMMDD
    sex: str  # M, F, O, or ""
    accession: str  # at most 16 characters (SH)
    system: str  # who writes it: (0400,0563)
    at: str  # DT with offset: (0400,0562)

    def __repr__(self) -> str:
        return "<Identity>"


@dataclass(frozen=True, repr=False)
class Beginning:
    """A copy is this, and then the original from `rest_at`; None: this is all of it."""

    data: bytes
    rest_at: int | None
    changed: dict[str, list[str]]  # by keyword: {"PatientID": ["theirs", "ours"]}


def coerced(source: BinaryIO, identity: Identity) -> Beginning:
    """The beginning of the copy, with our numbers in it. Raises NotCoercible."""
    prefix, syntax = _head_of_file(source)
    is_deflated = syntax == DeflatedExplicitVRLittleEndian
    body = _inflated(source) if is_deflated else source
    header = _header(body, syntax)
    rest_at = body.tell()
    changed = _change(header, identity)
    written = _encoded(header)
    _check(BytesIO(written), syntax, changed)
    _check(body, syntax, {name: ["", ""] for name in changed})
    if not is_deflated:
        return Beginning(prefix + written, rest_at, changed)
    body.seek(rest_at)
    return Beginning(prefix + _deflated(written + body.read()), None, changed)


def _check(part: BinaryIO, syntax: str, expected: dict[str, list[str]]) -> None:
    """Read back. What follows may not say it again: that would be out of order (PS3.5 7.1)."""
    tags: list[Any] = [Tag(name) for name in expected]
    is_implicit, is_little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    again = read_dataset(part, is_implicit, is_little, specific_tags=tags)
    if any(_text(again, name) != after for name, (_, after) in expected.items()):
        raise NotCoercible("An image’s header is out of order: our numbers cannot be put into it.")


# --- Reading --------------------------------------------------------------------------------------


def _head_of_file(source: BinaryIO) -> tuple[bytes, str]:
    """Preamble and file meta information as they stand, and the transfer syntax."""
    read_preamble(source, force=True)
    meta = _read_file_meta_info(source)
    length = source.tell()
    source.seek(0)
    prefix = source.read(length)
    return prefix, str(meta.get("TransferSyntaxUID", ImplicitVRLittleEndian))


def _inflated(source: BinaryIO) -> BytesIO:
    """PS3.5 A.5: a raw deflate stream. Never more than MOST_INFLATED."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = stream.decompress(source.read(MOST_INFLATED), MOST_INFLATED)
    except zlib.error:
        raise NotCoercible("The deflated data of an image cannot be read.") from None
    if stream.unconsumed_tail or (not stream.eof and source.read(1)):
        raise NotCoercible("An image is larger than can be looked into.")
    return BytesIO(data)


def _deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = stream.compress(data) + stream.flush()
    return packed + b"\0" * (len(packed) % 2)


def _header(body: BinaryIO, syntax: str) -> Dataset:
    """Every element up to Original Attributes Sequence; `body` then stands behind it."""
    start = body.tell()

    def is_behind(tag: Any, vr: str | None, length: int) -> bool:
        if body.tell() - start > MOST_HEAD:
            raise NotCoercible("The header of an image is larger than can be looked into.")
        return bool(tag > ORIGINALS)

    is_little = syntax != ExplicitVRBigEndian
    header = read_dataset(body, syntax == ImplicitVRLittleEndian, is_little, stop_when=is_behind)
    if "SOPInstanceUID" not in header:
        raise NotCoercible("An image has no header that can be read.")
    return header


def _encoded(header: Dataset) -> bytes:
    implicit, little = header.original_encoding
    out = DicomIO(BytesIO())
    out.is_implicit_VR, out.is_little_endian = bool(implicit), bool(little)
    write_dataset(out, header)
    return out.parent.getvalue()  # type: ignore[attr-defined,no-any-return]


# --- Changing -------------------------------------------------------------------------------------


def _change(header: Dataset, identity: Identity) -> dict[str, list[str]]:
    wanted = dict(_wanted(header, identity))
    before = {name: _text(header, name) for name in wanted}
    originals = _originals(header, [*wanted, *_TAKEN_OUT])
    _keep_their_number(header)
    for name, value in wanted.items():
        setattr(header, name, value)
    for name in _TAKEN_OUT:
        if name in header:
            delattr(header, name)
    header.OriginalAttributesSequence = Sequence(
        [*header.get("OriginalAttributesSequence", []), _kept(originals, identity)]
    )
    return {name: [before[name], _text(header, name)] for name in wanted}


def _wanted(header: Dataset, identity: Identity) -> Iterator[tuple[str, str]]:
    name, charset = _name_for(header, identity.name)
    if charset:
        yield "SpecificCharacterSet", charset
    yield "AccessionNumber", identity.accession
    yield "PatientName", name
    yield "PatientID", identity.patient_id
    yield "IssuerOfPatientID", identity.issuer
    yield "PatientBirthDate", identity.birth_date
    yield "PatientSex", identity.sex


def _name_for(header: Dataset, name: str) -> tuple[str, str]:
    """The name as the file's character set can hold it, and another set where one is needed.

    Without a set only ASCII is allowed (PS3.5 6.1.2.1), of which UTF-8 is a superset: then the file
    may say so. A set that lacks a letter gets the letter without its mark.
    """
    declared = header.get("SpecificCharacterSet") or ""
    if name.isascii():
        return name, ""
    if declared in ("", "ISO_IR 6") and _is_ascii(header):
        return name, "ISO_IR 192"
    if _can_hold(declared, name):
        return name, ""
    plain = "".join(
        each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each)
    )
    if plain.isascii():
        return plain, ""
    raise NotCoercible("The name of the record cannot be written in the images’ character set.")


def _is_ascii(header: Dataset) -> bool:
    values = (header.get_item(tag).value for tag in header.keys())  # noqa: SIM118 - raw elements
    return all(value.isascii() for value in values if isinstance(value, bytes))


_ENCODINGS = {"ISO_IR 192": "utf-8", "ISO_IR 100": "latin-1", "ISO_IR 101": "iso8859-2"}


def _can_hold(declared: Any, name: str) -> bool:
    try:
        name.encode(_ENCODINGS[declared] if isinstance(declared, str) else "ascii")
    except (KeyError, UnicodeEncodeError):
        return False
    return True


def _originals(header: Dataset, names: list[str]) -> Dataset:
    """What the elements said, as bytes; empty where there was none (PS3.3 C.12.1.1.9)."""
    kept = Dataset()
    for name in names:
        if name in header:
            kept[name] = deepcopy(header[name])  # the element itself is changed afterwards
        elif name not in _TAKEN_OUT:
            setattr(kept, name, "" if name != "SpecificCharacterSet" else None)
    return kept


def _kept(originals: Dataset, identity: Identity) -> Dataset:
    item = Dataset()
    item.ModifiedAttributesSequence = Sequence([originals])
    item.AttributeModificationDateTime = identity.at
    item.ModifyingSystem = identity.system
    item.SourceOfPreviousValues = _source(originals)
    item.ReasonForTheAttributeModification = "COERCE"
    return item


def _source(originals: Dataset) -> str:
    return str(originals.get("IssuerOfPatientID") or "")[:64]


def _keep_their_number(header: Dataset) -> None:
    """Other Patient IDs Sequence (0010,1002); theirs is one of the patient's numbers too."""
    theirs = _text(header, "PatientID")
    if not theirs:
        return
    other = Dataset()
    other.PatientID = theirs
    other.IssuerOfPatientID = _text(header, "IssuerOfPatientID")
    other.TypeOfPatientID = "TEXT"
    header.OtherPatientIDsSequence = Sequence([*header.get("OtherPatientIDsSequence", []), other])


def _text(header: Dataset, name: str) -> str:
    value = header.get(name)
    return "" if value is None else str(value).strip()
