"""How far a transaction is, in a sentence: what its status means now, and what is next.

The statuses are the portal's own words (ux.md 2.3); the sentences are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.utils import timezone

from iep.models import Lane, Transaction, Transfer
from iep.models.directory import NodeKind
from iep.queries.home.endings import days_left, days_until
from iep.queries.lanes.measured import images_a_second
from iep.queries.lanes.turns import WAITS, Rules, Waits, rules_of
from iep.states.priorities import Priority
from iep.states.transactions import Direction, TransactionState
from iep.states.transfers import TransferState
from nhsuk.formats import cdate_text

S = TransactionState


@dataclass(frozen=True)
class Progress:
    """How many images of how many, of what runs or waits for a transaction."""

    done: int
    total: int

    @property
    def words(self) -> str:
        return f"{self.done} of {self.total} images" if self.total else f"{self.done} images"


@dataclass(frozen=True)
class Turn:
    """Where the first transfer that waits stands in its queue."""

    place: int  # 1 is next
    is_inbound: bool
    starts_at: datetime | None  # None: nothing was measured that bears a time
    held: str = ""  # why no lane takes it now, whatever its place


def is_late(thing: Transaction, now: datetime) -> bool:
    """Its clock has run out: On IEP and nobody took it up, or nobody looked (hazard H42)."""
    return thing.due_at is not None and thing.due_at <= now


def progress_of(transfers: Sequence[Transfer]) -> Progress | None:
    """Of what runs, or else of all that has begun: images done of all."""
    live = [each for each in transfers if each.state != TransferState.CANCELLED]
    last = [each for each in live if each.purpose != "from_pacs"] or live
    if not last:
        return None
    return Progress(sum(each.images_done for each in last), sum(each.images for each in last))


def turns_of(waiting: Sequence[Transfer]) -> dict[UUID, Turn]:
    """Where each transaction's first waiting transfer stands in its queue: one query."""
    if not waiting:
        return {}
    queue = Transfer.objects.filter(state__in=(TransferState.WAITING, TransferState.RUNNING))
    order = queue.order_by("direction", "state", "priority", "rank", "pk")  # what runs stands first
    rows = list(order.values_list(*_QUEUED)[:2000])
    wanted = {each.transaction_id for each in waiting}
    return _turns(rows, wanted, _measured(), timezone.now())


_QUEUED = ("transaction_id", "state", "images", "images_done", *WAITS)


def _measured() -> tuple[dict[str, float], Rules]:
    """Images a second of one lane, and what lanes go by; remembered for some seconds."""
    found: tuple[dict[str, float], Rules] | None = cache.get("iep:measured")
    if found is None:
        found = images_a_second(), rules_of(Lane.objects.all(), timezone.now())
        cache.set("iep:measured", found, 10)
    return found


@dataclass
class _Ahead:
    """What lanes carry or take before the next one."""

    place: int = 1
    images: int | None = 0  # None: of one of them nobody knows how many

    def add(self, images: int, done: int, *, waits: bool) -> None:
        self.place += waits
        known = self.images is not None and images
        self.images = (self.images or 0) + max(0, images - done) if known else None


def _turns(
    rows: Sequence[tuple[Any, ...]],
    wanted: set[Any],
    measured: tuple[dict[str, float], Rules],
    now: datetime,
) -> dict[UUID, Turn]:
    """By the rules by which lanes claim. Blue Light goes before what runs, but other Blue Light."""
    ahead: dict[tuple[str, bool], _Ahead] = {}  # by direction, and whether for Blue Light
    turns: dict[UUID, Turn] = {}
    for transaction_id, state, images, done, *rest in rows:
        one, is_waiting = Waits(*rest), state == TransferState.WAITING
        held = measured[1].why_not(one, now) if is_waiting else ""
        is_blue = one.priority == Priority.BLUE_LIGHT
        if is_waiting and transaction_id in wanted and _is_sooner(turns.get(transaction_id), held):
            before = ahead.get((one.direction, is_blue), _Ahead())
            turns[transaction_id] = _turn(one, before, held, measured, now)
        for for_blue in (False, True) if is_blue else (False,):
            if not held:
                each = ahead.setdefault((one.direction, for_blue), _Ahead())
                each.add(images, done, waits=is_waiting)
    return turns


def _turn(
    one: Waits, ahead: _Ahead, held: str, measured: tuple[dict[str, float], Rules], now: datetime
) -> Turn:
    rates, rules = measured
    rate = rates.get(one.direction, 0.0) * rules.lanes_for(one.direction, one.priority)
    seconds = None if held else _until(ahead.images, rate)
    at = None if seconds is None else now + timedelta(seconds=seconds)
    return Turn(ahead.place, one.direction == Direction.IN, at, held)


def _is_sooner(known: Turn | None, held: str) -> bool:
    """Of several transfers of a transaction the first counts that waits for its turn only."""
    return known is None or bool(known.held and not held)


def _until(ahead: int | None, rate: float) -> float | None:
    """Seconds until so many images have moved; None: nobody can say."""
    if ahead == 0:
        return 0.0
    return None if ahead is None or not rate else ahead / rate


def sentence(
    thing: Transaction,
    now: datetime,
    *,
    progress: Progress | None = None,
    turn: Turn | None = None,
) -> str:
    """What the status means now, and what is next."""
    words = _SENTENCES[S(thing.state)]
    return words if isinstance(words, str) else words(thing, now, progress, turn)


def _new(thing: Transaction, *_: object) -> str:
    if thing.direction == Direction.OUT and thing.brings_images:
        return "Not looked at yet there." if is_gateway(thing) else "Look at their machine for it."
    return (
        "Choose the images to send." if thing.direction == Direction.OUT else "Not looked at yet."
    )


def is_gateway(thing: Transaction) -> bool:
    return thing.node is not None and thing.node.kind == NodeKind.GATEWAY


def _awaiting(thing: Transaction, now: datetime, *_: object) -> str:
    left = days_until(thing.due_at, now) if thing.due_at else 0
    ends = f"in {_days(left)}" if left else "today"
    return f"Waiting for {thing.institution.name}. Cancels itself {ends}."


def _accepted(thing: Transaction, *_: object) -> str:
    if thing.direction == Direction.OUT:
        return "The other site has agreed."
    return "We have agreed. Choose the images to send."


def _uploading(
    thing: Transaction, now: datetime, progress: Progress | None, turn: Turn | None
) -> str:
    return progress.words + "." if progress and progress.total else "Images are being put on IEP."


def _on_iep(thing: Transaction, now: datetime, *_: object) -> str:
    left = days_left(thing, now)
    when = f"Removed in {_days(left)}." if left is not None else ""
    return f"Ready to download. {when}".strip()


def _download_request(
    thing: Transaction, now: datetime, progress: Progress | None, turn: Turn | None
) -> str:
    if turn is None:
        return "Queued: it starts when a lane is free."
    if turn.held:
        return f"Queued. {turn.held}"
    way = "inbound" if turn.is_inbound else "outbound"
    if turn.starts_at is None:
        return f"Queued: {ordinal(turn.place)} {way}. No estimate yet."
    start = f"{timezone.localtime(turn.starts_at):%H:%M}"
    return f"Queued: {ordinal(turn.place)} {way}, starts about {start}."


def _delivered(thing: Transaction, *_: object) -> str:
    images = f"All {thing.images} images. " if thing.images else ""
    if not thing.brings_images:
        return f"{images}Every one is confirmed by {thing.institution.name}."
    came = f"{thing.why} " if thing.why else images  # why: how many of how many, where it is short
    return f"{came}In quarantine here, Failed verification list."


def _fixed_up(thing: Transaction, *_: object) -> str:
    studies = [each for each in thing.studies.all() if each.exam_code]
    if not studies:
        return "Matched, and in PACS and the RIS."
    said = [
        f"RIS entry {each.exam_code}"
        + (f" dated {cdate_text(each.acquired_on)}" if each.acquired_on else "")
        for each in studies
    ]
    return f"Matched to {thing.local_number or 'the patient'}; {'; '.join(said)}."


def _failed(thing: Transaction, *_: object) -> str:
    return f"{(thing.why or 'It failed').rstrip('.')}. Try again or send a disc."


def _declined(thing: Transaction, *_: object) -> str:
    theirs = "sender" if thing.brings_images else thing.institution.name
    whom = theirs if thing.direction == Direction.OUT else "us"
    return f"Declined by {whom}: {thing.why.rstrip('.')}."


def _cancelled(thing: Transaction, *_: object) -> str:
    return f"{(thing.why or 'Cancelled').rstrip('.')}."


_SENTENCES: dict[TransactionState, str | Callable[..., str]] = {
    S.NEW: _new,
    S.AWAITING_DETAILS: _awaiting,
    S.ACCEPTED: _accepted,
    S.STARTED: "Acknowledged and uploading.",
    S.UPLOADING: _uploading,
    S.ON_IEP: _on_iep,
    S.DOWNLOAD_REQUEST: _download_request,
    S.DOWNLOADING: _uploading,
    S.DELIVERED: _delivered,
    S.FIXED_UP: _fixed_up,
    S.FAILED: _failed,
    S.DECLINE: _declined,
    S.PURGED: "Removed after 15 days. Request again.",
    S.CANCELLED: _cancelled,
}


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    ending = (
        "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    )
    return f"{number}{ending}"


def _days(number: int | None) -> str:
    return f"{number} day{'' if number == 1 else 's'}"
