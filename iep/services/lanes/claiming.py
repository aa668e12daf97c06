"""Which transfer a lane takes, with what right, and what it may write while it has it.

Who runs a lane holds its session lock, which the server releases at once when the process dies.
What it carries has a lease, for a process that is frozen or cut off, and a fence: a number that
grows with each claim, so that who comes late changes nothing. All times are the database's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import OperationalError, connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.db.transaction import atomic
from django.utils import timezone

from iep import storage
from iep.models import Lane, Node, Transaction, Transfer
from iep.queries.lanes import turns
from iep.queries.lanes.turns import ready
from iep.services.lanes.moves import moved
from iep.states.nights import is_night
from iep.states.priorities import Priority
from iep.states.transactions import Direction
from iep.states.transfers import LEASE, TransferEvent, TransferState

LANE_LOCK = 1104  # the class of our advisory locks on lanes
BID_LOCK = 1105  # and on blue lights that a lane is about to take
_BIDS = 10  # a lane looks at so many: there are fewer lanes
_PROBING = timedelta(seconds=30)  # while a node fails, one lane at a time asks it
_TAKEN_OVER = "Taken over."
_PATIENCE = 25  # rounds of 20 ms for a transaction that somebody else has locked


@dataclass(frozen=True)
class Held:
    """A transfer that a lane has, and the right by which it writes."""

    transfer_id: int
    fence: int
    token: UUID
    lane_id: int
    priority: int


def claim(lane: Lane) -> Held | None:
    """The next transfer for this lane, or None: nothing waits that it may take now."""
    for _ in range(_PATIENCE):
        try:
            return _claim(lane)
        except OperationalError as failure:  # its transaction is locked by somebody: soon free
            if "could not obtain lock" not in str(failure):
                raise
            time.sleep(0.02)
    return None


def _claim(lane: Lane) -> Held | None:
    if lane.is_paused:
        return None
    with atomic():
        for rows, words in _by_turn(lane):
            if found := _first(rows):
                return take(found, lane, words)
    return None


def _by_turn(lane: Lane) -> Iterator[tuple[QuerySet[Transfer], str]]:
    """What the lane may take, in the order in which it looks, and what is said of it then.

    Blue Light before all else, what a dead lane has left of it first of all.
    """
    running = Transfer.objects.filter(state=TransferState.RUNNING, direction=lane.direction)
    blue = Q(priority=Priority.BLUE_LIGHT)
    standard_first = lane.name in settings.LANES_STANDARD_FIRST and not lane.is_blue_only
    if not standard_first:
        yield _orphans(lane, running.filter(blue)), _TAKEN_OVER
        yield ready(lane.direction).filter(blue), ""
    if lane.is_blue_only:
        return
    yield _orphans(lane, running), _TAKEN_OVER
    everything = ready(lane.direction).filter(priority__lte=least_urgent(lane.direction))
    if standard_first:
        yield everything.exclude(blue), ""
    yield everything, ""


def least_urgent(direction: str) -> Priority:
    """Down to which priority work may be taken at this moment."""
    is_full = direction == Direction.IN and not storage.room(for_blue_light=False)
    return turns.least_urgent(direction, is_full=is_full, at=_now())


def _first(rows: QuerySet[Transfer]) -> Transfer | None:
    found = rows.select_related("node").select_for_update(skip_locked=True, of=("self",)).first()
    if found is not None and found.transaction_id:  # in order: see moves
        rest = Transaction.objects.select_for_update(nowait=True).filter(pk=found.transaction_id)
        list(rest.values_list("pk", flat=True))
    return found


def _orphans(lane: Lane, running: QuerySet[Transfer]) -> QuerySet[Transfer]:
    """Those whose lane is gone: their lease ran out, or nobody holds the lock of their lane.

    Whoever holds this lane's lock is we, so that what this lane still has is a predecessor's.
    """
    if not running.exists():
        return running.none()
    gone = [lane.pk, *_lanes_without_holder(lane)]
    rows = running.filter(Q(lease_until__lt=Now()) | Q(lane__in=gone))
    return rows.order_by("priority", "rank", "pk")


def _lanes_without_holder(lane: Lane) -> list[int]:
    """Lanes of this direction whose session lock nobody has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [LANE_LOCK],
        )
        taken = {row[0] for row in cursor.fetchall()}
    lanes = Lane.objects.filter(direction=lane.direction).exclude(pk__in=taken)
    return list(lanes.values_list("pk", flat=True))


def take(transfer: Transfer, lane: Lane, words: str = "") -> Held:
    """Give a locked transfer to the lane: a new lease and the next number."""
    held = Held(transfer.pk, transfer.fence + 1, uuid4(), lane.pk, transfer.priority)
    if transfer.node.failures:
        Node.objects.filter(pk=transfer.node_id).update(retry_at=Now() + _PROBING)
    moved(
        transfer, TransferEvent.CLAIMED, words=words or f"Lane {lane.name}.",
        lane=lane, fence=held.fence, lease_token=held.token, lease_until=Now() + LEASE,
        started_at=transfer.started_at or timezone.now(), continued_from=transfer.images_done,
        not_before=None,
    )  # fmt: skip
    return held


# --- While it is carried --------------------------------------------------------------------------


def held_row(held: Held) -> Transfer | None:
    """The transfer, locked in order, if our claim still holds; None: somebody else has it now."""
    transaction = Transfer.objects.filter(pk=held.transfer_id).values("transaction")
    list(Transaction.objects.select_for_update().filter(pk__in=transaction).values_list("pk"))
    rows = Transfer.objects.select_for_update(of=("self",)).select_related("node")
    return rows.filter(
        pk=held.transfer_id, fence=held.fence, lease_token=held.token, state=TransferState.RUNNING
    ).first()


@contextmanager
def bid(direction: str) -> Iterator[bool]:
    """Whether a waiting blue light is this lane's to take, until the end of the block.

    All lanes hear of it at once, and one is enough: the others need not put down what they have.
    A courtesy, no right: who looks without having heard, once a second, does not ask here, so that
    a lane that won and then hangs keeps nobody from it.
    """
    waiting = _waiting_blue(direction).values_list("pk", flat=True)[:_BIDS]
    mine = next((pk for pk in waiting if _advisory("pg_try_advisory_lock", pk)), None)
    try:
        yield mine is not None
    finally:
        if mine is not None:
            _advisory("pg_advisory_unlock", mine)


def _advisory(function: str, pk: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s)", [BID_LOCK, pk % 2**31])
        return bool(cursor.fetchone()[0])


def blue_light_waits(direction: str) -> bool:
    """The cheap question, of the index, without a transaction."""
    return _waiting_blue(direction).exists()


def _waiting_blue(direction: str) -> QuerySet[Transfer]:
    return ready(direction).filter(priority=Priority.BLUE_LIGHT)


def take_blue_light_instead(held: Held, lane: Lane) -> Held | None:
    """A blue light that nobody has yet; what was held goes back to where it was, progress kept.

    None: there is none, and what is held stays held.
    """
    with atomic():
        try:
            with atomic():
                found = _first(_waiting_blue(lane.direction))
        except OperationalError as failure:
            if "could not obtain lock" not in str(failure):
                raise
            return None  # asked again after the next image
        transfer = held_row(held) if found is not None else None
        if found is None or transfer is None:
            return None
        moved(transfer, TransferEvent.YIELDED, words="Blue Light goes first.")
        return take(found, lane, "A lane left its work for it.")


def put_back(held: Held, words: str, *, seconds: float = 0.0) -> None:
    """Back to waiting, progress kept; nothing happens when it is no longer ours."""
    later = Now() + timedelta(seconds=seconds) if seconds else None
    with atomic():
        if transfer := held_row(held):
            moved(transfer, TransferEvent.YIELDED, words=words, not_before=later)


def why_not_now(held: Held) -> str:
    """Why what is held must wait after all, in words; "" when it may go on."""
    transfer = Transfer.objects.select_related("node", "lane").get(pk=held.transfer_id)
    if transfer.node.is_paused:
        return f"{transfer.node.name} is paused."
    if transfer.lane is not None and transfer.lane.is_paused:
        return f"Lane {transfer.lane.name} is paused."
    if transfer.priority == Priority.BATCH and not is_night(_now(), settings.LANES_NIGHT):
        return "The night is over."
    return ""


def say_whether_full(lane: Lane) -> None:
    """Write down since when a lane takes no standard work, because the disk is nearly full."""
    if lane.direction != Direction.IN:
        return
    is_full = not storage.room(for_blue_light=False)
    if is_full != (lane.said_full_at is not None):
        Lane.objects.filter(pk=lane.pk).update(said_full_at=Now() if is_full else None)


def renew(holds: list[Held]) -> None:
    """The leases begin anew, of those that are still ours."""
    for held in holds:
        Transfer.objects.filter(
            pk=held.transfer_id, fence=held.fence, lease_token=held.token,
            state=TransferState.RUNNING,
        ).update(lease_until=Now() + LEASE)  # fmt: skip


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        now: datetime = cursor.fetchone()[0]
    return now
