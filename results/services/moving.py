"""The one way by which a report moves: by the table, with an event row that says who and why."""

from __future__ import annotations

from datetime import datetime

from accounts.policies import Acting
from results.models import Report, ReportEvent, ReportVersion
from results.states import Event, after

LONGEST_WORDS = 300


def move(
    report: Report,
    event: Event,
    *,
    at: datetime,
    by: Acting,
    version: ReportVersion | None = None,
    words: str = "",
) -> ReportEvent:
    """Change `state` on the instance, whose row the caller has locked and saves; note the event."""
    before, report.state = report.state, after(report.state, event)
    return ReportEvent.objects.create(
        report=report,
        version=version,
        event=event,
        from_state=before,
        to_state=report.state,
        at=at,
        by_user=by.user,
        by_name=by.label,
        organisation_code=by.organisation.ods_code if by.organisation else "",
        words=words[:LONGEST_WORDS],
    )
