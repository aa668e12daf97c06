"""The call reference, by which people speak of a ticket: IEP-yymmdd-nnn."""

from __future__ import annotations

from datetime import date

from django.db import connection, transaction
from django.utils import timezone

_INSERT = """
INSERT INTO iep_callday (day, last) VALUES (%s, 1)
ON CONFLICT (day) DO UPDATE SET last = iep_callday.last + 1 RETURNING last
"""


def next_reference(*, today: date | None = None) -> str:
    """`IEP-261122-014`, the fourteenth of that London day.

    The day's row is locked until the transaction ends: two who open tickets at once have two
    numbers, and one that is rolled back leaves no gap.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("a reference belongs to its ticket's insert")
    day = today or timezone.localdate()
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [day])
        return f"IEP-{day:%y%m%d}-{written(cursor.fetchone()[0])}"


def written(number: int) -> str:
    """Three characters: 001 to 999, then A00 to Z99. Ten digits in a row would read as an NHS
    number to whoever guards the subjects of mails."""
    if number < 1000:
        return f"{number:03d}"
    letter, rest = divmod(number - 1000, 100)
    if letter >= 26:
        raise OverflowError("More tickets in a day than call references")
    return f"{chr(ord('A') + letter)}{rest:02d}"
