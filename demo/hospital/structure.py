"""What hl7apy thinks of a message's structure: a second opinion, after the answer was given.

Slow (a few dozen messages a second), so it never stands between a message and its acknowledgement.
hl7apy 1.3.5 groups a second ORC of an OML^O21 into the first order; each order is looked at alone.
"""

from __future__ import annotations

from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message

_REPEATING = {"OML^O21", "OMG^O19"}
MOST_ORDERS = 5  # looked at; the rest of a long message is like them


def remarks(raw: bytes) -> list[str]:
    """What does not fit the standard's structure of this message; empty when all fits."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    found: list[str] = []
    for one in _one_order_each(text.replace("\r\n", "\r").replace("\n", "\r")):
        found += [remark for remark in _of(one) if remark not in found]
    return found


def _of(text: str) -> list[str]:
    try:
        message = parse_message(text, find_groups=True)
        message.validate()
    except HL7apyException as problem:
        return [f"{type(problem).__name__}: {problem}"]
    except Exception as problem:  # noqa: BLE001 - a library's trouble with bad bytes is a remark
        return [f"hl7apy cannot read it: {type(problem).__name__}"]
    return []


def _one_order_each(text: str) -> list[str]:
    segments = [segment for segment in text.split("\r") if segment]
    kind = "^".join((segments[0].split("|") + [""] * 9)[8].split("^")[:2]) if segments else ""
    starts = [n for n, segment in enumerate(segments) if segment.startswith("ORC")]
    if kind not in _REPEATING or len(starts) < 2:
        return [text]
    head = segments[: starts[0]]
    pairs = zip(starts, [*starts[1:], len(segments)], strict=True)
    return ["\r".join([*head, *segments[a:b]]) + "\r" for a, b in list(pairs)[:MOST_ORDERS]]
