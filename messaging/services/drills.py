"""Drills: declared by the central team, begun and ended by the clock, ended by what is real.

`_move` alone moves a drill, by the table of `messaging.drill_states`. It writes to no link, no
message and no request. Locks are taken in one order: link, then drill, so that a link that falls
while a drill begins finds it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import audit
from accounts.models import Organisation
from accounts.policies import SYSTEM, Acting
from messaging.drill_states import (
    DRILL_OVER,
    FURTHEST,
    HOURS,
    LONGEST,
    DrillEvent,
    DrillState,
    after_drill,
)
from messaging.errors import NoSuchMove, ReasonMissing
from messaging.link_states import NOT_WORKING, LinkStatus
from messaging.models import Drill, DrillEventRow, DrillNote, DrillSight, Link, Partner
from messaging.policies import may_declare_downtime

log = structlog.get_logger(__name__)

REMEMBERED = "drills_running"
_LONGEST_REASON, _LONGEST_NOTE = 300, 1000


class DrillRefused(Exception):
    """No drill like that. `field` of the form, `sentence` for a person."""

    def __init__(self, field: str, sentence: str) -> None:
        self.field = field
        self.sentence = sentence
        super().__init__(sentence)


# --- Declared ------------------------------------------------------------------------------------


@transaction.atomic
def declare_drill(
    partners: Sequence[Partner], *, places: Sequence[Organisation], reason: str,
    starts_at: datetime, ends_at: datetime, hour_seconds: int = 60, by: Acting,
) -> list[Drill]:  # fmt: skip
    """One drill for each partner, of one exercise; one whose time has come begins at once.

    `hour_seconds`: what an hour of the 72 takes, one of HOURS. Raises PermissionDenied,
    ReasonMissing, DrillRefused.
    """
    _refuse(by)
    words = _words(reason)
    _check_times(starts_at, ends_at)
    if hour_seconds not in HOURS:
        raise DrillRefused("hour_seconds", "Choose how fast the 72 hours run.")
    if not partners:
        raise DrillRefused("destination", "Choose what is practised.")
    rows = Partner.objects.select_for_update(of=("self",)).order_by("pk")
    exercise, drills = uuid.uuid4(), []
    for partner in rows.filter(pk__in=[each.pk for each in partners]):
        _refuse_overlap(partner, starts_at, ends_at)
        drill = Drill.objects.create(
            exercise=exercise, partner=partner, reason=words, starts_at=starts_at,
            ends_at=ends_at, hour_seconds=hour_seconds, declared_by=by.label[:150],
        )  # fmt: skip
        drill.places.set(_places_of(partner, places))
        _record(drill, "drill_planned", by)
        drills.append(drill)
    return [_begin_if_due(drill, by) for drill in drills]


def _check_times(starts_at: datetime, ends_at: datetime) -> None:
    now = timezone.now()
    if ends_at <= now:
        raise DrillRefused("ends_at", "The end must be in the future.")
    if ends_at <= starts_at:
        raise DrillRefused("ends_at", "The end must be after the start.")
    if ends_at - starts_at > LONGEST:
        raise DrillRefused("ends_at", "A drill is at most 8 hours long.")
    if starts_at > now + FURTHEST:
        raise DrillRefused("starts_at", "Plan a drill at most a year ahead.")


def _refuse_overlap(partner: Partner, starts_at: datetime, ends_at: datetime) -> None:
    rows = Drill.objects.filter(partner=partner, starts_at__lt=ends_at, ends_at__gt=starts_at)
    if rows.exclude(state__in=DRILL_OVER).exists():
        raise DrillRefused("starts_at", "There is a drill of this destination at that time.")


def _places_of(partner: Partner, places: Sequence[Organisation]) -> list[Organisation]:
    """Those that ask there. Raises DrillRefused for none."""
    departments = partner.departments.all()
    served = Organisation.objects.filter(
        served_by__in=departments, may_request=True, pk__in=[each.pk for each in places]
    ).distinct()  # fmt: skip
    if not served:
        raise DrillRefused("places", "Choose at least one place that requests there.")
    return list(served)


def _begin_if_due(drill: Drill, by: Acting) -> Drill:
    return start_drill(drill, by=by) if drill.starts_at <= timezone.now() else drill


# --- Begun, stopped, called off by a person ------------------------------------------------------


@transaction.atomic
def start_drill(drill: Drill, *, by: Acting) -> Drill:
    """Now, though it was planned for later. Raises PermissionDenied, NoSuchMove; DrillRefused while
    its link is not well, or paused."""
    _refuse(by)
    link, row = _locked(drill)
    if not _is_well(link, row):
        raise DrillRefused(
            "starts_at", "Its link has trouble in earnest, or is paused. Nothing is practised now."
        )
    return _move(row, DrillEvent.START, why="", by=by, started_at=timezone.now())


@transaction.atomic
def stop_drill(drill: Drill, *, reason: str = "", by: Acting) -> Drill:
    """At once; one that has not begun is called off. No reason is needed: to stop is always right.

    Raises PermissionDenied; NoSuchMove when it is over already.
    """
    _refuse(by)
    _, row = _locked(drill)
    event = DrillEvent.CALL_OFF if row.state == DrillState.PLANNED else DrillEvent.STOP
    return _move(row, event, why=reason.strip()[:_LONGEST_REASON], by=by)


def stop_exercise(drill: Drill, *, by: Acting) -> int:
    """Every drill that was declared together with this one; how many."""
    stopped = 0
    for each in Drill.objects.filter(exercise=drill.exercise).exclude(state__in=DRILL_OVER):
        try:
            stop_drill(each, reason="The whole exercise was stopped", by=by)
        except NoSuchMove:
            continue  # it came to its end meanwhile
        stopped += 1
    return stopped


def _refuse(by: Acting) -> None:
    if not may_declare_downtime(by):
        raise PermissionDenied


def _words(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing
    return reason.strip()[:_LONGEST_REASON]


# --- By the clock, and by what is real -----------------------------------------------------------


def judge_drills() -> int:
    """A look of the sweep: what is due begins, what is over ends, what is real goes before.

    How many moved. Rows that another process looks at are left to it.
    """
    now = timezone.now()
    due = Q(state=DrillState.PLANNED, starts_at__lte=now) | Q(state=DrillState.RUNNING)
    return sum(_judge(drill) for drill in Drill.objects.filter(due).order_by("pk"))


@transaction.atomic
def _judge(drill: Drill) -> int:
    link, row = _locked(drill)
    sign = _sign(link, row, timezone.now())
    if sign is None:
        return 0
    why, changes = _WHY.get(sign, ""), {}
    if sign is DrillEvent.START:
        changes["started_at"] = timezone.now()
    _move(row, sign, why=why, by=SYSTEM, **changes)
    return 1


_WHY = {
    DrillEvent.FAIL: "Its link failed in earnest, or was paused.",
    DrillEvent.LAPSE: "Nothing had started it by its end.",
}


def _sign(link: Link, drill: Drill, now: datetime) -> DrillEvent | None:
    if drill.state in DRILL_OVER:
        return None
    if drill.ends_at <= now:
        is_on = drill.state == DrillState.RUNNING
        return DrillEvent.END if is_on else DrillEvent.LAPSE
    if link.state in NOT_WORKING or drill.partner.is_paused:
        return DrillEvent.FAIL
    if drill.state == DrillState.PLANNED and _is_well(link, drill):
        return DrillEvent.START
    return None


def _is_well(link: Link, drill: Drill) -> bool:
    return link.state == LinkStatus.UP and not drill.partner.is_paused


def on_link(partner_id: int, before: LinkStatus, after: LinkStatus) -> None:
    """settings.LINK_EVENTS: in the transaction in which the link goes down, its drill ends."""
    if after in NOT_WORKING:
        rows = Drill.objects.select_for_update(of=("self",)).select_related("partner")
        for drill in rows.filter(partner=partner_id, state=DrillState.RUNNING):
            _move(drill, DrillEvent.FAIL, why="Its link failed in earnest.", by=SYSTEM)


# --- What is noted while it runs -----------------------------------------------------------------


def note_sight(drill: Drill, *, what: str, by: Acting) -> None:
    """The first person of the place who saw it; safe to repeat, and quiet for who takes no part."""
    place = by.organisation
    if place is not None and drill.places.filter(pk=place.pk).exists():
        DrillSight.objects.bulk_create(
            [DrillSight(drill=drill, place=place, what=what, by=by.label[:150])],
            ignore_conflicts=True,
        )


def note_drill(drill: Drill, *, words: str, by: Acting) -> DrillNote:
    """What the report should say, during the drill or after it. Raises ReasonMissing."""
    if by.organisation is None:
        raise PermissionDenied
    if not words.strip():
        raise ReasonMissing
    return DrillNote.objects.create(
        drill=drill, place=by.organisation, by=by.label[:150], words=words.strip()[:_LONGEST_NOTE]
    )


# --- The move ------------------------------------------------------------------------------------


def _locked(drill: Drill) -> tuple[Link, Drill]:
    Link.objects.get_or_create(partner_id=drill.partner_id)
    link = Link.objects.select_for_update().get(pk=drill.partner_id)
    rows = Drill.objects.select_for_update(of=("self",)).select_related("partner")
    return link, rows.get(pk=drill.pk)


def _move(drill: Drill, event: DrillEvent, *, why: str, by: Acting, **changes: Any) -> Drill:
    """The one way by which a drill moves. Its row is locked by the caller."""
    before, after = DrillState(drill.state), after_drill(drill.state, event)
    if after in DRILL_OVER:
        changes |= {"over_at": timezone.now(), "over_by": by.label[:150], "over_because": why}
    Drill.objects.filter(pk=drill.pk).update(state=after.value, **changes)
    drill.refresh_from_db()
    DrillEventRow.objects.create(
        drill=drill, event=event, before=before, after=after, by=by.label[:150], why=why
    )
    _record(drill, f"drill_{after}", by)
    log.info("drill_moved", drill=drill.pk, before=before, after=after)
    transaction.on_commit(forget_drills)
    for path in settings.DRILL_EVENTS:
        import_string(path)(drill.pk, after)
    return drill


def _record(drill: Drill, action: str, by: Acting) -> None:
    audit.record(acting=by, action=action, object_type="messaging.Drill", object_id=drill.pk,
                 reason="DRILL")  # fmt: skip


def forget_drills() -> None:
    """The next page asks anew which drills run."""
    cache.delete(REMEMBERED)
