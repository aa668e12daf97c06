"""Replays: how far each has got, and what became of what it sent back."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.http import Http404

from accounts.policies import Acting
from messaging.causes import Cause, cause_of
from messaging.models import Replay
from messaging.policies import may_operate, sees_all_partners
from messaging.states import InState, OutState, ReplayState

SHOWN = 50


@dataclass(frozen=True)
class ReplayPage:
    """A replay as its page and its list show it. `percent` never goes back."""

    replay: Replay
    cause: Cause
    is_running: bool
    percent: int
    went_well: int
    on_their_way: int
    came_back: int  # need a person again


def replays_for(acting: Acting) -> list[Replay]:
    """Those that run first, then the last of the others."""
    rows = _for_operator(acting)
    running = list(rows.filter(state=ReplayState.RUNNING).order_by("started_at"))
    ended = rows.exclude(state=ReplayState.RUNNING).order_by("-started_at")
    return running + list(ended[:SHOWN])


def count_running(acting: Acting) -> int:
    return _for_operator(acting).filter(state=ReplayState.RUNNING).count()


def _for_operator(acting: Acting) -> QuerySet[Replay]:
    rows = Replay.objects.select_related("partner", "organisation")
    if sees_all_partners(acting):
        return rows
    if not may_operate(acting) or acting.organisation is None:
        return rows.none()
    return rows.filter(organisation=acting.organisation)


def replay_for(acting: Acting, pk: int) -> Replay:
    """Raises Http404 for absent and forbidden."""
    found = _for_operator(acting).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def page_of_replay(replay: Replay) -> ReplayPage:
    messages, came_back, on_their_way = (
        (replay.inbound.all(), InState.PARKED, (InState.RECEIVED,))
        if replay.direction == "in"
        else (replay.outbound.all(), OutState.DEAD, (OutState.WAITING, OutState.SENDING))
    )
    found = messages.aggregate(
        came_back=Count("pk", filter=Q(state=came_back)),
        on_their_way=Count("pk", filter=Q(state__in=on_their_way)),
        went_well=Count("pk", filter=~Q(state__in=(came_back, *on_their_way))),
    )
    is_running = replay.state == ReplayState.RUNNING
    share = 100 * replay.released // max(replay.total, 1)
    return ReplayPage(
        replay=replay,
        cause=cause_of(replay.direction, replay.cause),
        is_running=is_running,
        percent=min(share, 100),
        **found,
    )
