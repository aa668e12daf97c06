"""What `results` tells us when a report is filed or reviewed: it stays above this room."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.policies import Acting
from requesting.hl7 import StatusReply
from requesting.models import PreviousResult, RequestItem
from requesting.states import Event, Status

from .hearing import hear
from .moving import locked_one, move

TOLD = ["observed_at", "place", "value", "units", "flag", "significance", "headline"]


def mark_resulted(
    item: RequestItem,
    *,
    significance: str,
    report_id: UUID,
    observed_at: datetime,
    by: Acting,
    headline: str = "",
    value: str = "",
    units: str = "",
    flag: str = "",
    place: str = "",
    is_locked: bool = False,
) -> RequestItem:
    """A report, or another version of one, is there for this item; it is to be reviewed again.

    `significance` is of all its unread reports together; `value`, `units` and `flag` are the
    leading value as sent, `headline` the first line of an imaging report. Raises MoveRefused for
    what was never sent. `report_id` keeps one line a report for the next request's context.
    `is_locked`: the caller holds the item's row, and this is it.
    """
    with transaction.atomic(savepoint=not is_locked):
        row = item if is_locked else RequestItem.objects.select_for_update().get(pk=item.pk)
        previous = PreviousResult(
            report_id=report_id, patient_id=row.patient_id, service_id=row.service_id, item=row,
            observed_at=observed_at, place=place[:120], value=value[:60], units=units[:30],
            flag=(flag.split() or [""])[0][:4], significance=significance,
            headline=headline[:200],
        )  # fmt: skip
        PreviousResult.objects.bulk_create(
            [previous], update_conflicts=True, unique_fields=["report_id"], update_fields=TOLD
        )
        now = timezone.now()
        return move(  # also from reported: the clock starts again
            row, Event.REPORTED, by=by, significance=significance, resulted_at=now,
            status_at=now, cancel_requested_at=None, attention="",
        )  # fmt: skip


def forget_result(*, report_id: UUID) -> None:
    """The report was withdrawn: it must not be anybody's context."""
    PreviousResult.objects.filter(report_id=report_id).delete()


# OBR-25 (table 0123) of a report without anything in it, as an order control and an order status
# would say the same (tables 0119 and 0038).
_PROGRESS = {"O": ("OK", ""), "S": ("SC", "SC"), "X": ("OC", "CA")}
_STATED = frozenset({"OK", "NA", "UA", "SC", "OC", "CR", "UC", "XX"})  # ORC-1 says it outright
_OVER = frozenset({Status.REPORTED, Status.REVIEWED, Status.CANCELLED})


def hear_of_report(
    item: RequestItem,
    *,
    result_status: str,
    sent_at: datetime,
    by: Acting,
    order_control: str = "",
    order_status: str = "",
    filler: str = "",
    reason_code: str = "",
    reason: str = "",
    scheduled_at: datetime | None = None,
    happened_at: datetime | None = None,
) -> RequestItem:
    """An ORU^R01 that brings no result and says how far the item is (OBR-25 `O` `I` `S`), or that
    there will be none (`X`): as if it had come as an order message. Raises as `hear`."""
    control, status = _PROGRESS.get(result_status, ("SC", "IP"))
    if result_status == "X" and Status(item.status) in _OVER:
        return item  # a result was read, or the end is known already
    if order_control in _STATED and result_status != "X":
        control, status = order_control, order_status or status
    reply = StatusReply(
        control=control, order_status=status, result_status=result_status, filler=filler,
        placer=item.placer_number, reason_code=reason_code, reason_text="", reason=reason,
        code="", name="", system="", scheduled_at=scheduled_at, place="", site_code="",
        collected_at=None, happened_at=happened_at, sent_at=sent_at, answers="",
        acknowledgement="",
    )  # fmt: skip
    return hear(item, reply, by=by)


def mark_reviewed(item: RequestItem, *, by: Acting) -> RequestItem:
    """Every report of the item has been read and acted on; `results` asked who may."""
    with transaction.atomic():
        return move(locked_one(item), Event.REVIEWED, by=by)
