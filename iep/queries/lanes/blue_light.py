"""The four hours of a Blue Light: how long of them is gone, and who is told (hazard H39)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import CharField, F, IntegerField, QuerySet, Value
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils import timezone

from accounts.policies import Acting
from accounts.roles import Permission
from iep import policies
from iep.queries.exchange.transactions import sees_everywhere, visible_to
from iep.queries.home.tabs import lone_tickets
from iep.states.priorities import BLUE_LIGHT_ALARMS, BLUE_LIGHT_CLOCK, Priority
from iep.states.tickets import OPEN
from iep.states.transactions import TERMINAL, Direction, TransactionState

S = TransactionState
_STRIP_SECONDS = 10


def clock_words(asked_at: datetime, now: datetime) -> str:
    """`1 h 12 min of 4 hours`; `Over 4 hours: 4 h 20 min`."""
    gone = max(timedelta(), now - asked_at)
    hours, minutes = divmod(int(gone.total_seconds()) // 60, 60)
    words = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return f"Over 4 hours: {words}" if gone >= BLUE_LIGHT_CLOCK else f"{words} of 4 hours"


@dataclass(frozen=True)
class Alarm:
    """A Blue Light that has been going for an hour, for two, or for more than its four."""

    reference: str  # what people call it
    address: str
    asked_at: datetime
    hours: int  # 1, 2 or 4: the alarm that rang


def alarms(acting: Acting, now: datetime | None = None) -> list[Alarm]:
    """Blue Light transactions and tickets past an alarm, the longest first: one query."""
    now = now or timezone.now()
    first = now - BLUE_LIGHT_ALARMS[0]
    things = (
        visible_to(acting)
        .filter(priority=Priority.BLUE_LIGHT.value, asked_at__lte=first)
        .exclude(state__in=[each.value for each in (S.DELIVERED, *TERMINAL)])
        .exclude(state=S.DECLINE.value, direction=Direction.IN.value)
    )
    tickets = lone_tickets(acting).filter(
        priority=Priority.BLUE_LIGHT.value, asked_at__lte=first,
        state__in=[each.value for each in OPEN],
    )  # fmt: skip
    both = _named(things, Cast("number", CharField()), 0).union(
        _named(tickets, F("reference"), 1), all=True
    )
    return [
        Alarm(*_ADDRESSES[is_ticket](name), at, _rang(at, now))
        for name, at, is_ticket in both.order_by("at")[:MOST]
    ]


MOST = 100
_ADDRESSES: dict[int, Callable[[str], tuple[str, str]]] = {
    0: lambda name: (f"Transaction {name}", reverse("iep:transaction", args=[int(name)])),
    1: lambda name: (name, reverse("iep:ticket", args=[name])),
}


def _named(rows: QuerySet[Any], name: Any, is_ticket: int) -> QuerySet[Any, Any]:
    columns = {"name": name, "at": F("asked_at"), "is_ticket": Value(is_ticket, IntegerField())}
    return rows.annotate(**columns).values_list("name", "at", "is_ticket")


def _rang(asked_at: datetime, now: datetime) -> int:
    steps = [*BLUE_LIGHT_ALARMS, BLUE_LIGHT_CLOCK]
    return max(int(step.total_seconds() // 3600) for step in steps if now - asked_at >= step)


def recent_alarms(acting: Acting) -> list[Alarm]:
    """The alarms as every page of the trust has them: remembered for some seconds."""
    trust = None if sees_everywhere(acting) else policies.trust_of(acting)
    key = f"iep:blue:{trust.pk if trust else 0}"
    found: list[Alarm] | None = cache.get(key)
    if found is None:
        found = alarms(acting)
        cache.set(key, found, _STRIP_SECONDS)
    return found


def blue_light_strip(acting: Acting | None) -> Iterator[tuple[Any, ...]]:
    """For the status strip of who works in the exchange: Blue Light past its alarms."""
    if acting is None or not acting.may(Permission.EXCHANGE_IMAGES):
        return
    found = recent_alarms(acting)
    if found:
        yield (late_words(found), found[0].asked_at, "", reverse("iep:home"),
               "Open the image exchange")  # fmt: skip


def late_words(found: list[Alarm]) -> str:
    """`Blue Light is over 1 hour: Transaction 1204.`; "" where none is late."""
    if not found:
        return ""
    words = {1: "over 1 hour", 2: "over 2 hours", 4: "over its 4 hours"}[found[0].hours]
    more = f" {len(found)} Blue Light transfers are late." if len(found) > 1 else ""
    return f"Blue Light is {words}: {found[0].reference}.{more}"
