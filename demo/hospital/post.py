"""The hospital's post room: sends what waits, in order, until it is acknowledged."""

from __future__ import annotations

import logging
import threading

from .hl7 import NotHL7, read
from .memory import LogLine, Memory
from .mllp import Caller

LOG = logging.getLogger("hospital")
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between tries
MOST_ERRORS = 4  # times that AE is heard before a message is given up
ONCE_PATIENCE = 3.0  # seconds to wait for the answer to a message that is sent once


class Post(threading.Thread):
    """One connection, one message under way, the same bytes on every try."""

    def __init__(self, memory: Memory, address: tuple[str, int], *, patience: float = 10.0) -> None:
        super().__init__(name="hospital-post", daemon=True)
        self.memory = memory
        self.caller = Caller(address, patience=patience)
        self.patience = patience
        self.trouble = ""  # why the last try failed; for the page
        self._pause = FIRST_PAUSE
        self._errors = 0
        self._told_to_stop = threading.Event()

    def stop(self) -> None:
        self._told_to_stop.set()
        with self.memory.changed:
            self.memory.changed.notify_all()
        self.join(self.patience + 1)
        self.caller.hang_up()

    def run(self) -> None:
        while not self._told_to_stop.is_set():
            line = self._next()
            if line:
                self._try(line)

    def _next(self) -> LogLine | None:
        """The first message that waits; sleeps while there is none or the hospital is down."""
        memory = self.memory
        with memory.changed:
            if not memory.waiting or memory.mode in ("silent", "refusing"):
                memory.changed.wait(1.0)
                return None
            return memory.log[memory.waiting[0]]

    def _try(self, line: LogLine) -> None:
        self.caller.patience = ONCE_PATIENCE if line.once else self.patience
        try:
            self.caller.say(line.raw)
            answer, words = self._answer_to(line)
        except OSError as problem:
            self.caller.hang_up()
            self._failed(line, f"{type(problem).__name__}: {problem}")
            return
        self.trouble = ""
        self._heard(line, answer, words)

    def _answer_to(self, line: LogLine) -> tuple[str, str]:
        """MSA-1 and MSA-3 of the acknowledgement with our control id; others are passed over."""
        while True:
            try:
                msa = read(self.caller.hear()).first("MSA")
            except NotHL7:
                continue
            if msa and (line.once or msa.get(2) == line.number):
                return msa.get(1), msa.get(3)
            LOG.info("acknowledgement of another message passed over while %s waits", line.number)

    def _failed(self, line: LogLine, trouble: str) -> None:
        if line.once:
            self._settle(line, "none", "no answer")
            return
        self.trouble = trouble
        LOG.info("message %s not delivered, next try in %.0f s", line.number, self._pause)
        self.memory.turned()
        self._told_to_stop.wait(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _heard(self, line: LogLine, answer: str, words: str) -> None:
        retry = answer in ("AE", "CE") and not line.once
        if retry and self._errors + 1 < MOST_ERRORS:
            self._errors += 1
            self._failed(line, f"{answer}: {words}")
            return
        self._settle(line, answer, words)

    def _settle(self, line: LogLine, answer: str, words: str) -> None:
        self._pause, self._errors = FIRST_PAUSE, 0
        LOG.info("message %s answered %s", line.number, answer)
        self.memory.record(
            [{"do": "answered", "number": line.number, "answer": answer, "words": words}]
        )
