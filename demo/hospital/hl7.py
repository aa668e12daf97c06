"""HL7 v2 as the hospital reads and writes it.

Written apart from the product's codec and sharing nothing with it: two readings of the standard
check each other. A field is a list of repetitions, a repetition a list of components, a component
a list of subcomponents; all text is unescaped here and escaped on the way out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

Field = list[list[list[str]]]

# MSH-18 as it is written in the UK (table 0211) to Python's codec.
CHARACTER_SETS = {
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "8859/1": "iso-8859-1",
    "8859/15": "iso-8859-15",
    "ASCII": "ascii",
}
_ESCAPES = {"F": 0, "S": 1, "T": 4, "R": 2, "E": 3}  # place among | ^ ~ \ &
_STANDARD = "|^~\\&"


class NotHL7(Exception):
    """The bytes cannot be read as a message; the text says why."""


@dataclass(frozen=True)
class Segment:
    """One segment; field numbers are HL7's, from 1."""

    name: str
    fields: tuple[Field, ...] = field(repr=False)

    def whole(self, number: int) -> Field:
        """The field with all that is in it; empty when it is not there."""
        return self.fields[number - 1] if number <= len(self.fields) else []

    def get(self, number: int, component: int = 1, sub: int = 1, repetition: int = 1) -> str:
        """One text; empty when there is none."""
        here = self.whole(number)
        try:
            return here[repetition - 1][component - 1][sub - 1]
        except IndexError:
            return ""


@dataclass(frozen=True)
class Message:
    """A message that was read. Never printed: it holds a person's details."""

    segments: tuple[Segment, ...] = field(repr=False)

    @property
    def header(self) -> Segment:
        return self.segments[0]

    def first(self, name: str) -> Segment | None:
        return next((segment for segment in self.segments if segment.name == name), None)


# --- Reading --------------------------------------------------------------------------------------


def read(raw: bytes, codec: str = "") -> Message:
    """Bytes of one frame to a message, in `codec` or what MSH-18 names. Raises NotHL7."""
    if not raw.startswith(b"MSH") or len(raw) < 9:
        raise NotHL7("the message does not start with MSH")
    marks = raw[3:8].decode("latin-1")
    if len(set(marks)) < 5 or any(mark.isalnum() or mark < " " for mark in marks):
        raise NotHL7("the delimiters in MSH-1 and MSH-2 cannot be used")
    text = raw.decode(codec) if codec else _decode(raw, marks[0])
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line]
    return Message(tuple(_segment(line, marks) for line in lines))


def header_of(raw: bytes) -> Message | None:
    """MSH alone, read as Latin-1: for answering a message that cannot be read as a whole."""
    header = re.split(rb"[\r\n]", raw, maxsplit=1)[0]
    try:
        return read(header, "latin-1")
    except NotHL7:
        return None


def _decode(raw: bytes, separator: str) -> str:
    header = re.split(rb"[\r\n]", raw, maxsplit=1)[0].split(separator.encode("latin-1"))
    name = header[17].decode("latin-1").strip() if len(header) > 17 else ""
    try:
        if name:
            return raw.decode(CHARACTER_SETS[name])
        return raw.decode("utf-8")
    except KeyError:
        raise NotHL7(f"character set {name!r} in MSH-18 is not read here") from None
    except UnicodeDecodeError:
        raise NotHL7("there are bytes that are not in the character set of MSH-18") from None


def _segment(line: str, marks: str) -> Segment:
    parts = line.split(marks[0])
    name, texts = parts[0], parts[1:]
    if name != "MSH":
        return Segment(name, tuple(_field(text, marks) for text in texts))
    plain: list[Field] = [[[[marks[0]]]], [[[marks[1:]]]]]
    return Segment(name, tuple(plain + [_field(text, marks) for text in texts[1:]]))


def _field(text: str, marks: str) -> Field:
    if not text:
        return []
    _, component, repetition, _, sub = marks
    return [
        [[unescape(leaf, marks) for leaf in part.split(sub)] for part in one.split(component)]
        for one in text.split(repetition)
    ]


def unescape(text: str, marks: str = _STANDARD) -> str:
    """Escapes to characters, `\\.br\\` to a new line; an escape we do not know stays as it is."""
    mark = marks[3]
    if mark not in text:
        return text
    pattern = re.compile(re.escape(mark) + "(.*?)" + re.escape(mark))
    return pattern.sub(lambda found: _unescaped(found.group(1), found.group(0), marks), text)


def _unescaped(inside: str, whole: str, marks: str) -> str:
    if inside in _ESCAPES:
        return marks[_ESCAPES[inside]]
    if inside in (".br", ".sp"):
        return "\n"
    if inside.startswith("X"):
        try:
            return bytes.fromhex(inside[1:]).decode("latin-1")
        except ValueError:
            return whole
    return whole


# --- Writing --------------------------------------------------------------------------------------


class Formatted(str):
    """Text whose new lines go out as `\\.br\\` (FT, TX)."""


def escape(text: str) -> str:
    """Characters that have a meaning in HL7, and control characters, to their escapes."""
    written = []
    for character in text:
        if character in _STANDARD:
            written.append("\\" + "FSRET"[_STANDARD.index(character)] + "\\")
        elif character < " ":
            written.append(f"\\X{ord(character):02X}\\")
        else:
            written.append(character)
    return "".join(written)


def _leaf(value: object) -> str:
    if isinstance(value, Formatted):
        return "\\.br\\".join(escape(line) for line in value.split("\n"))
    return "" if value is None else escape(str(value))


def _component(value: object) -> str:
    if isinstance(value, list):
        return "&".join(_leaf(sub) for sub in value).rstrip("&")
    return _leaf(value)


def _repetition(value: object) -> str:
    if isinstance(value, list):
        return "^".join(_component(part) for part in value).rstrip("^")
    return _leaf(value)


class Repeated(list):
    """A field's repetitions; a plain list is the components of a single one."""


def segment(name: str, values: dict[int, object]) -> str:
    """A segment from HL7's field numbers: text, a list of components, or `Repeated`."""
    last = max(values, default=0)
    texts = [_written(values.get(number)) for number in range(1, last + 1)]
    if name == "MSH":
        texts = ["^~\\&", *texts[2:]]
    return "|".join([name, *texts]).rstrip("|")


def _written(value: object) -> str:
    if isinstance(value, Repeated):
        return "~".join(_repetition(one) for one in value)
    return _repetition(value)


def message(*segments: str) -> bytes:
    """Segments to bytes: each ends in CR, in UTF-8."""
    return "".join(one + "\r" for one in segments).encode("utf-8")


def moment(when: datetime) -> str:
    """`20261122104200+0000`: seconds, and the offset so that clock changes harm nobody."""
    return when.strftime("%Y%m%d%H%M%S%z")
