"""How often a transfer was tried, in all and since somebody last asked for it again, and why not.

Counted from its history, which nobody changes: a retry begins the pauses afresh, forgets nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from iep.models import TransferEventRow
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


NONE = Tries(0, 0)


def tries_of(transfers: Iterable[int]) -> dict[int, Tries]:
    """Of each of them that has a history, in three queries however many there are."""
    rows = TransferEventRow.objects.filter(transfer__in=list(transfers)).order_by()
    retried = _last(rows.filter(event=TransferEvent.RETRIED.value))
    failed = _last(rows.filter(event__in=_UNSUCCESSFUL))
    return {
        transfer: Tries(in_all, now, *_asked(retried.get(transfer)), *_why(failed.get(transfer)))
        for transfer, in_all, now in _counted(rows)
    }


def _counted(rows: QuerySet[TransferEventRow]) -> Iterable[tuple[int, int, int]]:
    mine = TransferEventRow.objects.filter(
        transfer=OuterRef("transfer"), event=TransferEvent.RETRIED.value
    )
    last = mine.order_by().values("transfer").annotate(last=Max("pk")).values("last")
    since = rows.annotate(since=Coalesce(Subquery(last), Value(0)))
    counted = since.values("transfer").annotate(
        in_all=Count("pk", filter=_ENDED), now=Count("pk", filter=_ENDED & Q(pk__gt=F("since")))
    )
    return counted.values_list("transfer", "in_all", "now")


def _last(rows: QuerySet[TransferEventRow]) -> dict[int, TransferEventRow]:
    found = rows.order_by("transfer", "-pk").distinct("transfer")
    return {each.transfer_id: each for each in found}


def _asked(row: TransferEventRow | None) -> tuple[datetime | None, str]:
    return (row.at, row.by_name) if row else (None, "")


def _why(row: TransferEventRow | None) -> tuple[str, datetime | None]:
    return (row.words, row.at) if row else ("", None)
