"""I1, the home of the image exchange: tabs with counts, filters, rows of two kinds in one list.

A row is a transaction, or a ticket of which no transaction is under way: nothing that waits for
the service desk is on any other list only. What is late stands under Action required. Nothing
that waits is hidden: the tab All leaves out only what ended some days ago, and says how much.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import CharField, F, IntegerField, Q, QuerySet, Value
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from accounts.policies import Acting
from iep.models.transactions import UNDER_WAY
from iep.queries.exchange.transactions import visible_to
from iep.queries.home import counts as home_counts
from iep.queries.home.counts import Counts, Narrowed
from iep.queries.home.filters import Chip, Filters, midnight, narrow_things, narrow_tickets
from iep.queries.home.rows import Row, rows_of
from iep.queries.home.tabs import OPEN_TICKET, in_tab, listed_tickets, tickets_in, untold
from iep.states.transactions import Tab

__all__ = ["PAGE", "Behind", "Chip", "Counts", "Filters", "Home", "behind", "home", "window"]

PAGE = 25
WINDOW_DAYS = 7  # how long what has ended stays in the tab All by itself


@dataclass(frozen=True)
class Home:
    """A page of a tab, and the numbers on it."""

    tab: Tab
    rows: tuple[Row, ...]
    total: int
    page: int
    pages: int
    filters: Filters
    counts: Counts
    ended_since: date | None  # the window of what has ended, where the list has one


def home(acting: Acting, tab: Tab, filters: Filters | None = None, *, page: int = 1) -> Home:
    """A page of a tab: urgent first and then the oldest; under All and Failed the newest first."""
    view = _View(acting, tab, filters or Filters(), timezone.now())
    counted = home_counts.counts(acting, window(), view.to_count())
    total = view.total_of(counted)
    pages = max(1, -(-total // PAGE))
    page = min(max(1, page), pages)
    keys = list(_ordered(_union(view), tab)[(page - 1) * PAGE : page * PAGE])
    return Home(
        tab=tab, rows=tuple(rows_of(keys, view.now)), total=total, page=page, pages=pages,
        filters=view.filters, counts=counted,
        ended_since=timezone.localdate(view.since) if view.since else None,
    )  # fmt: skip


@dataclass(frozen=True)
class Behind:
    """The numbers alone, for who has the list already, and how far that is behind."""

    counts: Counts
    changed: int  # rows that came into the list, left it, or changed their state


def behind(acting: Acting, tab: Tab, filters: Filters, *, drawn_at: datetime, known: int) -> Behind:
    """Of a list that was drawn at that moment, of `known` rows in all.

    What left is known by the number only: where as many came as left, those that came are counted.
    """
    view = _View(acting, tab, filters, timezone.now())
    counted = home_counts.counts(acting, window(), replace(view.to_count(), hidden=None))
    return Behind(counted, max(view.changed_since(drawn_at), abs(view.total_of(counted) - known)))


def window() -> datetime:
    """What ended before is under All only when it is asked for."""
    return midnight(timezone.localdate() - timedelta(days=WINDOW_DAYS))


@dataclass(frozen=True)
class _View:
    """What a page lists: of its tab, what its filters leave, within its window."""

    acting: Acting
    tab: Tab
    filters: Filters
    now: datetime

    @cached_property
    def since(self) -> datetime | None:
        """Of what has ended only, and not where days, a search or all of it is asked for."""
        said = self.filters
        asks = said.ended or said.search or said.since or said.until
        return None if self.tab is not Tab.ALL or asks else window()

    @property
    def is_counted_apart(self) -> bool:
        return self.filters.are_any or (self.tab is Tab.ALL and self.since is None)

    def total_of(self, counted: Counts) -> int:
        return counted.total if self.is_counted_apart else counted.tabs[self.tab.value]

    def changed_since(self, moment: datetime) -> int:
        """How many rows are in another state since, and in this list now."""
        since = Q(state_since__gt=moment)
        changed = visible_to(self.acting).filter(since & self.things).count()
        if self.tickets is not None:
            rows = listed_tickets(self.acting, are_many=self.are_many)
            changed += rows.filter(since & self.tickets).count()
        return changed

    @property
    def things(self) -> Q:
        return in_tab(self.tab, self.now, self.since) & self._kept_things

    @property
    def tickets(self) -> Q | None:
        """None: no ticket can be in it."""
        kept = narrow_tickets(self.filters, self.acting)
        return None if kept is None else tickets_in(self.tab, self.now, self.since) & kept

    @property
    def _kept_things(self) -> Q:
        return narrow_things(self.filters, self.acting, self.now)

    def to_count(self) -> Narrowed:
        hidden = None
        if self.since is not None:
            older, kept = Q(state_since__lt=self.since), narrow_tickets(self.filters, self.acting)
            hidden = (
                ~UNDER_WAY & older & self._kept_things,
                None if kept is None else ~OPEN_TICKET & ~untold(self.now) & older & kept,
            )
        total = (self.things, self.tickets) if self.is_counted_apart else None
        return Narrowed(total=total, hidden=hidden, are_many=self.are_many or hidden is not None)

    @property
    def are_many(self) -> bool:
        """Whether it is a list of years, of which nothing but the page is narrow."""
        return self.tab is Tab.ALL and self.since is None and not self.filters.search


_FIELDS = ("pk_text", "is_ticket", "urgency", "clock", "born")


def _union(view: _View) -> QuerySet[Any, Any]:
    things = visible_to(view.acting).filter(view.things)
    wanted = _keys(things, is_ticket=0, born="created_at")
    if view.tickets is None:
        return wanted
    rows = listed_tickets(view.acting, are_many=view.are_many).filter(view.tickets)
    return wanted.union(_keys(rows, is_ticket=1, born="opened_at"), all=True)


def _keys(rows: QuerySet[Any], *, is_ticket: int, born: str) -> QuerySet[Any, Any]:
    return rows.annotate(
        pk_text=Cast("pk", CharField()), is_ticket=Value(is_ticket, IntegerField()),
        urgency=F("priority"), clock=Coalesce("due_at", born), born=F(born),
    ).values_list(*_FIELDS)  # fmt: skip


def _ordered(both: QuerySet[Any, Any], tab: Tab) -> QuerySet[Any, Any]:
    if tab in (Tab.ALL, Tab.FAILED):
        return both.order_by("-born", "pk_text")
    return both.order_by("urgency", "clock", "pk_text")
