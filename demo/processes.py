"""Child processes that end when their parent does.

Used by `make run`, by the tests and by the embedded servers. Nothing here knows what it starts.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1  # prctl(2)


def follow(parent: int, sig: signal.Signals) -> None:
    """Have Linux send this process `sig` when its parent dies, even by kill -9.

    The parent is the *thread* that started it, so start children from the main thread. Elsewhere
    than on Linux there is no such call, and only an orderly stop ends the children.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(sig))
    if os.getppid() != parent:  # it died before the call
        os.kill(os.getpid(), sig)


def heeds_interrupt(pid: int) -> bool:
    """Whether a process has a handler of its own for SIGINT; yes where nobody can say.

    GNU make has one until SIGINT comes; then it drops it and waits for its child, which, when the
    signal went to make alone and not to the whole terminal, would never hear of it.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return True
    caught = next(line for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1)


@dataclass
class Child:
    """One supervised process: in a session of its own, its output in a file, stopped by signal."""

    name: str
    argv: list[str]
    log: Path
    env: Mapping[str, str] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphaned_signal: signal.Signals | None = None  # when its parent was killed; else stop_signal
    patience: float = 10.0  # seconds that it is given to stop in order
    cwd: Path | None = None
    account: dict[str, Any] = field(default_factory=dict)  # Popen's user, group, extra_groups
    process: subprocess.Popen[bytes] | None = None
    asked: bool = False  # to stop: a second signal would hurry some programs

    def start(self) -> None:
        """Start it. Its own session keeps the terminal's Ctrl-C for the supervisor alone."""
        self.asked = False
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if self.env is None else dict(self.env),
                cwd=self.cwd,
                start_new_session=True,
                preexec_fn=partial(follow, os.getpid(), self.orphaned_signal or self.stop_signal),
                **self.account,
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs (or before it started)."""
        return self.process.poll() if self.process else None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Send the stop signal, once, and return."""
        if self.is_running and self.process and not self.asked:
            self.process.send_signal(self.stop_signal)
        self.asked = True

    def stop(self, *, patience: float | None = None) -> None:
        """Ask, wait its patience or the one given, then end what is left of its process group."""
        if self.process is None:
            return
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(self.patience if patience is None else patience)
        end_group(self.process.pid)
        self.process.wait()

    def last_lines(self, count: int = 8) -> str:
        """The end of its log, for a person who has to see why it stopped."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


def end_group(leader: int) -> None:
    """Kill whatever is left in the process group that `leader` led. Nothing left is fine."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def command_line(pid: int) -> str:
    """The words that a process, ours or not, was started with; empty when there is none.

    One that has ended and that nobody has reaped has no words either. `ps` is only for systems
    without /proc: small Linux images have no `ps`.
    """
    if Path("/proc/self").exists():
        try:
            return (
                Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
            )
        except OSError:
            return ""
    asked = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, check=False, text=True).stdout.strip()


def is_alive(pid: int) -> bool:
    """Whether a process with this id runs, ours or not."""
    return command_line(pid) != ""


def wait_until(question: Callable[[], bool], *, seconds: float, every: float = 0.02) -> bool:
    """Ask until it says yes; False when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while not question():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
