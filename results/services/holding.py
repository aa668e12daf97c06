"""The news of routine results is held through a short outage, released after it, and counted.

Held is the mail, never the result. What is critical, abnormal or amended is never held; a hold
ends by itself after hours; and it can only end with every notice accounted for (H54).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import structlog
from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation
from accounts.policies import SYSTEM, Acting
from messaging.link_states import LinkStatus
from results.errors import NotAllowed
from results.models import Hold, Notice
from results.notice_states import HOLD_LASTS, NoticeEvent, NoticeState, after_notice
from results.policies import may_hold
from results.states import Filing

log = structlog.get_logger(__name__)


def hold_news(
    *,
    reason: str,
    department: Organisation | None = None,
    practice: Organisation | None = None,
    cause: str = "",
    by: Acting,
) -> Hold:
    """Hold the news of routine results: those of a department, for a place, or all of them.

    What waits for a digest now is held too. Under a `cause` there is one hold at a time, and the
    one that runs is given back. Raises NotAllowed for whoever may not.
    """
    if not (by.is_system or may_hold(by)):
        raise NotAllowed
    with transaction.atomic():
        running = Hold.objects.select_for_update().filter(cause=cause, ended_at__isnull=True)
        if cause and (found := running.first()):
            return found
        now = timezone.now()
        hold = Hold.objects.create(
            department=department,
            practice=practice,
            cause=cause,
            reason=reason.strip()[:300],
            began_at=now,
            began_by=by.label[:150],
            until=now + HOLD_LASTS,
        )
        _hold_what_waits(hold)
        _record(by, "hold_news", hold)
        return hold


def _hold_what_waits(hold: Hold) -> None:
    waiting = Notice.objects.select_for_update(of=("self",)).filter(
        state=NoticeState.WAITING, may_be_held=True
    )
    if hold.department_id:
        waiting = waiting.filter(report__department_id=hold.department_id)
    if hold.practice_id:
        waiting = waiting.filter(organisation_id=hold.practice_id)
    for notice in waiting.order_by("pk"):
        _put(notice, hold)


def put_under_hold(notice: Notice, department_id: int) -> bool:
    """Hold news that has just come, if it falls under a hold that runs; in the caller's
    transaction. The hold's row is locked, so that none slips in while it ends."""
    hold = (
        running_holds()
        .select_for_update()
        .filter(
            Q(department_id=department_id) | Q(department__isnull=True),
            Q(practice_id=notice.organisation_id) | Q(practice__isnull=True),
        )
        .first()
    )
    if hold is not None:
        _put(notice, hold)
    return hold is not None


def _put(notice: Notice, hold: Hold) -> None:
    notice.state = after_notice(notice.state, NoticeEvent.HOLD)
    notice.hold, notice.since = hold, timezone.now()
    notice.save()
    Hold.objects.filter(pk=hold.pk).update(held=F("held") + 1)


def running_holds() -> QuerySet[Hold]:
    """Those under which news is held now, the oldest first."""
    return Hold.objects.filter(ended_at__isnull=True, until__gt=timezone.now()).order_by("pk")


# --- The end of it -------------------------------------------------------------------------------


def release_news(hold: Hold, *, by: Acting) -> Hold:
    """End the hold: what somebody still has to be told of goes with the next digest.

    What was read or replaced meanwhile is cancelled; the two together are all that was held, and
    the database refuses any other end. An ended one stays as it is. Raises NotAllowed.
    """
    if not (by.is_system or may_hold(by)):
        raise NotAllowed
    with transaction.atomic():
        locked = Hold.objects.select_for_update().get(pk=hold.pk)
        if locked.ended_at is not None:
            return locked
        now = timezone.now()
        rows = Notice.objects.select_for_update(of=("self",)).select_related("report")
        for notice in rows.filter(hold=locked, state=NoticeState.HELD).order_by("pk"):
            if _let_go(notice, now):
                locked.released += 1
            else:
                locked.cancelled += 1
        locked.ended_at, locked.ended_by = now, by.label[:150]
        locked.save()
        _record(by, "release_news", locked)
        log.info(
            "news_released", hold=locked.pk, held=locked.held, released=locked.released,
            cancelled=locked.cancelled,
        )  # fmt: skip
        return locked


def _let_go(notice: Notice, now: datetime) -> bool:
    """Whether somebody still has to be told."""
    notice.since = notice.due_at = now
    notice.reason = why_nobody_need_be_told(notice)
    event = NoticeEvent.CANCEL if notice.reason else NoticeEvent.RELEASE
    notice.state = after_notice(notice.state, event)
    notice.save()
    return not notice.reason


def why_nobody_need_be_told(notice: Notice) -> str:
    """It was read, or a newer version is told of in its place; "" where neither is so."""
    if notice.report.state == Filing.REVIEWED:
        return "Reviewed before the mail went"
    newer = Notice.objects.filter(report_id=notice.report_id, pk__gt=notice.pk)
    if notice.report.current_id != notice.version_id and newer.exists():
        return "A newer version is told of"
    return ""


def release_due(*, by: Acting = SYSTEM) -> int:
    """End the holds whose time is over, however long the workers were away; how many."""
    over = Hold.objects.filter(ended_at__isnull=True, until__lte=timezone.now())
    return sum(release_news(hold, by=by).ended_at is not None for hold in over)


# --- By the state of a link ----------------------------------------------------------------------


def on_link(partner_id: int, old: str, new: str) -> None:
    """settings.LINK_EVENTS: a department's link goes down, its routine news is held; comes back,
    and it is released."""
    if new == LinkStatus.DOWN:
        for department in Organisation.objects.filter(partners=partner_id).order_by("pk"):
            hold_news(
                reason=f"The link to {department.name} is down", department=department,
                cause=f"link {partner_id} {department.pk}", by=SYSTEM,
            )  # fmt: skip
    elif new == LinkStatus.UP:
        ours = Q(cause__startswith=f"link {partner_id} ")
        for hold in Hold.objects.filter(ours, ended_at__isnull=True).order_by("pk"):
            release_news(hold, by=SYSTEM)


def _record(by: Acting, action: str, hold: Hold) -> None:
    transaction.on_commit(partial(cache.delete, "news_held"))  # the strip tells it at once
    audit.record(acting=by, action=action, object_type="results.Hold", object_id=hold.pk)
