"""The hospital as a whole: its desk, its listener, its post room, its clock and its page."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from . import actions, intake, letters, lists, people
from .departments import Departments
from .journal import as_text
from .letters import Envelope
from .mail import Sink
from .memory import LogLine, Memory
from .mllp import Listener
from .orders import Order
from .post import Post
from .structure import remarks
from .web import Page

LOG = logging.getLogger("hospital")
MODES = ("working", "slow", "silent", "refusing")
SLOW_SECONDS = 5.0
TICK_SECONDS = 0.2
MOST_TO_CHECK = 100  # messages that wait for hl7apy; more are not looked at


class Hospital:
    """Start it with `with Hospital(folder, product=("127.0.0.1", port)) as hospital:`.

    Ports of 0 are chosen free and kept over outages. `automatic` is the number of seconds after
    which every department accepts by itself, None for never; left out, as last set on the page.
    """

    def __init__(
        self,
        folder: Path,
        *,
        product: tuple[str, int],
        mllp_port: int = 0,
        web_port: int | None = 0,
        host: str = "127.0.0.1",
        departments: Departments | None = None,
        automatic: float | str | None = "as set",
        patience: float = 10.0,
        mail: Sink | None = None,
        lists_to: Path | None = None,
    ) -> None:
        self.lists_to = lists_to  # where its lists for reconciliation are put, once a day
        self._listed_at: datetime | None = None
        self.mail = mail  # the stand-in's mail server, where it has one
        self.archive = folder.parent / "pacs"  # where the archive of images says how it is
        self.memory = Memory(folder, departments)
        if automatic != "as set":
            for department in self.memory.departments:
                department.accept_after = automatic
        self.listener = Listener(host, mllp_port, self._answer)
        self.post = Post(self.memory, product, patience=patience)
        self.page = None if web_port is None else Page(self, host, web_port)
        self._to_check: queue.Queue[str] = queue.Queue(MOST_TO_CHECK)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._clock, name="hospital-clock", daemon=True),
            threading.Thread(target=self._check, name="hospital-structure", daemon=True),
        ]

    # --- Running ---------------------------------------------------------------------------------

    def start(self) -> None:
        self.listener.open()
        if self.mail:
            self.mail.start()
        self.post.start()
        for thread in self._threads:
            thread.start()
        if self.page:
            self.page.start()

    def stop(self) -> None:
        self._stop.set()
        self.listener.close()
        if self.mail:
            self.mail.stop()
        self.post.stop()
        if self.page:
            self.page.stop()
        for thread in self._threads:
            thread.join(5)
        self.memory.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def mllp_port(self) -> int:
        return self.listener.port

    @property
    def web_port(self) -> int:
        return self.page.port if self.page else 0

    # --- What comes in ---------------------------------------------------------------------------

    def _answer(self, raw: bytes) -> bytes | None:
        reply, number = intake.take(self.memory, raw)
        LOG.info("message %s came, %d bytes", number, len(raw))
        self._look_at(number)
        if self.memory.mode == "slow":
            self._stop.wait(SLOW_SECONDS)
        return None if self.memory.mode in ("silent", "refusing") else reply

    def _look_at(self, number: str) -> None:
        if not self._to_check.full():
            self._to_check.put(number)

    def _check(self) -> None:
        """hl7apy's opinion, after the answer."""
        while not self._stop.is_set():
            try:
                line = self.memory.log.get(self._to_check.get(timeout=0.5))
            except queue.Empty:
                continue
            if line and line.remarks is None:
                line.remarks = remarks(line.raw)
                self.memory.turned()

    def _clock(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            if self.memory.mode in ("working", "slow"):
                actions.decide_by_itself(self.memory)
            self._list_by_itself()

    def _list_by_itself(self) -> None:
        now = self.memory.clock()
        if self.lists_to and (self._listed_at is None or now - self._listed_at >= lists.EVERY):
            self._listed_at = now
            lists.drop(self.memory, self.lists_to)

    # --- What people do --------------------------------------------------------------------------

    def orders(self) -> list[Order]:
        """Newest first."""
        with self.memory.lock:
            return list(reversed(self.memory.orders.values()))

    def order(self, placer: str) -> Order | None:
        return self.memory.orders.get(placer)

    def messages(self) -> list[LogLine]:
        """Newest first."""
        with self.memory.lock:
            return list(reversed(self.memory.log.values()))

    def act(self, placer: str, action: str, **details: Any) -> list[str]:
        """What a button does; the control ids of what was queued. Raises Refused."""
        numbers = actions.act(self.memory, placer, action, details)
        for number in numbers:
            self._look_at(number)
        return numbers

    def act_at_large(self, action: str, **details: Any) -> list[str]:
        """What is not about one order: `new_patient`, `broken`, `mode`, `settings`, `again`."""
        deeds = {
            "new_patient": self.send_new_patient,
            "broken": self.send_broken,
            "mode": self.set_mode,
            "settings": self.set_automatic,
            "again": self.send_again,
        }
        if action not in deeds:
            raise actions.Refused(f"There is no action {action}.")
        try:
            return deeds[action](**details) or []
        except TypeError:
            raise actions.Refused(f"The fields of {action} are not these.") from None

    def set_mode(self, mode: str) -> None:
        if mode not in MODES:
            raise actions.Refused(f"There is no mode {mode}.")
        self.memory.mode = mode
        if mode == "refusing":
            self.listener.close()
        else:
            self.listener.open()
        LOG.info("mode %s", mode)
        self.memory.turned()

    def set_automatic(self, department: str, accept_after: float | None) -> None:
        if department not in self.memory.departments.by_key:
            raise actions.Refused(f"There is no department {department}.")
        self.memory.record(
            [{"do": "settings", "department": department, "accept_after": accept_after}]
        )

    def send_new_patient(self, event: str = "A28") -> list[str]:
        if event not in ("A28", "A01", "A04"):
            raise actions.Refused("A patient is registered by A28, A01 or A04.")
        chance = random.Random()
        envelope = self._envelope()
        patient = people.new_patient(chance, envelope.at.date())
        practice = people.practice(self.memory, chance)
        raw = letters.adt_message(envelope, event=event, patient=patient, practice=practice)
        return self._send(envelope, f"ADT^{event}", raw)

    def send_broken(self) -> list[str]:
        envelope = self._envelope()
        raw = b"1|NM|K^Potassium^L||4.4|mmol/L|3.5-5.3|N|||F\rOBX|2|NM|NA^Sod"
        return self._send(envelope, "broken", raw, once=True)

    def send_again(self, number: str) -> list[str]:
        line = self.memory.log.get(number)
        if line is None or line.direction != "out" or not line.is_done:
            raise actions.Refused("Only what was sent before can be sent again.")
        self.memory.record([{"do": "again", "number": number}])
        return [number]

    def _envelope(self) -> Envelope:
        first = next(iter(self.memory.departments)).key
        receiver = next((order.sender for order in self.orders()), ["ORDERCOMMS", "OC1"])
        return Envelope(first, receiver, self.memory.control_id(), self.memory.clock())

    def _send(self, envelope: Envelope, kind: str, raw: bytes, *, once: bool = False) -> list[str]:
        entry = {
            "do": "send",
            "number": envelope.control,
            "at": envelope.at.isoformat(),
            "kind": kind,
            "raw": as_text(raw),
            "once": once,
        }
        self.memory.record([entry])
        if not once:
            self._look_at(envelope.control)
        return [envelope.control]

    # --- For tests -------------------------------------------------------------------------------

    def wait_for(self, question: Any, *, seconds: float = 10.0) -> Any:
        """Ask until the answer is true, at every change; the last answer when time is up."""
        deadline = time.monotonic() + seconds
        with self.memory.changed:
            while not (answer := question()):
                left = deadline - time.monotonic()
                if left <= 0:
                    return answer
                self.memory.changed.wait(min(left, 0.5))
            return answer
