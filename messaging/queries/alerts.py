"""Queues that have backed up: open alerts, and those of the past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts.policies import Acting
from messaging.models import QueueAlert
from messaging.policies import may_operate, sees_all_partners

Kind = QueueAlert.Kind
_UNKNOWN = "senders that we do not know"
_SENTENCES = {
    Kind.WAITING: "Messages to {name} wait to be sent.",
    Kind.DEAD: "Messages to {name} were given up.",
    Kind.RECEIVED: "Messages from {name} wait to be processed.",
    Kind.PARKED: "Messages from {name} need a person.",
    Kind.ATTEMPTS: "Far more attempts than usual fail at {name}.",
}
_OWNERS = {
    "worker": "Workers take them as soon as they can.",
    "operators": "The operators look after them.",
}


@dataclass(frozen=True)
class Alert:
    """One alert in words. `cleared_at` is None while it stands."""

    pk: int
    kind: str
    sentence: str
    owner: str  # whose move it is, in a sentence
    since: datetime  # of the oldest that waited when it was raised
    raised_at: datetime
    cleared_at: datetime | None
    waiting: int


def open_alerts(acting: Acting) -> list[Alert]:
    """Those of the partners that the person looks after, the oldest first."""
    rows = _of(acting).filter(cleared_at=None).order_by("raised_at")
    return [_alert(row) for row in rows]


def past_alerts(acting: Acting, *, most: int = 20) -> list[Alert]:
    """The last that were raised, standing or cleared, newest first."""
    return [_alert(row) for row in _of(acting).order_by("-raised_at")[:most]]


def alert(pk: int) -> Alert:
    """One alert, for who is told of it by settings.QUEUE_ALERT_EVENTS."""
    return _alert(QueueAlert.objects.select_related("partner").get(pk=pk))


def queues_backing_up(acting: Acting | None) -> Iterator[tuple[str, datetime, str]]:
    """For the top of the operators' pages: what backs up, since when, whose move it is."""
    if acting is not None and may_operate(acting):
        for each in open_alerts(acting):
            yield each.sentence, each.since, each.owner


def _of(acting: Acting) -> QuerySet[QueueAlert]:
    rows = QueueAlert.objects.select_related("partner")
    if sees_all_partners(acting):
        return rows
    return rows.filter(partner__departments=acting.organisation)


def _alert(row: QueueAlert) -> Alert:
    return Alert(
        pk=row.pk,
        kind=row.kind,
        sentence=_SENTENCES[Kind(row.kind)].format(
            name=row.partner.name if row.partner else _UNKNOWN
        ),
        owner=_OWNERS.get(row.owner, ""),
        since=row.oldest_at,
        raised_at=row.raised_at,
        cleared_at=row.cleared_at,
        waiting=row.waiting,
    )
