r"""Text with HL7's formatting commands (FT, and whoever uses them elsewhere) as lines for a page.

HL7 v2.4 2.9.7 "formatted text": `\.br\` `\.sp\` and `\.ce\` end a line, `\.in\` and `\.ti\` indent,
`\.sk\` leaves a space, `\H\`…`\N\` is highlighted. The text is whole without its marks: they say
which runs of it stand out, and never change a character. What is none of these stays visible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from messaging import wire

STRONG: Final = "strong"
CENTRE: Final = "centre"
WIDEST: Final = 40  # columns of indentation; a page of a phone has no more

_ESCAPE = re.compile(r"(\\[^\\]*\\)")
_COMMAND = re.compile(r"\\(?:\.(br|sp|in|ti|sk|fi|nf|ce)\s*([+-]?\d{1,2})?|([HN]))\\\Z")

Mark = tuple[str, int, int]  # kind, start, end: offsets into the text


@dataclass(frozen=True)
class Formatted:
    """A text as a reader reads it, and the runs of it that stand out."""

    text: str
    marks: tuple[Mark, ...] = ()


def read(source: str, charset: str) -> Formatted:
    """One repetition of a field as it is on the wire."""
    if "\\" not in source:
        return Formatted(wire.unescape(source, charset))
    page = _Page()
    for token in _ESCAPE.split(source):
        command = _COMMAND.match(token)
        if command is None:
            page.write(wire.unescape(token, charset))
        else:
            page.obey(command[1] or command[3], command[2] or "")
    return page.done()


def joined(parts: Iterable[Formatted], between: str = "\n") -> Formatted:
    """Several texts as one, each from a new line."""
    texts: list[str] = []
    marks: list[Mark] = []
    offset = 0
    for part in parts:
        marks += [(kind, start + offset, end + offset) for kind, start, end in part.marks]
        texts.append(part.text)
        offset += len(part.text) + len(between)
    return Formatted(between.join(texts), tuple(marks))


class _Page:
    """What has been written so far, and how the next line begins."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._starts_line = True
        self._indent = self._once = 0
        self._since: dict[str, int] = {}
        self._marks: list[Mark] = []

    def write(self, text: str) -> None:
        for place, line in enumerate(text.split("\n")):
            if place:
                self._end_line()
            if line:
                self._put(self._lead() + line)

    def obey(self, name: str, number: str) -> None:
        if name in ("in", "ti"):
            self._indent_by(name, int(number or 0))
        elif name in ("br", "sp", "ce"):
            self._lines(name, int(number or 1))
        elif name == "sk":
            self._put(self._lead() + " " * min(max(int(number or 1), 0), WIDEST))
        elif name == "H":
            self._since.setdefault(STRONG, self._length)
        elif name == "N":
            self._close(STRONG)
        # fi and nf (fill on and off): every line is shown as it was broken, whatever they say.

    def _indent_by(self, name: str, number: int) -> None:
        if name == "in":
            self._indent = number
        else:
            self._once = number

    def _lines(self, name: str, count: int) -> None:
        for _ in range(max(1, count) if name == "sp" else 1):
            self._end_line()
        if name == "ce":
            self._since[CENTRE] = self._length

    def _lead(self) -> str:
        """The indentation, where a line begins; `ti` is for one line alone."""
        if not self._starts_line:
            return ""
        columns, self._once = self._indent + self._once, 0
        return " " * min(max(columns, 0), WIDEST)

    def _put(self, text: str) -> None:
        self._starts_line = False
        self._parts.append(text)
        self._length += len(text)

    def _end_line(self) -> None:
        self._close(CENTRE)
        self._put("\n")
        self._starts_line = True

    def _close(self, kind: str) -> None:
        start = self._since.pop(kind, self._length)
        if start < self._length:
            self._marks.append((kind, start, self._length))

    def done(self) -> Formatted:
        for kind in (STRONG, CENTRE):
            self._close(kind)
        return Formatted("".join(self._parts), tuple(sorted(self._marks, key=lambda m: m[1:])))
