"""How long a person may take something back, and how long a lock on a request lasts."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

LOCK_LASTS = timedelta(minutes=10)  # "Dr Khan is looking at this"
USUAL_UNDO = 10  # seconds: what settings.UNDO_SECONDS stands for


def undo_time(seconds: int = USUAL_UNDO) -> timedelta:
    """A person's own 10, 20 or 30 seconds; in proportion where the setting is another."""
    return timedelta(seconds=seconds * settings.UNDO_SECONDS / USUAL_UNDO)
