"""How urgent a message is for its patient, as far as its codes say. Read for messages that wait for
a person, so that the list can say which of them cannot wait.

An unknown code is never read as routine (reliability.md H11, H27).
"""

from enum import StrEnum

from . import wire
from .errors import Unparseable


class Urgency(StrEnum):
    """The most urgent first."""

    CRITICAL = "critical"  # a value at a panic limit
    URGENT = "urgent"  # asked for as urgent
    UNKNOWN = "unknown"  # it says nothing that we know
    ROUTINE = "routine"


WORDS = {
    Urgency.CRITICAL: "Critical value",
    Urgency.URGENT: "Urgent",
    Urgency.UNKNOWN: "Not known",
    Urgency.ROUTINE: "Routine",
}

# HL7 table 0078 (OBX-8), and the priorities of TQ-6 (v2.4 4.3.6), OBR-5 and TQ1-9.
_PANIC = frozenset({"HH", "LL", "AA", ">", "<"})
_SOON = frozenset({"S", "A", "P", "T", "C", "STAT", "ASAP", "CR", "UR"})
_NORMAL = frozenset({"R", "RR", "Q"})

# Where a priority is: segment, field, component.
_PRIORITIES = (("ORC", 7, 6), ("OBR", 5, 1), ("OBR", 27, 6), ("TQ1", 9, 1))


def urgency_of(raw: bytes, *, default_charset: str) -> Urgency:
    """What the codes of a message say; UNKNOWN of bytes that are no message."""
    try:
        message = wire.parse(raw, default_charset=default_charset)
    except Unparseable:
        return Urgency.UNKNOWN
    said = {_of_segment(segment) for segment in message.segments}
    return next((each for each in Urgency if each in said), Urgency.UNKNOWN)


def _of_segment(segment: wire.Segment) -> Urgency | None:
    if segment.name == "OBX":
        flags = {each.get() for each in segment.repetitions(8)}
        return Urgency.CRITICAL if flags & _PANIC else None
    codes = {
        segment.get(field, component)
        for name, field, component in _PRIORITIES
        if segment.name == name
    } - {""}
    if not codes:
        return None
    if codes & _SOON:
        return Urgency.URGENT
    return Urgency.ROUTINE if codes <= _NORMAL else Urgency.UNKNOWN
