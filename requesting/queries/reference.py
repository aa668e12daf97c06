"""Catalogue and rules as they are now, kept between requests: they change once in a release.

One small query says whether anything changed; only then all of it is read again. What is kept is
read, never altered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db import connection
from django.utils import timezone

from catalogue import queries as catalogue
from catalogue.models import OrderSet, Service
from requesting.models import Rule
from requesting.rules import Level
from requesting.rules import Rule as LiveRule

# Every verb that writes one of these tables changes one of these numbers; numbers of rows are
# never given twice, so a rolled-back import is another one.
STAMP = """
SELECT (SELECT max(id) FROM catalogue_release),
       (SELECT max(id) FROM catalogue_service),
       (SELECT count(*) FROM catalogue_service WHERE valid_to IS NULL),
       (SELECT max(id) FROM requesting_rule),
       (SELECT count(*) FROM requesting_rule WHERE is_live)
"""
STAMPED = 5  # columns
Stamp = tuple[int | None, ...]


@dataclass(frozen=True)
class Shelf:
    """What was read under one stamp on one day. Services come with their parts, prefetched."""

    stamp: Stamp
    day: date
    services: Mapping[str, Service]
    rules: tuple[LiveRule, ...]
    sets: tuple[tuple[str, str, tuple[str, ...]], ...]  # code, name, services


class _Kept:
    shelf: Shelf | None = None


def shelf() -> Shelf:
    """The reference data of this moment; one query while nothing changes."""
    with connection.cursor() as cursor:
        cursor.execute(STAMP)
        return shelf_of(tuple(cursor.fetchone()))


def shelf_of(stamp: Stamp) -> Shelf:
    """What was read under this stamp; read anew when it is another than the last."""
    today, kept = timezone.localdate(), _Kept.shelf
    if kept is None or (kept.stamp, kept.day) != (stamp, today):
        kept = _Kept.shelf = _read(stamp, today)
    return kept


def _read(stamp: Stamp, today: date) -> Shelf:
    codes = list(catalogue.orderable(today).values_list("code", flat=True))
    sets = OrderSet.objects.on(today)
    return Shelf(
        stamp=stamp,
        day=today,
        services=catalogue.services_by_code(codes, on=today),
        rules=_live_rules(),
        sets=tuple((row.code, row.name, tuple(row.service_codes)) for row in sets),
    )


def _live_rules() -> tuple[LiveRule, ...]:
    rows = Rule.objects.filter(is_live=True).order_by("key")
    return tuple(
        LiveRule(row.key, row.version, row.kind, Level(row.level), row.source, row.parameters)
        for row in rows
    )
