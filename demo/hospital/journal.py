"""What the hospital remembers: lines of JSON, each on disk before anybody is answered."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class InUse(Exception):
    """Another process writes this journal."""


class Journal:
    """Append-only. A line holds the entries of one happening, so it is all there or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise InUse(f"Another stand-in hospital keeps its orders in {path.parent}.") from None

    def read(self) -> Iterator[Entry]:
        """Every entry. A last line that a crash tore was never answered for, and is cut off."""
        self._file.seek(0)
        good = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            yield from json.loads(line)
            good += len(line)
        self._file.truncate(good)
        self._file.seek(0, os.SEEK_END)

    def append(self, entries: list[Entry]) -> None:
        """Write and wait for the disk."""
        line = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def as_text(raw: bytes) -> str:
    """Any bytes as text that JSON can carry and that comes back the same."""
    return raw.decode("latin-1")


def as_bytes(text: str) -> bytes:
    return text.encode("latin-1")
