"""The next version of an order's report: which status it has, and what it says."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

from . import prose
from .orders import Order, Version
from .panels import Panel, panel_for, panels
from .values import Person, Value, amend, draw, measured

KINDS = (
    "normal", "abnormal", "critical", "preliminary", "amended", "unflagged", "document",
    "withdrawn", "impossible",
)  # fmt: skip
# Of what is taken back or never was: another patient's, and a test that could not be done.
ENDINGS = {"withdrawn": "W", "impossible": "X"}
IMPOSSIBLE = "The test could not be done: the sample or the images were not good enough."
AMENDED = "AMENDED REPORT. "
FLAGS = {"normal": "N", "abnormal": "A", "critical": "AA"}


class CannotWrite(Exception):
    """There can be no such version now; the text says why."""


def person_of(order: Order, at: datetime) -> Person:
    """Sex and age on the day, from PID-8 and PID-7."""
    born = order.pid(7)
    birth = date(int(born[:4]), int(born[4:6] or "1"), int(born[6:8] or "1"))
    age = at.year - birth.year - ((at.month, at.day) < (birth.month, birth.day))
    return Person(order.pid(8), age)


def panel_of(order: Order) -> Panel:
    return panel_for(order.code, order.name) or panels()["other"]


def next_version(order: Order, kind: str, text: str, at: datetime) -> Version:
    """Raises CannotWrite. Final reports are followed by corrected ones only (HL7 table 0123)."""
    last = order.reports[-1] if order.reports else None
    _check(order, kind)
    if kind == "amended" and last:
        version = _amended(order, last, at)
    elif kind == "withdrawn" and last:
        version = replace(last, kind=kind, status=ENDINGS[kind])
    elif kind == "impossible":
        version = Version(1, kind, ENDINGS[kind], at.isoformat(), text=IMPOSSIBLE)
    else:
        version = first_version(order, kind, at)
    if text:
        _in_own_words(order, version, text, at)
    if last:
        _follow(order, last, version, at)
    if version.status == "C" and version.text and not version.text.startswith(AMENDED):
        version.text = AMENDED + version.text
    return version


def _check(order: Order, kind: str) -> None:
    if kind not in KINDS:
        raise CannotWrite(f"There is no report of the kind {kind or '(none)'}.")
    if kind == "amended" and not order.reports:
        raise CannotWrite("There is no report to amend.")
    if kind == "withdrawn" and not order.reports:
        raise CannotWrite("There is no report to withdraw.")
    if kind == "impossible" and order.reports:
        raise CannotWrite("There is a report: it can be withdrawn.")
    if kind == "preliminary" and _is_final(order):
        raise CannotWrite("The report is final: it can only be amended.")


def _is_final(order: Order) -> bool:
    return any(one.status != "P" for one in order.reports)


def _in_own_words(order: Order, version: Version, text: str, at: datetime) -> None:
    if order.is_imaging:
        version.text = text.replace("\r\n", "\n").strip()
    else:
        version.values = _own_values(order, version.values, text, at)


def _follow(order: Order, last: Version, version: Version, at: datetime) -> None:
    """The next number, a later time, and C where there was a final version."""
    after = datetime.fromisoformat(last.issued_at) + timedelta(seconds=1)
    version.number = last.number + 1
    version.issued_at = max(at, after).isoformat()
    if version.kind in ENDINGS:
        return
    if _is_final(order) or version.kind == "amended":
        version.status = "C"


def first_version(order: Order, kind: str, at: datetime) -> Version:
    """A report as if none had been before."""
    version = Version(1, kind, "P" if kind == "preliminary" else "F", at.isoformat())
    finding = kind if kind in FLAGS else "normal"
    if order.is_imaging:
        version.text = prose.report(order.code, order.name, kind=finding, seed=order.placer)
        version.flag = "" if kind == "unflagged" else FLAGS[finding]
    else:
        values = draw(panel_of(order), kind=finding, person=person_of(order, at), seed=order.placer)
        version.values = [asdict(value) for value in _as_kind(values, kind)]
    return version


def _own_values(
    order: Order, values: list[dict[str, Any]], text: str, at: datetime
) -> list[dict[str, Any]]:
    """`K=6.9, NA=131`: what the person says was measured, flagged by the analyte's own limits."""
    own = dict(pair.partition("=")[::2] for pair in text.replace(",", " ").split())
    analytes = {analyte.key: analyte for analyte in panel_of(order).analytes}
    person = person_of(order, at)
    made = {}
    for key, number in own.items():
        try:
            made[key.upper()] = measured(analytes[key.upper()], float(number), person)
        except (KeyError, ValueError):
            known = ", ".join(analytes)
            raise CannotWrite(f"Give values like K=6.9. Here are {known}.") from None
    return [asdict(made[value["key"]]) if value["key"] in made else value for value in values]


def _as_kind(values: list[Value], kind: str) -> list[Value]:
    if kind == "preliminary":
        return values[: (len(values) + 1) // 2]
    if kind == "unflagged":
        return [replace(value, flag="") for value in values]
    return values


def _amended(order: Order, last: Version, at: datetime) -> Version:
    version = Version(last.number, "amended", "C", at.isoformat())
    if order.is_imaging:
        version.text, version.flag = _other_finding(order, last)
        return version
    before = [Value(**stored) for stored in last.values]
    after = amend(panel_of(order), before, person=person_of(order, at), seed=order.placer)
    version.values = [asdict(value) for value in after]
    return version


def _other_finding(order: Order, last: Version) -> tuple[str, str]:
    """What a second look found, and what was said before."""
    finding = "normal" if last.flag == "A" else "abnormal"
    text = prose.report(order.code, order.name, kind=finding, seed=order.placer)
    before = last.text.split("\n")[0].removeprefix(AMENDED)
    return f"{text}\nThe earlier version said: {before}", FLAGS[finding]
