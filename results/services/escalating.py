"""What nobody reviewed in time goes one rung up the ladder (`results.states.LADDER`)."""

from __future__ import annotations

from datetime import datetime

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.policies import SYSTEM, Acting
from nhsuk.formats import duration
from results.ladder import LADDER, LIMITS, Rung, escalates_at
from results.models import Report
from results.states import Event, Significance

from .moving import move

log = structlog.get_logger(__name__)


def escalate_due(*, by: Acting = SYSTEM, most: int = 1000) -> int:
    """Pass on every unread report whose time on its rung is over; how many moves were made.

    A report that missed several turns (the workers were off) makes them all: the top is reached
    at the time it should have been, however late anybody looks.
    """
    moves = 0
    while moves < most and _escalate_next(by):
        moves += 1
    if moves:
        log.info("results_escalated", moves=moves)
    return moves


def _escalate_next(by: Acting) -> bool:
    with transaction.atomic():
        now = timezone.now()
        report = (
            Report.objects.select_for_update(skip_locked=True)
            .filter(escalates_at__lte=now)
            .order_by("escalates_at")
            .first()
        )
        if report is None or report.escalates_at is None:
            return False
        _escalate(report, since=report.escalates_at, at=now, by=by)
        return True


def _escalate(report: Report, *, since: datetime, at: datetime, by: Acting) -> None:
    report.rung = Rung(report.rung + 1)
    report.escalates_at = escalates_at(report.significance, since, report.rung)
    limit = duration(LIMITS[Significance(report.significance)])
    words = f"To {LADDER[Rung(report.rung)].words}: not reviewed within {limit}"
    move(report, Event.ESCALATED, at=at, by=by, words=words)
    report.save()
