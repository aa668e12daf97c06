"""What changed between two versions of a report. Plain Python; nothing here decides anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain, groupby
from typing import Protocol

from .ranges import flag_words, split_flags
from .states import value_status_words


class Value(Protocol):
    """What is compared of an observation."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def units(self) -> str: ...
    @property
    def reference_range(self) -> str: ...
    @property
    def flags(self) -> str: ...
    @property
    def note(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def document(self) -> str: ...
    @property
    def sub_id(self) -> str: ...
    @property
    def coded(self) -> str: ...


@dataclass(frozen=True)
class Piece:
    """A run of text: `same`, `gone` or `new`."""

    kind: str
    text: str


@dataclass(frozen=True)
class ChangedValue:
    """A value that is not what it was; "" where it was not there, or is not any more."""

    name: str
    was: str
    now: str


@dataclass(frozen=True)
class Difference:
    """What changed from one version to another."""

    pieces: tuple[Piece, ...]  # of the text; empty where it is the same
    values: tuple[ChangedValue, ...]

    def __bool__(self) -> bool:
        return bool(self.pieces or self.values)


_WORDS = re.compile(r"\s+|[^\s]+")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
FEWEST_SAME = 3  # words between two changes
MOST_WORDS = 1500  # of both sides; above it lines are compared: words would take seconds
# P, F and C say how final the whole is, which the page says of the whole.
FINAL = frozenset({"", "P", "F", "C", "U"})


def difference(
    was_text: str, now_text: str, was: Sequence[Value] = (), now: Sequence[Value] = ()
) -> Difference:
    """The differences of text and values. Nothing that either side says is left out."""
    pieces = _pieces(was_text, now_text) if was_text != now_text else ()
    return Difference(pieces, tuple(_changed(was, now)))


def _pieces(was: str, now: str) -> tuple[Piece, ...]:
    """Word by word (line by line where it is long), with spaces and new lines as they are."""
    old, new = _WORDS.findall(was), _WORDS.findall(now)
    if len(old) + len(new) > 2 * MOST_WORDS:
        old, new = _LINES.findall(was), _LINES.findall(now)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    runs = [(tag, old[a:b], new[c:d]) for tag, a, b, c, d in matcher.get_opcodes()]
    pieces: list[Piece] = []
    for is_same, group in groupby(_readable(runs), key=lambda run: run[0] == "equal"):
        parts = list(group)
        gone, come = ("".join(chain.from_iterable(run[side] for run in parts)) for side in (1, 2))
        said = (("same", gone),) if is_same else (("gone", gone), ("new", come))
        pieces += [Piece(kind, text) for kind, text in said if text]
    return tuple(pieces)


_Run = tuple[str, list[str], list[str]]


def _readable(runs: Sequence[_Run]) -> Iterable[_Run]:
    """A word or two that are the same between two changes only tear the sentences apart: they
    count as changed with their neighbours."""
    last = len(runs) - 1
    for place, (tag, old, new) in enumerate(runs):
        words = sum(not word.isspace() for word in old)
        is_torn = tag == "equal" and 0 < place < last and words < FEWEST_SAME
        yield ("replace" if is_torn else tag), old, new


def _changed(was: Sequence[Value], now: Sequence[Value]) -> Iterable[ChangedValue]:
    """Values paired by code (name where there is none), part, and their place among equals."""
    before, after = _by_address(was), _by_address(now)
    for address in dict.fromkeys([*after, *before]):
        old, new = before.get(address), after.get(address)
        before_and_after = said(old), said(new)
        if before_and_after[0] != before_and_after[1]:
            named = new or old
            yield ChangedValue(named.name if named else "", *before_and_after)


def _by_address(values: Sequence[Value]) -> dict[tuple[str, str, int], Value]:
    found: dict[tuple[str, str, int], Value] = {}
    for value in values:
        code, part, place = value.code or value.name, value.sub_id, 0
        while (code, part, place) in found:
            place += 1
        found[code, part, place] = value
    return found


def said(value: Value | None) -> str:
    """All that a reader reads of a value: two values that differ in anything differ in this."""
    if value is None:
        return ""
    measured = f"{value.value} {value.units}".strip() if value.value else value.document
    parts = (
        ("", measured or "No value"),
        ("flagged", ", ".join(flag_words(flag).lower() for flag in split_flags(value.flags))),
        ("range", value.reference_range),
        ("code", value.coded.replace("\n", "; ")),
        ("", value_status_words(value.status).lower() if value.status not in FINAL else ""),
    )
    words = ", ".join(f"{label} {part}".strip() for label, part in parts if part)
    return f"{words}. {value.note}" if value.note else words
