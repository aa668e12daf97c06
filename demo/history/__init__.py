"""The demo's past: what was asked for the seeded patients, and what came of it.

`live_stories` lives a few dozen stories through the product's own services; `grow` copies them to
other patients and days until there are as many as wanted.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from demo.hospital.journal import InUse
from demo.hospital.memory import Memory
from demo.people import NORTHGATE
from messaging.models import InboundMessage, OutboundMessage
from messaging.states import InState, OutState
from patients.models import Patient
from requesting.models import Request
from results.models import Report

from .clock import Clock, lived_by
from .multiply import choose, make_copies
from .past import NotLived, Past
from .steps import tell
from .stories import STORIES, Story

SEED = 20261122
NAMED = 5  # patients whom `demo.patients` names, living
OPEN_SHARE = 0.01  # of the copies in a large world are still under way, or to be read
LARGE = 10_000  # requests; a smaller world has only those open that the hospital knows of
Say = Callable[[str], object]


def live_stories(folder: Path, *, stories: list[Story] | None = None) -> int:
    """Live every story, in the order in which they happened; how many. Nothing when there is a
    past already: `folder` is the hospital's, which must not be running.

    All or nothing: what cannot be lived leaves no trace in the database.
    """
    if Request.objects.exists():
        return 0
    clock = Clock(timezone.now())
    hospital = _empty_hospital(folder, clock)
    try:
        told = _live(hospital, clock, stories or STORIES)
    except BaseException:
        hospital.path.unlink()
        raise
    finally:
        hospital.close()
    return told


def live_tonight(folder: Path, story: Story, patient: Patient) -> bool:
    """Live one story that ends about now, beside a past that is there; whether it could be.

    Not while the hospital runs, nor while anything waits on the wire that is not the story's own.
    """
    waits = OutboundMessage.objects.filter(state=OutState.WAITING)
    if waits.exists() or InboundMessage.objects.filter(state=InState.RECEIVED).exists():
        return False
    clock = Clock(timezone.now() - timedelta(days=story.days))
    try:
        hospital = Memory(folder, clock=clock.london)
    except InUse:
        return False
    chance = random.Random(f"{SEED} {clock.at}")
    try:
        with lived_by(clock), transaction.atomic():
            tell(Past(hospital, clock, chance), story, patient)
    finally:
        hospital.close()
    return True


def _empty_hospital(folder: Path, clock: Clock) -> Memory:
    """A hospital without orders: what one remembers of another database is put aside."""
    hospital = Memory(folder, clock=clock.london)
    if not hospital.orders:
        return hospital
    hospital.path.rename(hospital.path.with_suffix(".before"))
    hospital.close()
    return Memory(folder, clock=clock.london)


def _live(hospital: Memory, clock: Clock, stories: list[Story]) -> int:
    today = clock.at
    cast = _cast(stories, today.date())
    with lived_by(clock), transaction.atomic():
        past = Past(hospital, clock, random.Random(SEED))
        for story in sorted(stories, key=lambda story: -story.days):
            clock.at = _begin(today, story)
            tell(past, story, cast[story.patient])
            if clock.at > today + timedelta(minutes=1):
                raise NotLived(f"{story} ends in the future")
        past.expect_processed()
    return len(stories)


def grow(*, requests: int, results: int, say: Say = lambda _: None) -> int:
    """Copies until there are so many requests and about so many reports; how many were made."""
    missing = requests - Request.objects.count()
    if missing <= 0:
        return 0
    wanted = max(results - Report.objects.count(), 0) / missing
    open_share = OPEN_SHARE if requests >= LARGE else 0.0
    copies = choose(missing, reports=wanted, open_share=open_share, now=timezone.now())
    make_copies(copies, say=say)
    return len(copies)


def _begin(today: datetime, story: Story) -> datetime:
    """Long ago in surgery hours; lately just so many hours ago, whatever the hour."""
    at = today - timedelta(days=story.days)
    return at.replace(hour=8 + at.minute % 10) if story.days > 9 else at


_CAN_BE: dict[str, Callable[[Patient, int], bool]] = {
    "adult": lambda _, age: age >= 18,
    "man": lambda patient, age: age >= 18 and patient.gender == "M",
    "woman": lambda patient, age: age >= 18 and patient.gender == "F",
    "older": lambda _, age: age >= 55,
}


def _cast(stories: list[Story], today: date) -> dict[int, Patient]:
    """Who each number of the stories is: the named ones first, then whoever it can be about."""
    free = list(
        Patient.objects.filter(
            practice__ods_code=NORTHGATE, is_deceased=False, nhs_number__startswith="999"
        ).order_by("nhs_number")
    )
    cast = dict(enumerate(free[:NAMED]))
    del free[:NAMED]
    for story in sorted(stories, key=lambda story: story.patient):
        if story.patient in cast:
            continue
        can_be = _CAN_BE[story.who]
        found = next(
            (one for one in free if can_be(one, (today - one.birth_date).days // 365)), None
        )
        if found is None:
            raise NotLived(f"no patient of {NORTHGATE} is left for {story}")
        free.remove(found)
        cast[story.patient] = found
    return cast
