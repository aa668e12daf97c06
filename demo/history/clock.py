"""Living in the past: one clock for the product and the stand-in hospital, set by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta, tzinfo
from unittest import mock
from zoneinfo import ZoneInfo

from django.utils import timezone

LONDON = ZoneInfo("Europe/London")


class Clock:
    """An instant that moves when told to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def london(self) -> datetime:
        """As the hospital's messages give it: local time to the second."""
        return self.at.astimezone(LONDON).replace(microsecond=0)

    def pass_by(self, **time: float) -> datetime:
        self.at += timedelta(**time)
        return self.at


@contextmanager
def lived_by(clock: Clock) -> Iterator[None]:
    """Until the end of the block, now is what the clock says, and no worker is rung for.

    Today stays today: the catalogue, the offers and the certificates were seeded today and hold
    from then on, and what was asked of them two years ago is asked of them as they are.
    """
    today = timezone.localdate()

    def localdate(value: datetime | None = None, timezone: tzinfo | None = None) -> date:
        return value.astimezone(timezone or LONDON).date() if value else today

    with ExitStack() as stack:
        stack.enter_context(mock.patch("django.utils.timezone.localdate", localdate))
        stack.enter_context(mock.patch("django.utils.timezone.now", clock))
        stack.enter_context(mock.patch("messaging.doorbell.ring", return_value=True))
        yield
