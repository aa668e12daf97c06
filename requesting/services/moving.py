"""The one mover. Nobody else writes a status: lock, look up, save, event row, audit row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from requesting.errors import MoveRefused
from requesting.models import RequestEvent, RequestItem
from requesting.states import TRANSITIONS, Event, Status, due_at

from . import notices

CRITICAL = "critical"
CANCEL_ANSWER_LIMIT = timedelta(hours=1)
CHANGE_TAKEN_LIMIT = timedelta(hours=1)
HOLD_LIMIT = timedelta(days=3)  # then the requester asks what the department waits for


def locked(items: Iterable[RequestItem | UUID]) -> list[RequestItem]:
    """The rows, locked until the transaction ends, always in the same order: no deadlocks.

    Locked first and read afterwards: a row that had to wait for a lock is joined to what stood
    beside it before, and is left out where it has another examination or patient since.
    """
    keys = [item.pk if isinstance(item, RequestItem) else item for item in items]
    rows = RequestItem.objects.filter(pk__in=keys)
    list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
    return list(
        rows.select_related(
            "request__patient__practice", "request__requester", "request__results_to",
            "request__organisation", "service", "department__parent", "site",
        ).order_by("pk")
    )  # fmt: skip


def locked_one(item: RequestItem | UUID) -> RequestItem:
    (row,) = locked([item])
    return row


def move(
    item: RequestItem,
    event: Event,
    *,
    by: Acting,
    reason_code: str = "",
    reason: str = "",
    kept_code: str = "",
    at: datetime | None = None,
    **changes: Any,
) -> RequestItem:
    """The item after the event, as the table says; `changes` are further fields to set.

    A status keeps the reason for which it was come to (`kept_code` where the item's code is another
    than the one on the event). The item must come from `locked`. Raises MoveRefused, and then
    nothing was changed.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("a move belongs in a transaction")
    before = Status(item.status)
    after = TRANSITIONS.get((before, event))
    if after is None:
        raise MoveRefused(before, event)
    now = timezone.now()
    if before is not after:
        changes = {"reason_code": kept_code or reason_code, "reason": reason[:300], **changes}
    _apply(item, before, after, by, now, changes)
    item.save()
    write_event(item, event, before, after, by=by, at=at or now, reason_code=reason_code,
                reason=reason)  # fmt: skip
    notices.tell(item, event, by=by)
    return item


def _apply(
    item: RequestItem,
    before: Status,
    after: Status,
    by: Acting,
    now: datetime,
    changes: dict[str, Any],
) -> None:
    for name, value in changes.items():
        setattr(item, name, value)
    item.status = after
    if before is not after:
        item.status_at = now
        item.status_by = by.label[:150]
        item.vetting_by = item.vetting_since = None
        if "held_since" not in changes:  # whatever moves it ends a hold
            item.held_since, item.held_for = None, ""
    item.due_at = due_of(item)


def due_of(item: RequestItem) -> datetime | None:
    """When the requester must look at it, as its fields stand now."""
    if item.status == Status.QUEUED and item.downtime_due_at:
        return item.downtime_due_at
    due = due_at(
        Status(item.status),
        since=item.status_at,
        scheduled_at=item.scheduled_at,
        not_before=_midnight(item),
        is_critical=item.significance == CRITICAL,
        attention=item.attention,
    )
    if due is None:
        return None
    own = (
        (item.cancel_requested_at, CANCEL_ANSWER_LIMIT),
        (item.change_sent_at, CHANGE_TAKEN_LIMIT),
        (item.held_since, HOLD_LIMIT),
    )
    return min([due, *(since + limit for since, limit in own if since)])


def _midnight(item: RequestItem) -> datetime | None:
    return timezone.make_aware(datetime.combine(item.take_from, time())) if item.take_from else None


def write_event(
    item: RequestItem,
    event: Event,
    before: Status | None,
    after: Status,
    *,
    by: Acting,
    at: datetime,
    reason_code: str = "",
    reason: str = "",
) -> RequestEvent:
    """The event row that people see, and the audit row for whoever investigates."""
    audit.record(
        acting=by, action=f"request.{event}", object_type="requesting.RequestItem",
        object_id=item.pk, patient_id=item.patient_id, reason=reason_code,
    )  # fmt: skip
    return RequestEvent.objects.create(
        item=item,
        event=event,
        from_status=before or "",
        to_status=after,
        at=at,
        by_user=by.user,
        by_name=by.label[:150],
        by_role=by.role,
        organisation_code=by.organisation.ods_code if by.organisation else "",
        reason_code=reason_code,
        reason=reason[:300],
    )
