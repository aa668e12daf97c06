"""Whose message comes after which: keys, so that one patient's messages keep their order.

A key is a digest, so that no number stands in an index. A message has the key of one number, the
NHS number where it has one. A merge (a message with MRG) is of several numbers: it is a barrier,
and has the keys of all of them (see `_CLAIM` in messaging.services.inbox).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from messaging import wire


def key_of(number: str) -> str:
    """The key of an NHS number, or of `value^issuer`."""
    plain = number.replace(" ", "")
    return hashlib.sha256(plain.encode()).hexdigest()[:32]


def ordering_key(message: wire.Message) -> str:
    """One key for one patient; "" for a message of nobody."""
    patient = message.first("PID")
    if patient is None:
        return ""
    nhs, others = _numbers(patient, 3)
    number = next(iter([*nhs, *others]), patient.get(2)).replace(" ", "")
    return key_of(number) if number else ""


def barrier_keys(message: wire.Message) -> list[str] | None:
    """Of a merge: the keys of every number that it keeps or discards. None: not a barrier."""
    if message.first("MRG") is None:
        return None
    fields = [*((pid, 3) for pid in message.all("PID")), *((mrg, 1) for mrg in message.all("MRG"))]
    numbers = [number for segment, field in fields for number in _all(*_numbers(segment, field))]
    return sorted({key_of(number) for number in numbers})


def _all(nhs: Iterable[str], others: Iterable[str]) -> list[str]:
    return [*nhs, *others]


def _numbers(segment: wire.Segment, field: int) -> tuple[list[str], list[str]]:
    """The NHS numbers, and every number with its issuer, as they were sent."""
    numbers = segment.repetitions(field)
    nhs = [
        each.get(1)
        for each in numbers
        if "NHS" in (each.get(4), each.get(5)) or each.get(5) == "NH"
    ]
    return nhs, [f"{each.get(1)}^{each.get(4)}" for each in numbers if each.get(1)]
