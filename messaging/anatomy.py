"""A message laid open for a person: segment by segment with names, and byte by byte."""

from dataclasses import dataclass

from . import wire
from .acknowledgement import envelope
from .errors import Unparseable
from .field_names import FieldName, names_of

MOST_SEGMENTS = 300
LONGEST_VALUE = 4000
MOST_BYTES = 8 * 1024
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


def anatomy(raw: bytes, *, default_charset: str) -> Anatomy:
    """Lay a message open, as far as a page can bear."""
    segments: list[SegmentLines] = []
    left_out, unreadable = 0, ""
    try:
        message = wire.parse(raw, default_charset=default_charset)
    except Unparseable as refusal:
        unreadable = refusal.sentence
    else:
        version = envelope(raw).version
        segments = [_segment(each, version) for each in message.segments[:MOST_SEGMENTS]]
        left_out = len(message.segments) - len(segments)
    return Anatomy(
        segments=segments,
        segments_left_out=left_out,
        unreadable=unreadable,
        byte_lines=_byte_lines(raw[:MOST_BYTES]),
        size=len(raw),
        bytes_left_out=max(0, len(raw) - MOST_BYTES),
    )


def _segment(segment: wire.Segment, version: str) -> SegmentLines:
    names = names_of(version, segment.name)
    fields = [
        _field(segment, number, names.get(number, FieldName("")))
        for number in range(1, len(segment) + 1)
        if segment.raw(number)
    ]
    return SegmentLines(segment.name, fields)


def _field(segment: wire.Segment, number: int, name: FieldName) -> FieldLines:
    place = f"{segment.name}-{number}"
    repetitions = [_repetition(each, place, name) for each in segment.repetitions(number)]
    return FieldLines(place, name.name, [parts for parts in repetitions if parts])


def _repetition(repetition: wire.Repetition, place: str, name: FieldName) -> list[Part]:
    """One nameless part where there is only one component; else those that say something."""
    components = repetition.components
    if len(components) == 1:
        return [Part(place, "", _value(components[0]))]
    return [
        Part(f"{place}.{position}", _nth(name.components, position), _value(subcomponents))
        for position, subcomponents in enumerate(components, start=1)
        if any(subcomponents)
    ]


def _nth(names: tuple[str, ...], position: int) -> str:
    return names[position - 1] if position <= len(names) else ""


def _value(subcomponents: list[str]) -> str:
    text = " & ".join(subcomponents)
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:LONGEST_VALUE]} … and {len(text) - LONGEST_VALUE} more characters"


def _byte_lines(raw: bytes) -> list[tuple[str, str, str]]:
    """As a hexadecimal dump: sixteen bytes a line, what is not plain text as a dot."""
    lines = []
    for offset in range(0, len(raw), _WIDTH):
        chunk = raw[offset : offset + _WIDTH]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in chunk)
        lines.append((f"{offset:06x}", chunk.hex(" "), text))
    return lines
