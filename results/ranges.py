"""Reference ranges and abnormal flags: what a value's own message says about it, never a guess.

Plain Python; any room may enter. HL7 v2.4 table 0078 (OBX-8) is a closed map: what is not in it is
abnormal. A range only ever makes a value worse than its flag, or speaks where there is no flag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from .states import Significance, worst

S = Significance
FLAGS: dict[str, Significance] = {
    "N": S.NORMAL,
    "L": S.ABNORMAL, "H": S.ABNORMAL, "A": S.ABNORMAL,
    "<": S.ABNORMAL, ">": S.ABNORMAL,  # off the instrument's scale
    "LL": S.CRITICAL, "HH": S.CRITICAL, "AA": S.CRITICAL,  # panic limits; very abnormal
    "U": S.UNEXPECTED, "D": S.UNEXPECTED, "W": S.UNEXPECTED,  # significant change since the last
    "B": S.ABNORMAL,  # changed for the better, which does not say that it is well
    "S": S.ABNORMAL, "I": S.ABNORMAL, "R": S.ABNORMAL, "MS": S.ABNORMAL, "VS": S.ABNORMAL,
}  # fmt: skip

FLAG_WORDS: dict[str, str] = {
    "N": "Normal",
    "L": "Low", "H": "High", "LL": "Critically low", "HH": "Critically high",
    "A": "Abnormal", "AA": "Critical", "<": "Below the scale", ">": "Above the scale",
    "U": "Risen since the last", "D": "Fallen since the last", "B": "Better", "W": "Worse",
    "S": "Susceptible", "I": "Intermediate", "R": "Resistant",
    "MS": "Moderately susceptible", "VS": "Very susceptible",
}  # fmt: skip

_UP = frozenset({"H", "HH", ">", "U", "HU"})
_DOWN = frozenset({"L", "LL", "<", "D", "LU"})


def split_flags(flags: str) -> list[str]:
    """OBX-8 repeats: a line each, as `messaging.wire` gives a field."""
    return [flag.strip() for flag in flags.split("\n") if flag.strip()]


def level_of(*, flags: str, value: str, value_type: str, reference_range: str) -> Significance:
    """How much one value matters by its own flags and range. Unclassified: nothing was said.

    An unknown flag is abnormal. A number surely outside its own range is abnormal whatever its
    flag; one surely inside is normal only where there is no flag.
    """
    found = [FLAGS.get(flag, S.ABNORMAL) for flag in split_flags(flags)]
    number, limits = number_of(value, value_type), read_range(reference_range)
    if number is not None and limits is not None:
        if limits.excludes(number):
            found.append(S.ABNORMAL)
        elif not found and limits.contains(number):
            found.append(S.NORMAL)
    return worst(found)


@dataclass(frozen=True)
class Number:
    """A measured number; `below` or `above` when the instrument could only say that it is."""

    value: Decimal
    below: bool = False
    above: bool = False

    @property
    def is_censored(self) -> bool:
        return self.below or self.above


_DECIMAL = r"[+-]?\d{1,12}(?:\.\d{1,9})?"
_NUMBER = re.compile(rf"(<=?|>=?|≤|≥)?\s*({_DECIMAL})\Z")
_BETWEEN = re.compile(rf"\(?\[?\s*({_DECIMAL})\s*(?:-|–|to)\s*({_DECIMAL})\s*\)?\]?\Z")
_ONE_SIDED = re.compile(rf"(<=?|>=?|≤|≥)\s*({_DECIMAL})\Z")


def number_of(value: str, value_type: str) -> Number | None:
    """The number in a value as sent; None for words, for several numbers, for anything unclear."""
    found = _NUMBER.match(value.strip()) if value_type in ("NM", "SN", "ST") else None
    if not found:
        return None
    sign = found[1] or ""
    return Number(Decimal(found[2]), below=sign in ("<", "<=", "≤"), above=sign in (">", ">=", "≥"))


@dataclass(frozen=True)
class Range:
    """A reference range; None: open on that side. `closed`: a number on the edge is inside."""

    low: Decimal | None = None
    high: Decimal | None = None
    closed: bool = True

    def contains(self, number: Number) -> bool:
        """Surely inside: `<5` is not surely above 3, and `>90` not surely below 100."""
        clears_low = self.low is None or not (number.below or self._is_low(number, self.low))
        clears_high = self.high is None or not (number.above or self._is_high(number, self.high))
        return clears_low and clears_high

    def excludes(self, number: Number) -> bool:
        """Surely outside: `<5` is surely below 7, and may be inside 3 to 7."""
        low = self.low is not None and not number.above and self._is_low(number, self.low)
        high = self.high is not None and not number.below and self._is_high(number, self.high)
        return low or high

    def _is_low(self, number: Number, low: Decimal) -> bool:
        edge = number.below or not (self.closed or number.above)
        return number.value < low or (edge and number.value == low)

    def _is_high(self, number: Number, high: Decimal) -> bool:
        edge = number.above or not (self.closed or number.below)
        return number.value > high or (edge and number.value == high)


def read_range(text: str) -> Range | None:
    """`115-165`, `<5`, `>60`, `≤ 2.5`; None for anything else (words, ages, several ranges)."""
    text = text.strip()
    try:
        if both := _BETWEEN.match(text):
            low, high = Decimal(both[1]), Decimal(both[2])
            return Range(low, high) if low <= high else None
        if one := _ONE_SIDED.match(text):
            return _one_sided(one[1], Decimal(one[2]))
    except InvalidOperation:
        return None
    return None


def _one_sided(sign: str, edge: Decimal) -> Range:
    closed = sign in ("<=", ">=", "≤", "≥")
    if sign in ("<", "<=", "≤"):
        return Range(high=edge, closed=closed)
    return Range(low=edge, closed=closed)


# --- For the eye ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mark:
    """What stands beside a value: an arrow or none, and always a word; both empty for normal."""

    arrow: str
    words: str
    level: Significance


def mark_of(*, flags: str, value: str, value_type: str, reference_range: str, level: str) -> Mark:
    """The arrow and the word of one value. Every value that is not normal has a word."""
    if level == S.NORMAL:
        return Mark("", "", S.NORMAL)
    given = split_flags(flags)
    words = _words(given, level)
    return Mark(_arrow(given) or _side(value, value_type, reference_range), words, S(level))


def _arrow(given: Iterable[str]) -> str:
    found = {"↑" for flag in given if flag in _UP} | {"↓" for flag in given if flag in _DOWN}
    return found.pop() if len(found) == 1 else ""


def flag_words(flag: str) -> str:
    """A flag in words; one that nobody knows as it was sent."""
    return FLAG_WORDS.get(flag) or f"Flag ‘{flag}’, not known here"


def _words(given: list[str], level: str) -> str:
    said = [flag_words(flag) for flag in given if flag != "N"]
    if said:
        return ", ".join(said)
    return "Outside its range" if level == S.ABNORMAL else "No flag"


def _side(value: str, value_type: str, reference_range: str) -> str:
    """The arrow of a number that is outside a range that we could read."""
    number, limits = number_of(value, value_type), read_range(reference_range)
    if number is None or limits is None or not limits.excludes(number):
        return ""
    return "↑" if limits.high is not None and number.value >= limits.high else "↓"
