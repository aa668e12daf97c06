"""How far a transfer has got, and each of its instances: what lanes work on."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from .waits import NoSuchMove, Wait


class TransferKind(StrEnum):
    """What a lane does with it."""

    SEND = "send"  # C-STORE to a node
    FETCH = "fetch"  # C-GET (or C-MOVE) from a node
    PUSH = "push"  # STOW to another installation's gateway
    PULL = "pull"  # WADO from another installation's gateway


OUTBOUND = frozenset({TransferKind.SEND, TransferKind.PUSH})


class TransferState(StrEnum):
    WAITING = "waiting"  # its turn has not come, or it is tried again later
    RUNNING = "running"  # a lane has it; a lease says which
    PAUSED = "paused"  # by a person
    UNCONFIRMED = "unconfirmed"  # every instance was sent, not every one is confirmed
    DELIVERED = "delivered"  # every instance is confirmed
    PARTIAL = "partial"  # n of m, and what is missing is refused: a person's
    FAILED = "failed"  # tried for hours, or refused for good: a person's
    CANCELLED = "cancelled"


class TransferEvent(StrEnum):
    QUEUED = "queued"
    CLAIMED = "claimed"
    YIELDED = "yielded"  # to blue light, between two images
    DELAYED = "delayed"  # to be tried again later
    SENT = "sent"
    CONFIRMED = "confirmed"
    FELL_SHORT = "fell_short"  # n of m
    FAILED = "failed"
    PAUSED = "paused"
    RESUMED = "resumed"
    RETRIED = "retried"  # by a person; only what is missing goes again
    CANCELLED = "cancelled"
    NOTED = "noted"  # moved up or down, priority changed


S, E = TransferState, TransferEvent
TERMINAL = frozenset({S.DELIVERED, S.CANCELLED})
NOT_RUN = frozenset({S.WAITING, S.PAUSED, S.UNCONFIRMED, S.PARTIAL, S.FAILED})

TRANSITIONS: dict[tuple[TransferState, TransferEvent], TransferState] = {
    (S.WAITING, E.CLAIMED): S.RUNNING,
    (S.RUNNING, E.CLAIMED): S.RUNNING,  # its lease ran out: another lane takes over
    (S.RUNNING, E.YIELDED): S.WAITING,
    (S.RUNNING, E.DELAYED): S.WAITING,
    (S.RUNNING, E.SENT): S.UNCONFIRMED,
    **{(state, E.CONFIRMED): S.DELIVERED for state in (S.RUNNING, S.UNCONFIRMED)},
    **{(state, E.FELL_SHORT): S.PARTIAL for state in (S.RUNNING, S.UNCONFIRMED)},
    **{(state, E.FAILED): S.FAILED for state in (S.WAITING, S.RUNNING, S.UNCONFIRMED)},
    **{(state, E.PAUSED): S.PAUSED for state in (S.WAITING, S.RUNNING)},
    (S.PAUSED, E.RESUMED): S.WAITING,
    **{(state, E.RETRIED): S.WAITING for state in (S.PARTIAL, S.FAILED, S.UNCONFIRMED, S.WAITING)},
    (S.RUNNING, E.RETRIED): S.WAITING,  # taken from a lane that has stalled
    **{(state, E.CANCELLED): S.CANCELLED for state in NOT_RUN | {S.RUNNING}},
    # Also of what fell short: it is as urgent as its transaction when it is sent again.
    **{(state, E.NOTED): state for state in NOT_RUN | {S.RUNNING}},
}

STALLED_AFTER = timedelta(seconds=60)
LEASE = timedelta(seconds=5)  # of a lane; renewed while it works (reliability.md 6.3)

WAITS: dict[TransferState, Wait] = {
    S.WAITING: Wait("worker", timedelta(hours=4), "iep:queues"),
    S.RUNNING: Wait("worker", timedelta(hours=4), "iep:queues"),
    S.PAUSED: Wait("mbp", timedelta(hours=24), "iep:queues"),
    S.UNCONFIRMED: Wait("worker", timedelta(hours=1), "iep:queues"),
    S.PARTIAL: Wait("mbp", timedelta(hours=1), "iep:failures"),
    S.FAILED: Wait("mbp", timedelta(hours=1), "iep:failures"),
}


class InstanceState(StrEnum):
    """Of one instance of one transfer: the ledger."""

    WAITING = "waiting"
    SENT = "sent"  # the peer answered success
    CONFIRMED = "confirmed"  # the peer says that it has it
    REFUSED = "refused"  # the peer will not take it; or it was not found there


def after(state: TransferState | str, event: TransferEvent) -> TransferState:
    """The state after the event. Raises NoSuchMove."""
    try:
        return TRANSITIONS[(TransferState(state), event)]
    except KeyError:
        raise NoSuchMove("transfer", state, event) from None
