"""The timers' doorbell and sweep: what no longer may be undone goes on its way.

`celery -A ordercomms worker -Q timers`. A task is safe to lose and to repeat: `services` claims
rows, and the sweep looks every few seconds.
"""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from . import services
from .services.doorbell import RELEASE


@shared_task(name=RELEASE)  # type: ignore[untyped-decorator]
def release(request_id: str) -> None:
    """The undo time of this request is over."""
    services.release_due(request_id=UUID(request_id))


def sweep() -> None:
    """Release what is due, rung for or not; write the orders of what was accepted here; sound the
    alarms of downtime forms that nobody has keyed in."""
    services.release_due()
    services.order_due()
    services.sound_alarms()
