"""Whose turn it is: the rules by which lanes claim, and why a transfer must wait, in words.

What a page promises of the next transfer is read off the same rules as what a lane takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from iep.models import Lane, Transfer
from iep.states.nights import is_night, night_begins
from iep.states.priorities import Priority
from iep.states.transactions import Direction
from iep.states.transfers import TransferState

ALIVE = timedelta(seconds=10)  # a worker says every 1.5 s that it is there
NO_LANE = "No lane works now."


def ready(direction: str) -> QuerySet[Transfer]:
    """What waits and whose time has come, by whose turn it is."""
    return Transfer.objects.filter(is_ready(), direction=direction).order_by(
        "priority", "rank", "pk"
    )


def is_ready() -> Q:
    """A node that fails is asked again when its time has come; for blue light, at the transfer's
    own."""
    return Q(
        Q(node__retry_at=None) | Q(node__retry_at__lte=Now()) | Q(priority=Priority.BLUE_LIGHT),
        Q(not_before=None) | Q(not_before__lte=Now()),
        state=TransferState.WAITING,
        node__is_paused=False,
    )


def least_urgent(direction: str, *, is_full: bool, at: datetime) -> Priority:
    """Down to which priority work may be taken at that moment. `is_full`: the disk for images."""
    if direction == Direction.IN and is_full:
        return Priority.BLUE_LIGHT
    return Priority.BATCH if is_night(at, settings.LANES_NIGHT) else Priority.NORMAL


class Waits(NamedTuple):
    """What decides when one transfer may be taken."""

    direction: str
    priority: int
    not_before: datetime | None
    node: str
    node_is_paused: bool
    node_retry_at: datetime | None


WAITS = ("direction", "priority", "not_before", "node__name", "node__is_paused", "node__retry_at")


def waits(transfer: Transfer) -> Waits:
    """The same of a transfer that is at hand, with its node."""
    node = transfer.node
    return Waits(
        transfer.direction, transfer.priority, transfer.not_before, node.name, node.is_paused,
        node.retry_at,
    )  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """What lanes go by: how many work, by direction, and whether the disk is full."""

    for_all: dict[str, int]  # lanes that take standard work
    for_blue: dict[str, int]  # lanes that take Blue Light
    is_full: bool

    def lanes_for(self, direction: str, priority: int) -> int:
        """How many lanes that work would take it."""
        is_blue = priority == Priority.BLUE_LIGHT
        return (self.for_blue if is_blue else self.for_all).get(direction, 0)

    def least_urgent(self, direction: str, now: datetime) -> Priority:
        return least_urgent(direction, is_full=self.is_full, at=now)

    def takes(self, now: datetime) -> Q:
        """What a lane may take now, in either direction."""
        found = Q()
        for each in Direction:
            found |= Q(direction=each, priority__lte=self.least_urgent(each, now))
        return is_ready() & found

    def why_not(self, one: Waits, now: datetime) -> str:
        """Why no lane takes it now, in words; "" where its turn is all that it waits for."""
        if one.node_is_paused:
            return f"{one.node} is paused."
        if again := _again(one, now):
            return f"Tried again at {timezone.localtime(again):%H:%M}."
        if one.priority == Priority.BATCH and not is_night(now, settings.LANES_NIGHT):
            return f"Waits for tonight ({night_begins(settings.LANES_NIGHT):%H:%M})."
        if one.priority > self.least_urgent(one.direction, now):
            return "Waits for room on the disk for images."
        return "" if self.lanes_for(one.direction, one.priority) else NO_LANE


def _again(one: Waits, now: datetime) -> datetime | None:
    """When it or its machine is tried again, where that is to come."""
    of_node = None if one.priority == Priority.BLUE_LIGHT else one.node_retry_at
    times = [each for each in (one.not_before, of_node) if each is not None and each > now]
    return max(times, default=None)


def rules_of(lanes: Iterable[Lane], now: datetime) -> Rules:
    """Of lanes that are at hand: what is paused, and what nobody runs, takes nothing."""
    working = [each for each in lanes if not each.is_paused and is_alive(each, now)]
    last = settings.LANES_STANDARD_FIRST  # these take Blue Light when nothing else waits
    return Rules(
        for_all=_count(each for each in working if not each.is_blue_only),
        for_blue=_count(each for each in working if each.is_blue_only or each.name not in last),
        is_full=any(each.said_full_at for each in working),
    )


def is_alive(lane: Lane, now: datetime) -> bool:
    """Whether a worker has it."""
    return lane.seen_at is not None and now - lane.seen_at < ALIVE


def _count(lanes: Iterable[Lane]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in lanes:
        found[each.direction] = found.get(each.direction, 0) + 1
    return found
