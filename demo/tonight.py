"""The trauma patient’s CT of tonight and its report, which goes to the trauma centre with it.

Asked for, taken and reported by the services and the stand-in hospital’s own desk, anew on each day
on which the demo is started: the page of trauma takes what is not older than 24 hours.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from demo.exchange import people_with_images
from demo.history import Story, live_tonight
from results.models import Report

CODE = "ct-head"
FRESH = timedelta(hours=20)  # as old as it may have become by the end of an evening's demo
STORY = Story(
    2 / 24, 0, CODE, "accept; hours 0.4; report normal", priority="urgent",
    details="Fall down stairs, GCS 14, now in ED.",
)  # fmt: skip


def report_tonight(hospital: Path) -> bool:
    """Once a day, while the hospital in that folder does not run; whether it was done."""
    people = people_with_images()
    if not people:
        return False
    since = timezone.now() - FRESH
    fresh = Report.objects.filter(
        patient=people[0], item__service__code=CODE, current__observed_at__gte=since
    )
    return False if fresh.exists() else live_tonight(hospital, STORY, people[0])
