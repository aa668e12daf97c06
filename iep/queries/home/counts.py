"""The numbers on the exchange's home: of each tab, of each chip, in the lanes. One query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, IntegerField, Q, QuerySet, Value
from django.utils import timezone

from accounts.policies import Acting
from iep.models import Transfer
from iep.queries.exchange.transactions import visible_to
from iep.queries.home.tabs import in_tab, listed_tickets, purging_soon, tickets_in
from iep.states.tickets import TicketState
from iep.states.transactions import Tab, TransactionState
from iep.states.transfers import TransferState


@dataclass(frozen=True)
class Counts:
    """How many are under each tab, of each chip, and in the lanes."""

    tabs: dict[str, int]
    chips: dict[str, int]
    queues: int
    total: int  # of the list as it is narrowed, where it is; else 0
    hidden: int  # that ended before the window of the tab All, and would be in the list


@dataclass(frozen=True)
class Narrowed:
    """What a page lists beyond its tab: the conditions of its rows, and of what it leaves out."""

    total: tuple[Q, Q | None] | None = None  # of transactions, of tickets (None: no tickets)
    hidden: tuple[Q, Q | None] | None = None
    are_many: bool = True  # of years, and not of some days or of a search


_TABS: Final = tuple(tab.value for tab in Tab)
_COLUMNS: Final = (*_TABS, "purging", "awaiting", "queues", "total", "hidden")
_LIVE: Final = [
    TransferState.WAITING.value, TransferState.RUNNING.value, TransferState.PAUSED.value,
    TransferState.UNCONFIRMED.value,
]  # fmt: skip


def counts(acting: Acting, ended_since: datetime, narrowed: Narrowed | None = None) -> Counts:
    """`ended_since`: the window of the tab All. What has ended before is not even looked at."""
    lines = [_things(acting, ended_since), _tickets(acting, ended_since),
             _line(Transfer.objects.filter(state__in=_LIVE), queues=Q())]  # fmt: skip
    narrowed = narrowed or Narrowed()
    for name, of in (("total", narrowed.total), ("hidden", narrowed.hidden)):
        if of is not None:
            lines.append(_line(visible_to(acting).filter(of[0]), **{name: Q()}))
            if of[1] is not None:
                rows = listed_tickets(acting, are_many=narrowed.are_many).filter(of[1])
                lines.append(_line(rows, **{name: Q()}))
    first, *others = lines
    sums = dict(zip(_COLUMNS, map(sum, zip(*first.union(*others, all=True), strict=True)),
                    strict=True))  # fmt: skip
    return _counts(sums)


def _counts(sums: dict[str, int]) -> Counts:
    tabs, chips = _TABS, ("purging", "awaiting")
    return Counts(
        tabs={name: sums[name] for name in tabs},
        chips={name: sums[name] for name in chips},
        queues=sums["queues"], total=sums["total"], hidden=sums["hidden"],
    )  # fmt: skip


def _things(acting: Acting, since: datetime) -> QuerySet[Any, Any]:
    now = timezone.now()
    return _line(
        visible_to(acting).filter(in_tab(Tab.ALL, now, since)),
        **{tab.value: in_tab(tab, now, since) for tab in Tab},
        purging=purging_soon(now),
        awaiting=Q(state=TransactionState.AWAITING_DETAILS.value),
    )


def _tickets(acting: Acting, since: datetime) -> QuerySet[Any, Any]:
    now = timezone.now()
    return _line(
        listed_tickets(acting).filter(tickets_in(Tab.ALL, now, since)),
        **{tab.value: tickets_in(tab, now, since) for tab in Tab},
        awaiting=Q(state=TicketState.AWAITING_DETAILS.value),
    )


def _line(rows: QuerySet[Any], **wanted: Q) -> QuerySet[Any, Any]:
    """One row of every column: how many of `rows` fit, 0 where nothing is wanted."""
    zero = Value(0, IntegerField())
    columns = {
        name: Count("pk", filter=wanted[name] or None) if name in wanted else zero
        for name in _COLUMNS
    }
    grouped = rows.order_by().annotate(one=Value(1)).values("one")
    return grouped.annotate(**columns).values_list(*_COLUMNS)
