"""The four hours of a Blue Light: how long of them is gone, and who is told (hazard H39)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts.policies import Acting
from accounts.roles import Permission
from iep import policies
from iep.states.priorities import BLUE_LIGHT_ALARMS, BLUE_LIGHT_CLOCK, Priority
from iep.states.tickets import OPEN
from iep.states.transactions import Direction, TransactionState

from .transactions import lone_tickets, visible_to

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
    """Blue Light transactions and tickets past an alarm, the longest first: two queries."""
    now = now or timezone.now()
    first = now - BLUE_LIGHT_ALARMS[0]
    over = [each.value for each in (S.DELIVERED, S.FIXED_UP, S.PURGED, S.CANCELLED)]
    things = (
        visible_to(acting)
        .filter(priority=Priority.BLUE_LIGHT.value, created_at__lte=first)
        .exclude(state__in=over)
        .exclude(state=S.DECLINE.value, direction=Direction.IN.value)
    )
    tickets = lone_tickets(acting).filter(
        priority=Priority.BLUE_LIGHT.value, opened_at__lte=first,
        state__in=[each.value for each in OPEN],
    )  # fmt: skip
    found = [
        Alarm(
            f"Transaction {number}", reverse("iep:transaction", args=[number]), at, _rang(at, now)
        )
        for number, at in things.values_list("number", "created_at")[:50]
    ] + [
        Alarm(reference, reverse("iep:ticket", args=[reference]), at, _rang(at, now))
        for reference, at in tickets.values_list("reference", "opened_at")[:50]
    ]
    return sorted(found, key=lambda each: each.asked_at)


def _rang(asked_at: datetime, now: datetime) -> int:
    steps = [*BLUE_LIGHT_ALARMS, BLUE_LIGHT_CLOCK]
    return max(int(step.total_seconds() // 3600) for step in steps if now - asked_at >= step)


def blue_light_strip(acting: Acting | None) -> Iterator[tuple[Any, ...]]:
    """For the status strip of who works in the exchange: Blue Light past its alarms."""
    if acting is None or not acting.may(Permission.EXCHANGE_IMAGES):
        return
    trust = policies.trust_of(acting)
    key = f"iep:blue:{trust.pk if trust else 0}"
    found = cache.get(key)
    if found is None:
        found = alarms(acting)
        cache.set(key, found, _STRIP_SECONDS)
    if found:
        worst = found[0]
        words = {1: "over 1 hour", 2: "over 2 hours", 4: "over its 4 hours"}[worst.hours]
        more = f" {len(found)} Blue Light transfers are late." if len(found) > 1 else ""
        yield (f"Blue Light is {words}: {worst.reference}.{more}", worst.asked_at, "",
               reverse("iep:home"), "Open the image exchange")  # fmt: skip
