"""A large past: requests that were lived, copied to other patients and days in the database itself.

A copy has the rows that the services made, field for field; only who, when and the numbers differ.
Ids follow from the original's: a UUID becomes md5(original, copy), a sequence's id its place in the
copy's own block. So foreign keys need no looking up, and a million results take minutes.

Not copied: messages and the audit trail. They are evidence, and nothing was sent or looked at.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction
from psycopg2.extras import execute_values

from accounts.models import Organisation, User
from messaging.models import InboundMessage
from patients.models import Patient
from requesting.models import (
    AlertOutcome,
    Answer,
    OrderMessage,
    PreviousResult,
    Request,
    RequestEvent,
    RequestItem,
    RequestMessage,
)
from results.models import Observation, Report, ReportEvent, ReportVersion, Review

from .patterns import Pattern, Target, label, mixture, patterns, targets
from .unindexed import unindexed

Cursor = Any  # Django's wrapper of a cursor has no public type
SEED = 20261123
BATCH = 20_000  # copies in one statement a table
MANY = 5_000  # copies from which on indexes are made afterwards, all at once
FURTHEST, OPEN_WITHIN = timedelta(days=1000), timedelta(days=5)

# Each table, and the way from its rows to their request.
TREE: tuple[tuple[type[models.Model], str], ...] = (
    (Request, "pk"),
    (RequestItem, "request_id"),
    (Answer, "item__request_id"),
    (AlertOutcome, "item__request_id"),
    (RequestEvent, "item__request_id"),
    (RequestMessage, "item__request_id"),
    (OrderMessage, "request_id"),
    (OrderMessage.items.through, "ordermessage__request_id"),
    (PreviousResult, "item__request_id"),
    (Report, "item__request_id"),
    (ReportVersion, "report__item__request_id"),
    (Observation, "version__report__item__request_id"),
    (Review, "version__report__item__request_id"),
    (ReportEvent, "report__item__request_id"),
)
COPIED = {model for model, _ in TREE}
TABLES = [model._meta.db_table for model in COPIED]
NAMES = {"by_name", "status_by"}  # of a person, as `Acting.label` writes it


@dataclass(frozen=True)
class Copy:
    """One copy: of what, for whom, and by how much earlier."""

    pattern: Pattern
    target: Target
    requester: User
    earlier: timedelta


# --- Choosing -------------------------------------------------------------------------------------


def choose(count: int, *, reports: float, open_share: float, now: datetime) -> list[Copy]:
    """So many copies, with `reports` reports a request on average; the same every time."""
    chance = random.Random(SEED)
    finished = mixture(patterns(is_open=False), reports=reports)
    waiting = patterns(is_open=True)
    people = targets()
    by_gender = {gender: [one for one in people if one.gender == gender] for gender in "FM"}
    copies = []
    for _ in range(count):
        is_open = chance.random() < open_share
        pattern = chance.choice(waiting if is_open else finished)
        target = chance.choice(by_gender.get(pattern.gender) or people)
        earlier = _earlier(pattern, now, chance, within=OPEN_WITHIN if is_open else FURTHEST)
        copies.append(Copy(pattern, target, chance.choice(target.requesters), earlier))
    return copies


def _earlier(
    pattern: Pattern, now: datetime, chance: random.Random, *, within: timedelta
) -> timedelta:
    """Whole days, so that hours stay surgery hours: the copy ended between a day ago and `within`.

    Negative where the original is older than that. An open one is never moved towards today.
    """
    age = now - pattern.ended
    if within == OPEN_WITHIN:
        return timedelta(days=chance.randint(0, within.days), minutes=chance.randint(0, 300))
    days = chance.randint(2, within.days) - age.days
    return timedelta(days=days, minutes=chance.randint(0, 400))


# --- Copying --------------------------------------------------------------------------------------


def make_copies(copies: list[Copy], *, say: Callable[[str], object] = lambda _: None) -> None:
    """Put the copies in: all of them, or none when it is stopped half way."""
    if not copies:
        return
    with connection.cursor() as cursor, transaction.atomic():
        _note_originals(cursor, {each.pattern.request_id for each in copies})
        with unindexed(cursor, TABLES) if len(copies) >= MANY else nullcontext():
            for start in range(0, len(copies), BATCH):
                _copy(cursor, copies[start : start + BATCH])
                say(f"{min(start + BATCH, len(copies)):,} of {len(copies):,} requests copied")
        for model, _ in TREE:
            cursor.execute(f"DROP TABLE {_origin(model)}")
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ANALYZE {table}")


def _origin(model: type[models.Model]) -> str:
    return f"origin_{model._meta.db_table}"


def _note_originals(cursor: Cursor, requests: set[str]) -> None:
    """Which rows belong to which request, and the place of each among its request's."""
    for model, way in TREE:
        kind = "uuid" if _has_uuid(model) else "bigint"
        cursor.execute(
            f"CREATE TEMPORARY TABLE {_origin(model)} (id {kind} PRIMARY KEY, request uuid, "
            "place int)"
        )
        places: dict[str, int] = {}
        rows = []
        found = model._base_manager.filter(**{f"{way}__in": requests}).order_by("pk")
        for key, request in found.values_list("pk", way):
            places[request] = places.get(request, -1) + 1
            rows.append((str(key), str(request), places[request]))
        if rows:
            insert = f"INSERT INTO {_origin(model)} VALUES %s"  # noqa: S608
            execute_values(cursor.cursor, insert, rows, f"(%s::{kind}, %s::uuid, %s)")


def _copy(cursor: Cursor, batch: list[Copy]) -> None:
    last = _take(cursor, "requesting_reference", len(batch))
    _load(cursor, batch, first_number=last - len(batch) + 1)
    blocks = {model: _block(cursor, model, len(batch)) for model, _ in TREE}
    placers = _span(cursor, RequestItem)
    first_placer = _take(cursor, "requesting_placer_number", len(batch) * placers)
    placer = Block(first_placer - len(batch) * placers + 1, placers)
    for model, _ in TREE:
        cursor.execute(_insert(model, blocks, placer))
    for statement in _RELATE:
        cursor.execute(statement)
    cursor.execute("DROP TABLE copy")


@dataclass(frozen=True)
class Block:
    """Numbers kept for a batch: `span` of them for each copy, from `first` on."""

    first: int
    span: int

    def number(self, place: str) -> str:
        """In SQL: the number for this copy of what is at that place in its request."""
        return f"({self.first} + copy.place::bigint * {self.span} + {place})"


def _take(cursor: Cursor, sequence: str, count: int) -> int:
    """So many numbers of a sequence for us; the last of them."""
    cursor.execute("SELECT setval(%s, nextval(%s) + %s)", [sequence, sequence, count])
    return int(cursor.fetchone()[0])


def _span(cursor: Cursor, model: type[models.Model]) -> int:
    cursor.execute(f"SELECT coalesce(max(place), 0) + 1 FROM {_origin(model)}")  # noqa: S608
    return int(cursor.fetchone()[0])


def _block(cursor: Cursor, model: type[models.Model], count: int) -> Block:
    span = _span(cursor, model)
    if _has_uuid(model):
        return Block(0, span)
    cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [model._meta.db_table])
    last = _take(cursor, cursor.fetchone()[0], count * span)
    return Block(last - count * span + 1, span)


_LOADED = (
    "place int PRIMARY KEY, number bigint, request uuid, patient uuid, earlier interval, "
    "organisation bigint, was_organisation bigint, code text, was_code text, "
    "requester bigint, was_requester bigint, label text, was_label text"
)


def _load(cursor: Cursor, batch: list[Copy], *, first_number: int) -> None:
    cursor.execute(f"CREATE TEMPORARY TABLE copy ({_LOADED})")
    rows = StringIO()
    for place, each in enumerate(batch):
        values = (
            place, first_number + place, each.pattern.request_id, each.target.patient_id,
            f"{each.earlier.total_seconds():.0f} seconds", each.target.organisation.pk,
            each.pattern.organisation.pk, each.target.organisation.ods_code,
            each.pattern.organisation.ods_code, each.requester.pk, each.pattern.requester.pk,
            label(each.requester), each.pattern.label,
        )  # fmt: skip
        rows.write("\t".join(map(str, values)) + "\n")
    rows.seek(0)
    cursor.cursor.copy_expert("COPY copy FROM STDIN", rows)
    cursor.execute("CREATE INDEX ON copy (request)")
    cursor.execute("ANALYZE copy")


_RELATE = (
    """
    INSERT INTO patients_relationship (patient_id, organisation_id, kind, since)
    SELECT copy.patient, copy.organisation, 'requester', min(was.requested_at - copy.earlier)
    FROM copy JOIN requesting_request was ON was.id = copy.request
    GROUP BY 1, 2 ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO patients_relationship (patient_id, organisation_id, kind, since)
    SELECT copy.patient, was.department_id, 'department', min(was.requested_at - copy.earlier)
    FROM copy JOIN requesting_requestitem was ON was.request_id = copy.request
    GROUP BY 1, 2 ON CONFLICT DO NOTHING
    """,
)


# --- One table's statement ------------------------------------------------------------------------


def _has_uuid(model: type[models.Model]) -> bool:
    return isinstance(model._meta.pk, models.UUIDField)


def _insert(
    model: type[models.Model], blocks: dict[type[models.Model], Block], placer: Block
) -> str:
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(_value(field, blocks, placer) for field in fields)
    return (
        f"INSERT INTO {model._meta.db_table} ({columns}) SELECT {values} "  # noqa: S608
        f"FROM {model._meta.db_table} was JOIN {_origin(model)} origin ON origin.id = was.id "
        f"JOIN copy ON copy.request = origin.request {_joins(fields)}"
    )


def _joins(fields: list[models.Field]) -> str:
    """The place of each row of a copied table that a foreign key points to."""
    found = []
    for field in fields:
        target = field.related_model
        if isinstance(target, type) and target in COPIED and not _has_uuid(target):
            found.append(
                f"LEFT JOIN {_origin(target)} of_{field.column} "
                f'ON of_{field.column}.id = was."{field.column}"'
            )
    return " ".join(found)


def _value(field: models.Field, blocks: dict[type[models.Model], Block], placer: Block) -> str:
    """What the copy has in this column."""
    was = f'was."{field.column}"'
    if field.primary_key and not isinstance(field, models.UUIDField):
        return blocks[field.model].number("origin.place")
    if isinstance(field, models.ForeignKey):
        return _pointer(field, was, blocks)
    if isinstance(field, models.UUIDField):
        return _other_uuid(was)
    if isinstance(field, models.DateTimeField):
        return f"{was} - copy.earlier"
    if isinstance(field, models.DateField):
        return f"({was} - copy.earlier)::date"
    return _own(field, was, placer)


def _other_uuid(was: str) -> str:
    return f"md5({was}::text || copy.number)::uuid"


def _pointer(field: models.ForeignKey, was: str, blocks: dict[type[models.Model], Block]) -> str:
    target = field.related_model
    if target in COPIED:
        if _has_uuid(target):
            return _other_uuid(was)
        return blocks[target].number(f"of_{field.column}.place")
    if target is Patient:
        return "copy.patient"
    if target is User:
        return f"CASE {was} WHEN copy.was_requester THEN copy.requester ELSE {was} END"
    if target is Organisation:
        return f"CASE {was} WHEN copy.was_organisation THEN copy.organisation ELSE {was} END"
    return "NULL" if target is InboundMessage else was


def _own(field: models.Field, was: str, placer: Block) -> str:
    """Numbers that are given once, and the requester's name and place in words."""
    number = placer.number("origin.place")
    if field.name == "reference":
        return "'R-' || copy.number"
    if field.name == "placer_number":
        return f"'{settings.HL7_SITE_PREFIX}' || lpad({number}::text, 10, '0')"
    if field.name == "filler_number":
        return (
            f"CASE {was} WHEN '' THEN '' ELSE left({was}, 3) || lpad({number}::text, 12, '0') END"
        )
    if field.name == "control_id":
        return "'X' || lpad(copy.number::text, 12, '0') || lpad(origin.place::text, 3, '0')"
    if field.name in NAMES:
        return f"CASE {was} WHEN copy.was_label THEN copy.label ELSE {was} END"
    if field.name == "organisation_code":
        return f"CASE {was} WHEN copy.was_code THEN copy.code ELSE {was} END"
    return was
