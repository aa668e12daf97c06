"""Every stream on one page: which is down, in which phase, since when, how many wait.

A stream is what goes to one partner, or what comes by one of its feeds. A fixed number of queries,
however many messages and partners there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts.policies import Acting
from messaging.link_states import LinkStatus
from messaging.models import Feed, InboundMessage, Partner
from messaging.states import IN_WAITS, OUT_WAITS, InState, OutState, Wait

from .alerts import Alert, open_alerts, past_alerts
from .links import LinkState, links
from .lists import inbound_for_operator, is_late, of_anybody, outbound_for_operator

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)

PHASES = {
    "resolve": "Its address cannot be found",
    "connect": "It takes no connection",
    "send": "It hangs up while we send",
    "acknowledge": "It does not acknowledge",
}


@dataclass(frozen=True)
class Stream:
    """One stream as it stands. `tag` is a code of nhsuk.tags' service states."""

    direction: str  # "in" or "out"
    partner_id: int | None  # None: senders that we do not know
    name: str
    tag: str
    sentence: str
    phase: str  # resolve, connect, send, acknowledge; "" while it works
    since: datetime | None
    waiting: int
    held: int  # a downtime form went in their place
    oldest_at: datetime | None
    is_late: bool
    stuck: int  # dead letters, or parked
    stuck_since: datetime | None
    last_minute: int
    last_hour: int
    last_success_at: datetime | None
    paused_by: str = ""
    paused_because: str = ""

    @property
    def oldest_for(self) -> timedelta | None:
        """How long the oldest that waits has waited."""
        return timezone.now() - self.oldest_at if self.oldest_at else None

    @property
    def stuck_for(self) -> timedelta | None:
        return timezone.now() - self.stuck_since if self.stuck_since else None


@dataclass(frozen=True)
class Streams:
    """All of them, the worst first, at one moment."""

    at: datetime
    streams: list[Stream]
    alerts: list[Alert]
    cleared: list[Alert]  # in the last hour

    @property
    def not_working(self) -> int:
        return sum(each.tag in ("failing", "off") for each in self.streams)

    @property
    def stuck(self) -> int:
        return sum(each.stuck for each in self.streams)


def streams_for(acting: Acting) -> Streams:
    """Destinations and feeds of the partners that the person looks after."""
    now = timezone.now()
    found = links(acting)
    going, coming = _going(acting, now), _coming(acting, now)
    streams = _destinations(found, going) + _feeds(found, coming)
    return Streams(
        at=now,
        streams=sorted(streams, key=_badness),
        alerts=open_alerts(acting),
        cleared=[
            each
            for each in past_alerts(acting, most=10)
            if each.cleared_at and each.cleared_at > now - _HOUR
        ],
    )


_RANK = {"failing": 0, "off": 1, "waiting": 2, "working": 3}


def _badness(stream: Stream) -> tuple[Any, ...]:
    """What is down first, then what needs a person, then what waits; the longest first."""
    trouble = stream.since or stream.stuck_since or stream.oldest_at or timezone.now()
    return _RANK[stream.tag], not stream.stuck, not stream.is_late, trouble, stream.name


# --- Counted -------------------------------------------------------------------------------------

Counts = dict[str, Any]


def _going(acting: Acting, now: datetime) -> dict[Any, Counts]:
    """By partner: what waits, what is dead, what was delivered lately."""
    rows = outbound_for_operator(acting).order_by()
    moving, dead = (OutState.WAITING, OutState.SENDING, OutState.TAKEN), Q(state=OutState.DEAD)
    to_go, held = Q(state__in=moving), Q(state=OutState.HELD)
    return _together(
        ("partner_id",),
        rows.filter(state__in=(*moving, OutState.HELD, OutState.DEAD))
        .values("partner_id")
        .annotate(
            waiting=Count("pk", filter=to_go), oldest_at=Min("created_at", filter=to_go),
            stuck=Count("pk", filter=dead), stuck_since=Min("created_at", filter=dead),
            held=Count("pk", filter=held),
        ),
        rows.filter(of_anybody(), acknowledged_at__gte=now - _HOUR)
        .values("partner_id")
        .annotate(
            last_hour=Count("pk"),
            last_minute=Count("pk", filter=Q(acknowledged_at__gte=now - _MINUTE)),
        ),
    )  # fmt: skip


def _coming(acting: Acting, now: datetime) -> dict[Any, Counts]:
    """By partner and feed: what is not processed yet, what is parked, what came lately."""
    rows = inbound_for_operator(acting).order_by()
    parked = Q(state=InState.PARKED)
    return _together(
        ("partner_id", "feed_id"),
        rows.filter(state__in=(InState.RECEIVED, InState.PARKED))
        .values("partner_id", "feed_id")
        .annotate(
            waiting=Count("pk", filter=~parked), oldest_at=Min("received_at", filter=~parked),
            stuck=Count("pk", filter=parked), stuck_since=Min("received_at", filter=parked),
        ),
        rows.filter(of_anybody(), received_at__gte=now - _HOUR)
        .values("partner_id", "feed_id")
        .annotate(
            last_hour=Count("pk"),
            last_minute=Count("pk", filter=Q(received_at__gte=now - _MINUTE)),
        ),
    )  # fmt: skip


def _together(key: tuple[str, ...], *counted: QuerySet[Any]) -> dict[Any, Counts]:
    found: dict[Any, Counts] = {}
    for rows in counted:
        for row in rows:
            found.setdefault(tuple(row.pop(name) for name in key), {}).update(row)
    return found


# --- What goes -----------------------------------------------------------------------------------


def _destinations(found: list[LinkState], going: dict[Any, Counts]) -> list[Stream]:
    partners = Partner.objects.in_bulk([link.partner_id for link in found])
    return [
        _out(link, partners[link.partner_id], going.get((link.partner_id,), {})) for link in found
    ]


def _out(link: LinkState, partner: Partner, counts: Counts) -> Stream:
    tag, sentence = _how_it_is(link, counts)
    since = link.since or partner.failing_since
    return _stream(
        "out", link.partner_id, link.name, tag, sentence, counts,
        phase=link.phase if tag == "failing" else "",
        since=link.paused_at if tag == "off" else since,
        is_late=_late(OUT_WAITS[OutState.WAITING], counts),
        last_success_at=link.last_success_at,
        paused_by=partner.paused_by if link.is_paused else "",
        paused_because=partner.paused_because if link.is_paused else "",
    )  # fmt: skip


def _how_it_is(link: LinkState, counts: Counts) -> tuple[str, str]:
    if link.is_paused:
        return "off", "A person stopped sending to it."
    if link.state is LinkStatus.RECOVERING:
        return "waiting", "It answers again. What waits is being sent."
    if link.state is not LinkStatus.UP or link.phase:
        words = link.cause or PHASES.get(link.phase, "Messages do not arrive")
        return "failing", words.rstrip(".") + "."
    return ("waiting", "") if counts.get("waiting") else ("working", "")


# --- What comes ----------------------------------------------------------------------------------


def _feeds(found: list[LinkState], coming: dict[Any, Counts]) -> list[Stream]:
    names = {link.partner_id: link.name for link in found}
    streams = []
    for feed in _feeds_of(names):
        counts = coming.pop((feed.partner_id, feed.pk), {})
        streams.append(_in(feed.partner_id, f"{names[feed.partner_id]}: {feed.name}", counts, feed))
    for (partner_id, _), counts in coming.items():  # what could not be read says no feed
        name = names.get(partner_id)
        streams.append(
            _in(partner_id, f"{name}: no feed of theirs" if name else STRANGERS, counts, None)
        )
    return streams


STRANGERS = "Senders we do not know"


def _feeds_of(partners: Any) -> QuerySet[Any]:
    last = InboundMessage.objects.filter(partner=OuterRef("partner"), feed=OuterRef("pk"))
    newest = last.order_by("-received_at").values("received_at")[:1]
    return Feed.objects.filter(partner__in=list(partners)).annotate(last_at=Subquery(newest))


def _in(partner_id: int | None, name: str, counts: Counts, feed: Any) -> Stream:
    late = _late(IN_WAITS[InState.RECEIVED], counts)
    tag, sentence = "waiting" if counts.get("waiting") else "working", ""
    if feed is not None and not feed.is_open:
        tag, sentence = "off", "This feed is closed: its messages are refused."
    if late:
        tag, sentence = "failing", "Messages are taken and not processed. This is our side."
    return _stream(
        "in", partner_id, name, tag, sentence, counts,
        phase="", since=counts.get("oldest_at") if late else None, is_late=late,
        last_success_at=feed.last_at if feed is not None else None,
    )  # fmt: skip


def _late(wait: Wait, counts: Counts) -> bool:
    oldest_at = counts.get("oldest_at")
    return oldest_at is not None and is_late(wait, oldest_at)


def _stream(
    direction: str,
    partner_id: int | None,
    name: str,
    tag: str,
    sentence: str,
    counts: Counts,
    **more: Any,
) -> Stream:
    return Stream(
        direction=direction,
        partner_id=partner_id,
        name=name,
        tag=tag,
        sentence=sentence,
        waiting=counts.get("waiting", 0),
        held=counts.get("held", 0),
        oldest_at=counts.get("oldest_at"),
        stuck=counts.get("stuck", 0),
        stuck_since=counts.get("stuck_since"),
        last_minute=counts.get("last_minute", 0),
        last_hour=counts.get("last_hour", 0),
        **more,
    )
