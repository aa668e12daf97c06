"""Where the bytes of images lie: under names that we made, whole or not at all.

A file is written aside, renamed and forced to the disk; then its row is written, so that a file
that a row knows of is whole. Its name is the row's uuid; nothing that a peer or a disc says is
ever part of a path. The 128 bytes of preamble before `DICM` are zeroed on the way in: an
executable may hide there (PS3.10 7.5, hazard H48).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.conf import settings

PREAMBLE = 128  # bytes
_MAGIC = b"DICM"
_HEAD = PREAMBLE + len(_MAGIC)
_ASIDE = "aside"


class Writing:
    """One file on its way in. `size` and `sha256` are of the bytes as they are kept."""

    def __init__(self) -> None:
        self.size = 0  # bytes
        self.preamble_zeroed = False  # it was there, and not zero
        self._head = bytearray()
        self._digest = hashlib.sha256()
        self.path = _aside() / f"{uuid.uuid4()}.part"
        self._descriptor: int | None = os.open(
            self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )

    def write(self, chunk: bytes) -> None:
        """Raises OSError: no room, or the disk is broken. The caller drops it then."""
        self.size += len(chunk)
        if len(self._head) < _HEAD:
            self._head += chunk
            if len(self._head) < _HEAD:
                return
            chunk = self._zeroed()
        self._put(chunk)

    def _zeroed(self) -> bytes:
        """The beginning, with zeros before the magic word; untouched where there is none."""
        if self._head[PREAMBLE:_HEAD] != _MAGIC:
            return bytes(self._head)
        self.preamble_zeroed = any(self._head[:PREAMBLE])
        return bytes(PREAMBLE) + bytes(self._head[PREAMBLE:])

    def _put(self, chunk: bytes) -> None:
        if self._descriptor is None:
            raise ValueError("this file is closed")
        self._digest.update(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits, of the whole file: ask when nothing more is written."""
        if len(self._head) < _HEAD:
            whole = self._digest.copy()
            whole.update(bytes(self._head))
            return whole.hexdigest()
        return self._digest.hexdigest()

    def finish(self) -> None:
        """Nothing more is written. Raises OSError; `keep` does it too."""
        if len(self._head) < _HEAD:
            self._put(bytes(self._head))
            self._head += bytes(_HEAD)  # it was short, and is written

    def keep(self, file_id: uuid.UUID) -> Path:
        """Into storage under that id: on return a power cut takes nothing away. Raises OSError.

        Renamed first and forced to the disk then, so that name and bytes go in one journal entry:
        what a power cut leaves in between is of no row, and is cleared (arrival.leftovers).
        """
        keep_all([(self, file_id)])
        return path_of(file_id)

    def _move_to(self, place: Path) -> None:
        self.finish()
        if self._descriptor is None:
            raise ValueError("this file is closed")
        if not place.parent.is_dir():
            place.parent.mkdir(exist_ok=True)
            _sync_folder(place.parent.parent)
        self.path.rename(place)

    def _force(self) -> None:
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def drop(self) -> None:
        """As if it had never come. Does nothing to a file that was kept."""
        self._close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def writer() -> Writing:
    """A new file, aside. Raises OSError."""
    return Writing()


def keep_all(files: Sequence[tuple[Writing, uuid.UUID]]) -> None:
    """Each into storage under its id: all of them or none, as `Writing.keep`. Raises OSError.

    Forced to the disk one after the other when all have their names: the first takes the others'
    journal entries with it, so that many cost little more than one.
    """
    placed: list[Path] = []
    try:
        for written, file_id in files:
            place = path_of(file_id)
            written._move_to(place)
            placed.append(place)
        for written, _ in files:
            written._force()
        for folder in {place.parent for place in placed}:
            _sync_folder(folder)
    except OSError:
        for place in placed:
            place.unlink(missing_ok=True)
        raise
    finally:
        for written, _ in files:
            written._close()


def path_of(file_id: uuid.UUID | str) -> Path:
    """Where the file of that id lies, whether it is there or not. Raises ValueError: no uuid."""
    name = str(uuid.UUID(str(file_id)))
    return _root() / name[:2] / f"{name}.dcm"


def discard(file_id: uuid.UUID | str) -> None:
    """The bytes are gone; nothing happens when they were already."""
    path_of(file_id).unlink(missing_ok=True)


def room(*, for_blue_light: bool, size: int = 0) -> bool:
    """Whether `size` more bytes may come. The last of the disk is kept for blue light.

    The reserve is 5 % of the disk, or settings.IMAGES_RESERVE_BYTES where that is more. Blue light
    may use it but for settings.IMAGES_LEAST_BYTES, so that a full disk stops nothing else.
    """
    disk = shutil.disk_usage(_root())
    reserve = max(disk.total // 20, settings.IMAGES_RESERVE_BYTES)
    return disk.free - size > (settings.IMAGES_LEAST_BYTES if for_blue_light else reserve)


def kept_ids(*, older_than: float) -> Iterator[uuid.UUID]:
    """Ids of files that have lain in storage for so many seconds: a row should know of each."""
    before = time.time() - older_than
    for path in _root().glob("[0-9a-f][0-9a-f]/*.dcm"):
        with contextlib.suppress(FileNotFoundError, ValueError):
            if path.stat().st_mtime < before:
                yield uuid.UUID(path.stem)


def clear_aside(*, older_than: float = 24 * 3600.0) -> int:
    """Remove what a process that died left half written. Returns how many files."""
    before, gone = time.time() - older_than, 0
    for path in _aside().glob("*.part"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
                gone += 1
    return gone


def _root() -> Path:
    folder = Path(settings.IMAGES_DIR)
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _aside() -> Path:
    folder = _root() / _ASIDE
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def _sync_folder(folder: Path) -> None:
    """A new name is safe only when its folder is on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
