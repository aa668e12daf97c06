"""Pictures of frames for the viewer: rendered by the sandbox, kept on disk for a while.

A picture’s file has a name of ours and holds the PNG, which window was used and the day of the
study, nothing more. The newest PREVIEW_BYTES are kept. One child renders for all threads of a
process and ends when nobody has asked for a minute.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import uuid
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from iep import storage
from iep.dicom.header import day
from iep.sandbox.errands import Errands, NotDone

THUMBNAIL, WHOLE = 160, 2048  # pixels: the longer edge
PRESETS = ("auto", "full", "lung", "bone", "soft")
IDLE = 60.0  # seconds
MOST_PNG = 32 * 1024 * 1024  # bytes
MADE_AS = 4  # counted up when rendering changes, so that no picture of before is shown
_HEAD = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, repr=False)
class Picture:
    """A PNG, or in words why there is none. `window`: centre and width, None for colours."""

    png: bytes = b""
    window: tuple[float, float] | None = None
    width: int = 0
    height: int = 0
    why_not: str = ""
    is_table: bool = False  # the file's own table of greys instead of a window
    overlays: int = 0  # that lie over it, drawn if they were wanted
    left_out: int = 0  # that cannot be drawn
    is_kept: bool = True  # the file is here, whether it can be shown or not
    study_date: str = ""  # as this very file has it

    @property
    def acquired_on(self) -> date | None:
        return day(self.study_date)


def picture(
    file_id: UUID, *, frame: int = 0, window: str = "auto", edge: int = WHOLE, drawn: bool = True
) -> Picture:
    """Of one frame (from 0), with its overlays or without them (`drawn`).

    What cannot be shown says so; nothing is raised for a bad file.
    """
    if window not in PRESETS or edge not in (THUMBNAIL, WHOLE) or frame < 0:
        return Picture(why_not="There is no such picture.")
    request = {"frame": frame, "window": window, "edge": edge, "drawn": drawn}
    place = _place(file_id, request)
    return _kept(place) or _rendered(file_id, request, place)


def _rendered(file_id: UUID, request: dict[str, Any], place: Path) -> Picture:
    request = {"do": "render", **request}
    try:
        done = _renderer.do(storage.path_of(file_id), request)
        made = _believed(done.found, done.data)
    except NotDone as refusal:
        made = Picture(why_not=refusal.sentence)
    except FileNotFoundError:
        return Picture(why_not="The image is not here any more.", is_kept=False)
    _keep(place, made)
    return made


def _believed(found: dict[str, Any], data: bytes) -> Picture:
    """The child's word, held to its bounds: it may have been taken over. Raises NotDone."""
    window, sizes = found.get("window"), [found.get("width"), found.get("height")]
    above = [found.get("overlays", 0), found.get("left_out", 0)]
    is_window = window is None or (
        isinstance(window, list) and len(window) == 2 and all(_is_number(each) for each in window)
    )
    are_counts = all(type(each) is int and 0 <= each < 2**31 for each in (*sizes, *above))
    if not (data.startswith(_HEAD) and is_window and are_counts):
        raise NotDone("The picture cannot be shown.")
    shown = tuple(window) if window else None
    return Picture(
        data, shown, width=found["width"], height=found["height"],
        is_table=found.get("is_table") is True,
        overlays=found.get("overlays", 0), left_out=found.get("left_out", 0),
        study_date=_day(found.get("study_date")),
    )  # fmt: skip


def _day(said: object) -> str:
    return said if isinstance(said, str) and day(said) else ""


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class _Renderer:
    """The one child of this process, asked by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errands = Errands()
        self._timer: threading.Timer | None = None
        self._process = os.getpid()

    def do(self, path: Path, request: dict[str, Any]) -> Any:
        """Raises NotDone, OSError."""
        with self._lock:
            if self._process != os.getpid():  # a fork of the web server: that child is not ours
                self._errands, self._process, self._timer = Errands(), os.getpid(), None
            if self._timer is not None:
                self._timer.cancel()
            try:
                return self._errands.do(path, request=request, most=MOST_PNG)
            finally:
                self._timer = threading.Timer(IDLE, self.stop)
                self._timer.daemon = True
                self._timer.start()

    def stop(self) -> None:
        with self._lock:
            self._errands.stop()


_renderer = _Renderer()


# --- On disk --------------------------------------------------------------------------------------


def _folder() -> Path:
    folder = Path(settings.IMAGES_DIR) / "previews"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _place(file_id: UUID, request: dict[str, Any]) -> Path:
    """The id is ours, so is the name; a digest, so that one folder holds no list of ids."""
    said = f"{MADE_AS} {file_id} {json.dumps(request)}"
    return _folder() / hashlib.sha256(said.encode()).hexdigest()


def _kept(place: Path) -> Picture | None:
    try:
        line, _, png = place.read_bytes().partition(b"\n")
        said = json.loads(line)
    except (FileNotFoundError, ValueError):
        return None
    with contextlib.suppress(OSError):
        os.utime(place)
    window = said.pop("window")
    return Picture(png, tuple(window) if window else None, **said)


def _keep(place: Path, made: Picture) -> None:
    """Written aside and renamed. A full disk only means that it is rendered again."""
    said = {name: value for name, value in vars(made).items() if name != "png"}
    aside = place.with_name(f"{uuid.uuid4()}.part")
    try:
        aside.write_bytes(json.dumps(said).encode() + b"\n" + made.png)
        aside.rename(place)
        _clear()
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _clear() -> None:
    """The oldest go, when there are more than PREVIEW_BYTES."""
    found = []
    for each in _folder().iterdir():
        with contextlib.suppress(FileNotFoundError):
            held = each.stat()
            found.append((held.st_mtime, held.st_size, each))
    total = sum(size for _, size, _ in found)
    for _, size, each in sorted(found):
        if total <= settings.PREVIEW_BYTES:
            return
        each.unlink(missing_ok=True)
        total -= size
