"""What was agreed with a partner, as one flat table of words to values; what differs between two.

A path is `port` (of the partner itself), `feed results.facility` (of a feed) or `codes exam` (a
whole map, a line a code). Values are text, numbers, yes or no, or None where there is nothing yet.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import StringIO
from typing import Any

from django.db.models import Model

from .models import Feed, Link, Partner, PartnerCode

Value = str | int | bool | None
Agreement = dict[str, Value]

CODE_COLUMNS = (
    "ours", "theirs", "display", "system", "direction", "valid_from", "valid_to",
)  # fmt: skip

# Of each field, in the order of the page: what it is called, and whether it is text, a number,
# a yes, an instant, or certificates.
PARTNER_FIELDS: dict[str, tuple[str, str]] = {
    "name": ("Name", "text"),
    "departments": ("Departments whose orders go there", "text"),
    "host": ("Host", "text"),
    "port": ("Port", "number"),
    "uses_tls": ("Uses TLS", "yes"),
    "server_name": ("Name in its certificate", "text"),
    "key_name": ("Our key pair", "text"),
    "trust_anchors": ("Who may vouch for its certificates", "pem"),
    "cleartext_until": ("Clear text is allowed until", "instant"),
    "cleartext_because": ("Why clear text is allowed", "text"),
    "order_message": ("Order message", "text"),
    "version": ("HL7 version", "text"),
    "character_set": ("Character set", "text"),
    "processing_id": ("Processing id", "text"),
    "our_application": ("We are (MSH-3)", "text"),
    "our_facility": ("at (MSH-4)", "text"),
    "their_application": ("They are (MSH-5)", "text"),
    "their_facility": ("at (MSH-6)", "text"),
    "acknowledgement_mode": ("Acknowledgement mode", "text"),
    "acknowledgement_seconds": ("Seconds to acknowledge", "number"),
    "application_minutes": ("Minutes for the application’s answer", "number"),
    "messages_a_second": ("Most messages a second (0: no limit)", "number"),
    "largest_bytes": ("Largest message, in bytes", "number"),
    "synthetic_seconds": ("A synthetic order every so many seconds (0: none)", "number"),
    "synthetic_patient": ("NHS number of synthetic orders", "text"),
    "synthetic_code": ("Code of synthetic orders", "text"),
}
# Those of them that are in the row of its link: agreed like the rest, and read by who sends them.
SYNTHETIC_FIELDS = ("synthetic_seconds", "synthetic_patient", "synthetic_code")
FEED_FIELDS: dict[str, tuple[str, str]] = {
    "name": ("Name", "text"),
    "application": ("They are (MSH-3)", "text"),
    "facility": ("at (MSH-4)", "text"),
    "message_types": ("Message types (empty: all that are handled)", "text"),
    "character_set": ("Character set where MSH-18 is empty", "text"),
    "processing_id": ("Processing id", "text"),
    "answers": ("Acknowledgement: as-asked or original", "text"),
    "largest_bytes": ("Largest message, in bytes", "number"),
    "most_connections": ("Most connections", "number"),
    "client_certificates": ("Its certificates", "pem"),
    "client_subject": ("or the subject of a certificate", "text"),
    "cleartext_until": ("Clear text is allowed until", "instant"),
    "cleartext_because": ("Why clear text is allowed", "text"),
    "is_open": ("Open", "yes"),
}


class BadAgreement(Exception):
    """It cannot be agreed like this. `problems` are (path, sentence)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("\n".join(sentence for _, sentence in problems))


@dataclass(frozen=True)
class Difference:
    """One thing that is to be another."""

    path: str
    before: Value
    after: Value

    def as_json(self) -> dict[str, Value]:
        return {"path": self.path, "from": self.before, "to": self.after}


def differences(before: Mapping[str, Value], after: Mapping[str, Value]) -> list[Difference]:
    """In the order of the page: the partner, its feeds, its codes."""
    return [
        Difference(path, before.get(path), after.get(path))
        for path in [*after, *(path for path in before if path not in after)]
        if before.get(path) != after.get(path)
    ]


def read_differences(rows: Iterable[Mapping[str, Any]]) -> list[Difference]:
    return [Difference(row["path"], row["from"], row["to"]) for row in rows]


def defaults() -> Agreement:
    """A partner of whom nothing was said: what holds unless it is agreed otherwise."""
    synthetic = _defaults(Link, SYNTHETIC_FIELDS)
    return _defaults(Partner, PARTNER_FIELDS) | {"departments": ""} | synthetic


def feed_defaults() -> Agreement:
    return _defaults(Feed, FEED_FIELDS)


def _defaults(model: type[Model], fields: Iterable[str]) -> Agreement:
    known = {each.name: each for each in model._meta.concrete_fields}
    return {field: plain(known[field].get_default()) for field in fields if field in known}


def agreement_of(partner: Partner) -> Agreement:
    """As it stands in the tables."""
    own = [each for each in PARTNER_FIELDS if each not in ("departments", *SYNTHETIC_FIELDS)]
    found: Agreement = {field: plain(getattr(partner, field)) for field in own}
    codes = partner.departments.order_by("ods_code").values_list("ods_code", flat=True)
    found["departments"] = " ".join(codes)
    link = Link.objects.filter(partner=partner).first() or Link()
    found |= {field: plain(getattr(link, field)) for field in SYNTHETIC_FIELDS}
    for feed in partner.feeds.order_by("slug"):
        for field in FEED_FIELDS:
            found[f"feed {feed.slug}.{field}"] = plain(getattr(feed, field))
    rows: dict[str, list[PartnerCode]] = {}
    for row in partner.codes.all():
        rows.setdefault(row.kind, []).append(row)
    for kind, of_kind in rows.items():
        found[f"codes {kind}"] = codes_text(
            {column: str(getattr(row, column) or "") for column in CODE_COLUMNS} for row in of_kind
        )
    return found


def plain(value: Any) -> Value:
    """A value of a row as JSON has it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    return value


# --- Paths ---------------------------------------------------------------------------------------


def split_path(path: str) -> tuple[str, str, str]:
    """`feed results.port` to (feed, results, port); `port` to ("", "", port)."""
    kind, _, rest = path.partition(" ")
    if kind == "feed":
        slug, _, field = rest.partition(".")
        return kind, slug, field
    return ("codes", rest, "") if kind == "codes" else ("", "", path)


def words_of(path: str) -> str:
    """What the page calls it."""
    kind, name, field = split_path(path)
    if kind == "codes":
        return f"Codes: {name}"
    if kind == "feed":
        return f"Feed {name}: {FEED_FIELDS.get(field, (field, ''))[0]}"
    return PARTNER_FIELDS.get(field, (field, ""))[0]


def type_of(path: str) -> str:
    """text, number, yes, instant, pem or codes."""
    kind, _, field = split_path(path)
    if kind == "codes":
        return "codes"
    return (FEED_FIELDS if kind == "feed" else PARTNER_FIELDS).get(field, ("", "text"))[1]


def feeds_in(agreement: Mapping[str, Value]) -> dict[str, Agreement]:
    """The feeds of an agreement by their short names."""
    found: dict[str, Agreement] = {}
    for path, value in agreement.items():
        kind, slug, field = split_path(path)
        if kind == "feed":
            found.setdefault(slug, {})[field] = value
    return found


# --- Codes ---------------------------------------------------------------------------------------


def codes_text(rows: Iterable[Mapping[str, str]]) -> str:
    """A map as lines of CSV under its heading, in order; "" for no code at all."""
    lines = sorted([row.get(column) or "" for column in CODE_COLUMNS] for row in rows)
    if not lines:
        return ""
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows([list(CODE_COLUMNS), *lines])
    return out.getvalue()


def read_codes(kind: str, text: str) -> list[dict[str, str]]:
    """Lines of CSV to rows, with what may be left out filled in. Raises BadAgreement."""
    path = f"codes {kind}"
    reader = csv.DictReader(StringIO(text))
    unknown = set(reader.fieldnames or ()) - set(CODE_COLUMNS)
    if text.strip() and (unknown or not {"ours", "theirs"} <= set(reader.fieldnames or ())):
        words = (
            f"{kind}.csv begins with the line {','.join(CODE_COLUMNS)} (the first two at least)."
        )
        raise BadAgreement([(path, words)])
    rows, problems = [], []
    for number, line in enumerate(reader, start=2):
        row = {column: (line.get(column) or "").strip() for column in CODE_COLUMNS}
        row["direction"] = row["direction"] or "both"
        row["valid_from"] = row["valid_from"] or "2000-01-01"
        problems += [(path, f"{kind}, line {number}: {words}") for words in _wrong_code(row)]
        rows.append(row)
    problems += _said_twice(path, kind, rows)
    if problems:
        raise BadAgreement(problems)
    return rows


def _wrong_code(row: Mapping[str, str]) -> Iterator[str]:
    if not row["ours"] or not row["theirs"]:
        yield "a code of ours and one of theirs are needed."
    if row["direction"] not in PartnerCode.Direction.values:
        yield f"the direction is both, in or out, not {row['direction']}."
    for column in ("valid_from", "valid_to"):
        if row[column] and not _is_day(row[column]):
            yield f"{column} is a day as 2026-11-22, not {row[column]}."
    if row["valid_to"] and row["valid_to"] < row["valid_from"]:
        yield "it ends before it begins."
    for field in PartnerCode._meta.concrete_fields:
        longest = field.max_length
        if longest and len(row.get(field.name, "")) > longest:
            yield f"{field.name} is longer than {longest} characters."


def _said_twice(path: str, kind: str, rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    seen: set[tuple[str, ...]] = set()
    problems = []
    for row in rows:
        key = (row["ours"], row["theirs"], row["valid_from"])
        if key in seen:
            problems.append((path, f"{kind}: {row['ours']} to {row['theirs']} is there twice."))
        seen.add(key)
    return problems


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
