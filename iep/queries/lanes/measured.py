"""How fast images move, as measured: what an honest "starts about" is made of (ux.md 2.9)."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, Q
from django.utils import timezone

from iep.models import Transfer
from iep.states.transactions import Direction

_SINCE = timedelta(hours=24)
_LAST = 50  # transfers of a direction


def images_a_second() -> dict[str, float]:
    """Of one lane, by direction; 2 queries.

    Of the last transfers that one lane carried from end to end: what was interrupted measures the
    interruption. A direction of which nothing was measured is not here.
    """
    found = {each.value: of_one_lane(each.value) for each in Direction}
    return {each: rate for each, rate in found.items() if rate}


def of_one_lane(direction: str) -> float | None:
    """Images a second of one lane while it carries; None: nothing was measured of late."""
    whole = Transfer.objects.filter(
        Q(fence=1), direction=direction, images_done__gt=0, finished_at__isnull=False,
        finished_at__gte=timezone.now() - _SINCE, last_image_at__gt=F("started_at"),
    )  # fmt: skip
    rows = whole.order_by("-finished_at").values_list("images_done", "started_at", "last_image_at")
    images, seconds = 0, 0.0
    for moved, began, ended in rows[:_LAST]:
        if began is not None and ended is not None:
            images, seconds = images + moved, seconds + (ended - began).total_seconds()
    return images / seconds if seconds > 0 else None
