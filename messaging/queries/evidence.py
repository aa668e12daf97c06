"""What the traffic of each link was like until this moment, by the database's clock alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Min, Q
from django.db.models.functions import Now

from messaging.link_signs import Evidence
from messaging.models import Link, OutboundMessage
from messaging.states import OUT_UNFINISHED, OutState


def evidence(*partner_ids: int) -> Iterator[tuple[Link, Evidence]]:
    """Each link with what is seen of it; of these partners alone, if any are named."""
    in_flight = _in_flight()
    due = due_partners()
    rows = Link.objects.select_related("partner").annotate(now=Now()).order_by("pk")
    if partner_ids:
        rows = rows.filter(pk__in=partner_ids)
    for link in rows:
        yield link, _evidence(link, in_flight.get(link.pk), link.pk in due)


def _in_flight() -> dict[int, datetime]:
    """When the exchange began that has waited longest for its answer, by partner."""
    rows = OutboundMessage.objects.filter(state=OutState.SENDING, last_sent_at__isnull=False)
    found = rows.order_by().values("partner_id").annotate(at=Min("last_sent_at"))
    return {row["partner_id"]: row["at"] for row in found}


def due_partners() -> set[int]:
    """Partners to whom a message could go now: it is the first of its stream, its time has come."""
    firsts = (
        OutboundMessage.objects.filter(state__in=OUT_UNFINISHED)
        .order_by("partner_id", "stream", "sequence")
        .distinct("partner_id", "stream")
    )
    ready = Q(not_before=None) | Q(not_before__lte=Now())
    idle = Q(partner__retry_at=None) | Q(partner__retry_at__lte=Now())
    rows = OutboundMessage.objects.filter(
        ready, idle, pk__in=firsts.values("pk"), state=OutState.WAITING, partner__is_paused=False
    )
    return set(rows.order_by().values_list("partner_id", flat=True).distinct())


def _evidence(link: Any, sent_at: datetime | None, is_due: bool) -> Evidence:
    partner, now = link.partner, link.now

    def ago(at: datetime | None) -> float | None:
        return (now - at).total_seconds() if at else None

    answered = partner.last_success_at
    # While others are answered, one that is not is the message's own trouble.
    asked_at = max(sent_at, answered) if sent_at and answered else sent_at
    unsent_since = link.unsent_since if is_due and not sent_at else None
    if unsent_since and answered and answered > unsent_since:
        unsent_since = None
    return Evidence(
        now=now,
        is_paused=partner.is_paused,
        failures=partner.failures,
        phase=partner.failing_phase,
        failing_for=ago(partner.failing_since),
        in_flight_for=ago(asked_at),
        is_due=is_due and sent_at is None,
        unsent_for=ago(unsent_since),
        good_probes=link.good_probes,
        answering_for=ago(link.answering_since),
        steady_for=ago(link.troubled_at),
        moved_for=ago(link.moved_at),
        came_back_for=ago(link.came_back_at),
        is_flapping=link.is_flapping,
        window_for=ago(link.window_from),
        window_good=link.window_good,
        window_bad=link.window_bad,
        is_declared=bool(link.declared_by),
        declared_is_over=bool(link.declared_until and link.declared_until <= now),
        can_be_proved=is_due or bool(link.synthetic_seconds) or _waits(link.pk),
    )


def _waits(partner_id: int) -> bool:
    unfinished = (OutState.WAITING, OutState.SENDING)
    return OutboundMessage.objects.filter(partner=partner_id, state__in=unfinished).exists()
