"""The clock of an unread report, and who comes next when its time is over. Plain Python.

Enter from this room's policies, queries and services.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from accounts.roles import Permission

from .states import Significance

LIMITS: dict[Significance, timedelta] = {
    Significance.CRITICAL: timedelta(hours=2),
    Significance.UNEXPECTED: timedelta(hours=24),
    Significance.ABNORMAL: timedelta(days=7),
    Significance.UNCLASSIFIED: timedelta(days=7),
    Significance.NORMAL: timedelta(days=7),
}


class Rung(IntEnum):
    """Whose report it is. Each rung adds people; nobody is taken off."""

    OWNER = 0
    DUTY = 1
    MANAGER = 2


@dataclass(frozen=True)
class Step:
    """A rung of the ladder in words, and who sees the report on their own list from there on."""

    words: str
    seen_by: Permission  # held at the organisation that asked


LADDER: dict[Rung, Step] = {
    Rung.OWNER: Step("the person who gets the result", Permission.REVIEW_RESULTS),
    Rung.DUTY: Step("the practice’s duty clinician", Permission.REVIEW_RESULTS),
    Rung.MANAGER: Step("the practice manager", Permission.VIEW_RESULTS),
}
TOP = max(LADDER)


def due_at(significance: str, arrived_at: datetime) -> datetime:
    """When it should have been reviewed."""
    return arrived_at + LIMITS[Significance(significance)]


def escalates_at(significance: str, since: datetime, rung: int) -> datetime | None:
    """When it goes one rung up; never from the top, where it stays until somebody reviews it."""
    return None if rung >= TOP else since + LIMITS[Significance(significance)]
