"""Keeps processes running: one that ends is started again, and all are stopped in order."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo.embedded import CannotStart
from demo.processes import Child, end_group, follow, heeds_interrupt

LONGEST_WAIT = 30.0  # seconds between two tries to start the same process
TOGETHER = 20.0  # seconds that all but the servers have to stop in order
STEADY_AFTER = 60.0  # seconds of running after which earlier failures are forgotten


@dataclass
class Watched:
    """A process, how it is started and stopped, and how often it has failed of late."""

    child: Child
    start: Callable[[], Any]
    failures: int = 0
    started_at: float = 0.0
    again_at: float | None = None

    def begin(self) -> None:
        self.start()
        self.started_at = time.monotonic()
        self.again_at = None

    def has_ended(self) -> bool:
        return self.again_at is None and not self.child.is_running

    def wait_before_next_try(self) -> float:
        """1, 2, 4 ... 30 seconds; from the start again after a steady minute."""
        if time.monotonic() - self.started_at > STEADY_AFTER:
            self.failures = 0
        self.failures += 1
        return float(min(LONGEST_WAIT, 2 ** (self.failures - 1)))


class Supervisor:
    """Starts in the order given, restarts what ends by itself, stops the servers last."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.watched: list[Watched] = []
        self.stopping = False
        self.impatient = False
        self.parent: int | None = None

    def obey_signals(self) -> None:
        """Ctrl-C, a polite kill, or the terminal's end: stop. A second one: at once."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
            numbers.append(signal.SIGHUP)
        for number in numbers:
            signal.signal(number, self._on_signal)

    def stop_with(self, parent: int) -> None:
        """Stop also when this process is killed, or interrupted without telling us."""
        follow(parent, signal.SIGTERM)
        self.parent = parent if heeds_interrupt(parent) else None

    def _on_signal(self, _number: int, _frame: object) -> None:
        self.impatient = self.stopping
        self.stopping = True

    def add(self, child: Child, *, start: Callable[[], Any] | None = None) -> None:
        """Start a process now and keep it running. `start` does more than the child's own."""
        watched = Watched(child, start or child.start)
        watched.begin()
        self.watched.append(watched)

    def look(self) -> None:
        """One round: notice what has ended, start again what has waited long enough."""
        if self.parent and not heeds_interrupt(self.parent):
            self.stopping = True
        for watched in self.watched:
            if watched.has_ended():
                self._note_end(watched)
            elif watched.again_at is not None and time.monotonic() >= watched.again_at:
                self._begin_again(watched)

    def _begin_again(self, watched: Watched) -> None:
        try:
            watched.begin()
        except CannotStart as problem:
            self.say(str(problem))
            watched.again_at = time.monotonic() + watched.wait_before_next_try()

    def _note_end(self, watched: Watched) -> None:
        child = watched.child
        if child.process:
            end_group(child.process.pid)  # its own children would still hold its port
        wait = watched.wait_before_next_try()
        watched.again_at = time.monotonic() + wait
        self.say(
            f"{child.name} ended (exit code {child.exit_code}). Starting it again in {wait:.0f} s. "
            f"Its log: {child.log}"
        )

    def watch(self, *, every: float = 0.2) -> None:
        """Until told to stop."""
        while not self.stopping:
            self.look()
            time.sleep(every)

    def stop_all(self, *, last: int = 0) -> None:
        """Ask all at once, wait for them; then the first `last` of the list, one by one.

        The servers come first in the list and are stopped last: the others still write to them.
        """
        others, servers = self.watched[last:], self.watched[:last]
        for watched in others:
            watched.child.ask_to_stop()
        deadline = time.monotonic() + TOGETHER
        for watched in others:  # all were asked at once, so their time runs at once
            left = max(0.0, deadline - time.monotonic())
            watched.child.stop(patience=0.0 if self.impatient else left)
        for watched in reversed(servers):
            watched.child.stop()
        self.watched.clear()
