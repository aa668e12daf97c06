"""A place's pack: its open requests, its results, forms and contacts in one sealed HTML file.

Written block by block, sealed before it touches the disk: nothing of it is ever there in clear.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from markupsafe import Markup

from accounts import sealing
from accounts.models import PackKey
from nhsuk.formats import cdatetime_text
from ordercomms.standby.rendering import inline, rendered
from requesting.queries.standby import open_requests
from results.queries.standby import DAYS, recent_reports

MARK = "[[blocks]]"  # where the template has room for them
REST_EVERY = 200  # records
LONGEST_REST = 0.5  # seconds
TELL_EVERY = 30.0  # seconds


class Sink(Protocol):
    """Where the bytes go."""

    def write(self, data: bytes, /) -> int: ...


class Pace:
    """By day it rests as long as it worked, so that clinics have the other half of the machine;
    at night and at the weekend it does not rest. `still_here` is called twice a minute: a long
    pack keeps its turn by it, or ends by what it raises."""

    def __init__(self, as_of: datetime, still_here: Callable[[], None] = lambda: None) -> None:
        local = as_of.astimezone(ZoneInfo("Europe/London"))
        self.is_day = local.weekday() < 5 and 8 <= local.hour < 19
        self._still_here = still_here
        self._began = self._told = time.monotonic()

    def rest(self) -> None:
        if time.monotonic() - self._told > TELL_EVERY:
            self._still_here()
            self._told = time.monotonic()
        if self.is_day:
            time.sleep(min(time.monotonic() - self._began, LONGEST_REST))
        self._began = time.monotonic()


def pack_name(ods_code: str, as_of: datetime) -> str:
    """`pack-Y01234-20261122T0830Z.html`: whose, when, and nothing else."""
    return f"pack-{ods_code}-{as_of:%Y%m%dT%H%MZ}.html"


def write_pack(
    file: Sink, key: PackKey, *, as_of: datetime, shared: list[dict[str, Any]], pace: Pace
) -> None:
    """The whole file. `shared`: the contacts and forms that every pack has."""
    place = key.organisation
    about = sealing.heading(
        salt=bytes(key.salt), iterations=key.iterations, place=place.ods_code,
        written=as_of.isoformat(timespec="seconds"),
    )  # fmt: skip
    before, after = _frame(about, place.ods_code, as_of).split(MARK)
    file.write(before.encode())
    records = _paced(_records(key, as_of, shared), pace)
    for block in sealing.sealed(bytes(key.key), about, records):
        file.write(f'<script type="text/plain" class="block">{block}</script>\n'.encode())
    file.write(after.encode())


def _frame(about: str, ods_code: str, as_of: datetime) -> str:
    """The file around the blocks. `about` is JSON of codes, numbers and base64: no "<" in it."""
    style, style_source = inline("standby.css")
    script, script_source = inline("pack.js")
    return rendered(
        "pack.html", about=Markup(about),  # noqa: S704
        place=ods_code, as_of=as_of, style=style, script=script,
        style_source=style_source, script_source=script_source, mark=MARK,
    )  # fmt: skip


def _records(
    key: PackKey, as_of: datetime, shared: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    place = key.organisation
    yield {
        "kind": "about", "place": place.name, "code": place.ods_code, "days": DAYS,
        "written": cdatetime_text(as_of, relative=False),
        "since": cdatetime_text(as_of - timedelta(days=DAYS), relative=False),
    }  # fmt: skip
    yield from shared
    yield from open_requests(place)
    yield from recent_reports(place, as_of=as_of)
    yield {"kind": "end"}


def _paced(records: Iterator[dict[str, Any]], pace: Pace) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(records):
        if number % REST_EVERY == REST_EVERY - 1:
            pace.rest()
        yield record
