"""What is behind each number of the figures: one question gives the count and its list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import F, Min, Q, QuerySet
from django.db.models.expressions import OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone

from accounts.policies import Acting
from iep import policies
from iep.models import (
    Ticket,
    TicketEventRow,
    Transaction,
    TransactionEventRow,
    Transfer,
    TransferEventRow,
)
from iep.queries.periods import Period, month
from iep.queries.transactions import sees_everywhere, visible_to
from iep.states.priorities import BLUE_LIGHT_CLOCK, Priority
from iep.states.tickets import TicketEvent
from iep.states.transactions import (
    LABELS,
    Direction,
    TransactionEvent,
    TransactionKind,
    TransactionState,
)
from iep.states.transfers import TransferEvent

MOST_LISTED = 500
BRINGS = Q(kind=TransactionKind.REQUEST.value, direction=Direction.OUT.value) | (
    ~Q(kind=TransactionKind.REQUEST.value) & Q(direction=Direction.IN.value)
)


def things(acting: Acting, period: Period, key: str) -> QuerySet[Transaction]:
    """The transactions that a number counts: `in`, `out:transfer`, `from:7`, `priority:0`, ..."""
    name, _, what = key.partition(":")
    mine = visible_to(acting)
    if name in _BY_EVENT:
        return mine.filter(_happened(_BY_EVENT[name], period)).filter(_more(name, what)).distinct()
    begin, end = period.bounds
    made = mine.filter(created_at__gte=begin, created_at__lt=end)
    if name in ("within", "late", "open"):
        return _blue(made, name)
    if name == "took":
        return _took(made, what)
    return made.filter(_which(name, what))


_BY_EVENT = {
    "declined": TransactionEvent.DECLINED,
    "purged": TransactionEvent.PURGED,
    "saved": TransactionEvent.DELIVERED,
}


def _happened(event: TransactionEvent, period: Period) -> Q:
    begin, end = period.bounds
    rows = TransactionEventRow.objects.filter(event=event.value, at__gte=begin, at__lt=end)
    return Q(pk__in=rows.values("transaction"))


def _more(name: str, what: str) -> Q:
    if name == "declined" and what:
        return Q(declined_reason=what)
    return Q(purge_warned__isnull=False) if name == "saved" else Q()


def _which(name: str, what: str) -> Q:
    """Nothing for a key that nobody gave out."""
    number = int(what) if what.isdecimal() else -1
    found = {
        "in": BRINGS & (Q(kind=what) if what else Q()),
        "out": ~BRINGS & (Q(kind=what) if what else Q()),
        "from": BRINGS & Q(institution=number),
        "to": ~BRINGS & Q(institution=number),
        "priority": Q(priority=number),
        "month-in": BRINGS & _in_month(what),
        "month-out": ~BRINGS & _in_month(what),
    }
    return found.get(name, Q(pk__in=[]))


def _in_month(text: str) -> Q:
    """`2026-07`, by London's calendar."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return Q(pk__in=[])
    begin, end = month(first).bounds
    return Q(created_at__gte=begin, created_at__lt=end)


def _timed(rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
    first = TransactionEventRow.objects.filter(
        transaction=OuterRef("pk"), event=TransactionEvent.DELIVERED.value
    )
    earliest = first.order_by().values("transaction").annotate(at=Min("at")).values("at")
    return rows.annotate(delivered_at=Subquery(earliest))


def _blue_light(made: QuerySet[Transaction]) -> QuerySet[Transaction]:
    """Declined and cancelled ones were not to be delivered."""
    over = [TransactionState.DECLINE.value, TransactionState.CANCELLED.value]
    return _timed(made.filter(priority=Priority.BLUE_LIGHT.value).exclude(state__in=over))


TOOK = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (6, None))  # hours: more than, up to


def _took(made: QuerySet[Transaction], what: str) -> QuerySet[Transaction]:
    """Blue Light that took so long: `what` is a place in TOOK."""
    if what not in {str(place) for place in range(len(TOOK))}:
        return made.none()
    over, most = TOOK[int(what)]
    wanted = Q(delivered_at__isnull=False)
    if over:
        wanted &= Q(delivered_at__gt=F("created_at") + timedelta(hours=over))
    if most is not None:
        wanted &= Q(delivered_at__lte=F("created_at") + timedelta(hours=most))
    return _blue_light(made).filter(wanted)


def _blue(made: QuerySet[Transaction], name: str) -> QuerySet[Transaction]:
    """Blue Light by its four hours."""
    blue = _blue_light(made)
    in_time = Q(delivered_at__lte=F("created_at") + BLUE_LIGHT_CLOCK)
    waits = Q(delivered_at__isnull=True, created_at__gt=timezone.now() - BLUE_LIGHT_CLOCK)
    if name == "within":
        return blue.filter(in_time)
    if name == "open":
        return blue.filter(waits)
    return blue.exclude(pk__in=blue.filter(in_time).values("pk")).exclude(
        pk__in=blue.filter(waits).values("pk")
    )


def failures(acting: Acting, period: Period, family: str | None = None) -> QuerySet[Transfer]:
    """Transfers that failed or fell short in the period, of that family of reasons."""
    begin, end = period.bounds
    bad = [TransferEvent.FAILED.value, TransferEvent.FELL_SHORT.value]
    events = TransferEventRow.objects.filter(event__in=bad, at__gte=begin, at__lt=end)
    rows = Transfer.objects.filter(pk__in=events.values("transfer")).filter(of_trust(acting))
    return rows if family is None else rows.filter(family=family)


def of_trust(acting: Acting) -> Q:
    if sees_everywhere(acting):
        return Q()
    trust = policies.trust_of(acting)
    return Q(transaction__organisation=trust) | Q(study__organisation=trust)


def incomplete(acting: Acting, period: Period, *, expired: bool = False) -> QuerySet[Ticket]:
    """Tickets for which somebody had to be asked; or those that the two weeks ended."""
    begin, end = period.bounds
    event = TicketEvent.EXPIRED if expired else TicketEvent.CHASED
    events = TicketEventRow.objects.filter(event=event.value, at__gte=begin, at__lt=end)
    rows = Ticket.objects.filter(pk__in=events.values("ticket"))
    everywhere = sees_everywhere(acting)
    return rows if everywhere else rows.filter(organisation=policies.trust_of(acting))


def spans(rows: QuerySet[Transaction]) -> list[float]:
    """Seconds from asking to delivered, of those that were delivered."""
    pairs = _timed(rows).values_list("created_at", "delivered_at")  # type: ignore[misc]
    return [(done - made).total_seconds() for made, done in pairs if done is not None]


# --- The list behind a number --------------------------------------------------------------------


@dataclass(frozen=True)
class Behind:
    """One of those that a number counts."""

    words: str
    href: str
    at: datetime
    what: str


def listed(acting: Acting, period: Period, key: str) -> list[Behind]:
    """At most 500, newest first."""
    name, _, what = key.partition(":")
    if name == "failed":
        return list(_transfers(failures(acting, period, what)))
    if name in ("incomplete", "expired"):
        return list(_tickets(incomplete(acting, period, expired=name == "expired")))
    rows = things(acting, period, key).select_related("institution").order_by("-created_at")
    return [
        Behind(
            f"Transaction {each.number}", reverse("iep:transaction", args=[each.number]),
            each.created_at,
            f"{each.institution.full_name}, {LABELS[TransactionState(each.state)]}",
        )
        for each in rows[:MOST_LISTED]
    ]  # fmt: skip


def _transfers(rows: QuerySet[Transfer]) -> Iterator[Behind]:
    for each in rows.select_related("transaction").order_by("-created_at")[:MOST_LISTED]:
        thing = each.transaction
        href = reverse("iep:transaction", args=[thing.number]) if thing else reverse("iep:failures")
        yield Behind(each.title, href, each.created_at, each.why)


def _tickets(rows: QuerySet[Ticket]) -> Iterator[Behind]:
    for each in rows.select_related("institution").order_by("-opened_at")[:MOST_LISTED]:
        where = each.institution.full_name if each.institution else ""
        yield Behind(each.reference, reverse("iep:ticket", args=[each.reference]), each.opened_at,
                     where)  # fmt: skip
