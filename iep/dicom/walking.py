"""Walks a DICOM file from element to element without believing it (PS3.5 7, PS3.10 7).

Every length is held against the bytes that are there, sequences are followed with a stack of our
own and no further than 32 deep, and only the values that were asked for are read. Pixel data is
stepped over. What does not fit is refused with a code and words that repeat nothing of the file.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from pydicom.datadict import dictionary_VR
from pydicom.uid import (
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from .header import UID as UID

PREAMBLE, MAGIC = 128, b"DICM"
# And Deflated Image Frame Compression (PS3.5 A.4.13), which pydicom has no name for yet.
SYNTAXES = frozenset({*AllTransferSyntaxes, "1.2.840.10008.1.2.8.1"})
MOST_DEEP = 32
MOST_ELEMENTS = 1_000_000
MOST_VALUE = 4096  # bytes of a value that we read
MOST_META = 64 * 1024  # bytes of file meta information
MOST_INFLATED = 64 * 1024 * 1024  # bytes
UNDEFINED = 0xFFFFFFFF
LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN",
                      b"UR", b"UT", b"UV"})  # fmt: skip
VRS = LONG_VRS | frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN",
     b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
)  # fmt: skip
TRANSFER_SYNTAX, META_SOP_CLASS = 0x00020010, 0x00020002
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
FLOAT_PIXELS, DOUBLE_PIXELS, PIXELS = 0x7FE00008, 0x7FE00009, 0x7FE00010
PIXEL_TAGS = frozenset({FLOAT_PIXELS, DOUBLE_PIXELS, PIXELS})


class Refused(Exception):
    """The file is not taken. `code` is for machines; `words` are for people and quote nothing."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(code)
        self.code, self.words = code, words


def _truncated() -> Refused:
    return Refused("truncated", "A length in the file goes beyond its end: it is cut off or wrong.")


@dataclass
class Walked:
    """What was read: raw values by where they stand. A value inside a sequence has its item too."""

    transfer_syntax: str = ""
    meta: dict[int, bytes] = field(default_factory=dict)
    values: dict[int, bytes] = field(default_factory=dict)
    items: dict[int, list[dict[tuple[int, ...], bytes]]] = field(default_factory=dict)
    big_endian: bool = False
    pixel_bytes: int = 0
    has_pixels: bool = False


@dataclass
class _Level:
    """A sequence or an item that is open. `end` is -1 where a delimiter ends it."""

    kind: str  # "sequence", "item", "fragments"
    end: int
    tag: int
    implicit: bool
    keeps: dict[tuple[int, ...], bytes] | None = None
    inner: tuple[int, ...] = ()


class Walk:
    """One walk over one dataset. `wanted` are tags at the top, `within` sequences whose items."""

    def __init__(
        self, stream: BinaryIO, start: int, end: int, walked: Walked, *, implicit: bool,
        wanted: Container[int], within: Container[int],
    ) -> None:  # fmt: skip
        self.stream, self.at, self.end, self.walked = stream, start, end, walked
        self.implicit, self.wanted, self.within = implicit, wanted, within
        order = ">" if walked.big_endian else "<"
        self._tag, self._short = struct.Struct(order + "HH"), struct.Struct(order + "H")
        self._long = struct.Struct(order + "L")
        self.levels: list[_Level] = []
        self.limit = end  # where the innermost thing with a length ends
        self.count, self.last = 0, -1
        stream.seek(start)

    def whole(self) -> None:
        """To the end of the dataset. Raises Refused."""
        while True:
            self._close_finished()
            if self.at >= self.limit:
                break
            self.count += 1
            if self.count > MOST_ELEMENTS:
                raise Refused("too_many_elements", "The file has too many data elements.")
            self._element()
        if any(level.end < 0 and level.kind != "fragments" for level in self.levels):
            raise _truncated()

    def _close_finished(self) -> None:
        while self.levels and self.levels[-1].end >= 0 and self.at >= self.levels[-1].end:
            self._close()

    def _close(self) -> None:
        self.levels.pop()
        ends = (level.end for level in reversed(self.levels) if level.end >= 0)
        self.limit = next(ends, self.end)

    def _read(self, size: int) -> bytes:
        if self.at + size > self.limit:
            raise _truncated()
        data = self.stream.read(size)
        if len(data) != size:
            raise _truncated()
        self.at += size
        return data

    def _skip(self, size: int) -> None:
        if self.at + size > self.limit:
            raise _truncated()
        self.at += size
        self.stream.seek(self.at)

    def _element(self) -> None:
        group, element = self._tag.unpack(self._read(4))
        tag = (group << 16) | element
        if group == 0xFFFE:
            self._delimiter(tag)
        elif self.levels and self.levels[-1].kind != "item":
            raise Refused("structure", "A sequence in the file holds something that is no item.")
        else:
            self._data(tag)

    def _delimiter(self, tag: int) -> None:
        (length,) = self._long.unpack(self._read(4))
        level = self.levels[-1] if self.levels else None
        ends = {"item": ITEM_END}.get(level.kind, SEQUENCE_END) if level else 0
        if level is not None and tag == ITEM and level.kind != "item":
            self._item(level, length)
        elif level is not None and tag == ends and level.end < 0:
            self._close()
        else:
            raise Refused("structure", "The sequences in the file do not fit together.")

    def _item(self, level: _Level, length: int) -> None:
        if level.kind == "fragments":
            self.walked.pixel_bytes += length
            return self._skip(length)
        keeps = level.keeps
        if level.tag in self.within and len(self.levels) == 1:
            keeps = {}
            self.walked.items.setdefault(level.tag, []).append(keeps)
        inner = level.inner
        return self._open(
            _Level("item", self._end(length), level.tag, level.implicit, keeps, inner)
        )

    def _end(self, length: int) -> int:
        if length == UNDEFINED:
            return -1
        if self.at + length > self.limit:
            raise _truncated()
        return self.at + length

    def _open(self, level: _Level) -> None:
        if len(self.levels) >= 2 * MOST_DEEP:  # a sequence and its item are one step
            raise Refused("nesting", f"The file nests sequences more than {MOST_DEEP} deep.")
        self.levels.append(level)
        if level.end >= 0:
            self.limit = level.end

    def _data(self, tag: int) -> None:
        implicit = self.levels[-1].implicit if self.levels else self.implicit
        vr, length = self._implicit(tag) if implicit else self._explicit()
        if not self.levels and tag in PIXEL_TAGS:
            self.walked.has_pixels = True
        if tag in PIXEL_TAGS and length == UNDEFINED:
            return self._open(_Level("fragments", -1, tag, implicit))
        if vr == b"SQ" or length == UNDEFINED:
            return self._sequence(tag, vr, length, implicit)
        return self._value(tag, length)

    def _sequence(self, tag: int, vr: bytes, length: int, implicit: bool) -> None:
        # Of unknown VR and undefined length: implicit inside (PS3.5 6.2.2, note).
        implicit = implicit or vr == b"UN"
        if vr not in (b"SQ", b"UN", b""):
            raise Refused("structure", "A data element has no length and is no sequence.")
        keeps: dict[tuple[int, ...], bytes] | None = None
        inner: tuple[int, ...] = ()
        if self.levels and self.levels[-1].keeps is not None:
            keeps, inner = self.levels[-1].keeps, (*self.levels[-1].inner, tag)
        self._open(_Level("sequence", self._end(length), tag, implicit, keeps, inner))

    def _value(self, tag: int, length: int) -> None:
        if not self.levels and tag in self.wanted:
            if tag in self.walked.values:
                raise Refused("said_twice", "The file says twice whose it is, or what it is.")
            self.walked.values[tag] = self._wanted(length)
        elif self.levels and (keeps := self.levels[-1].keeps) is not None:
            where = (*self.levels[-1].inner, tag)
            if length <= MOST_VALUE and len(keeps) < 64:
                keeps[where] = self._read(length)
            else:
                self._skip(length)
        else:
            if not self.levels and tag in PIXEL_TAGS:
                self.walked.pixel_bytes += length
            self._skip(length)

    def _wanted(self, length: int) -> bytes:
        if length > MOST_VALUE and self.at + length <= self.limit:
            raise Refused("too_long", "A name, number or description in the file is far too long.")
        return self._read(length)

    def _implicit(self, tag: int) -> tuple[bytes, int]:
        (length,) = self._long.unpack(self._read(4))
        return (b"SQ" if _is_sequence(tag) else b""), length

    def _explicit(self) -> tuple[bytes, int]:
        vr = self._read(2)
        if vr not in VRS:
            raise Refused("structure", "A data element has a value representation that is none.")
        if vr in LONG_VRS:
            _, (length,) = self._read(2), self._long.unpack(self._read(4))
        else:
            (length,) = self._short.unpack(self._read(2))
        return vr, length


_SEQUENCES: dict[int, bool] = {}


def _is_sequence(tag: int) -> bool:
    """By the dictionary: with implicit VR nothing else tells."""
    if tag not in _SEQUENCES:
        if len(_SEQUENCES) > 20_000:
            _SEQUENCES.clear()
        try:
            _SEQUENCES[tag] = not (tag >> 16) & 1 and dictionary_VR(tag) == "SQ"
        except KeyError:
            _SEQUENCES[tag] = False
    return _SEQUENCES[tag]


def walk(stream: BinaryIO, size: int, wanted: Container[int], within: Container[int]) -> Walked:
    """A Part 10 file (PS3.10 7.1), from its first byte to its last. Raises Refused."""
    if size < PREAMBLE + len(MAGIC) or stream.read(PREAMBLE + 4)[PREAMBLE:] != MAGIC:
        raise Refused("not_dicom", "It is not a DICOM file.")
    walked = Walked()
    start = _read_meta(stream, size, walked)
    syntax = walked.transfer_syntax
    if syntax == DeflatedExplicitVRLittleEndian:
        stream, start, size = _inflated(stream, start)
    walked.big_endian = syntax == ExplicitVRBigEndian
    Walk(
        stream, start, size, walked,
        implicit=syntax == ImplicitVRLittleEndian, wanted=wanted, within=within,
    ).whole()  # fmt: skip
    return walked


def _read_meta(stream: BinaryIO, size: int, walked: Walked) -> int:
    """Group 0002, always explicit little endian; its group length is not believed."""
    end = PREAMBLE + 4
    for tag, value, after in _meta_elements(stream, min(size, MOST_META)):
        walked.meta[tag], end = value, after
    syntax = walked.meta.get(TRANSFER_SYNTAX, b"").rstrip(b"\0 ")
    if not syntax:
        raise Refused("no_transfer_syntax", "The file does not say how it is encoded.")
    if not UID.fullmatch(syntax) or syntax.decode() not in SYNTAXES:
        raise Refused("transfer_syntax", "The file is encoded in a way that is not known here.")
    walked.transfer_syntax = syntax.decode()
    return end


def _meta_elements(stream: BinaryIO, size: int) -> Iterator[tuple[int, bytes, int]]:
    at = PREAMBLE + 4
    while at + 8 <= size:
        stream.seek(at)
        head = stream.read(12)
        group, element, vr, length = struct.unpack("<HH2sH", head[:8])
        if group != 2:
            return
        if vr not in VRS:
            raise Refused("structure", "The head of the file is damaged.")
        at += 8
        if vr in LONG_VRS:
            if len(head) < 12:
                raise _truncated()
            (length,) = struct.unpack("<L", head[8:12])
            at += 4
        if at + length > size:
            raise _truncated()
        stream.seek(at)
        at += length
        yield (group << 16) | element, stream.read(min(length, MOST_VALUE)), at


def _inflated(stream: BinaryIO, start: int) -> tuple[BinaryIO, int, int]:
    """A deflated dataset (PS3.5 A.5), no further than the cap."""
    stream.seek(start)
    inflater, out = zlib.decompressobj(-zlib.MAX_WBITS), io.BytesIO()
    try:
        while not inflater.eof and (chunk := stream.read(64 * 1024)):
            while chunk and not inflater.eof:
                out.write(inflater.decompress(chunk, 1024 * 1024))
                chunk = inflater.unconsumed_tail
                if out.tell() > MOST_INFLATED:
                    raise Refused("inflates", "The file is small, and becomes far too large.")
    except zlib.error:
        raise Refused("structure", "The compressed part of the file is damaged.") from None
    if not inflater.eof:
        raise _truncated()
    size = out.seek(0, os.SEEK_END)
    out.seek(0)
    return out, 0, size
