"""Reads the head of a file into a Header (header.py). Runs in the sandbox only."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Any, BinaryIO

from pydicom import config
from pydicom.charset import convert_encodings, decode_bytes, python_encoding

from patients import nhs_number

from .header import IDENTITY, NUMBERS, SHORTS, TEXTS, UIDS, Header
from .walking import META_SOP_CLASS, UID, Refused, Walked, walk

CHARSET = 0x00080005
OTHER_IDS, PROCEDURES, REQUESTED = 0x00101002, 0x00081032, 0x00321064
WANTED = frozenset(
    {CHARSET, *(tag for tag, _ in TEXTS.values()), *UIDS.values(), *NUMBERS.values(),
     *SHORTS.values()}
)  # fmt: skip
WITHIN = frozenset({OTHER_IDS, PROCEDURES, REQUESTED})
ID, ISSUER, QUALIFIERS, UNIVERSAL = 0x00100020, 0x00100021, 0x00100024, 0x00400032
CODE = 0x00080100
NHS_OID = "2.16.840.1.113883.2.1.4.1"
NHS_ISSUERS = frozenset({"NHS", "NHSNMBR", "NHSNUMBER", "NHSNO", NHS_OID})
DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory: the disc's own list, no image
MOST_PIXELS = 4 * 1024**3  # bytes, decoded
PERSON_NAME_BREAKS = {0x5C, 0x5E, 0x3D}  # \ ^ = each sets the encoding back (PS3.5 6.1.2.5.3)

config.settings.reading_validation_mode = config.IGNORE


def read(stream: BinaryIO, size: int) -> Header:
    """The header of an open file of `size` bytes. Raises Refused; runs in the sandbox only."""
    walked = walk(stream, size, WANTED, WITHIN)
    if _plain(walked.meta.get(META_SOP_CLASS, b"")) == DIRECTORY:
        raise Refused("dicomdir", "It is the list of a disc (DICOMDIR) and no image.")
    said: dict[str, Any] = {"transfer_syntax": walked.transfer_syntax, **_uids(walked)}
    encodings = _encodings(walked.values.get(CHARSET, b""))
    for name, (tag, longest) in TEXTS.items():
        said[name] = _text(name, walked.values.get(tag, b""), longest, encodings)
    said.update({name: _number(walked.values.get(tag, b"")) for name, tag in NUMBERS.items()})
    shorts = {name: _short(walked, tag) for name, tag in SHORTS.items()}
    said["frames"] = max(1, said["frames"] or 1)
    said.update(rows=shorts["rows"], columns=shorts["columns"])
    _pixels_within(said, shorts)
    said["nhs_number"] = _nhs_number(walked, said)
    said["code"] = _code(walked)
    return Header(**said)


def warm_up() -> None:
    """Load every decoder now: in the sandbox no file can be opened later."""
    for encoding in (name for names in python_encoding.values() for name in _listed(names)):
        codecs.lookup(encoding)
        b"A".decode(encoding)
    for name in python_encoding:
        decode_bytes(b"A\x1b$BA\x1b(B", convert_encodings(["", name] if name else [""]), {0x5C})


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def _plain(value: bytes) -> str:
    return value.rstrip(b"\0 ").decode("ascii", "replace")


def _uids(walked: Walked) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, tag in UIDS.items():
        value = walked.values.get(tag, b"").rstrip(b"\0 ")
        if not value and name == "sop_class":
            value = walked.meta.get(META_SOP_CLASS, b"").rstrip(b"\0 ")
        if not value:
            raise Refused("no_uid", "The file does not say which study, series or image it is.")
        if not UID.fullmatch(value):
            raise Refused("bad_uid", "A unique identifier in the file is none.")
        found[name] = value.decode("ascii")
    return found


def _encodings(value: bytes) -> list[str]:
    """Python's names of the character sets (PS3.3 C.12.1.1.2), misspellings of vendors included."""
    names = [part.strip() for part in _plain(value).split("\\")] if value.strip(b"\0 ") else [""]
    names = [re.sub(r"^ISO[-_ ]IR[-_ ]?(\d+)$", r"ISO_IR \1", name.upper()) for name in names]
    names = [re.sub(r"^ISO[-_ ]?2022[-_ ]IR[-_ ]?(\d+)$", r"ISO 2022 IR \1", n) for n in names]
    if any(name not in python_encoding for name in names) or len(names) > 10:
        raise Refused("charset", "The file is written in a character set that is not known here.")
    return convert_encodings(names)


def _text(name: str, value: bytes, longest: int, encodings: list[str]) -> str:
    breaks = PERSON_NAME_BREAKS if name == "name" else {0x5C}
    text = decode_bytes(value.rstrip(b"\0 "), encodings, breaks | {0x0D, 0x0A, 0x09, 0x0C})
    text = unicodedata.normalize("NFC", text).strip(" \0")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        if name in IDENTITY:
            raise Refused("bad_text", "The name or number in the file has characters of no text.")
        text = "".join(c if unicodedata.category(c) not in ("Cc", "Cs") else " " for c in text)
    if len(text) > longest and name in IDENTITY:
        raise Refused("too_long", "A name, number or description in the file is far too long.")
    return text[:longest].strip()


def _number(value: bytes) -> int | None:
    """IS (PS3.5 6.2): the first of several; None where it is no whole number."""
    found = re.fullmatch(r"[+-]?\d{1,12}", _plain(value).split("\\")[0].strip(), re.ASCII)
    number = int(found[0]) if found else None
    return number if number is not None and -(2**31) <= number < 2**31 else None


def _short(walked: Walked, tag: int) -> int | None:
    value = walked.values.get(tag, b"")[:2]
    return (
        int.from_bytes(value, "big" if walked.big_endian else "little") if len(value) == 2 else None
    )


def _pixels_within(said: dict[str, Any], shorts: dict[str, int | None]) -> None:
    """What it would be decoded, before anybody decodes it."""
    each = -(-(shorts["bits"] or 8) // 8) * (shorts["samples"] or 1)
    if (said["rows"] or 0) * (said["columns"] or 0) * said["frames"] * each > MOST_PIXELS:
        raise Refused("too_many_pixels", "The image would be larger than any that is taken here.")


def _nhs_number(walked: Walked, said: dict[str, Any]) -> str:
    """Only what the file itself calls an NHS number, and whose digits are one."""
    found = set()
    if _is_nhs(said["issuer"]):
        found.add(said["patient_id"])
    for item in walked.items.get(OTHER_IDS, ()):
        if _is_nhs(_plain(item.get((ISSUER,), b""))) or (
            _plain(item.get((QUALIFIERS, UNIVERSAL), b"")) == NHS_OID
        ):
            found.add(_plain(item.get((ID,), b"")))
    numbers = {nhs_number.normalise(each) for each in found if nhs_number.is_valid(each)}
    if len(numbers) > 1:
        raise Refused("two_numbers", "The file has two different NHS numbers.")
    return numbers.pop() if numbers else ""


def _is_nhs(issuer: str) -> bool:
    return re.sub(r"[\s_-]", "", issuer.upper()) in NHS_ISSUERS


def _code(walked: Walked) -> str:
    for sequence in (PROCEDURES, REQUESTED):
        for item in walked.items.get(sequence, ()):
            code = _plain(item.get((CODE,), b"")).strip()
            if re.fullmatch(r"[A-Za-z0-9._/ -]{1,20}", code):
                return code
    return ""


__all__ = ["Refused", "read", "warm_up"]
