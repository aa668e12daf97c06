"""A hostile sender's connection, and what may be asked of the answers that came back on it."""

from __future__ import annotations

import hashlib
import re
import select
import socket
import threading
from collections import Counter
from collections.abc import Sequence

from messaging import wire

from .streams import Hostile, frames_of

_ANSWER = re.compile(
    rb"MSH\|\^~\\&\|[^\r]*\rMSA\|(?P<code>A[AER]|C[AER])\|(?P<id>[^|\r]*)(\|[^|\r]*)?\r(ERR\|[^\r]*\r)?\Z"
)
_PRINTABLE = re.compile(r"[\x20-\x7e]{0,199}\Z")
QUIET_SECONDS = 120.0


def converse(port: int, packets: Sequence[bytes], *, source: str = "127.0.0.1") -> bytes:
    """Send all of it, without waiting for answers; all that came back until they hung up."""
    address = ("127.0.0.1", port)
    with socket.create_connection(address, timeout=20, source_address=(source, 0)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.setblocking(False)
        return _pumped(line, [memoryview(packet) for packet in packets])


def _pumped(line: socket.socket, left: list[memoryview]) -> bytes:
    answers, at = bytearray(), 0
    while True:
        sending = [line] if at < len(left) else []
        readable, writable, _ = select.select([line], sending, [], QUIET_SECONDS)
        if not readable and not writable:
            raise TimeoutError("the listener neither reads nor answers")
        if readable:
            if not (data := line.recv(1 << 16)):
                return bytes(answers)
            answers += data
        if writable:
            left[at] = left[at][line.send(left[at]) :]
            at += not left[at]
            if at == len(left):
                line.shutdown(socket.SHUT_WR)


def complaint(frame: bytes, answer: bytes) -> str:
    """What is wrong with this answer to that frame; "" when nothing is."""
    found = _ANSWER.match(answer)
    if found is None:
        return "not a well-formed acknowledgement"
    if _said(found["id"].decode("ascii", "replace")) != _said(control_id(frame)):
        return "MSA-2 is not the frame's MSH-10"
    return ""


def control_id(frame: bytes) -> str:
    """MSH-10 where it can be read at all, else ""; read apart from our reader."""
    line = frame[:4096].split(b"\r" if b"\r" in frame else b"\n", 1)[0].decode("latin-1")
    if not line.startswith("MSH") or len(line) < 5:
        return ""
    fields = line.split(line[3])
    return fields[9] if len(fields) > 9 and _PRINTABLE.match(fields[9]) else ""


def _said(field: str) -> list[str]:
    """What a field says, however its delimiters were written; empty tails left out.

    A line break that somebody escaped into an id comes back as a space: an id is one line.
    """
    parts = [wire.unescape(part, "ASCII").replace("\n", " ") for part in re.split(r"[~^&]", field)]
    return [part for part in parts if part]


class Tally:
    """What was sent and what was answered, over all connections."""

    def __init__(self) -> None:
        self.frames = 0
        self.answers = 0
        self.complaints: Counter[str] = Counter()
        self.examples: list[tuple[bytes, bytes]] = []
        self.answered: Counter[tuple[str, str]] = Counter()  # sha256 of the frame, AA AE or AR
        self._lock = threading.Lock()

    def hear(self, sent: bytes, came: bytes) -> None:
        """A connection's whole stream, and all that was answered on it."""
        frames, answers = frames_of(sent), frames_of(came)
        pairs = list(zip(frames, answers, strict=False))
        with self._lock:
            self.frames += len(frames)
            self.answers += len(answers)
            if b"".join(b"\x0b" + answer + b"\x1c\r" for answer in answers) != came:
                self.complaints["bytes between the answers"] += 1
            if len(frames) != len(answers):
                self.complaints["not one answer to each frame"] += 1
            for frame, answer in pairs:
                self._judge(frame, answer)

    def _judge(self, frame: bytes, answer: bytes) -> None:
        if words := complaint(frame, answer):
            self.complaints[words] += 1
            self.examples.append((frame[:300], answer))
        code = answer.split(b"\rMSA|", 1)[-1][:2].decode("latin-1").replace("C", "A", 1)
        self.answered[hashlib.sha256(frame).hexdigest(), code] += 1


class Attacker(threading.Thread):
    """Connection after connection, so many inputs on each, until it has sent its share."""

    def __init__(
        self, port: int, tally: Tally, *, seed: object, good: Sequence[bytes], inputs: int,
        each: int = 250,
    ) -> None:  # fmt: skip
        super().__init__(daemon=True)
        self.sent = 0
        self.kinds: Counter[str] = Counter()
        self.failure = ""
        self._port, self._tally, self._inputs, self._each = port, tally, inputs, each
        self._hostile = Hostile(seed, good)

    def run(self) -> None:
        try:
            while self.sent < self._inputs:
                self._one_line(min(self._each, self._inputs - self.sent))
        except (OSError, TimeoutError) as failure:
            self.failure = f"{type(failure).__name__}: {failure}"

    def _one_line(self, number: int) -> None:
        inputs = list(self._hostile.inputs(number))
        packets = self._hostile.packets(inputs)
        self._tally.hear(b"".join(packets), converse(self._port, packets))
        self.kinds.update(each.kind for each in inputs)
        self.sent += number
