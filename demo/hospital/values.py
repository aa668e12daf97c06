"""Believable laboratory values: the same for the same order, kind and version."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from .panels import Analyte, Panel, Story

DIFFERENTIAL = ("NEUT", "LYMPH", "MONO", "EOS", "BASO")  # the white cells
_TRIES = 60  # draws before a set of values is taken as it is


@dataclass(frozen=True)
class Value:
    """One OBX. `kind` is OBX-2; `text` as it will be read, `~` between repetitions."""

    key: str
    code: str
    system: str
    name: str
    kind: str
    text: str
    units: str
    limits: str
    flag: str
    comment: str = ""

    @property
    def coding(self) -> list[object]:
        return [self.code, self.name, self.system]


@dataclass(frozen=True)
class Person:
    """Whose blood it is: all that ranges need."""

    sex: str
    age: int


# --- The numbers ----------------------------------------------------------------------------------


def _within(analyte: Analyte, person: Person, chance: random.Random) -> float:
    """A value well inside the range."""
    limits = analyte.range_for(person.sex, person.age)
    if limits.low is None and limits.high is None:
        return chance.uniform(1, 4)
    low = limits.low if limits.low is not None else 0.15 * (limits.high or 1)
    high = limits.high if limits.high is not None else 1.6 * low
    edge = 0.12 * (high - low)
    return chance.triangular(low + edge, high - edge)


def egfr(creatinine: float, person: Person) -> float:
    """CKD-EPI 2009 without the term for ethnicity, creatinine in umol/L: mL/min/1.73 m2."""
    female = person.sex != "M"
    kappa, alpha, factor = (0.7, -0.329, 1.018) if female else (0.9, -0.411, 1.0)
    ratio = creatinine / 88.4 / kappa
    return 141 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.209 * 0.993**person.age * factor


# Key → how it follows from others, in this order; only where the panel has them all.
DERIVED: dict[str, tuple[tuple[str, ...], Callable[[dict[str, float], Person], float]]] = {
    "RBC": (("HB", "MCH"), lambda n, _: n["HB"] / n["MCH"]),
    "HCT": (("RBC", "MCV"), lambda n, _: n["RBC"] * n["MCV"] / 1000),
    "WBC": (DIFFERENTIAL, lambda n, _: sum(n[key] for key in DIFFERENTIAL)),
    "EGFR": (("CREA",), lambda n, person: egfr(n["CREA"], person)),
    "TP": (("ALB", "GLOB"), lambda n, _: n["ALB"] + n["GLOB"]),
    "NHDL": (("CHOL", "HDL"), lambda n, _: n["CHOL"] - n["HDL"]),
    "RATIO": (("CHOL", "HDL"), lambda n, _: n["CHOL"] / n["HDL"]),
    "ACA": (("CA", "ALB"), lambda n, _: n["CA"] + 0.02 * (40 - n["ALB"])),
    "TSAT": (("IRON", "TRF"), lambda n, _: 100 * n["IRON"] / (25.1 * n["TRF"])),
}


def _derive(numbers: dict[str, float], person: Person, told: set[str]) -> None:
    """Values that follow from others, so that a clinician finds no contradiction."""
    for key, (sources, follow) in DERIVED.items():
        if key in numbers and key not in told and numbers.keys() >= set(sources):
            numbers[key] = follow(numbers, person)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _numbers(
    panel: Panel, person: Person, told: dict[str, str], chance: random.Random
) -> dict[str, float]:
    numbers = {
        analyte.key: _within(analyte, person, chance)
        for analyte in panel.analytes
        if not analyte.words
    }
    for key, text in told.items():
        if _is_number(text):
            numbers[key] = float(text) * chance.uniform(0.96, 1.04)
    _derive(numbers, person, set(told))
    return numbers


# --- From numbers to what is sent -----------------------------------------------------------------


def _blank(analyte: Analyte, limits: str = "") -> Value:
    return Value(
        analyte.key, analyte.code, analyte.system, analyte.name, "", "", analyte.units, limits, ""
    )


def measured(analyte: Analyte, number: float, person: Person) -> Value:
    """A number with its range and flag; an eGFR above 90 is given as above 90."""
    limits = analyte.range_for(person.sex, person.age)
    number = round(number, analyte.decimals)
    blank = _blank(analyte, limits.text)
    flag = analyte.flag(number, limits)
    if analyte.key == "EGFR" and number > 90:
        return replace(blank, kind="SN", text=">90", flag=flag)
    return replace(blank, kind="NM", text=f"{number:.{analyte.decimals}f}", flag=flag)


def _told(analyte: Analyte, text: str, person: Person) -> Value:
    """A value that a story gives in words or as a comparison."""
    if analyte.words:
        kind = "TX" if analyte.key == "CULT" else "ST"
        flag = "N" if text == analyte.words[0] else "A"
        return replace(_blank(analyte), kind=kind, text=text, flag=flag)
    limits = analyte.range_for(person.sex, person.age)
    beyond = float(text[1:]) * (0.5 if text[0] == "<" else 2)
    return replace(
        _blank(analyte, limits.text), kind="SN", text=text, flag=analyte.flag(beyond, limits)
    )


def _values(panel: Panel, person: Person, story: Story, chance: random.Random) -> list[Value]:
    numbers = _numbers(panel, person, story.values, chance)
    found = []
    for analyte in panel.analytes:
        text = story.values.get(analyte.key, "")
        if analyte.words:
            found.append(_told(analyte, text or analyte.words[0], person))
        elif text and not _is_number(text):
            found.append(_told(analyte, text, person))
        else:
            found.append(measured(analyte, numbers[analyte.key], person))
    return found


def _is_as_meant(values: list[Value], kind: str) -> bool:
    flags = {value.flag for value in values}
    if kind == "normal":
        return flags <= {"N", ""}
    if kind == "abnormal":
        return not flags & {"HH", "LL"} and bool(flags & {"H", "L", "A"})
    return True


def _default_story(panel: Panel, person: Person, kind: str) -> Story:
    """The leading value out of range, for a test of which nobody wrote a story."""
    leading = panel.leading
    if leading.words:
        return Story({leading.key: leading.words[-1]}, "")
    limits = leading.range_for(person.sex, person.age)
    beyond = 1.3 if kind == "abnormal" else 2.5
    number = limits.high * beyond if limits.high is not None else (limits.low or 1) / beyond
    return Story({leading.key: f"{number:.{leading.decimals}f}"}, "")


def draw(panel: Panel, *, kind: str, person: Person, seed: str) -> list[Value]:
    """Values of a normal, abnormal or critical report; the comment is on the leading value."""
    chance = random.Random(f"{seed}/{kind}")
    story = Story({}, "")
    if kind != "normal":
        told = panel.stories.get(kind) or panel.stories.get("abnormal")
        story = chance.choice(told) if told else _default_story(panel, person, kind)
    for _ in range(_TRIES):
        values = _values(panel, person, story, chance)
        if _is_as_meant(values, kind):
            break
    if kind == "critical" and not {"HH", "LL"} & {value.flag for value in values}:
        worst = next((n for n, value in enumerate(values) if value.flag not in ("N", "")), 0)
        values[worst] = replace(values[worst], flag="AA")
    if story.comment:
        values[0] = replace(values[0], comment=story.comment)
    return values


def _moved(analyte: Analyte, before: Value, person: Person, chance: random.Random) -> float:
    """Another believable number: half the range's width away, a quarter where a side is open."""
    number = float(before.text.lstrip("<>"))
    limits = analyte.range_for(person.sex, person.age)
    step = 10**-analyte.decimals + 0.25 * number
    if limits.low is not None and limits.high is not None:
        step = min(step, 0.5 * (limits.high - limits.low))
    return number + step if number <= step else number + chance.choice((-1, 1)) * step


def amend(panel: Panel, values: list[Value], *, person: Person, seed: str) -> list[Value]:
    """The last version with its leading value changed, saying from what to what and why."""
    chance = random.Random(f"{seed}/amended/{values[0].text}")
    before, leading = values[0], panel.leading
    if leading.words:
        other = next(word for word in reversed(leading.words) if word != before.text)
        after = _told(leading, other, person)
    else:
        after = measured(leading, _moved(leading, before, person, chance), person)
    comment = (
        f"Corrected from {before.text.replace('~', ', ')} to {after.text.replace('~', ', ')}. "
        "The first sample was mislabelled; this is the patient's own."
    )
    return [replace(after, comment=comment), *values[1:]]
