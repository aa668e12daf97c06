"""What the stand-in laboratories measure: `analytes.txt`, read once."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

_TABLE = Path(__file__).with_name("analytes.txt")
ADULT_FROM = 16  # years


@dataclass(frozen=True)
class Range:
    """A reference range; None on a side that is open."""

    text: str = ""
    low: float | None = None
    high: float | None = None

    def flag(self, value: float) -> str:
        """OBX-8 without regard to critical limits; empty where there is no range."""
        if not self.text:
            return ""
        one_sided = self.low is None or self.high is None  # "<5": five is not below five
        if self.low is not None and (value < self.low or (one_sided and value == self.low)):
            return "L"
        if self.high is not None and (value > self.high or (one_sided and value == self.high)):
            return "H"
        return "N"


@dataclass(frozen=True)
class Analyte:
    """One thing that is measured. `words`: a result in words, the first of them normal."""

    key: str
    code: str
    system: str
    name: str
    units: str
    decimals: int
    ranges: dict[str, Range]
    words: tuple[str, ...]
    critical_low: float | None
    critical_high: float | None

    def range_for(self, sex: str, age: int) -> Range:
        """`sex` is PID-8; the wider of the two ranges is not guessed: unknown reads as F."""
        person = "C" if age < ADULT_FROM else ("M" if sex == "M" else "F")
        return self.ranges.get(person) or self.ranges.get("", Range())

    def flag(self, value: float, limits: Range) -> str:
        """OBX-8: LL and HH beyond the critical limits."""
        if self.critical_low is not None and value < self.critical_low:
            return "LL"
        if self.critical_high is not None and value > self.critical_high:
            return "HH"
        return limits.flag(value)


@dataclass(frozen=True)
class Story:
    """Values that belong together, and what the laboratory says of them."""

    values: dict[str, str]
    comment: str


@dataclass
class Panel:
    """One orderable test and what it measures."""

    key: str
    name: str
    section: str
    specimen: str
    ordered_by: tuple[str, ...]
    analytes: list[Analyte] = field(default_factory=list)
    stories: dict[str, list[Story]] = field(default_factory=dict)

    @property
    def leading(self) -> Analyte:
        return self.analytes[0]


def _number(text: str) -> float | None:
    return float(text) if text else None


def _range(text: str) -> Range:
    if text == "-":
        return Range()
    if text[0] == "<":
        return Range(text, high=float(text[1:]))
    if text[0] == ">":
        return Range(text, low=float(text[1:]))
    low, high = text.split("-")
    return Range(text, float(low), float(high))


def _ranges(text: str) -> dict[str, Range]:
    if not re.match(r"[FMC] ", text):
        return {"": _range(text)}
    people = (part.strip().split(" ", 1) for part in text.split(","))
    return {person: _range(limits) for person, limits in people}


def _analyte(line: str) -> Analyte:
    key, coding, name, units, decimals, limits, critical = (
        part.strip() for part in line.split("|")
    )
    system, _, code = coding.partition(" ")
    words = tuple(limits.split(" / ")) if " / " in limits else ()
    low = re.search(r"<([\d.]+)", critical)
    high = re.search(r">([\d.]+)", critical)
    return Analyte(
        key=key,
        code=code or key,
        system=system,
        name=name,
        units=units,
        decimals=int(decimals),
        ranges={} if words else _ranges(limits),
        words=words,
        critical_low=_number(low.group(1)) if low else None,
        critical_high=_number(high.group(1)) if high else None,
    )


def _story(text: str) -> Story:
    values, _, comment = text.partition("|")
    pairs = (pair.split("=", 1) for pair in values.split())
    return Story({key: value.replace("_", " ") for key, value in pairs}, comment.strip())


def _panel(line: str) -> Panel:
    key, name, section, specimen, words = re.split(r"\]\s*|\s*\|\s*", line[1:], maxsplit=4)
    ordered_by = tuple(word.strip().casefold() for word in words.split(","))
    return Panel(key, name, section, specimen, ordered_by)


@functools.cache
def panels() -> dict[str, Panel]:
    """Every panel by its key."""
    found: dict[str, Panel] = {}
    panel = Panel("", "", "", "", ())
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            panel = _panel(line)
            found[panel.key] = panel
        elif line.startswith(("abnormal:", "critical:")):
            kind, _, rest = line.partition(":")
            panel.stories.setdefault(kind, []).append(_story(rest))
        elif line and not line.startswith("#"):
            panel.analytes.append(_analyte(line))
    return found


@functools.lru_cache(maxsize=2048)
def panel_for(code: str, name: str) -> Panel | None:
    """The panel that an order's code, else its name, stands for; None when there is none."""
    code, name = code.casefold(), name.casefold()
    for panel in panels().values():
        if code in panel.ordered_by or name in (*panel.ordered_by, panel.name.casefold()):
            return panel
    best = max(panels().values(), key=lambda panel: _likeness(panel, name))
    return best if _likeness(best, name) else None


def _likeness(panel: Panel, name: str) -> int:
    """The length of the longest of the panel's words that the name has, as whole words."""
    padded = f" {re.sub(r'[^a-z0-9&-]+', ' ', name)} "
    words = (*panel.ordered_by, panel.name.casefold())
    return max((len(word) for word in words if f" {word} " in padded), default=0)
