"""Documents inside a value (ED) and addresses of documents elsewhere (RP). HL7 v2.4 2.9.16, 2.9.36.

What an ED says of itself is not believed: its first bytes decide, and what is none of the kinds
below is not handed out. Nothing here is fetched from anywhere.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from messaging import wire

LARGEST: Final = 10 * 1024 * 1024  # bytes of one document, decoded
MOST_DOCUMENTS: Final = 20  # of one value


class Kind(StrEnum):
    """What may be handed out; the value is the ending of the file's name."""

    PDF = "pdf"
    JPEG = "jpg"
    PNG = "png"
    TEXT = "txt"


MEDIA_TYPES: Final[dict[Kind, str]] = {
    Kind.PDF: "application/pdf",
    Kind.JPEG: "image/jpeg",
    Kind.PNG: "image/png",
    Kind.TEXT: "text/plain; charset=utf-8",
}
_MAGIC: Final[dict[Kind, bytes]] = {
    Kind.PDF: b"%PDF-",
    Kind.JPEG: b"\xff\xd8\xff",
    Kind.PNG: b"\x89PNG\r\n\x1a\n",
}

EMPTY: Final = "The document is empty."
DAMAGED: Final = "The document arrived damaged and cannot be opened."
TOO_LARGE: Final = f"The document is larger than {LARGEST // 1024 // 1024} MB and was not opened."
NOT_ALLOWED: Final = "The document is of a kind that is not opened here (not PDF, JPEG or PNG)."
NOT_WHAT_IT_SAYS: Final = "The document says that it is PDF and is something else."
TOO_MANY: Final = f"There are more than {MOST_DOCUMENTS} documents in one value."


@dataclass(frozen=True, repr=False)
class IncomingDocument:
    """A document that can be handed out."""

    number: int
    kind: Kind
    content: bytes

    @property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest()

    def __repr__(self) -> str:
        return f"<IncomingDocument {self.kind}, {len(self.content)} bytes>"


class Unusable(Exception):
    """The document cannot be handed out; `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


def kind_words(obx: wire.Segment) -> str:
    """What the sender calls it: `application PDF`; "document" where it does not say."""
    kinds = [each for each in (obx.get(5, 2), obx.get(5, 3)) if each and obx.get(2) == "ED"]
    return " ".join(kinds)[:60] or "document"


def read_documents(obx: wire.Segment) -> tuple[tuple[IncomingDocument, ...], str]:
    """The documents of an ED value, and what is wrong with the others, a line each."""
    found: list[IncomingDocument] = []
    problems: list[str] = []
    repetitions = obx.repetitions(5)
    for number, each in enumerate(repetitions[:MOST_DOCUMENTS], start=1):
        try:
            found.append(_document(number, each))
        except Unusable as problem:
            problems.append(problem.sentence)
    if not repetitions:
        problems.append(EMPTY)
    if len(repetitions) > MOST_DOCUMENTS:
        problems.append(TOO_MANY)
    return tuple(found), "\n".join(dict.fromkeys(problems))


def _document(number: int, each: wire.Repetition) -> IncomingDocument:
    content, is_text = _content(each)
    if not content:
        raise Unusable(EMPTY)
    if len(content) > LARGEST:
        raise Unusable(TOO_LARGE)
    kind = next((kind for kind, magic in _MAGIC.items() if content.startswith(magic)), None)
    if "pdf" in f"{each.get(2)} {each.get(3)}".lower() and kind is not Kind.PDF:
        raise Unusable(NOT_WHAT_IT_SAYS)
    if kind is None and is_text:
        kind = Kind.TEXT
    if kind is None:
        raise Unusable(NOT_ALLOWED)
    return IncomingDocument(number, kind, content)


def _content(each: wire.Repetition) -> tuple[bytes, bool]:
    """The bytes, and whether they were sent as text. ED-4 is the encoding (table 0299)."""
    parts = each.source.split("^", 4)
    encoding = each.get(4).strip().upper()
    data = parts[4] if len(parts) == 5 else ""
    text = wire.unescape(data, each.charset)
    if encoding == "BASE64":
        return _base64(text), False
    if encoding == "HEX":
        return _hexadecimal(text), False
    if encoding in ("A", "ASCII"):
        return text.encode(), True
    raise Unusable(DAMAGED if data else EMPTY)


def _base64(text: str) -> bytes:
    digits = re.sub(r"\s+", "", text).rstrip("^")
    if len(digits) > LARGEST * 4 // 3 + 4:
        raise Unusable(TOO_LARGE)  # before a byte of it is decoded
    try:
        return base64.b64decode(digits, validate=True)
    except (binascii.Error, ValueError):
        raise Unusable(DAMAGED) from None


def _hexadecimal(text: str) -> bytes:
    digits = re.sub(r"\s+", "", text).rstrip("^")
    if len(digits) > LARGEST * 2:
        raise Unusable(TOO_LARGE)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise Unusable(DAMAGED) from None


def pointer_of(obx: wire.Segment) -> str:
    """RP: the address as it was sent, one a line; the parts that do not belong to it left out."""
    return "\n".join(each.get(1) for each in obx.repetitions(5) if each.get(1))
