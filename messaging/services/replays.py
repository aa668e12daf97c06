"""Sending many messages of one cause back: confirmed with a count, paced by a worker, each once.

A replay walks over its messages in their order, one time. What comes back to its list is not sent
again by the same replay, so a bad message goes round once and no more.
"""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts.policies import SYSTEM, Acting
from messaging.errors import NothingToReplay
from messaging.models import InboundMessage, OutboundMessage, Replay
from messaging.queries.causes import (
    MOST_RETRIES,
    Chosen,
    chosen_of,
    may_replay,
    place_of_replay,
    preview_for,
)
from messaging.states import ReplayEvent, ReplayState, after_replay

from .operators import drop_corrections, record, send_back_inbound, send_back_outbound

RATES = (10, 60, 300)  # a minute
_MOST_AT_ONCE = 200  # in one transaction


@transaction.atomic
def start_replay(chosen: Chosen, *, highest: int, per_minute: int, by: Acting) -> Replay:
    """Begin what was previewed: no message after `highest`, which the person saw counted.

    Raises NothingToReplay when all of them have been dealt with meanwhile.
    """
    if not may_replay(by) or per_minute not in RATES:
        raise PermissionDenied
    preview = preview_for(by, chosen)
    if not preview.count:
        raise NothingToReplay
    place = place_of_replay(by)
    rows = chosen_of(place, chosen).filter(retries__lt=MOST_RETRIES, pk__lte=highest)
    total = rows.count()
    if not total:
        raise NothingToReplay
    replay = Replay.objects.create(
        direction=chosen.direction,
        cause=chosen.code,
        partner=chosen.partner,
        organisation=place,
        after=chosen.after,
        before=chosen.before,
        highest=highest,
        total=total,
        per_minute=per_minute,
        started_by=by.label[:150],
    )
    record(by, "start_replay", replay, f"{total} of {chosen.direction} {chosen.code}")
    return replay


@transaction.atomic
def stop_replay(replay: Replay, *, by: Acting) -> Replay:
    """Send no more back. What went already goes its way. Raises NoSuchMove when it has ended."""
    locked = Replay.objects.select_for_update().get(pk=replay.pk)
    if not may_replay(by) or place_of_replay(by) not in (None, locked.organisation):
        raise PermissionDenied
    _end(locked, ReplayEvent.STOP, by.label)
    record(by, "stop_replay", locked)
    return locked


def run_replays() -> int:
    """Send back what the running replays allow by now; how many were sent. For a sweep."""
    running = Replay.objects.filter(state=ReplayState.RUNNING).order_by("pk")
    return sum(_advance(pk) for pk in running.values_list("pk", flat=True))


@transaction.atomic
def _advance(pk: int) -> int:
    """One step of one replay; nothing when another worker is at it."""
    replay = (
        Replay.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(pk=pk, state=ReplayState.RUNNING)
        .first()
    )
    allowed = _allowance(replay) if replay else 0
    if replay is None or not allowed:
        return 0
    messages = list(
        chosen_of(replay.organisation, _chosen(replay))
        .filter(pk__gt=replay.reached, pk__lte=replay.highest, retries__lt=MOST_RETRIES)
        .select_for_update(of=("self",))
        .order_by("pk")[:allowed]
    )
    for message in messages:
        _send_back(message, replay)
    if len(messages) < allowed:
        _end(replay, ReplayEvent.FINISH, "")
    return len(messages)


def _allowance(replay: Replay) -> int:
    """How many may go now. What was not used while no worker ran is not made up for."""
    each = timedelta(minutes=1) / replay.per_minute
    now = timezone.now()
    if replay.paced_at is None:
        replay.paced_at = now - each
    earned = min(int((now - replay.paced_at) / each), _MOST_AT_ONCE, replay.per_minute)
    if earned:
        replay.paced_at = max(replay.paced_at + earned * each, now - each)
        replay.save(update_fields=["paced_at"])
    return earned


def _chosen(replay: Replay) -> Chosen:
    return Chosen(replay.direction, replay.cause, replay.partner, replay.after, replay.before)


def _send_back(message: InboundMessage | OutboundMessage, replay: Replay) -> None:
    if isinstance(message, InboundMessage):
        send_back_inbound(message, replay=replay)
        drop_corrections(message, SYSTEM)
    else:
        send_back_outbound(message, replay=replay)
        drop_corrections(message, SYSTEM)
    record(SYSTEM, f"replay_message_{replay.direction}", message, f"replay {replay.pk}")
    replay.reached = message.pk
    replay.released += 1
    replay.save(update_fields=["reached", "released"])


def _end(replay: Replay, event: ReplayEvent, who: str) -> None:
    replay.state = after_replay(replay.state, event)
    replay.ended_by, replay.ended_at = who[:150], timezone.now()
    replay.save(update_fields=["state", "ended_by", "ended_at"])
