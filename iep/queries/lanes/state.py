"""Which lanes run, and how much waits in them: for the health page and the measurements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q
from django.utils import timezone

from iep.models import Lane, Node, ReceivedFile, Transfer
from iep.states.priorities import Priority
from iep.states.studies import FileState
from iep.states.transfers import TERMINAL, InstanceState, TransferEvent, TransferState

ALIVE = timedelta(seconds=15)  # a lane says every other second that it is there


def lanes_away() -> list[str]:
    """The lanes that nobody runs, by name."""
    since = timezone.now() - ALIVE
    rows = Lane.objects.order_by("name").values_list("name", "seen_at")
    return [name for name, seen_at in rows if seen_at is None or seen_at < since]


@dataclass(frozen=True)
class Lanes:
    """What is measured, by its labels."""

    up: dict[tuple[str, ...], float]  # lane
    depth: dict[tuple[str, ...], float]  # direction, priority, state
    oldest: dict[tuple[str, ...], float]  # direction, priority: seconds, of what waits
    failing: dict[tuple[str, ...], float]  # node: failures in a row
    quarantined: dict[tuple[str, ...], float]  # files not looked into


def measure_lanes() -> Lanes:
    """Five short queries, at each scrape."""
    away, now = set(lanes_away()), timezone.now()
    open_ones = Transfer.objects.exclude(state__in=sorted(each.value for each in TERMINAL))
    groups = open_ones.values_list("direction", "priority", "state").annotate(
        count=Count("pk"), oldest=Min("state_since")
    )
    rows = list(groups.order_by())
    waiting = FileState.QUARANTINED.value
    return Lanes(
        up={(name,): float(name not in away) for name in _lane_names()},
        depth={(way, _word(level), state): float(count) for way, level, state, count, _ in rows},
        oldest={
            (way, _word(level)): _seconds(oldest, now)
            for way, level, state, _, oldest in rows
            if state == "waiting"
        },
        failing={
            (name,): float(failures)
            for name, failures in Node.objects.values_list("name", "failures")
        },
        quarantined={(): float(ReceivedFile.objects.filter(state=waiting).count())},
    )


def _lane_names() -> list[str]:
    return list(Lane.objects.order_by("name").values_list("name", flat=True))


def _word(level: int) -> str:
    return Priority(level).name.lower()


def _seconds(since: datetime | None, now: datetime) -> float:
    return (now - since).total_seconds() if since else 0.0


# --- Whether an image is out of our hands --------------------------------------------------------

_PUT_DOWN = frozenset({  # said by the lane itself, when nothing of it is on the wire
    TransferEvent.YIELDED, TransferEvent.DELAYED, TransferEvent.SENT, TransferEvent.CONFIRMED,
    TransferEvent.FELL_SHORT, TransferEvent.FAILED,
})  # fmt: skip
_TAKEN_AWAY = frozenset({TransferEvent.PAUSED, TransferEvent.CANCELLED})


def is_on_its_way(transfer: Transfer) -> bool:
    """A lane has it at this moment; the row is locked by the caller, so that none takes it now."""
    return transfer.state == TransferState.RUNNING


def may_have_left(transfer: Transfer) -> bool:
    """Whether an image of it may be at the other side: only what is certain is "no".

    An image is written down after it was sent. So one may be there of which nothing is written:
    its answer was lost, its lane was killed, or a person stopped the lane while it was on its way.
    """
    taken = Q(state__in=(InstanceState.SENT, InstanceState.CONFIRMED))
    unanswered = Q(state=InstanceState.WAITING, attempts__gt=0)  # what was refused is not there
    if transfer.images_done or transfer.instances.filter(taken | unanswered).exists():
        return True
    return _was_taken_away(transfer)


def _was_taken_away(transfer: Transfer) -> bool:
    """From a lane that had it, before the lane said itself that it had put it down."""
    is_held = False
    for each in transfer.events.order_by("pk").values_list("event", flat=True):
        event = TransferEvent(each)
        if is_held and (event in _TAKEN_AWAY or event == TransferEvent.CLAIMED):
            return True
        is_held = event == TransferEvent.CLAIMED or (is_held and event not in _PUT_DOWN)
    return is_held
