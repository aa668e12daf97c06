"""To whom a synthetic order is due, and what came of the last ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max, OuterRef, Q, Subquery
from django.db.models.functions import Now

from messaging.link_states import NOT_WORKING, Clocks, LinkStatus, clocks_from
from messaging.models import Link, SyntheticOrder

from .evidence import due_partners


def partners_to_probe() -> list[int]:
    """Partners that agreed to it and whose time has come, by id.

    While a link fails, what waits is its own probe: then a synthetic order goes only where nothing
    can go.
    """
    held = clocks_from(settings.LINK_CLOCKS)
    last = SyntheticOrder.objects.filter(partner=OuterRef("pk")).order_by("-sent_at")
    idle = Q(partner__retry_at=None) | Q(partner__retry_at__lte=Now())
    rows = (
        Link.objects.filter(idle, synthetic_seconds__gt=0, partner__is_paused=False)
        .select_related("partner")
        .annotate(last_at=Subquery(last.values("sent_at")[:1]), now=Now())
        .order_by("pk")
    )
    ready = [link for link in rows if _is_time(link, held)]
    occupied = due_partners() if ready else set()
    return [link.pk for link in ready if not (_fails(link) and link.pk in occupied)]


def _fails(link: Link) -> bool:
    return bool(link.partner.failures) or (link.state in NOT_WORKING and not link.declared_by)


def _is_time(link: Any, held: Clocks) -> bool:
    if link.last_at is None:
        return True
    seconds = float(link.synthetic_seconds)
    if link.state == LinkStatus.RECOVERING and not link.partner.failures:
        seconds = min(seconds, held.recovering_probe_every)
    elif link.partner.failures or (link.state == LinkStatus.DOWN and not link.declared_by):
        seconds = min(seconds, 1.0)  # `retry_at` is the clock
    return link.last_at + timedelta(seconds=seconds) <= link.now


@dataclass(frozen=True)
class Health:
    """What the last synthetic orders of a partner said."""

    last_sent_at: datetime | None = None
    last_success_at: datetime | None = None
    round_trip: timedelta | None = None  # of the last that was answered
    said: str = ""  # AA; or what the partner, or the line, said instead


def health_of(partner_ids: list[int]) -> dict[int, Health]:
    """By partner; only those to whom one was ever sent."""
    found: dict[int, Health] = {}
    rows = SyntheticOrder.objects.filter(partner__in=partner_ids)
    newest = rows.order_by("partner_id", "-sent_at").distinct("partner_id")
    good = {
        row.partner_id: row
        for row in rows.filter(acknowledgement__in=("AA", "CA"))
        .order_by("partner_id", "-sent_at")
        .distinct("partner_id")
    }
    for row in newest:
        best = good.get(row.partner_id)
        found[row.partner_id] = Health(
            last_sent_at=row.sent_at,
            last_success_at=best.answered_at if best else None,
            round_trip=_round_trip(best),
            said=row.acknowledgement or row.reason,
        )
    return found


def _round_trip(row: SyntheticOrder | None) -> timedelta | None:
    return row.answered_at - row.sent_at if row and row.answered_at else None


def last_synthetic_success() -> dict[int, datetime]:
    """By partner, for machines."""
    rows = SyntheticOrder.objects.filter(acknowledgement__in=("AA", "CA"))
    found = rows.order_by().values("partner_id").annotate(at=Max("answered_at"))
    return {row["partner_id"]: row["at"] for row in found}
