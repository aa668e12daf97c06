"""An object on its way in: from the line to the disk piece by piece, never whole in memory."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from io import BytesIO
from typing import BinaryIO

from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION

from iep.storage import PREAMBLE, Writing, writer

# Statuses of C-STORE: PS3.4 table B.2-1, PS3.7 annex C.
SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
NO_SUCH_CLASS = 0x0122
INVALID_INSTANCE = 0x0117

_PATIENCE = 64 * 1024 * 1024  # bytes that a peer may go on sending
_ROOM_EVERY = 32 * 1024 * 1024  # bytes: how often the disk is looked at within one object
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_UID = re.compile(r"[0-9.]{1,64}")


class Body(BytesIO):
    """The data set of a C-STORE. The library takes it for a buffer; it goes to storage instead.

    It never raises while bytes come: why it cannot be kept is `refusal`, a DICOM status that is
    answered when the peer has said everything. `written` is for whoever keeps it.
    """

    def __init__(
        self,
        *,
        sop_class: str,
        sop_uid: str,
        transfer_syntax: str,
        calling: str,
        most: int,
        has_room: Callable[[int], bool],
    ) -> None:
        super().__init__()
        self.sop_class, self.sop_uid = sop_class, sop_uid
        self.transfer_syntax = transfer_syntax
        self.refusal: int | None = None
        self.why = ""  # of a refusal, for our log
        self.written: Writing | None = None
        self._most, self._has_room = most, has_room
        self._came = self._looked = 0
        if not (_UID.fullmatch(sop_class) and _UID.fullmatch(sop_uid)):
            self._refuse(INVALID_INSTANCE, "no_uid")
            return
        self._begin(file_meta(sop_class, sop_uid, transfer_syntax, calling))

    def _begin(self, head: bytes) -> None:
        if not self._has_room(0):
            self._refuse(OUT_OF_RESOURCES, "no_room")
            return
        try:
            self.written = writer()
            self.written.write(head)
        except OSError:
            self._refuse(OUT_OF_RESOURCES, "disk")

    def write(self, data: bytes | memoryview, /) -> int:  # type: ignore[override]
        """The next piece."""
        self._came += len(data)
        if self.refusal is None:
            self._look()
        if self.refusal is None and self.written is not None:
            try:
                self.written.write(data)
            except OSError:
                self._refuse(OUT_OF_RESOURCES, "disk")
        return len(data)

    def _look(self) -> None:
        if self._came > self._most:
            self._refuse(OUT_OF_RESOURCES, "too_large")
        elif self._came - self._looked > _ROOM_EVERY:
            self._looked = self._came
            if not self._has_room(0):
                self._refuse(OUT_OF_RESOURCES, "no_room")

    @property
    def is_absurd(self) -> bool:
        """It was refused long ago, and they go on sending."""
        return self._came > 4 * self._most + _PATIENCE

    def _refuse(self, status: int, why: str) -> None:
        self.refusal, self.why = status, why
        self.drop()

    def hand_over(self) -> None:
        """Somebody else keeps what came, or drops it."""
        self.written = None

    def drop(self) -> None:
        """As if it had never come; nothing happens to what was kept."""
        if self.written is not None:
            self.written.drop()

    def __len__(self) -> int:
        return self._came


def file_meta(sop_class: str, sop_uid: str, transfer_syntax: str, calling: str) -> bytes:
    """Preamble, magic word and group 0002 of a file that came by network (PS3.10 7.1)."""
    elements = b"".join(
        (
            struct.pack("<HH2sHLH", 2, 1, b"OB", 0, 2, 0x0100),  # File Meta Information Version
            _text(0x0002, b"UI", sop_class),
            _text(0x0003, b"UI", sop_uid),
            _text(0x0010, b"UI", transfer_syntax),
            _text(0x0012, b"UI", PYNETDICOM_IMPLEMENTATION_UID),
            _text(0x0013, b"SH", PYNETDICOM_IMPLEMENTATION_VERSION),
            _text(0x0016, b"AE", calling) if calling else b"",
        )
    )
    length = struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(elements))
    return bytes(PREAMBLE) + b"DICM" + length + elements


def _text(element: int, kind: bytes, words: str) -> bytes:
    """One short element, explicit VR little endian, padded to even length (PS3.5 6.2)."""
    value = words.encode("ascii", "replace")
    value += (b"\0" if kind == b"UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", 2, element, kind, len(value)) + value


def data_set_begins(file: BinaryIO) -> int:
    """Where the data set begins in a file: after group 0002, or at once where there is none.

    Group 0002 is explicit VR little endian and says its own length first (PS3.10 7.1); files from
    discs leave that out or lie about it, so that the elements are walked along.
    """
    file.seek(PREAMBLE)
    if file.read(4) != b"DICM":
        return 0
    at, end = PREAMBLE + 4, -1
    while at != end and (step := _step(file, at)):
        if end < 0 and (length := _group_length(file, at)):
            end = at + step + length
        at += step
    return at


def _step(file: BinaryIO, at: int) -> int:
    """The size of the element there; 0 when it is not of group 0002 any more."""
    file.seek(at)
    head = file.read(12)
    if len(head) < 8 or head[:2] != b"\2\0":
        return 0
    if not head[4:6].isalpha():  # implicit VR, which it must not be, and sometimes is
        return 8 + int.from_bytes(head[4:8], "little")
    if head[4:6] in _LONG:
        return 12 + int.from_bytes(head[8:12], "little")
    return 8 + int.from_bytes(head[6:8], "little")


def _group_length(file: BinaryIO, at: int) -> int:
    file.seek(at)
    head = file.read(12)
    return int.from_bytes(head[8:12], "little") if head[:8] == b"\2\0\0\0UL\4\0" else 0
