"""Ring for a worker at the moment when an undo time is over. Safe to lose: a sweep looks too."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction

from messaging import doorbell

RELEASE = "requesting.release"


def ring_at(when: datetime, request_id: UUID) -> None:
    """After the commit, ask for the request's release at that time."""
    transaction.on_commit(partial(doorbell.ring, RELEASE, str(request_id), queue="timers", at=when))
