"""Our side of rendering and coercing: hands the child a file, takes bytes back, within bounds."""

from __future__ import annotations

import json
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .parent import PATIENCE, WORDS, Sandbox, _Child, _Gone

MOST_DATA = 256 * 1024 * 1024  # bytes: what comes back of one errand
GO_ON = b"g"


class NotDone(Exception):
    """The child refused, or broke down. The sentence is for people and holds nothing of a file."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, repr=False)
class Done:
    """What an errand brought."""

    found: dict[str, Any]
    data: bytes


class Errands(Sandbox):
    """Does errands with files, one at a time. A context manager, as the reader of heads is."""

    def __init__(self) -> None:
        super().__init__((sys.executable, "-s", "-B", "-m", "iep.sandbox.errand"))

    def __enter__(self) -> Errands:
        return self

    def do(self, path: Path, *, request: dict[str, Any], most: int = MOST_DATA) -> Done:
        """`{"do": "render"}` or `{"do": "coerce"}` with their arguments. Raises NotDone, OSError.

        A child that dies may have been tired out by what came before: one fresh one is tried.
        """
        with path.open("rb") as file:
            for _ in range(2):
                try:
                    return self._once(file.fileno(), request, most)
                except _Gone as gone:
                    words = WORDS[gone.code]
                    if gone.was_fresh:
                        break
        raise NotDone(words)

    def _once(self, descriptor: int, request: dict[str, Any], most: int) -> Done:
        child = self.running or self._start()
        was_fresh, child.is_fresh = child.is_fresh, False
        try:
            answer = _sent(child, descriptor, request)
            done = _brought(child, answer, most)
        except _Gone as gone:
            gone.was_fresh = was_fresh
            self.stop()
            raise
        if answer.get("last"):
            self.stop()
        if isinstance(answer.get("refused"), str):
            raise NotDone(answer["refused"][:200])
        return done


def _sent(child: _Child, descriptor: int, request: dict[str, Any]) -> dict[str, Any]:
    try:
        socket.send_fds(child.line, [json.dumps(request).encode()], [descriptor])
    except OSError:
        raise _Gone(child.how_it_ended()) from None
    return child.hear(PATIENCE)


def _brought(child: _Child, answer: dict[str, Any], most: int) -> Done:
    """The bytes behind the answer: they come when they are asked for. Raises _Gone."""
    size, found = answer.get("size", 0), answer.get("found", {})
    if not (isinstance(size, int) and 0 <= size <= most and isinstance(found, dict)):
        raise _Gone("garbage")
    data, until = bytearray(), time.monotonic() + PATIENCE
    if size:
        child.line.sendall(GO_ON)
    while len(data) < size:
        data += child.some(until - time.monotonic())
    if len(data) > size:
        raise _Gone("garbage")
    return Done(found, bytes(data))
