"""What the hospital knows: made from the lines of its journal and from nothing else.

Every happening is on disk before anybody is told of it, so a hospital that was killed wakes up
where it was. `Memory` is shared by threads; whoever reads or changes it holds `lock`.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from .departments import Departments, read_departments
from .journal import Entry, Journal, as_bytes
from .orders import Order, Version, order_from_json

LONDON = ZoneInfo("Europe/London")
KEPT_MESSAGES = 500  # in memory; the journal has all
Key = tuple[str, str, str]  # MSH-3, MSH-4, MSH-10


def now() -> datetime:
    """London's time to the second, as the hospital's messages give it."""
    return datetime.fromtimestamp(time.time(), LONDON).replace(microsecond=0)


Clock = Callable[[], datetime]


@dataclass
class LogLine:
    """One message that came or went, for the page."""

    number: str  # what went: its control id; what came: "in-7"
    direction: str  # in, out
    at: str
    kind: str
    raw: bytes = field(repr=False)
    placers: list[str] = field(default_factory=list)
    answer: str = ""  # AA AE AR; "" while it waits
    words: str = ""
    reply: bytes = field(default=b"", repr=False)
    note: str = ""
    remarks: list[str] | None = None  # hl7apy's; None: not looked at
    is_done: bool = True
    once: bool = False  # sent once, whatever the answer


class Memory:
    """Orders, messages and settings, and the journal that they come from."""

    def __init__(
        self, folder: Path, departments: Departments | None = None, *, clock: Clock = now
    ) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.departments = departments or read_departments(folder)
        self.orders: dict[str, Order] = {}
        self.undecided: dict[str, None] = {}  # placers, in order: new, or asked to be cancelled
        self.log: dict[str, LogLine] = {}
        self.answered: dict[Key, tuple[str, bytes]] = {}  # sha256 of what came, what we said
        self.waiting: list[str] = []  # control ids to be sent, in order
        self.mode = "working"
        self.turn = 0  # rises with every change: pages ask for it
        self.prefix = ""
        self._issued = 0
        self.path = folder / "journal.jsonl"
        self._journal = Journal(self.path)
        for entry in self._journal.read():
            self._apply(entry)
        if not self.prefix:
            self.record([{"do": "founded", "prefix": secrets.token_hex(3).upper()}])

    def record(self, entries: list[Entry]) -> None:
        """On disk, then in memory, then the waiting threads are told."""
        with self.changed:
            self._journal.append(entries)
            for entry in entries:
                self._apply(entry)
            self.turned()

    def turned(self) -> None:
        """Something changed: pages and threads may look again."""
        with self.changed:
            self.turn += 1
            self.changed.notify_all()

    def next_number(self) -> int:
        """Never given twice, also after a restart: it is in what is recorded."""
        self._issued += 1
        return self._issued

    def control_id(self) -> str:
        """MSH-10 of what we send: 15 characters, ours alone among all demo hospitals."""
        return f"H{self.prefix}{self.next_number():08d}"

    def close(self) -> None:
        self._journal.close()

    # --- One entry of the journal each ------------------------------------------------------------

    def _apply(self, entry: Entry) -> None:
        given = dict(entry)
        getattr(self, "_apply_" + given.pop("do"))(**given)

    def _apply_founded(self, prefix: str) -> None:
        self.prefix = prefix

    def _apply_order(self, order: dict[str, Any]) -> None:
        made = order_from_json(dict(order))
        self.orders[made.placer] = made
        self._sort(made)

    def _apply_change(self, placer: str, at: str, what: str, **changes: Any) -> None:
        order = self.orders[placer]
        for name, value in changes.items():
            setattr(order, name, value)
        order.history.append([at, what])
        self._sort(order)

    def _apply_report(self, placer: str, at: str, what: str, version: dict[str, Any]) -> None:
        order = self.orders[placer]
        order.status = "reported"
        order.reports.append(Version(**version))
        order.history.append([at, what])

    def _sort(self, order: Order) -> None:
        if order.status == "new" or order.cancel_control or order.change_control:
            self.undecided[order.placer] = None
        else:
            self.undecided.pop(order.placer, None)

    def _apply_came(self, number: str, raw: str, reply: str, key: list[str], **line: Any) -> None:
        self._issued = max(self._issued, int(number.removeprefix("in-")))
        got, said = as_bytes(raw), as_bytes(reply)
        self._keep(LogLine(number=number, direction="in", raw=got, reply=said, **line))
        if key:
            self.answered[key[0], key[1], key[2]] = (hashlib.sha256(got).hexdigest(), said)

    def _apply_send(self, number: str, raw: str, **line: Any) -> None:
        self._issued = max(self._issued, int(number[-8:]))
        self._keep(
            LogLine(number=number, direction="out", raw=as_bytes(raw), is_done=False, **line)
        )
        self.waiting.append(number)

    def _apply_answered(self, number: str, answer: str, words: str) -> None:
        if number in self.waiting:
            self.waiting.remove(number)
        line = self.log.get(number)
        if line:
            line.answer, line.words, line.is_done = answer, words, True

    def _apply_again(self, number: str) -> None:
        self.log[number].is_done = False
        self.waiting.append(number)

    def _apply_settings(self, department: str, accept_after: float | None) -> None:
        if department in self.departments.by_key:
            self.departments.by_key[department].accept_after = accept_after

    def _keep(self, line: LogLine) -> None:
        self.log[line.number] = line
        if len(self.log) > KEPT_MESSAGES:
            oldest = next((key for key, old in self.log.items() if old.is_done), None)
            if oldest:
                del self.log[oldest]
