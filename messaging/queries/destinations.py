"""The services page's lines: each department that requests go to, and how they get there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min

from accounts.policies import Acting
from messaging.link_states import LinkStatus
from messaging.models import OutboundMessage
from messaging.policies import may_operate
from messaging.states import OutState

from .links import LinkState, all_links, history_of, links
from .notices import line_of
from .probes import Health, health_of

NEVER = Health()
_TAGS = {
    LinkStatus.UP: "working",
    LinkStatus.SUSPECT: "suspect",
    LinkStatus.DOWN: "failing",
    LinkStatus.RECOVERING: "recovering",
}
_PHASES = {
    "resolve": "Resolve: its address cannot be found.",
    "connect": "Connect: it does not take connections.",
    "send": "Send: it hangs up while we send.",
    "acknowledge": "Acknowledge: it does not acknowledge what we send.",
}


@dataclass(frozen=True)
class Destination:
    """One line. What is below `sentence` is for those who look after messages, and else empty."""

    partner_id: int
    name: str
    tag: str  # a code of nhsuk.tags' service states
    since: datetime | None
    sentence: str
    phase: str = ""
    waiting: int = 0
    oldest_at: datetime | None = None
    last_success_at: datetime | None = None
    synthetic: str = ""
    health: Health = NEVER
    declared: str = ""  # by whom, and why
    declared_until: datetime | None = None


def destinations(acting: Acting) -> list[Destination]:
    """Every department's link in the words that this person should read, by name.

    The details are of the links that they look after. A suspicion is told to nobody else.
    """
    mine = {link.partner_id for link in links(acting)} if may_operate(acting) else set()
    queues = _queues() if mine else {}
    health = health_of(list(mine)) if mine else {}
    return [
        _with_details(link, queues.get(link.partner_id), health.get(link.partner_id, NEVER))
        if link.partner_id in mine
        else _in_short(link)
        for link in all_links()
    ]


def destination(acting: Acting, partner_id: int) -> Destination:
    """One of `destinations`."""
    return next(each for each in destinations(acting) if each.partner_id == partner_id)


@dataclass(frozen=True)
class Turn:
    """One transition of a link. `before` and `after` are codes of nhsuk.tags' service states."""

    at: datetime
    before: str
    after: str
    why: str
    by: str


def turns_of(partner_id: int) -> list[Turn]:
    """The link's last transitions, newest first."""
    return [
        Turn(row.at, _TAGS[LinkStatus(row.before)], _TAGS[LinkStatus(row.after)], row.why, row.by)
        for row in history_of(partner_id)
    ]


def _in_short(link: LinkState) -> Destination:
    if link.state is LinkStatus.SUSPECT and not link.is_paused:
        return Destination(link.partner_id, link.name, "working", None, "")
    return Destination(link.partner_id, link.name, *_how(link))


def _how(link: LinkState) -> tuple[str, datetime | None, str]:
    if link.is_paused:
        tag = "off"
    elif link.state is LinkStatus.UP:
        return "working", None, ""
    else:
        tag = _TAGS[link.state]
    sentence, since, then = line_of(link)
    return tag, since, f"{sentence} {then}"


def _with_details(
    link: LinkState, queue: tuple[int, datetime] | None, health: Health
) -> Destination:
    waiting, oldest_at = queue or (0, None)
    return Destination(
        link.partner_id,
        link.name,
        *_how(link),
        phase=_PHASES.get(link.phase, "" if link.phase else _cause(link)),
        waiting=waiting,
        oldest_at=oldest_at,
        last_success_at=link.last_success_at,
        synthetic=_synthetic(link),
        health=health,
        declared=f"{link.declared_by}: {link.declared_because}" if link.declared_by else "",
        declared_until=link.declared_until,
    )


def _cause(link: LinkState) -> str:
    quiet = link.state is LinkStatus.UP or link.declared_by
    return "" if quiet else link.cause


def _synthetic(link: LinkState) -> str:
    if not link.synthetic_seconds:
        return "Not agreed. While nothing is sent to it, nobody sees whether it works."
    every = timedelta(seconds=link.synthetic_seconds)
    return f"Every {int(every.total_seconds())} seconds."


def _queues() -> dict[int, tuple[int, datetime]]:
    to_go = OutboundMessage.objects.filter(state__in=(OutState.WAITING, OutState.SENDING))
    rows = to_go.order_by().values("partner_id").annotate(n=Count("pk"), at=Min("created_at"))
    return {row["partner_id"]: (row["n"], row["at"]) for row in rows}
