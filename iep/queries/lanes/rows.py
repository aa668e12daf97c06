"""One transfer as a list or the board shows it, in honest words (ux.md 2.9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from iep.models import Transfer
from iep.queries.lanes.progress import Pace, is_stalled, pace_of, time_left, volume
from iep.states.priorities import PRIORITY_WORDS, Priority
from iep.states.transactions import Direction
from iep.states.transfers import TransferState

STATE_WORDS: dict[TransferState, str] = {
    TransferState.WAITING: "Waiting",
    TransferState.RUNNING: "Transferring",
    TransferState.PAUSED: "Paused",
    TransferState.UNCONFIRMED: "Sent, unconfirmed",
    TransferState.DELIVERED: "Delivered",
    TransferState.PARTIAL: "Incomplete",
    TransferState.FAILED: "Failed",
    TransferState.CANCELLED: "Cancelled",
}


@dataclass(frozen=True)
class Row:
    """One transfer as a list or the board shows it."""

    pk: int
    title: str
    peer: str
    direction: str
    priority: int
    priority_words: str
    state: str
    words: str
    images: int
    images_done: int
    continued_from: int
    volume: str  # "1.2 of 2.1 GB", "" where unknown
    why: str
    since: datetime
    not_before: datetime | None = None
    ahead: int | None = None  # how many are taken before it; None: nobody can say
    held: str = ""  # why no lane takes it now: "Waits for tonight (20:00)."
    left: str = ""  # "about 6 min"
    pace: Pace | None = None
    stalled_for: timedelta | None = None
    is_ours: bool = True

    @property
    def is_blue_light(self) -> bool:
        return self.priority == Priority.BLUE_LIGHT


def row_of(
    transfer: Transfer,
    *,
    now: datetime | None = None,
    moments: list[datetime] | None = None,
    ahead: int | None = None,
    held: str = "",
    is_ours: bool = True,
) -> Row:
    """A transfer as people see it. `held`: as of `turns.Rules.why_not`."""
    now = now or timezone.now()
    pace = pace_of(moments, began=transfer.state_since, now=now) if moments is not None else None
    stalled = _stalled_for(transfer, now)
    left = (
        "" if pace is None or stalled else time_left(transfer.images - transfer.images_done, pace)
    )
    return Row(
        pk=transfer.pk,
        title=transfer.title if is_ours else "Another trust's transfer",
        peer=str(transfer.node.institution) if is_ours else "",
        direction=transfer.direction,
        priority=transfer.priority,
        priority_words=PRIORITY_WORDS[Priority(transfer.priority)],
        state=transfer.state,
        words=_words(transfer, ahead=None if held else ahead, is_stalled=stalled is not None),
        images=transfer.images,
        images_done=min(transfer.images_done, transfer.images),
        continued_from=transfer.continued_from,
        volume=_volume(transfer),
        why=transfer.why if is_ours else "",
        since=transfer.state_since,
        not_before=transfer.not_before,
        ahead=ahead,
        held=held,
        left=left,
        pace=pace,
        stalled_for=stalled,
        is_ours=is_ours,
    )


def _stalled_for(transfer: Transfer, now: datetime) -> timedelta | None:
    last, since = transfer.last_image_at, transfer.state_since
    if not is_stalled(transfer.state, last_image_at=last, since=since, now=now):
        return None
    return now - (max(last, since) if last else since)


def _words(transfer: Transfer, *, ahead: int | None, is_stalled: bool) -> str:
    """Waiting (n ahead), Preparing, Uploading, Checking, Delivered, Failed (ux 2.9)."""
    state = TransferState(transfer.state)
    if state == TransferState.RUNNING:
        if is_stalled:
            return "Stalled"
        if not transfer.images or transfer.images_done <= transfer.continued_from:
            return "Preparing"
        return "Uploading" if transfer.direction == Direction.OUT else "Downloading"
    if state == TransferState.WAITING and ahead is not None:
        return f"Waiting, {ahead} ahead" if ahead else "Next"
    if state == TransferState.UNCONFIRMED and not transfer.failures:
        return "Checking"
    return STATE_WORDS[state]


def _volume(transfer: Transfer) -> str:
    if not transfer.bytes_total:
        return volume(transfer.bytes_done) if transfer.bytes_done else ""
    return f"{volume(transfer.bytes_done)} of {volume(transfer.bytes_total)}"
