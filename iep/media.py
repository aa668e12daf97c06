"""What was uploaded of a disc: a folder of files, or a ZIP. Read, never unpacked as it says.

No name of theirs becomes a name of ours: entries have a size and a stream and nothing else. The
bounds are those of reliability.md 4.6 and are held before a byte is unpacked. A DICOMDIR is a file
like any other; where it points is not asked (hazard H48).
"""

from __future__ import annotations

import shutil
import stat
import struct
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings

MOST_ENTRIES = 20_000
MOST_BYTES = 8 * 1024**3
MOST_RATIO = 200
SMALL = 16 * 1024**2  # bytes: what unpacks to less is no bomb, however well it was packed
MOST_DIRECTORY = 16 * 1024**2  # bytes of a ZIP's own list, which is read into memory
_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ZIPS = (b"PK\x03\x04", _END)
# Python unpacks these in small pieces; of the others (4.4.5) one piece can be as large as it likes.
_UNPACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_PACKED = {9: "Deflate64", 12: "BZIP2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}
LINK = "It is a link to another file."


class Unreadable(Exception):
    """The whole of it is not taken. `code` for machines, `sentence` for a person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code)
        self.code, self.sentence = code, sentence


@dataclass(frozen=True)
class Entry:
    """One file. `why`: it is left out, in words, and is not opened."""

    size: int  # bytes, as declared
    open: Callable[[], IO[bytes]]
    why: str = ""


# --- Where an upload lies until it has been read --------------------------------------------------


def spool(upload_id: uuid.UUID) -> Path:
    """The folder of one upload."""
    return Path(settings.IMAGES_DIR) / "discs" / str(upload_id)


def new_file(upload_id: uuid.UUID) -> Path:
    """A name of ours for one uploaded file."""
    folder = spool(upload_id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / str(uuid.uuid4())


def forget(upload_id: uuid.UUID) -> None:
    """The upload is gone; what became studies lies in storage."""
    shutil.rmtree(spool(upload_id), ignore_errors=True)


def spooled(older_than: float) -> Iterator[uuid.UUID]:
    """Uploads whose folder was last changed before that time (seconds since 1970)."""
    folder = Path(settings.IMAGES_DIR) / "discs"
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.stat().st_mtime < older_than:
            yield uuid.UUID(each.name)


# --- What is in it --------------------------------------------------------------------------------


def entries_of(folder: Path, stack: ExitStack) -> list[Entry]:
    """Every file of the upload, and of each ZIP in it. ZIPs stay open until the stack is closed.

    Raises Unreadable: too many, too large, a bomb, encrypted, damaged, nothing at all.
    """
    found: list[Entry] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if _is_zip(path):
            found += _of_zip(path, stack)
        else:
            found.append(Entry(path.stat().st_size, _opener(path)))
        if len(found) > MOST_ENTRIES:
            raise _too_many()
    if sum(entry.size for entry in found) > MOST_BYTES:
        raise Unreadable("too_large", "It holds more than 8 GB, which is more than is taken.")
    if not found:
        raise Unreadable("empty", "There is no file in it.")
    return found


def _too_many() -> Unreadable:
    return Unreadable("too_many", f"It holds more than {MOST_ENTRIES:,} files.")


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _is_zip(path: Path) -> bool:
    """By its first bytes; a DICOM file whose preamble looks like a ZIP is a DICOM file."""
    with path.open("rb") as file:
        head = file.read(132)
    return head.startswith(_ZIPS) and head[128:132] != b"DICM"


def _of_zip(path: Path, stack: ExitStack) -> Iterator[Entry]:
    packed = path.stat().st_size
    file = stack.enter_context(path.open("rb"))
    _hold_directory(file, packed)
    try:
        archive = stack.enter_context(zipfile.ZipFile(file))
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError):
        raise _damaged() from None
    members = [each for each in archive.infolist() if not each.is_dir()]
    _hold_bounds(members, packed)
    for member in members:
        why = LINK if stat.S_ISLNK(member.external_attr >> 16) else ""
        yield Entry(member.file_size, _member_opener(archive, member), why)


def _damaged() -> Unreadable:
    return Unreadable("damaged", "The ZIP file is damaged. Make it again, or upload the folder.")


def _member_opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(member)


def _hold_bounds(members: list[zipfile.ZipInfo], packed: int) -> None:
    """Before anything is unpacked. Raises Unreadable."""
    if len(members) > MOST_ENTRIES:
        raise _too_many()
    if any(member.flag_bits & 1 for member in members):
        raise Unreadable(
            "encrypted",
            "The ZIP file is protected by a password. Open it, and upload what is in it.",
        )
    if odd := {member.compress_type for member in members} - _UNPACKED:
        how = " and ".join(sorted(_PACKED.get(each, f"method {each}") for each in odd))
        raise Unreadable(
            "packed",
            f"The ZIP file is packed with {how}, which is not opened here. Make an ordinary ZIP "
            "file of it, or upload the folder.",
        )
    unpacked = sum(member.file_size for member in members)
    if unpacked > MOST_BYTES:
        raise Unreadable("too_large", "It unpacks to more than 8 GB, which is more than is taken.")
    if unpacked > max(SMALL, MOST_RATIO * packed):
        raise Unreadable("bomb", f"It unpacks to more than {MOST_RATIO} times its size.")


def _hold_directory(file: IO[bytes], size: int) -> None:
    """Python reads a ZIP's whole list at once and makes an object of each entry, however many the
    end record says there are: so its size is looked at first, and its entries are counted."""
    end, length = _place_of_directory(file, size)
    if length > MOST_DIRECTORY:
        raise Unreadable("too_many", "The list of the ZIP file is far too long.")
    if length > end:
        raise _damaged()
    file.seek(end - length)
    if _count(file.read(length)) > 2 * MOST_ENTRIES:  # folders are entries too, and are not files
        raise _too_many()


def _count(directory: bytes) -> int:
    """How many entries Python makes of it: one header after the other (APPNOTE 4.3.12)."""
    at = count = 0
    while at + 46 <= len(directory) and count <= 2 * MOST_ENTRIES:
        at += 46 + sum(struct.unpack_from("<3H", directory, at + 28))
        count += 1
    return count


def _place_of_directory(file: IO[bytes], size: int) -> tuple[int, int]:
    """Where the list ends, and how long it is (APPNOTE 4.3.16). Raises Unreadable: damaged."""
    tail_from = max(0, size - 65_557)  # the end record, with the longest comment
    file.seek(tail_from)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise _damaged()
    (length,) = struct.unpack("<L", tail[at + 12 : at + 16])
    return _zip64(file, tail_from + at) or (tail_from + at, length)


def _zip64(file: IO[bytes], end: int) -> tuple[int, int] | None:
    """The same by the large record (4.3.14), where there is a locator before the end record.

    Python believes it whatever the end record says, and reads it right before the locator; who
    would look for it elsewhere would see another list. Raises Unreadable: damaged.
    """
    file.seek(max(0, end - 76))
    record = file.read(min(end, 76))
    if not record[-20:].startswith(_LOCATOR64):
        return None
    (where,) = struct.unpack("<Q", record[-12:-4])
    if where != end - 76 or not record.startswith(_END64):
        raise _damaged()
    (length,) = struct.unpack("<Q", record[40:48])
    return where, length
