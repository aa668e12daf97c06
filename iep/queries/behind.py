"""What is behind each number of the figures: one question gives the count and its list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import (
    Aggregate,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    IntegerField,
    Min,
    Q,
    QuerySet,
    Value,
)
from django.db.models.expressions import Combinable, OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone

from accounts.policies import Acting
from iep import policies
from iep.models import (
    Disc,
    DiscEventRow,
    Ticket,
    TicketEventRow,
    Transaction,
    TransactionEventRow,
    Transfer,
    TransferEventRow,
)
from iep.models.transactions import COUNTED_EVENTS
from iep.models.transfers import FAILED_EVENTS
from iep.queries.compliance.periods import Period, month
from iep.queries.exchange.transactions import of_exchange, sees_everywhere, visible_to
from iep.states.discs import DiscState
from iep.states.priorities import BLUE_LIGHT_CLOCK, Priority
from iep.states.tickets import TicketEvent, TicketKind
from iep.states.transactions import (
    LABELS,
    Direction,
    TransactionEvent,
    TransactionKind,
    TransactionState,
)

MOST_LISTED = 500
BRINGS = Q(kind=TransactionKind.REQUEST.value, direction=Direction.OUT.value) | (
    ~Q(kind=TransactionKind.REQUEST.value) & Q(direction=Direction.IN.value)
)


def things(acting: Acting, period: Period, key: str) -> QuerySet[Transaction]:
    """The transactions that a number counts: `in`, `out:transfer`, `from:7`, `priority:0`, ..."""
    name, _, what = key.partition(":")
    if name in _BY_EVENT:
        rows = visible_to(acting).filter(_happened(_BY_EVENT[name], period, what))
        return rows.filter(purge_warned__isnull=False) if name == "saved" else rows
    return _timed(made(acting, period)).filter(_which(name, what))


def made(acting: Acting, period: Period) -> QuerySet[Transaction]:
    """What was asked in the period."""
    begin, end = period.bounds
    return visible_to(acting).filter(created_at__gte=begin, created_at__lt=end)


def counted(acting: Acting, period: Period, keys: Sequence[str]) -> dict[str, int]:
    """How long the list of each key is, in one query: of what was asked in the period."""
    wanted = {f"of_{place}": key for place, key in enumerate(keys)}
    counts = _timed(made(acting, period)).aggregate(**{
        name: Count("pk", filter=_which(*key.partition(":")[::2])) for name, key in wanted.items()
    })  # fmt: skip
    return {key: counts[name] for name, key in wanted.items()}


def counted_by_event(acting: Acting, period: Period) -> dict[str, int]:
    """The same of what happened in the period: `purged`, `saved`, `declined:<reason>`."""
    begin, end = period.bounds
    rows = TransactionEventRow.objects.filter(
        ~Q(event=TransactionEvent.DELIVERED.value) | Q(transaction__purge_warned__isnull=False),
        transaction__in=visible_to(acting), at__gte=begin, at__lt=end, event__in=COUNTED_EVENTS,
    ).order_by()  # fmt: skip
    grouped = rows.values("event", "code").annotate(n=Count("transaction", distinct=True))
    return {_key_of(row["event"], row["code"]): row["n"] for row in grouped}


_BY_EVENT = {
    "declined": TransactionEvent.DECLINED,
    "purged": TransactionEvent.PURGED,
    "saved": TransactionEvent.DELIVERED,
}


def _key_of(event: str, code: str) -> str:
    name = next(name for name, each in _BY_EVENT.items() if each == event)
    return f"{name}:{code}" if code else name


def _happened(event: TransactionEvent, period: Period, code: str) -> Q:
    """By what the event says of its reason: a transaction that is processed again has none."""
    begin, end = period.bounds
    rows = TransactionEventRow.objects.filter(event=event.value, at__gte=begin, at__lt=end)
    return Q(pk__in=(rows.filter(code=code) if code else rows).values("transaction"))


def _which(name: str, what: str) -> Q:
    """Nothing for a key that nobody gave out. Of rows with `delivered_at`, see _timed."""
    number = int(what) if what.isdecimal() else -1
    found = {
        "in": BRINGS & (Q(kind=what) if what else Q()),
        "out": ~BRINGS & (Q(kind=what) if what else Q()),
        "from": BRINGS & Q(institution=number),
        "to": ~BRINGS & Q(institution=number),
        "priority": Q(priority=number),
        "month-in": BRINGS & _in_month(what),
        "month-out": ~BRINGS & _in_month(what),
        "took": _took(what),
    }
    return found[name] if name in found else _four_hours(name)


def _in_month(text: str) -> Q:
    """`2026-07`, by London's calendar."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return _NONE
    begin, end = month(first).bounds
    return Q(created_at__gte=begin, created_at__lt=end)


_NONE = Q(pk__in=[])
# Declined and cancelled ones were not to be delivered.
_BLUE_LIGHT = Q(priority=Priority.BLUE_LIGHT.value) & ~Q(
    state__in=[TransactionState.DECLINE.value, TransactionState.CANCELLED.value]
)


def _timed(rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
    """With `delivered_at` of a Blue Light: of others nobody asks here, and it costs a look each."""
    urgency = ExpressionWrapper(OuterRef("priority"), IntegerField())
    first = TransactionEventRow.objects.alias(urgency=urgency).filter(
        urgency=Priority.BLUE_LIGHT.value, transaction=OuterRef("pk"),
        event=TransactionEvent.DELIVERED.value,
    )  # fmt: skip
    # A plain subquery: an aggregate then counts over rows that have it, and reads it once.
    return rows.annotate(delivered_at=Subquery(first.order_by("at").values("at")[:1]))


TOOK = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (6, None))  # hours: more than, up to


def _took(what: str) -> Q:
    """Blue Light that took so long: `what` is a place in TOOK."""
    if what not in {str(place) for place in range(len(TOOK))}:
        return _NONE
    over, most = TOOK[int(what)]
    wanted = _BLUE_LIGHT & Q(delivered_at__isnull=False)
    if over:
        wanted &= Q(delivered_at__gt=F("asked_at") + timedelta(hours=over))
    if most is not None:
        wanted &= Q(delivered_at__lte=F("asked_at") + timedelta(hours=most))
    return wanted


def _four_hours(name: str) -> Q:
    """Blue Light by its four hours."""
    is_there = Q(delivered_at__isnull=False)
    clock = timezone.now() - BLUE_LIGHT_CLOCK
    found = {
        "within": is_there & Q(delivered_at__lte=F("asked_at") + BLUE_LIGHT_CLOCK),
        "late": is_there & Q(delivered_at__gt=F("asked_at") + BLUE_LIGHT_CLOCK)
        | ~is_there & Q(asked_at__lte=clock),
        "open": ~is_there & Q(asked_at__gt=clock),
    }
    return _BLUE_LIGHT & found[name] if name in found else _NONE


def failures(acting: Acting, period: Period, family: str) -> QuerySet[Transfer]:
    """Transfers that failed or fell short in the period for a reason of that family, whatever has
    become of them since; `said` is what their history says of it, the last time."""
    events = _failed(period).filter(code=family)
    said = events.filter(transfer=OuterRef("pk")).order_by("-pk").values("words")[:1]
    rows = Transfer.objects.filter(pk__in=events.values("transfer")).filter(of_trust(acting))
    return rows.annotate(said=Subquery(said))


def counted_failures(acting: Acting, period: Period) -> dict[str, int]:
    """How many transfers failed, by the family of the reason, in one query."""
    rows = _failed(period).filter(of_trust(acting, "transfer__")).order_by().values("code")
    return dict(rows.annotate(n=Count("transfer", distinct=True)).values_list("code", "n"))


def _failed(period: Period) -> QuerySet[TransferEventRow]:
    begin, end = period.bounds
    return TransferEventRow.objects.filter(event__in=FAILED_EVENTS, at__gte=begin, at__lt=end)


def of_trust(acting: Acting, path: str = "") -> Q:
    """Transfers of the trust; `path` leads to them."""
    if sees_everywhere(acting):
        return Q()
    trust = policies.trust_of(acting)
    return Q(**{f"{path}transaction__organisation": trust}) | Q(
        **{f"{path}study__organisation": trust}
    )


def incomplete(acting: Acting, period: Period, *, expired: bool = False) -> QuerySet[Ticket]:
    """Tickets for which somebody had to be asked; or those that the two weeks ended."""
    begin, end = period.bounds
    event = TicketEvent.EXPIRED if expired else TicketEvent.CHASED
    events = TicketEventRow.objects.filter(event=event.value, at__gte=begin, at__lt=end)
    return of_exchange(acting).filter(pk__in=events.values("ticket"))


def opened(acting: Acting, period: Period, kind: str) -> QuerySet[Ticket]:
    """Tickets of that kind that were opened in the period."""
    begin, end = period.bounds
    return of_exchange(acting).filter(kind=kind, opened_at__gte=begin, opened_at__lt=end)


def discs_read(acting: Acting, period: Period) -> QuerySet[Disc]:
    """Discs that were read in within the period, each once."""
    begin, end = period.bounds
    events = DiscEventRow.objects.filter(
        to_state=DiscState.READ.value, at__gte=begin, at__lt=end
    ).exclude(from_state=DiscState.READ.value)
    return Disc.objects.filter(pk__in=events.values("disc"), ticket__in=of_exchange(acting))


def counted_tickets(acting: Acting, period: Period) -> dict[str, int]:
    """How long the lists of tickets and discs are, in one query: `ticket:<kind>`, `discs`,
    `incomplete`, `expired`."""
    lists: dict[str, QuerySet[Any]] = {
        **{f"ticket:{kind.value}": opened(acting, period, kind) for kind in TicketKind},
        "discs": discs_read(acting, period),
        "incomplete": incomplete(acting, period),
        "expired": incomplete(acting, period, expired=True),
    }
    first, *others = (
        rows.order_by().values(key=Value(key)).annotate(n=Count("pk")).values_list("key", "n")
        for key, rows in lists.items()
    )
    return dict(first.union(*others, all=True))


@dataclass(frozen=True)
class Spent:
    """How long so many took."""

    count: int
    middle: timedelta | None
    ninetieth: timedelta | None  # the smallest that at least nine of ten do not exceed


class _Share(Aggregate):
    """What that share of all do not exceed: between two of them for "cont", one of them for "disc".

    PostgreSQL 18, 9.21: ordered-set aggregates.
    """

    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def spent(rows: QuerySet[Any, Any], taken: Combinable, groups: dict[str, Q]) -> dict[str, Spent]:
    """How long those of each group took, in one query; `taken` is of a row."""
    wanted: dict[str, Aggregate] = {}
    for place, kept in enumerate(groups.values()):
        wanted[f"of_{place}"] = Count(taken, filter=kept)
        wanted[f"middle_{place}"] = _Share(
            taken, filter=kept, function="percentile_cont", share=0.5
        )
        wanted[f"most_{place}"] = _Share(taken, filter=kept, function="percentile_disc", share=0.9)
    found = rows.aggregate(**wanted)
    return {
        key: Spent(found[f"of_{place}"], found[f"middle_{place}"], found[f"most_{place}"])
        for place, key in enumerate(groups)
    }


def spans(acting: Acting, period: Period) -> dict[str, Spent]:
    """From asking to delivered, of those that were delivered, by priority."""
    first = TransactionEventRow.objects.filter(
        transaction__in=made(acting, period), event=TransactionEvent.DELIVERED.value
    )
    rows = first.order_by().values(
        urgency=F("transaction__priority"), asked_at=F("transaction__asked_at"),
        of=F("transaction"),
    ).annotate(first=Min("at"))  # fmt: skip
    groups = {str(each.value): Q(urgency=each.value) for each in Priority}
    return spent(rows, F("first") - F("asked_at"), groups)


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
    if name == "discs":
        return list(_discs(discs_read(acting, period)))
    if name == "ticket":
        return list(_tickets(opened(acting, period, what)))
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


def _transfers(rows: QuerySet[Any]) -> Iterator[Behind]:
    for each in rows.select_related("transaction").order_by("-created_at")[:MOST_LISTED]:
        thing = each.transaction
        href = reverse("iep:transaction", args=[thing.number]) if thing else reverse("iep:failures")
        yield Behind(each.title, href, each.created_at, each.said)


def _tickets(rows: QuerySet[Ticket]) -> Iterator[Behind]:
    for each in rows.select_related("institution").order_by("-opened_at")[:MOST_LISTED]:
        where = each.institution.full_name if each.institution else ""
        yield Behind(each.reference, reverse("iep:ticket", args=[each.reference]), each.opened_at,
                     where)  # fmt: skip


def _discs(rows: QuerySet[Disc]) -> Iterator[Behind]:
    found = rows.select_related("ticket__institution").order_by("-state_since")
    for each in found[:MOST_LISTED]:
        name = f"{each.ticket.reference}, disc {each.number}"
        where = each.ticket.institution.full_name if each.ticket.institution else ""
        yield Behind(name, reverse("iep:disc", args=[each.pk]), each.state_since, where)
