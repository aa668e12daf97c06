"""Bytes that nobody has a use for: left by a crash between the disk and the database."""

from __future__ import annotations

import time
from itertools import islice
from uuid import UUID

import structlog

from iep import storage
from iep.models import ReceivedFile
from iep.states.studies import FileState

log = structlog.get_logger(__name__)

DAY = 24 * 3600.0
# A row that was given up is done with its bytes. Bytes without any row are kept much longer: when
# the database came back from a backup, they are images that it does not remember.
DISCARDED_AFTER = DAY
UNKNOWN_AFTER = 30 * DAY
EVERY_SECONDS = 3600.0
_AT_ONCE = 500


class _Clock:
    """When this process looked last."""

    looked_at = float("-inf")  # monotonic


def is_due() -> bool:
    """Whether this process should look again; it then counts as having looked."""
    is_due = time.monotonic() - _Clock.looked_at >= EVERY_SECONDS
    if is_due:
        _Clock.looked_at = time.monotonic()
    return is_due


def clear() -> int:
    """Remove what is left over; how many files. Nothing that a row still needs."""
    gone = storage.clear_aside(older_than=DAY)
    ids = storage.kept_ids(older_than=DISCARDED_AFTER)
    while batch := list(islice(ids, _AT_ONCE)):
        gone += _clear(batch)
    if gone:
        log.warning("leftovers_cleared", files=gone)
    return gone


def _clear(ids: list[UUID]) -> int:
    states = dict(ReceivedFile.objects.filter(pk__in=ids).values_list("pk", "state"))
    over = [key for key in ids if states.get(key) == FileState.DISCARDED.value]
    over += [key for key in ids if key not in states and _age(key) > UNKNOWN_AFTER]
    for key in over:
        storage.discard(key)
    return len(over)


def _age(key: UUID) -> float:
    """Seconds since the file was written; none when it is gone already."""
    try:
        return time.time() - storage.path_of(key).stat().st_mtime
    except FileNotFoundError:
        return 0.0
