"""What Prometheus is told of the wire, computed from the database when it asks.

Several processes send and receive: a counter in one of them would be a part of the truth. What
stands here is the same whichever process answers. Names of partners are their short names.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, F, Min, Model, Q
from django.db.models.functions import Now, TruncDate

from messaging.link_states import LinkStatus
from messaging.models import InboundMessage, Link, OutboundMessage, Partner
from messaging.states import InState, OutState

from .lists import of_anybody
from .probes import last_synthetic_success

LATELY = timedelta(minutes=5)
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds
UNKNOWN = "unknown"  # senders that we do not know

Labels = tuple[str, ...]


@dataclass
class Measured:
    """Values by their labels; the histogram as counts up to each bucket, their sum, in seconds."""

    depth: dict[Labels, float] = field(default_factory=dict)  # partner, queue
    oldest: dict[Labels, float] = field(default_factory=dict)
    states: dict[Labels, float] = field(default_factory=dict)  # partner, state: 1 or 0
    paused: dict[Labels, float] = field(default_factory=dict)
    failures: dict[Labels, float] = field(default_factory=dict)
    failures_today: dict[Labels, float] = field(default_factory=dict)
    foreign: dict[Labels, float] = field(default_factory=dict)
    since_success: dict[Labels, float] = field(default_factory=dict)
    since_synthetic: dict[Labels, float] = field(default_factory=dict)
    acknowledged: dict[Labels, float] = field(default_factory=dict)  # in the last five minutes
    received: dict[Labels, float] = field(default_factory=dict)
    latency: dict[str, tuple[list[int], float]] = field(default_factory=dict)


def measure() -> Measured:
    """A fixed number of queries, however many messages there are."""
    found = Measured()
    slugs = dict(Partner.objects.values_list("pk", "slug"))
    _queues(found, slugs)
    _links(found)
    _rates(found, slugs)
    _latency(found, slugs)
    return found


def _queues(found: Measured, slugs: dict[int, str]) -> None:
    queues: tuple[tuple[str, type[Model], tuple[Any, ...], str], ...] = (
        ("waiting", OutboundMessage, (OutState.WAITING, OutState.SENDING), "created_at"),
        ("held", OutboundMessage, (OutState.HELD,), "created_at"),
        ("taken", OutboundMessage, (OutState.TAKEN,), "taken_at"),
        ("dead", OutboundMessage, (OutState.DEAD,), "created_at"),
        ("received", InboundMessage, (InState.RECEIVED,), "received_at"),
        ("parked", InboundMessage, (InState.PARKED,), "received_at"),
    )
    for queue, model, states, since in queues:
        for slug in slugs.values():
            found.depth[slug, queue] = 0.0
        rows = model._default_manager.filter(state__in=states).order_by().values("partner_id")
        for row in rows.annotate(n=Count("pk"), age=Now() - Min(since)):
            labels = (slugs.get(row["partner_id"], UNKNOWN), queue)
            found.depth[labels] = row["n"]
            found.oldest[labels] = row["age"].total_seconds()


def _links(found: Measured) -> None:
    rows = Link.objects.select_related("partner").annotate(now=Now(), today=TruncDate(Now()))
    synthetic = last_synthetic_success()
    for link in rows:
        partner = link.partner
        labels = (partner.slug,)
        for state in LinkStatus:
            found.states[partner.slug, state.value] = float(link.state == state)
        found.paused[labels] = float(partner.is_paused)
        found.failures[labels] = partner.failures
        counted = link.failures_on == link.today
        found.failures_today[labels] = link.failures_that_day if counted else 0
        found.foreign[labels] = partner.foreign_answers
        if partner.last_success_at:
            found.since_success[labels] = (link.now - partner.last_success_at).total_seconds()
        if answered := synthetic.get(partner.pk):
            found.since_synthetic[labels] = (link.now - answered).total_seconds()


def _rates(found: Measured, slugs: dict[int, str]) -> None:
    lately: tuple[tuple[dict[Labels, float], type[Model], str], ...] = (
        (found.acknowledged, OutboundMessage, "acknowledged_at"),
        (found.received, InboundMessage, "received_at"),
    )
    for values, model, at in lately:
        values.update({(slug,): 0.0 for slug in slugs.values()})
        rows = model._default_manager.filter(of_anybody(), **{f"{at}__gt": Now() - LATELY})
        for row in rows.order_by().values("partner_id").annotate(n=Count("pk")):
            values[(slugs.get(row["partner_id"], UNKNOWN),)] = row["n"]


def _latency(found: Measured, slugs: dict[int, str]) -> None:
    """From the last sending of a message to its acknowledgement, of the last five minutes."""
    took = F("acknowledged_at") - F("last_sent_at")
    rows = OutboundMessage.objects.filter(
        of_anybody(), acknowledged_at__gt=Now() - LATELY, last_sent_at__isnull=False
    )
    within = {
        f"to_{n}": Count("pk", filter=Q(took__lte=timedelta(seconds=most)))
        for n, most in enumerate(BUCKETS)
    }
    grouped = rows.annotate(took=took).order_by().values("partner_id")
    sums: dict[str, float] = defaultdict(float)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT partner_id, extract(epoch FROM sum(acknowledged_at - last_sent_at))"
            " FROM messaging_outboundmessage"
            " WHERE acknowledged_at > statement_timestamp() - make_interval(secs => %s)"
            " AND partner_id = ANY(%s) AND last_sent_at IS NOT NULL GROUP BY partner_id",
            [LATELY.total_seconds(), list(slugs)],
        )
        for partner_id, seconds in cursor.fetchall():
            sums[slugs[partner_id]] = float(seconds)
    counted: Any = grouped.annotate(n=Count("pk"), **within)
    for row in counted:
        counts = [row[f"to_{n}"] for n in range(len(BUCKETS))]
        slug = slugs[row["partner_id"]]
        found.latency[slug] = ([*counts, row["n"]], sums[slug])
