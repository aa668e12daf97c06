"""The form of one part of an agreement: made from its fields, read back to its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.http import QueryDict
from django.utils import timezone

from . import agreement
from .agreement import Value
from .models import Feed, Partner
from .models.partners import ORDER_MESSAGES, PROCESSING_IDS, VERSIONS
from .queries.agreements import last_day
from .wire import CHARSETS

CHOICES: dict[str, tuple[str, ...]] = {
    "order_message": ORDER_MESSAGES,
    "version": VERSIONS,
    "character_set": tuple(CHARSETS),
    "processing_id": PROCESSING_IDS,
    "acknowledgement_mode": tuple(Partner.Acknowledgement.values),
    "answers": tuple(Feed.Answers.values),
}
HINTS = {
    "instant": "A day, as 2027-02-20; nothing: not at all",
    "pem": "One or more certificates in PEM form",
    "codes": "Lines of CSV, under a line of headings: " + ", ".join(agreement.CODE_COLUMNS),
    "departments": "Codes of organisations, with spaces between",
    "message_types": "As ORU^R01 ADT^A08, with spaces between",
    "key_name": "The name of a key pair in TLS_DIR",
}


@dataclass(frozen=True)
class Field:
    """A field of the page: `kind` is text, number, yes, instant, pem, codes or choice."""

    path: str
    name: str  # of the control: a path without what HTML ids do not have
    words: str
    kind: str
    value: str
    hint: str
    choices: tuple[str, ...]
    problem: str


def fields_of(
    paths: list[str],
    held: Mapping[str, Value],
    data: QueryDict | None = None,
    problems: list[tuple[str, str]] | None = None,
) -> list[Field]:
    """The fields as they stand, or as somebody has just filled them in."""
    wrong = dict(reversed(problems or []))
    return [
        _field(path, held.get(path), data, wrong.get(path, ""))
        for path in paths
    ]  # fmt: skip


def _field(path: str, value: Value, data: QueryDict | None, problem: str) -> Field:
    kind, field = agreement.type_of(path), agreement.split_path(path)[2]
    name = control(path)
    text = shown(kind, value) if data is None else data.get(name, "")
    return Field(
        path=path,
        name=name,
        words=agreement.words_of(path).split(": ", 1)[-1],
        kind="choice" if field in CHOICES else kind,
        value=text,
        hint=HINTS.get(field, HINTS.get(kind, "")),
        choices=CHOICES.get(field, ()),
        problem=problem,
    )


def control(path: str) -> str:
    """`feed all.port` as the name of a control."""
    return path.replace(" ", "-").replace(".", "-").replace("_", "-")


def shown(kind: str, value: Value) -> str:
    """A value as it stands in its control."""
    if kind == "yes":
        return "yes" if value else ""
    if kind == "instant":
        return last_day(str(value)).date().isoformat() if value else ""
    return "" if value is None else str(value)


def filled_in(paths: list[str], held: Mapping[str, Value], data: QueryDict) -> dict[str, Value]:
    """The values of these fields; what cannot be read stays as text, and is told as a problem."""
    return {path: _read(path, held.get(path), data.get(control(path), "")) for path in paths}


def _read(path: str, before: Value, text: str) -> Value:
    kind, text = agreement.type_of(path), text.replace("\r\n", "\n").strip()
    if text == shown(kind, before).strip():
        return before
    if kind == "yes":
        return text == "yes"
    if kind == "number":
        return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else text
    if kind == "instant":
        return _end_of(text)
    if kind == "codes" and text:
        return _codes(path, text)
    return f"{text}\n" if kind == "pem" and text else text


def _codes(path: str, text: str) -> str:
    """In the order and with the columns that a map is kept in, where it can be read."""
    try:
        return agreement.codes_text(agreement.read_codes(agreement.split_path(path)[1], text))
    except agreement.BadAgreement:
        return text


def _end_of(text: str) -> Value:
    """The end of that day; None for nothing."""
    if not text:
        return None
    try:
        after = date.fromisoformat(text) + timedelta(days=1)
    except ValueError:
        return text
    at = timezone.make_aware(datetime.combine(after, time.min))
    return agreement.plain(at)
