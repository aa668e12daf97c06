"""Refused files, and those that the virus scanner holds up: how many, since when, who is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Min, Q
from django.urls import reverse
from django.utils import timezone

from accounts.policies import Acting
from accounts.roles import Permission
from iep import policies
from iep.queries.arrival.arrivals import files_for
from iep.queries.exchange.transactions import sees_everywhere
from iep.states.studies import FileState

NO_SCANNER = "no_scanner"
_STRIP_SECONDS = 10


@dataclass(frozen=True)
class Held:
    """What of the files that came goes no further by itself."""

    refused: int
    late: int  # of the refused, past their time
    oldest: datetime | None  # when the one came that is due first
    unscanned: int  # in quarantine, because the virus scanner does not answer
    since: datetime | None  # the first of those came then


def held(acting: Acting, now: datetime | None = None) -> Held:
    """One question."""
    refused = Q(state=FileState.REFUSED.value)
    unscanned = Q(state=FileState.QUARANTINED.value, reason_code=NO_SCANNER)
    rows = files_for(acting).filter(refused | unscanned).order_by()
    found = rows.aggregate(
        refused=Count("pk", filter=refused),
        late=Count("pk", filter=refused & Q(due_at__lte=now or timezone.now())),
        oldest=Min("received_at", filter=refused),
        unscanned=Count("pk", filter=unscanned),
        since=Min("received_at", filter=unscanned),
    )
    return Held(**found)


def recently_held(acting: Acting) -> Held:
    """As every page of the trust has it: remembered for some seconds."""
    trust = None if sees_everywhere(acting) else policies.trust_of(acting)
    key = f"iep:held:{trust.pk if trust else 0}"
    found: Held | None = cache.get(key)
    if found is None:
        found = held(acting)
        cache.set(key, found, _STRIP_SECONDS)
    return found


def held_strip(acting: Acting | None) -> Iterator[tuple[Any, ...]]:
    """For the status strip of who works in the exchange: refused files past their time, and files
    that wait for a scanner that is away."""
    if acting is None or not acting.may(Permission.EXCHANGE_IMAGES):
        return
    found, where = recently_held(acting), reverse("iep:arrivals")
    if found.late:
        words = f"{_files(found.late)} that came {'was' if found.late == 1 else 'were'} refused"
        yield (f"{words}, and nobody has looked in time.", found.oldest, "",
               f"{where}#refused", "Open arrivals")  # fmt: skip
    if found.unscanned:
        words = f"The virus scanner does not answer: {_files(found.unscanned)} in quarantine."
        yield words, found.since, "It is tried again.", where, "Open arrivals"


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"
