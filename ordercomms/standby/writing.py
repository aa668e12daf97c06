"""One generation of the page and the packs in its folder: whole, or not there.

    STANDBY_DIR/20261122T083000Z/page/index.html, form-*.pdf   for anybody, by a proxy
    STANDBY_DIR/20261122T083000Z/packs/pack-*.html             sealed, for each its place
    STANDBY_DIR/current -> 20261122T083000Z

It is written aside, made durable, renamed, and only then `current` points to it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from accounts.queries import pack_keys
from messaging import crash
from ordercomms.standby import page
from ordercomms.standby.pack import Pace, pack_name, write_pack

CURRENT = "current"
ASIDE = ".writing-"
_GENERATION = re.compile(r"\d{8}T\d{6}Z\Z")
_STAMP = "%Y%m%dT%H%M%SZ"


class NotOursAnyMore(Exception):
    """Another writer has the turn."""


@dataclass(frozen=True)
class Written:
    """A generation in its place."""

    generation: str
    folder: Path
    packs: int
    size: int  # bytes


def write_generation(*, as_of: datetime, still_mine: Callable[[], bool], token: str) -> Written:
    """Write, make durable, put in place. Raises OSError, NotOursAnyMore; then nothing changed."""
    root: Path = settings.STANDBY_DIR
    root.mkdir(parents=True, exist_ok=True, mode=0o750)
    _clear_what_was_left(root)
    as_of = as_of.astimezone(UTC)
    stamp, aside = as_of.strftime(_STAMP), root / f"{ASIDE}{token}"
    try:
        packs = _fill(aside, as_of, still_mine)
        crash.point("standby.written")
        _sure_of(still_mine)
        size = sum(path.stat().st_size for path in aside.rglob("*") if path.is_file())
        aside.rename(root / stamp)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    _point_at(root, stamp)
    return Written(stamp, root / stamp, packs, size)


def _sure_of(still_mine: Callable[[], bool]) -> None:
    if not still_mine():
        raise NotOursAnyMore


def _fill(aside: Path, as_of: datetime, still_mine: Callable[[], bool]) -> int:
    for folder in ("page", "packs"):
        (aside / folder).mkdir(parents=True)
    forms = page.all_forms()
    _put(aside / "page" / "index.html", page.page_of(forms, as_of=as_of).encode())
    for name, content in page.form_files(forms):
        _put(aside / "page" / name, content)
    shared = [*page.contacts(), *page.form_records(forms)]
    packs, pace = 0, Pace(as_of, lambda: _sure_of(still_mine))
    for key in pack_keys():
        _sure_of(still_mine)
        path = aside / "packs" / pack_name(key.organisation.ods_code, as_of)
        with _new(path) as file:
            write_pack(file, key, as_of=as_of, shared=shared, pace=pace)
            file.flush()
            os.fsync(file.fileno())
        packs += 1
        crash.point("standby.pack")
    for folder in (aside / "page", aside / "packs", aside):
        _sync_folder(folder)
    return packs


def _new(path: Path) -> BinaryIO:
    """For the owner and the group alone: a proxy reads the page by the group."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb")


def _put(path: Path, content: bytes) -> None:
    with _new(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _point_at(root: Path, stamp: str) -> None:
    """`current` changes in one step: a reader sees the old generation or the new one."""
    link = root / f".{CURRENT}-new"
    link.unlink(missing_ok=True)
    link.symlink_to(stamp)
    link.replace(root / CURRENT)
    _sync_folder(root)


def _clear_what_was_left(root: Path) -> None:
    """By a writer that was killed: sealed, half, of no use."""
    for left in root.glob(f"{ASIDE}*"):
        shutil.rmtree(left, ignore_errors=True)


# --- What is there, and what goes ----------------------------------------------------------------


def generations() -> list[str]:
    """The names of those that are whole, the newest first."""
    root: Path = settings.STANDBY_DIR
    if not root.is_dir():
        return []
    return sorted((p.name for p in root.iterdir() if _GENERATION.match(p.name)), reverse=True)


def remove_old(as_of: datetime) -> list[str]:
    """Delete what is beyond the number kept or older than the hours kept, never the newest."""
    oldest = as_of.astimezone(UTC) - timedelta(hours=settings.STANDBY_KEEP_HOURS)
    _newest, *others = generations() or [""]
    gone = [
        name for place, name in enumerate(others, 1)
        if place >= settings.STANDBY_KEEP or name < oldest.strftime(_STAMP)
    ]  # fmt: skip
    for name in gone:
        shutil.rmtree(settings.STANDBY_DIR / name, ignore_errors=True)
    return gone


def newest_pack(ods_code: str) -> Path | None:
    """The place's pack of the newest generation that has one."""
    for name in generations():
        found = sorted((settings.STANDBY_DIR / name / "packs").glob(f"pack-{ods_code}-*.html"))
        if found:
            return found[-1]
    return None


def newest_page() -> Path | None:
    """The downtime page as it was last written."""
    paths = (settings.STANDBY_DIR / name / "page" / "index.html" for name in generations())
    return next((path for path in paths if path.is_file()), None)


def files_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each file of a generation, by its name in it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path
