"""I1, the home of the image exchange: tabs with counts, filters, rows of two kinds in one list.

A row is a transaction, or a ticket of which no transaction is under way: nothing that waits for
the service desk is on any other list only. What is late stands under Action required.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import (
    CharField,
    Count,
    F,
    IntegerField,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from accounts.policies import Acting
from iep.models import Ticket, Transaction, Transfer
from iep.models.directory import NodeKind
from iep.states.priorities import Priority
from iep.states.tickets import TicketKind, TicketState
from iep.states.transactions import (
    PURGE_WARNINGS,
    Direction,
    Tab,
    TransactionKind,
    TransactionState,
)
from iep.states.transfers import TransferState

from .home_rows import Row, rows_of
from .transactions import lone_tickets, visible_to

S, T = TransactionState, TicketState
PAGE = 25
WINDOW_DAYS = 7  # of the tab All, where no days are chosen


class Chip(StrEnum):
    """What the list can be narrowed to with one press."""

    PURGING = "purging"
    AWAITING = "awaiting"


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; empty means everything. Dates are London days, inclusive."""

    mine: bool = False
    incoming: bool = False
    outgoing: bool = False
    blue: bool = False
    kind: str = ""  # TransactionKind
    institution: str = ""  # part of its name, an alias or its code
    assigned: str = ""  # "me", "nobody"
    chip: str = ""
    since: date | None = None
    until: date | None = None
    search: str = ""  # a transaction number, a call reference, a name, a number of the patient

    @property
    def are_any(self) -> bool:
        return self != Filters()


@dataclass(frozen=True)
class Home:
    """A page of a tab."""

    tab: Tab
    rows: tuple[Row, ...]
    total: int
    page: int
    pages: int
    filters: Filters
    since: date | None  # the window that applies, chosen or not


@dataclass(frozen=True)
class Counts:
    """How many are under each tab, of each chip, and in the lanes."""

    tabs: dict[str, int]
    chips: dict[str, int]
    queues: int
    stamp: str = field(default="")  # changes when a count does


# --- Which rows are under which tab ------------------------------------------------------------

_BRINGS = Q(kind=TransactionKind.REQUEST.value, direction=Direction.OUT.value) | (
    ~Q(kind=TransactionKind.REQUEST.value) & Q(direction=Direction.IN.value)
)
_THEIRS_TO_LOOK = Q(direction=Direction.OUT.value, node__kind=NodeKind.GATEWAY.value)


def _late(now: datetime) -> Q:
    waiting = [each.value for each in (S.NEW, S.ACCEPTED, S.STARTED, S.UPLOADING, S.ON_IEP,
                                       S.DOWNLOAD_REQUEST, S.DOWNLOADING)]  # fmt: skip
    return Q(state__in=waiting, due_at__lte=now)


def _action(now: datetime) -> Q:
    return (
        (Q(state=S.NEW.value) & ~_THEIRS_TO_LOOK)
        | Q(state=S.AWAITING_DETAILS.value)
        | (Q(state__in=[S.ON_IEP.value, S.DELIVERED.value]) & _BRINGS)
        | Q(state=S.DECLINE.value, direction=Direction.OUT.value)
        | _late(now)
    )


def in_tab(tab: Tab, now: datetime) -> Q:
    """The transactions of a tab; what is late is under Action required and under no other."""
    if tab is Tab.ALL:
        return Q()
    if tab is Tab.ACTION:
        return _action(now)
    if tab is Tab.FAILED:
        return Q(state=S.FAILED.value)
    if tab is Tab.ACCEPTED:
        return Q(state=S.ACCEPTED.value) & ~_late(now)
    moving = [S.STARTED.value, S.UPLOADING.value, S.DOWNLOAD_REQUEST.value, S.DOWNLOADING.value]
    waits_there = Q(state=S.NEW.value) & _THEIRS_TO_LOOK
    going = Q(state=S.ON_IEP.value) & ~_BRINGS
    return (Q(state__in=moving) | waits_there | going) & ~_late(now)


_TICKET_TABS: dict[Tab, tuple[TicketState, ...]] = {
    Tab.ACTION: (T.NEW, T.AWAITING_DETAILS, T.ARRIVED),
    Tab.ACCEPTED: (T.ACCEPTED,),
    Tab.PROGRESS: (T.WITH_OTHER,),
    Tab.FAILED: (),
    Tab.ALL: tuple(TicketState),
}


def tickets_in(tab: Tab, now: datetime) -> Q:
    """The tickets of a tab, of those without a transaction."""
    states = Q(state__in=[each.value for each in _TICKET_TABS[tab]])
    late = Q(state__in=[T.ACCEPTED.value, T.WITH_OTHER.value], due_at__lte=now)
    if tab is Tab.ACTION:
        # Cancelled, and nobody has an account to acknowledge it, or did not: the desk rings (H45).
        unseen = Q(requester__isnull=True) | Q(due_at__lte=now)
        return states | late | (Q(state=T.CANCELLED.value) & unseen)
    return states if tab is Tab.ALL else states & ~late


# --- A page ------------------------------------------------------------------------------------


def home(acting: Acting, tab: Tab, filters: Filters | None = None, *, page: int = 1) -> Home:
    """A page of a tab: urgent first and then the oldest; under All and Failed the newest first."""
    now, filters = timezone.now(), _windowed(tab, filters or Filters())
    both = _union(acting, tab, filters, now)
    total = both.count()
    pages = max(1, -(-total // PAGE))
    page = min(max(1, page), pages)
    keys = list(_ordered(both, tab)[(page - 1) * PAGE : page * PAGE])
    return Home(
        tab=tab, rows=tuple(rows_of(keys, now)), total=total, page=page, pages=pages,
        filters=filters, since=filters.since,
    )  # fmt: skip


def _windowed(tab: Tab, filters: Filters) -> Filters:
    """The portal's default window of a few days, where nothing else narrows the tab All."""
    if tab is not Tab.ALL or filters.search or filters.since or filters.until:
        return filters
    return replace(filters, since=timezone.localdate() - timedelta(days=WINDOW_DAYS))


_FIELDS = ("pk_text", "is_ticket", "urgency", "clock", "born")


def _union(acting: Acting, tab: Tab, filters: Filters, now: datetime) -> QuerySet[Any, Any]:
    things = _narrowed(visible_to(acting).filter(in_tab(tab, now)), acting, filters, now)
    wanted = things.annotate(
        pk_text=Cast("pk", CharField()), is_ticket=Value(0, IntegerField()),
        urgency=F("priority"), clock=Coalesce("due_at", "created_at"), born=F("created_at"),
    ).values_list(*_FIELDS)  # fmt: skip
    if not _may_be_tickets(filters):
        return wanted
    rows = _narrowed_tickets(
        lone_tickets(acting).filter(tickets_in(tab, now)), acting, filters, now
    )
    return wanted.union(
        rows.annotate(
            pk_text=Cast("pk", CharField()), is_ticket=Value(1, IntegerField()),
            urgency=F("priority"), clock=Coalesce("due_at", "opened_at"), born=F("opened_at"),
        ).values_list(*_FIELDS),
        all=True,
    )  # fmt: skip


def _may_be_tickets(filters: Filters) -> bool:
    return not filters.kind and filters.chip != Chip.PURGING


def _ordered(both: QuerySet[Any, Any], tab: Tab) -> QuerySet[Any, Any]:
    if tab in (Tab.ALL, Tab.FAILED):
        return both.order_by("-born", "pk_text")
    return both.order_by("urgency", "clock", "pk_text")


def _narrowed(
    things: QuerySet[Transaction], acting: Acting, filters: Filters, now: datetime
) -> QuerySet[Transaction]:
    wanted = Q()
    if filters.mine:
        wanted &= Q(created_by_user=acting.user)
    if filters.incoming != filters.outgoing:
        wanted &= Q(direction=(Direction.IN if filters.incoming else Direction.OUT).value)
    if filters.kind:
        wanted &= Q(kind=filters.kind)
    if filters.chip == Chip.PURGING:
        wanted &= purging_soon(now)
    if filters.chip == Chip.AWAITING:
        wanted &= Q(state=S.AWAITING_DETAILS.value)
    wanted &= _days(filters, "created_at") & _common(filters, acting)
    return things.filter(wanted & _search(filters.search, Transaction))


def _narrowed_tickets(
    rows: QuerySet[Ticket], acting: Acting, filters: Filters, now: datetime
) -> QuerySet[Ticket]:
    wanted = Q()
    if filters.mine:
        wanted &= Q(opened_by=acting.label)
    if filters.incoming != filters.outgoing:
        out = Q(kind=TicketKind.EXPORT.value)
        wanted &= ~out if filters.incoming else out
    if filters.chip == Chip.AWAITING:
        wanted &= Q(state=T.AWAITING_DETAILS.value)
    wanted &= _days(filters, "opened_at") & _common(filters, acting)
    return rows.filter(wanted & _search(filters.search, Ticket))


def _common(filters: Filters, acting: Acting) -> Q:
    wanted = Q()
    if filters.blue:
        wanted &= Q(priority=Priority.BLUE_LIGHT.value)
    if filters.assigned:
        wanted &= Q(assigned_to=acting.user if filters.assigned == "me" else None)
    if filters.institution:
        text = filters.institution
        wanted &= (
            Q(institution__name__icontains=text)
            | Q(institution__code__iexact=text)
            | Q(institution__city__icontains=text)
            | Q(institution__aliases__name__iexact=text)
        )
    return wanted


def _days(filters: Filters, column: str) -> Q:
    wanted = Q()
    if filters.since:
        wanted &= Q(**{f"{column}__gte": _midnight(filters.since)})
    if filters.until:
        wanted &= Q(**{f"{column}__lt": _midnight(filters.until + timedelta(days=1))})
    return wanted


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))


def _search(text: str, model: type) -> Q:
    """By transaction number, call reference, patient's name, NHS number or S number."""
    text = " ".join(text.split())
    if not text:
        return Q()
    digits = "".join(text.split())
    is_ticket = model is Ticket
    found = Q(**{"reference__iexact" if is_ticket else "ticket__reference__iexact": text})
    found |= Q(**{"s_number__iexact" if is_ticket else "local_number__iexact": text})
    if digits.isascii() and digits.isdecimal():
        found |= Q(nhs_number=digits)
        if not is_ticket and len(digits) < 19:
            found |= Q(number=int(digits))
        return found
    family, _, given = text.replace(",", " ").partition(" ")
    by_name = Q(family_name__istartswith=family)
    if given.strip():
        first, last = text.split()[0], text.split()[-1]
        by_name &= Q(given_names__istartswith=given.strip())
        by_name |= Q(family_name__istartswith=last, given_names__istartswith=first)
    return found | by_name


# --- Counts ------------------------------------------------------------------------------------


def purging_soon(now: datetime) -> Q:
    """On the exchange for at most five days more."""
    states = [each.value for each in (S.STARTED, S.UPLOADING, S.ON_IEP, S.DOWNLOAD_REQUEST,
                                      S.DOWNLOADING, S.FAILED)]  # fmt: skip
    return Q(state__in=states, purge_at__lte=now + timedelta(days=max(PURGE_WARNINGS)))


def counts(acting: Acting) -> Counts:
    """Three queries, whatever the size of the lists: what waits has indexes of its own."""
    now = timezone.now()
    since = _midnight(timezone.localdate() - timedelta(days=WINDOW_DAYS))
    tabs = [tab for tab in Tab if tab is not Tab.ALL]
    things = visible_to(acting).aggregate(
        **{tab.value: Count("pk", filter=in_tab(tab, now)) for tab in tabs},
        all=Count("pk", filter=Q(created_at__gte=since)),
        purging=Count("pk", filter=purging_soon(now)),
        awaiting=Count("pk", filter=Q(state=S.AWAITING_DETAILS.value)),
    )
    tickets = lone_tickets(acting).aggregate(
        **{tab.value: Count("pk", filter=tickets_in(tab, now)) for tab in tabs},
        all=Count("pk", filter=Q(opened_at__gte=since)),
        awaiting=Count("pk", filter=Q(state=T.AWAITING_DETAILS.value)),
    )
    live = [TransferState.WAITING.value, TransferState.RUNNING.value, TransferState.PAUSED.value,
            TransferState.UNCONFIRMED.value]  # fmt: skip
    queues = Transfer.objects.filter(state__in=live).count()
    summed = {tab.value: things[tab.value] + tickets[tab.value] for tab in Tab}
    chips = {
        Chip.PURGING.value: things["purging"],
        Chip.AWAITING.value: things["awaiting"] + tickets["awaiting"],
    }
    stamp = "-".join(str(each) for each in (*summed.values(), *chips.values()))
    return Counts(tabs=summed, chips=chips, queues=queues, stamp=stamp)
