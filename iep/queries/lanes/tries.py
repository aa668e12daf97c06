"""How often a transfer was tried, in all and since somebody last asked for it again, and why not.

Counted from its history, which nobody changes: a retry begins the pauses afresh, forgets nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from iep.models import Transfer, TransferEventRow
from iep.states.transfers import TransferEvent, TransferState

# A lane had it and put it down with an answer, or died with it. What went back to the queue for
# Blue Light, or was stopped by a person, is no try.
_ENDED = Q(
    from_state=TransferState.RUNNING.value,
    event__in=[
        TransferEvent.DELAYED.value, TransferEvent.FELL_SHORT.value, TransferEvent.FAILED.value,
        TransferEvent.SENT.value, TransferEvent.CONFIRMED.value, TransferEvent.CLAIMED.value,
    ],
)  # fmt: skip
_UNSUCCESSFUL = [
    TransferEvent.DELAYED.value, TransferEvent.FELL_SHORT.value, TransferEvent.FAILED.value,
]  # fmt: skip


@dataclass(frozen=True)
class Tries:
    """Of one transfer."""

    in_all: int
    of_this_run: int  # since it was last asked for again; all of them where it never was
    asked_again_at: datetime | None = None
    asked_again_by: str = ""
    reason: str = ""  # the last one, also when it has been asked for again since
    reason_at: datetime | None = None

    @property
    def words(self) -> str:
        """`Tried 14 times, 2 of them since it was last retried`; "" before the first try."""
        if not self.in_all:
            return ""
        tried = "Tried once" if self.in_all == 1 else f"Tried {self.in_all} times"
        if self.asked_again_at is None:
            return tried
        since = "none" if not self.of_this_run else str(self.of_this_run)
        return f"{tried}, {since} of them since it was last retried"


def with_tries(rows: QuerySet[Transfer]) -> QuerySet[Transfer]:
    """Each with what `tries_of` reads of its history: no query more, however many there are."""
    history = TransferEventRow.objects.filter(transfer=OuterRef("pk")).order_by("-pk")
    asked = history.filter(event=TransferEvent.RETRIED.value)
    failed = history.filter(event__in=_UNSUCCESSFUL)
    return rows.annotate(
        tries_in_all=_number_of(history.filter(_ENDED)),
        tries_now=_number_of(history.filter(_ENDED, pk__gt=_last_asking())),
        asked_again_at=Subquery(asked.values("at")[:1]),
        asked_again_by=Subquery(asked.values("by_name")[:1]),
        last_why=Subquery(failed.values("words")[:1]),
        last_why_at=Subquery(failed.values("at")[:1]),
    )


def tries_of(transfer: Any) -> Tries:
    """Of a transfer that `with_tries` brought."""
    return Tries(
        in_all=transfer.tries_in_all,
        of_this_run=transfer.tries_now,
        asked_again_at=transfer.asked_again_at,
        asked_again_by=transfer.asked_again_by or "",
        reason=transfer.last_why or "",
        reason_at=transfer.last_why_at,
    )


def _number_of(rows: QuerySet[TransferEventRow]) -> Coalesce:
    counted = rows.order_by().values("transfer").annotate(number=Count("pk"))
    return Coalesce(Subquery(counted.values("number")), Value(0))


def _last_asking() -> Coalesce:
    """The key of the row, seen from another row of the same history; 0: nobody asked again."""
    mine = TransferEventRow.objects.filter(
        transfer=OuterRef("transfer"), event=TransferEvent.RETRIED.value
    )
    return Coalesce(Subquery(mine.order_by("-pk").values("pk")[:1]), Value(0))
