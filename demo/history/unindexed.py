"""Filling tables quickly: foreign keys and plain indexes are made afterwards, all at once.

Checking a million keys one by one takes many times as long as checking them together. Inside one
transaction, so that a table is never without them for anybody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_KEYS = """
    SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)
    FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY(%s::regclass[])
    ORDER BY 1, 2
"""
_INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index WHERE NOT indisunique AND indrelid = ANY(%s::regclass[]) ORDER BY 1
"""


@contextmanager
def unindexed(cursor: Any, tables: list[str]) -> Iterator[None]:
    """Until the end of the block the tables have no foreign keys and no plain indexes.

    Locks the tables until the transaction ends; raises what ADD CONSTRAINT raises when the rows
    do not fit.
    """
    cursor.execute(_KEYS, [tables])
    keys = cursor.fetchall()
    cursor.execute(_INDEXES, [tables])
    indexes = cursor.fetchall()
    for table, name, _ in keys:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
    for _, definition in indexes:
        cursor.execute(definition)
    for table, name, definition in keys:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
