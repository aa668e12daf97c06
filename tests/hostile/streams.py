"""What goes over one connection: frames good and bad, in packets of any size.

What the stream says is read by a rule of its own: `frames_of`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .spoiling import KINDS, NAMES, WEIGHTS, Chance, header_with

_FRAME = re.compile(rb"\x0b(.*?)\x1c\r", re.DOTALL)
_BYTE_BY_BYTE = 400  # at most so many packets of one byte


def frames_of(stream: bytes) -> list[bytes]:
    """The messages of a stream: from the first VT to the next FS CR, and so on."""
    return _FRAME.findall(stream)


@dataclass(frozen=True, slots=True)
class Input:
    """One thing that is sent: its kind, and its bytes with their frame or what is left of it."""

    kind: str
    message: bytes
    wire: bytes


class Hostile:
    """As many inputs as wanted; the same for the same seed and the same good messages."""

    def __init__(self, seed: object, good: Sequence[bytes]) -> None:
        self._chance = random.Random(str(seed))
        self._name = format(random.Random(str(seed)).getrandbits(40), "X")
        self._good = good
        self._count = 0
        self._sent: list[bytes] = []

    def message(self, kind: str = "") -> tuple[str, bytes]:
        """A kind, drawn by its weight unless it is named, and a message of it."""
        kind = kind or self._chance.choices(NAMES, WEIGHTS)[0]
        return kind, KINDS[kind][0](self._chance, self._original())

    def inputs(self, number: int) -> Iterator[Input]:
        for _ in range(number):
            kind, message = self.message()
            yield Input(kind, message, self._framed(message))

    def packets(self, inputs: Sequence[Input]) -> list[bytes]:
        """All their bytes: several frames in a packet, a frame in many, or as they are."""
        packets: list[bytes] = []
        for each in inputs:
            draw = self._chance.random()
            if draw < 0.4 and packets and len(packets[-1]) < 60_000:
                packets[-1] += each.wire
            elif draw < 0.43 and len(each.wire) < _BYTE_BY_BYTE:
                packets += [each.wire[n : n + 1] for n in range(len(each.wire))]
            elif draw < 0.6:
                cut = self._chance.randrange(len(each.wire) + 1)
                packets += [each.wire[:cut], each.wire[cut:]]
            else:
                packets.append(each.wire)
        return [packet for packet in packets if packet]

    def _original(self) -> bytes:
        """A good message under a new MSH-10; now and then one that was sent before, or its id."""
        chance = self._chance
        if self._sent and chance.random() < 0.06:
            return chance.choice(self._sent)
        self._count += 1
        name = f"{self._name}-{self._count}".encode()
        if self._sent and chance.random() < 0.03:
            name = chance.choice(self._sent).split(b"|", 10)[9]
        raw = header_with(chance.choice(self._good), 10, name)
        self._sent.append(raw)
        del self._sent[:-200]
        return raw

    def _framed(self, message: bytes) -> bytes:
        """In a good frame mostly, and now and then in what is left of one."""
        if self._chance.random() < 0.8:
            return _whole(self._chance, message)
        return self._chance.choice(FRAMINGS)(self._chance, message)


# --- Frames, and what is left of them ------------------------------------------------------------


def _whole(chance: Chance, message: bytes) -> bytes:
    return b"\x0b" + message + b"\x1c\r"


def _begun_twice(chance: Chance, message: bytes) -> bytes:
    return b"\x0b" + _whole(chance, message)


def _end_without_cr(chance: Chance, message: bytes) -> bytes:
    return b"\x0b" + message + b"\x1c" + _whole(chance, message)


def _end_with_lf(chance: Chance, message: bytes) -> bytes:
    return b"\x0b" + message + b"\x1c\n" + _whole(chance, message)


def _no_beginning(chance: Chance, message: bytes) -> bytes:
    return message + b"\x1c\r"


def _after_noise(chance: Chance, message: bytes) -> bytes:
    return chance.randbytes(chance.randrange(30)).replace(b"\x0b", b"") + _whole(chance, message)


def _frame_byte_inside(chance: Chance, message: bytes) -> bytes:
    at = chance.randrange(len(message) + 1)
    return _whole(chance, message[:at] + chance.choice((b"\x0b", b"\x1c")) + message[at:])


def _cut_off(chance: Chance, message: bytes) -> bytes:
    """What comes next is swallowed by it."""
    return _whole(chance, message)[: chance.randrange(len(message) + 3)]


def _sent_twice(chance: Chance, message: bytes) -> bytes:
    return 2 * _whole(chance, message)


FRAMINGS = (
    _begun_twice, _end_without_cr, _end_with_lf, _no_beginning, _after_noise, _frame_byte_inside,
    _cut_off, _sent_twice,
)  # fmt: skip
