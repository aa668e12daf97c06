"""One alert when a queue backs up, one when it clears.

The limits are those of the states (messaging.states); it clears at half of them, so that a queue
that stands at its limit does not ring all day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Min, Model
from django.db.models.functions import Coalesce, Now, TruncDate
from django.utils.module_loading import import_string

from messaging.models import InboundMessage, Link, OutboundMessage, QueueAlert
from messaging.states import IN_WAITS, OUT_WAITS, InState, OutState, Wait

from .links import clocks, elected

log = structlog.get_logger(__name__)

Kind = QueueAlert.Kind
Key = tuple[int | None, str]  # partner (None: of nobody we know), kind


@dataclass(frozen=True)
class Queue:
    """What waits of one kind for one partner."""

    oldest_at: datetime
    waiting: int
    wait: Wait


def watch_queues() -> int:
    """Raise and clear what has changed; how many. Does nothing while another process looks."""
    with elected() as mine:
        if not mine:
            return 0
        found, now = _queues(), _now()
        open_ = {
            (alert.partner_id, alert.kind): alert
            for alert in QueueAlert.objects.filter(cleared_at=None)
        }
        changed = 0
        for key, queue in found.items():
            if key not in open_ and now - queue.oldest_at > queue.wait.limit:
                _raise(key, queue)
                changed += 1
        for key, alert in open_.items():
            queue_now = found.get(key)
            if queue_now is None or now - queue_now.oldest_at < queue_now.wait.limit / 2:
                _clear(alert)
                changed += 1
        return changed


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cursor.fetchone()[0]


def _queues() -> dict[Key, Queue]:
    died = Coalesce("last_sent_at", "created_at")
    to_go = (OutState.WAITING, OutState.SENDING)
    return {
        **_of(OutboundMessage, to_go, Kind.WAITING, OUT_WAITS[OutState.WAITING], F("created_at")),
        **_of(OutboundMessage, (OutState.DEAD,), Kind.DEAD, OUT_WAITS[OutState.DEAD], died),
        **_of(
            InboundMessage, (InState.RECEIVED,), Kind.RECEIVED, IN_WAITS[InState.RECEIVED],
            F("received_at"),
        ),
        **_of(
            InboundMessage, (InState.PARKED,), Kind.PARKED, IN_WAITS[InState.PARKED],
            F("received_at"),
        ),
        **_storms(),
    }  # fmt: skip


def _of(
    model: type[Model], states: tuple[Any, ...], kind: Kind, wait: Wait, since: Any
) -> dict[Key, Queue]:
    rows = model._default_manager.filter(state__in=states).order_by()
    found = rows.values("partner_id").annotate(n=Count("pk"), at=Min(since))
    return {(row["partner_id"], kind.value): Queue(row["at"], row["n"], wait) for row in found}


def _storms() -> dict[Key, Queue]:
    """Links with more failed attempts today than any outage makes: something here runs wild."""
    most = clocks().most_failures_a_day
    rows = Link.objects.annotate(today=TruncDate(Now())).filter(
        failures_on=F("today"), failures_that_day__gt=most
    )
    at_once = Wait("operators", timedelta(0))
    return {
        (link.pk, Kind.ATTEMPTS.value): Queue(
            datetime.combine(link.failures_on, datetime.min.time(), tzinfo=UTC),
            link.failures_that_day, at_once,
        )
        for link in rows
        if link.failures_on
    }  # fmt: skip


def _raise(key: Key, queue: Queue) -> None:
    with transaction.atomic():
        alert = QueueAlert.objects.create(
            partner_id=key[0], kind=key[1], owner=queue.wait.owner, raised_at=Now(),
            oldest_at=queue.oldest_at, waiting=queue.waiting,
        )  # fmt: skip
        log.warning("queue_backs_up", alert=alert.pk, partner=key[0], kind=key[1], n=queue.waiting)
        _tell(alert, "raised")


def _clear(alert: QueueAlert) -> None:
    with transaction.atomic():
        QueueAlert.objects.filter(pk=alert.pk).update(cleared_at=Now())
        log.info("queue_clears", alert=alert.pk, partner=alert.partner_id, kind=alert.kind)
        _tell(alert, "cleared")


def _tell(alert: QueueAlert, what: str) -> None:
    """Tell the rooms of settings.QUEUE_ALERT_EVENTS; a fault of theirs leaves the alert raised."""
    for path in settings.QUEUE_ALERT_EVENTS:
        try:
            with transaction.atomic():
                import_string(path)(alert.pk, what)
        except Exception as failure:  # noqa: BLE001 - the alert is on the pages whoever fails
            error = type(failure).__name__
            log.error("alert_event_failed", alert=alert.pk, listener=path, error=error)  # noqa: TRY400
