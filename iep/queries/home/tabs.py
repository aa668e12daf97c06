"""Which transactions and tickets stand under which tab of the exchange's home.

Nothing that waits for somebody is left out of the tab All, however old it is (hazard H33): its
window is of what has ended.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import IsNull
from django.utils import timezone

from accounts.policies import Acting
from iep.models import Ticket, Transaction
from iep.models.directory import NodeKind
from iep.models.transactions import UNDER_WAY
from iep.queries.exchange.transactions import of_exchange
from iep.states.tickets import OPEN, TicketState
from iep.states.transactions import (
    BEFORE_IMAGES,
    MOVING,
    PURGE_WARNINGS,
    Direction,
    Tab,
    TransactionKind,
    TransactionState,
)

S, T = TransactionState, TicketState
_ASKED, _OUT, _IN = TransactionKind.REQUEST.value, Direction.OUT.value, Direction.IN.value
_GIVEN = (TransactionKind.TRANSFER.value, TransactionKind.DIRECT.value)
_BRINGS = Q(kind=_ASKED, direction=_OUT) | Q(kind__in=_GIVEN, direction=_IN)
_THEIRS_TO_LOOK = Q(direction=_OUT, node__kind=NodeKind.GATEWAY.value)
_OPEN_TICKETS = sorted(each.value for each in OPEN)
_BEFORE_DELIVERED = sorted(each.value for each in BEFORE_IMAGES | MOVING)

# A cancellation is open until its requester has acknowledged it (hazard H45).
OPEN_TICKET = Q(state__in=[*_OPEN_TICKETS, T.CANCELLED.value])
_MAIL_MAY_TAKE = timedelta(minutes=15)


# --- Transactions ------------------------------------------------------------------------------


def _late(now: datetime) -> Q:
    waiting = [each for each in _BEFORE_DELIVERED if each != S.AWAITING_DETAILS]
    return Q(state__in=waiting, due_at__lte=now)


def _action(now: datetime) -> Q:
    return (
        (Q(state=S.NEW.value) & ~_THEIRS_TO_LOOK)
        | Q(state=S.AWAITING_DETAILS.value)
        | (Q(state__in=[S.ON_IEP.value, S.DELIVERED.value]) & _BRINGS)
        | Q(state=S.DECLINE.value, direction=_OUT)
        | _late(now)
    )


def in_tab(tab: Tab, now: datetime, ended_since: datetime | None = None) -> Q:
    """The transactions of a tab; what is late is under Action required and under no other.

    Under All stands what is under way, and what ended since `ended_since` (None: all of it).
    """
    if tab is Tab.ALL:
        return UNDER_WAY | Q(state_since__gte=ended_since) if ended_since else Q()
    # Each of these is under way. It is said for the database, whose index is of just those.
    return UNDER_WAY & _in_tab_of_work(tab, now)


def _in_tab_of_work(tab: Tab, now: datetime) -> Q:
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


def purging_soon(now: datetime) -> Q:
    """On the exchange for at most five days more."""
    states = [each.value for each in (S.STARTED, S.UPLOADING, S.ON_IEP, S.DOWNLOAD_REQUEST,
                                      S.DOWNLOADING, S.FAILED)]  # fmt: skip
    return Q(state__in=states, purge_at__lte=now + timedelta(days=max(PURGE_WARNINGS)))


# --- Tickets -----------------------------------------------------------------------------------

_TICKET_TABS: dict[Tab, tuple[TicketState, ...]] = {
    Tab.ACTION: (T.NEW, T.AWAITING_DETAILS, T.ARRIVED),
    Tab.ACCEPTED: (T.ACCEPTED,),
    Tab.PROGRESS: (T.WITH_OTHER,),
    Tab.FAILED: (),
}


def untold(now: datetime) -> Q:
    """Done, and no mail has told the requester: the desk rings (hazard H45)."""
    since = now - _MAIL_MAY_TAKE
    return Q(state=T.DONE.value, told_at__isnull=True, state_since__lte=since)


def tickets_in(tab: Tab, now: datetime, ended_since: datetime | None = None) -> Q:
    """The tickets of a tab, of those that are rows."""
    if tab is Tab.ALL:
        return OPEN_TICKET | untold(now) | Q(state_since__gte=ended_since) if ended_since else Q()
    states = Q(state__in=[each.value for each in _TICKET_TABS[tab]])
    late = Q(state__in=[T.ACCEPTED.value, T.WITH_OTHER.value], due_at__lte=now)
    if tab is Tab.ACTION:
        # Cancelled, and nobody has an account to acknowledge it, or did not: the desk rings (H45).
        unseen = Q(requester__isnull=True) | Q(due_at__lte=now)
        return states | late | (Q(state=T.CANCELLED.value) & unseen) | untold(now)
    return states & ~late


def lone_tickets(acting: Acting) -> QuerySet[Ticket]:
    """Tickets that no transaction stands for: none was made, or all of them are at an end."""
    return of_exchange(acting).filter(_is_lone())


def listed_tickets(acting: Acting, *, are_many: bool = False) -> QuerySet[Ticket]:
    """The tickets that are rows: besides, each that waits for details, whatever else runs for it,
    because its two weeks end it, and each whose requester does not know that it is done.

    `are_many`: those of years are asked for, and not those of some days.
    """
    waits = Q(state=T.AWAITING_DETAILS.value) | untold(timezone.now())
    return of_exchange(acting).filter(waits | _is_lone(are_many=are_many))


def _is_lone(*, are_many: bool = False) -> Q:
    """A ticket that has ended stands in the list as the transaction that ended it.

    EXISTS lets PostgreSQL read the transactions of all years into a hash first, which it also does
    for a few tickets: it takes them for more. A scalar subquery is one look a ticket.
    """
    mine = Transaction.objects.filter(ticket=OuterRef("pk"))
    is_open = Q(state__in=_OPEN_TICKETS)
    runs = Exists(mine.filter(UNDER_WAY))
    standing = mine.exclude(state__in=[S.CANCELLED.value, S.PURGED.value])
    nothing = Q(IsNull(Subquery(standing.values("number")[:1]), True))
    return (is_open & ~runs) | (~is_open & (~Q(Exists(standing)) if are_many else nothing))
