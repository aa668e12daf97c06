"""Our side of the sandbox: starts the child, hands it files, believes nothing that it says."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from iep.dicom.header import Header, header_of

HOME = Path(__file__).resolve().parents[2]
PATIENCE = 20.0  # seconds without an answer, twice the processor time that a child has
START = 30.0  # seconds until a new child is ready
MOST_ANSWER = 64 * 1024  # bytes
CHILD = (sys.executable, "-s", "-B", "-m", "iep.sandbox")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """A header, or the reason why there is none."""

    header: Header | None = None
    code: str = ""
    words: str = ""


class _Gone(Exception):
    """The child gave no answer that is one. Says how it ended."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        self.was_fresh = True


WORDS = {
    "memory": "Looking into the file needs too much memory.",
    "time": "Looking into the file takes too long.",
    "crashed": "Whatever looks into the file breaks down.",
    "garbage": "Whatever looks into the file gives no sensible answer.",
}


class Sandbox:
    """Reads heads of files, one at a time; a context manager. The child starts when needed."""

    _said = False

    def __init__(self, command: tuple[str, ...] = CHILD) -> None:
        self.command = command
        self.running: _Child | None = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.stop()

    def read(self, path: Path) -> Answer:
        """What the file's head says. Raises OSError: it cannot be opened, or no child starts.

        A child that dies has perhaps been tired out by the files before: the file is tried once
        more in a fresh one, and only then is it the file's doing.
        """
        with path.open("rb") as file:
            try:
                return self._ask(file.fileno())
            except _Gone as gone:
                if gone.was_fresh:
                    return Answer(code=gone.code, words=WORDS[gone.code])
            try:
                return self._ask(file.fileno())
            except _Gone as gone:
                return Answer(code=gone.code, words=WORDS[gone.code])

    def _ask(self, descriptor: int) -> Answer:
        child = self.running or self._start()
        was_fresh, child.is_fresh = child.is_fresh, False
        try:
            answer = child.exchange(descriptor)
            read = _answer_of(answer)
        except _Gone as gone:
            gone.was_fresh = was_fresh
            self.stop()
            raise
        if answer.get("last"):
            self.stop()
        return read

    def _start(self) -> _Child:
        """A new child. Raises OSError: the machine cannot start one, which is no file's fault."""
        self.running = child = _Child(self.command)
        try:
            ready = child.hear(START).get("ready")
        except _Gone as gone:
            self.stop()
            raise OSError(f"the sandbox does not start: {gone.code}") from None
        self._say_once(ready if isinstance(ready, dict) else {})
        return child

    @classmethod
    def _say_once(cls, ready: dict[str, Any]) -> None:
        if not cls._said:
            cls._said = True
            lacks = [name for name in ("network", "user", "calls") if not ready.get(name)]
            if lacks:
                logger.warning("The sandbox could not give up: %s", ", ".join(lacks))

    def stop(self) -> None:
        """End the child, however it feels about it."""
        if self.running is not None:
            self.running.end()
        self.running = None


class _Child:
    """A running child, and our end of the line to it."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self.line, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - our own program, and a number
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, cwd=HOME, start_new_session=True, env=_environment(),
            )  # fmt: skip
        self.is_fresh = True  # it was asked nothing yet
        self.buffer = b""

    def exchange(self, descriptor: int) -> dict[str, Any]:
        try:
            socket.send_fds(self.line, [b"r"], [descriptor])
        except OSError:
            raise _Gone(self.how_it_ended()) from None
        return self.hear(PATIENCE)

    def hear(self, patience: float) -> dict[str, Any]:
        """One line from the child: a JSON object, in time and not too long. Raises _Gone."""
        until = time.monotonic() + patience
        while b"\n" not in self.buffer:
            if len(self.buffer) > MOST_ANSWER:
                raise _Gone("garbage")
            self.buffer += self.some(until - time.monotonic())
        line, _, self.buffer = self.buffer.partition(b"\n")
        if self.buffer:  # it was asked one thing
            raise _Gone("garbage")
        return _object(line)

    def some(self, left: float) -> bytes:
        if left <= 0:
            raise _Gone("time")
        self.line.settimeout(left)
        try:
            data = self.line.recv(MOST_ANSWER)
        except TimeoutError:
            raise _Gone("time") from None
        except OSError:
            data = b""
        if not data:
            raise _Gone(self.how_it_ended())
        return data

    def how_it_ended(self) -> str:
        """By a signal of the processor limit, or otherwise."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(timeout=5)
            return "time" if code in (-signal.SIGXCPU, -signal.SIGKILL) else "crashed"
        return "crashed"

    def end(self) -> None:
        self.line.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()


def _environment() -> dict[str, str]:
    """Nothing of ours but where Python is told to find nothing else."""
    return {
        "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": os.fspath(HOME),
        "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1",
    }  # fmt: skip


def _object(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        raise _Gone("garbage") from None
    if not isinstance(answer, dict):
        raise _Gone("garbage")
    return answer


def _answer_of(answer: dict[str, Any]) -> Answer:
    """The child's word, held to its bounds once more. Raises _Gone."""
    if "facts" in answer:
        try:
            return Answer(header=header_of(answer["facts"]))
        except (ValueError, TypeError):
            raise _Gone("garbage") from None
    code, words = answer.get("refused"), answer.get("words")
    if not (isinstance(code, str) and isinstance(words, str) and code.isidentifier()):
        raise _Gone("garbage")
    return Answer(code=code[:30], words=words[:200])
