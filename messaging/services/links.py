"""The state of each link: judged from its traffic by one elected process, or declared by a person.

`_move` alone moves a link, by the table of `messaging.link_states`, and writes who, when and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from accounts import audit
from accounts.policies import SYSTEM, Acting
from messaging.errors import NoSuchMove, ReasonMissing
from messaging.link_signs import Evidence, is_trouble, may_come_back, sign_of, window_is_over
from messaging.link_states import Clocks, LinkSign, LinkStatus, after_link, clocks_from
from messaging.models import Link, LinkEvent, Partner
from messaging.policies import may_declare_downtime
from messaging.queries.evidence import evidence

log = structlog.get_logger(__name__)

JUDGE_LOCK = 2577  # the class of the advisory lock of the one who judges
_LONGEST_REASON = 300

_PHASES = {
    "resolve": "Its address cannot be found.",
    "connect": "It does not take connections.",
    "send": "It hangs up while we send.",
    "acknowledge": "It does not acknowledge what we send.",
}


def clocks() -> Clocks:
    """The times that hold here: settings.LINK_CLOCKS over the defaults."""
    return clocks_from(settings.LINK_CLOCKS)


# --- By traffic ----------------------------------------------------------------------------------


def judge_links() -> int:
    """One look at every link; how many were moved. Does nothing while another process looks."""
    with elected() as mine:
        if not mine:
            return 0
        _begin_links()
        moved = sum(_judge(link, seen) for link, seen in evidence())
        Link.objects.update(looked_at=Now())
        return moved


@contextmanager
def elected() -> Iterator[bool]:
    """Hold the lock of the one process that judges; the server frees it when the process dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, 0)", [JUDGE_LOCK])
        mine = cursor.fetchone()[0]
    try:
        yield mine
    finally:
        if mine and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [JUDGE_LOCK])


def _begin_links() -> None:
    """A link for each partner that has none yet."""
    new = Partner.objects.filter(link=None).values_list("pk", flat=True)
    Link.objects.bulk_create([Link(partner_id=pk) for pk in new], ignore_conflicts=True)


def _judge(link: Link, seen: Evidence) -> int:
    """Remember what was seen, and move the link if that is a sign."""
    held = clocks()
    _remember(link, seen, held)
    sign = sign_of(LinkStatus(link.state), seen, held)
    if sign is None:
        return 0
    try:
        with transaction.atomic():
            locked = Link.objects.select_for_update().get(pk=link.pk)
            if (locked.state, locked.declared_by) != (link.state, link.declared_by):
                return 0  # a person was faster
            _move(locked, sign, why=_why(sign, seen), by=SYSTEM, **_changes(locked, sign, seen))
    except NoSuchMove:
        return 0
    return 1


def _remember(link: Link, seen: Evidence, held: Clocks) -> None:
    """What the next look has to know."""
    changes: dict[str, Any] = {}
    if is_trouble(seen, held):
        changes["troubled_at"] = Now()
    if not seen.is_due or seen.failing_for:
        changes["unsent_since"] = None
    elif seen.unsent_for is None:
        changes["unsent_since"] = Now()
    if link.is_flapping and window_is_over(seen, held) and not may_come_back(seen, held):
        changes |= {"window_from": Now(), "window_good": 0, "window_bad": 0}
    if changes.get("unsent_since", 0) is None and link.unsent_since is None:
        del changes["unsent_since"]
    if changes:
        Link.objects.filter(pk=link.pk).update(**changes)


def _why(sign: LinkSign, seen: Evidence) -> str:
    match sign:
        case LinkSign.STUMBLE | LinkSign.FALL:
            if seen.failing_for is None and seen.in_flight_for is None:
                return "Messages for it wait, and nothing here sends them."
            return _PHASES.get(seen.phase, "It does not acknowledge what we send.")
        case LinkSign.LIFT:
            return "The time that was declared is over."
        case LinkSign.ANSWER:
            return "It answers again."
    return ""


def _changes(link: Link, sign: LinkSign, seen: Evidence) -> dict[str, Any]:
    """What else the sign changes on the link."""
    match sign:
        case LinkSign.STUMBLE:
            return {"since": seen.began_at}
        case LinkSign.FALL:
            return _fallen(link, seen)
        case LinkSign.ANSWER:
            return {"came_back_at": seen.now, "is_flapping": False}
        case LinkSign.LIFT:
            return _lifted()
    return {"since": None}


def _fallen(link: Link, seen: Evidence) -> dict[str, Any]:
    """Down. So soon after it came back, it flaps: people are not told of every turn."""
    recovering = link.state == LinkStatus.RECOVERING
    back = seen.came_back_for
    relapse = recovering or (back is not None and back < clocks().relapse_within)
    changes: dict[str, Any] = {"good_probes": 0, "answering_since": None}
    if relapse:
        changes |= {
            "is_flapping": True, "window_from": seen.now, "window_good": 0, "window_bad": 0,
        }  # fmt: skip
    if not recovering:
        changes["since"] = seen.began_at
    return changes


# --- By a person ---------------------------------------------------------------------------------


@transaction.atomic
def declare_down(
    partner: Partner, *, reason: str, by: Acting, until: datetime | None = None
) -> Link:
    """The link is down because a person says so: nothing is sent until it is declared over.

    At `until`, if given, it lifts itself. Raises PermissionDenied, ReasonMissing.
    """
    link = _locked(partner, by)
    words = _words(reason)
    changes = {
        "declared_by": by.label[:150], "declared_because": words, "declared_at": Now(),
        "declared_until": until, "is_flapping": False,
        "good_probes": 0, "answering_since": None,
    }  # fmt: skip
    if link.state != LinkStatus.DOWN:
        changes["since"] = Now()
    _move(link, LinkSign.DECLARE, why=words, by=by, **changes)
    return link


@transaction.atomic
def declare_over(partner: Partner, *, reason: str, by: Acting) -> Link:
    """What was declared is over: it recovers, and is up when it has answered.

    Raises PermissionDenied, ReasonMissing, and NoSuchMove when nobody had declared it down.
    """
    link = _locked(partner, by)
    words = _words(reason)
    if not link.declared_by:
        raise NoSuchMove(LinkSign.LIFT, link.state, "link")
    _move(link, LinkSign.LIFT, why=words, by=by, **_lifted())
    return link


def _lifted() -> dict[str, Any]:
    return {
        "declared_by": "", "declared_because": "", "declared_at": None, "declared_until": None,
        "good_probes": 0, "answering_since": None, "came_back_at": None, "is_flapping": False,
    }  # fmt: skip


def _locked(partner: Partner, by: Acting) -> Link:
    if not may_declare_downtime(by):
        raise PermissionDenied
    Link.objects.get_or_create(partner=partner)
    return Link.objects.select_for_update().get(pk=partner.pk)


def _words(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing
    return reason.strip()[:_LONGEST_REASON]


# --- The move ------------------------------------------------------------------------------------


def _move(link: Link, sign: LinkSign, *, why: str, by: Acting, **changes: Any) -> None:
    """The one way by which a link moves. Its row is locked by the caller."""
    before, after = LinkStatus(link.state), after_link(link.state, sign)
    Link.objects.filter(pk=link.pk).update(state=after, cause=why, moved_at=Now(), **changes)
    link.refresh_from_db()
    LinkEvent.objects.create(
        partner_id=link.pk, at=Now(), before=before, after=after, event=sign, why=why,
        by=by.label[:150],
    )  # fmt: skip
    # The words stay on our rows: a person's may name a patient, and the audit trail must not.
    audit.record(acting=by, action=f"link_{after}", object_type="messaging.Link", object_id=link.pk)
    log.warning("link_moved", partner=link.pk, before=before, after=after, sign=sign.name)
    transaction.on_commit(forget_notice)
    if before is not after:
        _tell(link.pk, before, after)


def forget_notice() -> None:
    """The next page asks anew what does not work."""
    cache.delete("links_not_working")


def _tell(partner_id: int, before: LinkStatus, after: LinkStatus) -> None:
    """Tell the rooms of settings.LINK_EVENTS. No fault of theirs may hide that a link is down."""
    for path in settings.LINK_EVENTS:
        try:
            with transaction.atomic():
                import_string(path)(partner_id, before, after)
        except OperationalError:
            raise  # the database's trouble: nothing is recorded, the next look tries again
        except Exception as failure:  # noqa: BLE001 - as above
            error = type(failure).__name__  # and no traceback: it may hold a patient's words
            log.error("link_event_failed", partner=partner_id, listener=path, error=error)  # noqa: TRY400
