"""What `results` tells us when a report is filed or reviewed: it stays above this room."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.policies import Acting
from requesting.models import PreviousResult, RequestItem
from requesting.states import Event

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
) -> RequestItem:
    """A report, or another version of one, is there for this item; it is to be reviewed again.

    `significance` is of all its unread reports together; `value`, `units` and `flag` are the
    leading value as sent, `headline` the first line of an imaging report. Raises MoveRefused for
    what was never sent. `report_id` keeps one line a report for the next request's context.
    """
    with transaction.atomic():
        row = RequestItem.objects.select_for_update().get(pk=item.pk)  # often: no joins
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


def mark_reviewed(item: RequestItem, *, by: Acting) -> RequestItem:
    """Every report of the item has been read and acted on; `results` asked who may."""
    with transaction.atomic():
        return move(locked_one(item), Event.REVIEWED, by=by)
