"""The rows of scans of an open ticket, as they were typed and what they mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import QueryDict

from iep.asking import MOST_EXAMS, Exam
from iep.forms.tickets import ROW, Typed, exams_of, row_of, typed
from nhsuk.formats import cdate_text


def of_ticket(exams: Iterable[Any]) -> Typed:
    """The rows as they stand, each with the number of its record."""
    return Typed(rows=[
        {"date": cdate_text(each.acquired_on) if each.acquired_on else "",
         "description": each.description, "modality": each.modality, "code": each.code,
         "pk": str(each.pk)}
        for each in exams
    ])  # fmt: skip


def of_post(data: QueryDict) -> Typed:
    """As typed; a row keeps the number of its record through every press of a button."""
    form = typed(data)
    for number, row in enumerate(form.rows, 1):
        row["pk"] = data.get(f"exam-{number}-pk", "")[:20]
    return form


def read(form: Typed) -> tuple[list[tuple[Exam, int | None]], dict[str, str]]:
    """Each row in which something stands, and what could not be read: field → words."""
    problems: dict[str, str] = {}
    form.rows[:] = [row for row in form.rows if any(row[name] for name in ROW)] or [row_of()]
    kept = [row for row in form.rows if any(row[name] for name in ROW)]
    exams = exams_of(kept, problems)
    pairs = [(exam, _number(row.get("pk", ""))) for exam, row in zip(exams, kept, strict=True)]
    return pairs[:MOST_EXAMS], problems


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None
