"""A message laid open for a person: segment by segment with names, and byte by byte."""

from dataclasses import dataclass

from . import wire
from .acknowledgement import envelope
from .errors import Unparseable
from .field_names import FieldName, components_of, names_of

MOST_SEGMENTS = 300
LONGEST_VALUE = 4000
MOST_CHARACTERS = 400_000  # of all that is shown
LONGEST_SOURCE = 64 * 1024  # of one field; the rest is counted and not taken apart
MOST_FIELDS = 500  # of one segment
MOST_BYTES = 1024
_EACH_PART = 40  # what the markup of a part costs
_WIDTH = 16


@dataclass(frozen=True)
class Part:
    """A component: its number (`PID-3.4`), its name and what it says."""

    number: str
    name: str
    value: str


@dataclass(frozen=True)
class FieldLines:
    """A field: its number and name, and its repetitions, each a text or named components."""

    number: str
    name: str
    repetitions: list[list[Part]]


@dataclass(frozen=True)
class SegmentLines:
    """A segment and those of its fields that say something."""

    name: str
    fields: list[FieldLines]


@dataclass(frozen=True)
class Anatomy:
    """All that a page shows of a message's bytes. `unreadable` says why there are no segments."""

    segments: list[SegmentLines]
    segments_left_out: int
    unreadable: str
    byte_lines: list[tuple[str, str, str]]  # offset, hexadecimal, as text
    size: int
    bytes_left_out: int


class _Room:
    """How much a page still has room for. A hostile message must not fill a server's memory."""

    def __init__(self) -> None:
        self.left = MOST_CHARACTERS

    def take(self, text: str) -> str:
        """The text as far as there is room, and what it says of the rest."""
        room = max(0, min(self.left, LONGEST_VALUE))
        self.left -= min(len(text), room) + _EACH_PART
        if len(text) <= room:
            return text
        return f"{text[:room]} … and {len(text) - room} more characters"


def anatomy(raw: bytes, *, default_charset: str) -> Anatomy:
    """Lay a message open, as far as a page can bear."""
    segments: list[SegmentLines] = []
    left_out, unreadable = 0, ""
    try:
        message = wire.parse(raw, default_charset=default_charset)
    except Unparseable as refusal:
        unreadable = refusal.sentence
    else:
        version, room = envelope(raw).version, _Room()
        for each in message.segments[:MOST_SEGMENTS]:
            if room.left <= 0:
                break
            segments.append(_segment(each, version, room))
        left_out = len(message.segments) - len(segments)
    return Anatomy(
        segments=segments,
        segments_left_out=left_out,
        unreadable=unreadable,
        byte_lines=byte_lines(raw[:MOST_BYTES]),
        size=len(raw),
        bytes_left_out=max(0, len(raw) - MOST_BYTES),
    )


def _segment(segment: wire.Segment, version: str, room: _Room) -> SegmentLines:
    names = names_of(version, segment.name)
    kind = segment.get(2) if segment.name == "OBX" else ""
    fields = []
    for number in range(1, min(len(segment), MOST_FIELDS) + 1):
        if room.left <= 0:
            break
        if segment.raw(number):
            name = names.get(number, FieldName(""))
            if segment.name == "OBX" and number == 5:
                name = FieldName(name.name, components_of(version, kind))
            fields.append(_field(segment, number, name, room))
    return SegmentLines(segment.name, fields)


def _field(segment: wire.Segment, number: int, name: FieldName, room: _Room) -> FieldLines:
    place = f"{segment.name}-{number}"
    source = segment.raw(number)
    if len(source) > LONGEST_SOURCE:
        words = f"{len(source)} characters. The first of them: {source[:200]}"
        return FieldLines(place, name.name, [[Part(place, "", room.take(words))]])
    found = []
    for each in segment.repetitions(number):
        if room.left <= 0:
            break
        found.append(_repetition(each, place, name, room))
    return FieldLines(place, name.name, [parts for parts in found if parts])


def _repetition(
    repetition: wire.Repetition, place: str, name: FieldName, room: _Room
) -> list[Part]:
    """One nameless part where there is only one component; else those that say something."""
    components = repetition.components
    if len(components) == 1:
        return [Part(place, "", room.take(_value(components[0])))]
    return [
        Part(f"{place}.{position}", _nth(name.components, position), room.take(_value(leaves)))
        for position, leaves in enumerate(components, start=1)
        if any(leaves) and room.left > 0
    ]


def _nth(names: tuple[str, ...], position: int) -> str:
    return names[position - 1] if position <= len(names) else ""


def _value(subcomponents: list[str]) -> str:
    return " & ".join(subcomponents)


# What a byte is called where it is no character (ISO 646); 0B, 1C and 0D are what MLLP uses.
_CONTROLS = {
    0x00: "NUL", 0x01: "SOH", 0x02: "STX", 0x03: "ETX", 0x04: "EOT", 0x05: "ENQ", 0x06: "ACK",
    0x07: "BEL", 0x08: "BS", 0x09: "TAB", 0x0A: "LF", 0x0B: "VT", 0x0C: "FF", 0x0D: "CR",
    0x0E: "SO", 0x0F: "SI", 0x10: "DLE", 0x11: "DC1", 0x12: "DC2", 0x13: "DC3", 0x14: "DC4",
    0x15: "NAK", 0x16: "SYN", 0x17: "ETB", 0x18: "CAN", 0x19: "EM", 0x1A: "SUB", 0x1B: "ESC",
    0x1C: "FS", 0x1D: "GS", 0x1E: "RS", 0x1F: "US", 0x7F: "DEL",
}  # fmt: skip


def byte_lines(raw: bytes, *, start: int = 0) -> list[tuple[str, str, str]]:
    """Offset, hexadecimal, text: sixteen bytes a line. Control bytes by name, as `[CR]`; a byte
    beyond ASCII as a dot, because which letter it is depends on the character set."""
    lines = []
    for offset in range(0, len(raw), _WIDTH):
        chunk = raw[offset : offset + _WIDTH]
        lines.append((f"{start + offset:06x}", chunk.hex(" "), "".join(map(_drawn, chunk))))
    return lines


def _drawn(byte: int) -> str:
    if byte in _CONTROLS:
        return f"[{_CONTROLS[byte]}]"
    return chr(byte) if byte < 0x7F else "·"
