"""The partners: which link works, which does not, and what waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, OuterRef, Subquery
from django.http import Http404

from accounts.policies import Acting
from messaging.models import InboundMessage, OutboundMessage, Partner
from messaging.policies import may_operate_partner, sees_all_partners
from messaging.states import OutState


def partners_with_work() -> list[int]:
    """Partners for whom something is to be sent, paused ones left out."""
    open_states = (OutState.WAITING, OutState.SENDING, OutState.TAKEN)  # of the last we may hear
    waiting = OutboundMessage.objects.filter(state__in=open_states)
    ready = Partner.objects.filter(is_paused=False, pk__in=waiting.values("partner_id"))
    return list(ready.values_list("pk", flat=True))


@dataclass(frozen=True)
class PartnerState:
    """A partner as it stands. `tag` is a code of nhsuk.tags' service states."""

    pk: int
    name: str
    address: str
    tag: str
    sentence: str
    last_success_at: datetime | None
    since: datetime | None
    waiting: int
    oldest_at: datetime | None
    last_received_at: datetime | None
    paused_by: str
    paused_because: str

    @property
    def is_paused(self) -> bool:
        return self.tag == "off"


_PHASES = {
    "resolve": "its address cannot be found",
    "connect": "it does not take connections",
    "send": "it hangs up while we send",
    "acknowledge": "it does not acknowledge what we send",
}


def partner_states(acting: Acting) -> list[PartnerState]:
    """Each partner that the person looks after, by name."""
    partners = Partner.objects.all()
    if not sees_all_partners(acting):
        partners = partners.filter(departments=acting.organisation)
    last_in = InboundMessage.objects.filter(partner=OuterRef("pk")).order_by("-received_at")
    partners = partners.annotate(last_received_at=Subquery(last_in.values("received_at")[:1]))
    waiting = _waiting_by_partner()
    return [
        _partner_state(partner, *waiting.get(partner.pk, (0, None)))
        for partner in partners.order_by("name")
    ]


def _waiting_by_partner() -> dict[int, tuple[int, datetime]]:
    """How many messages are to go, and since when the oldest, by partner."""
    to_go = OutboundMessage.objects.filter(state__in=(OutState.WAITING, OutState.SENDING))
    rows = to_go.order_by().values("partner_id").annotate(n=Count("pk"), at=Min("created_at"))
    return {row["partner_id"]: (row["n"], row["at"]) for row in rows}


def partner_for(acting: Acting, pk: int) -> Partner:
    """Raises Http404 for absent and forbidden."""
    partner = Partner.objects.filter(pk=pk).first()
    if partner is None or not may_operate_partner(acting, partner):
        raise Http404
    return partner


def partner_state(acting: Acting, partner: Partner) -> PartnerState:
    return next(each for each in partner_states(acting) if each.pk == partner.pk)


def _partner_state(partner: Any, waiting: int, oldest_at: datetime | None) -> PartnerState:
    tag, sentence, since = _how_it_is(partner, oldest_at)
    return PartnerState(
        pk=partner.pk,
        name=partner.name,
        address=f"{partner.host}:{partner.port}",
        tag=tag,
        sentence=sentence,
        last_success_at=partner.last_success_at,
        since=since,
        waiting=waiting,
        oldest_at=oldest_at,
        last_received_at=partner.last_received_at,
        paused_by=partner.paused_by,
        paused_because=partner.paused_because,
    )


def _how_it_is(partner: Partner, oldest_at: datetime | None) -> tuple[str, str, datetime | None]:
    if partner.is_paused:
        return "off", "A person stopped sending to it.", partner.paused_at
    if partner.failing_since:
        why = _PHASES.get(partner.failing_phase, "messages do not arrive")
        return "failing", f"Sending fails: {why}.", partner.failing_since
    if oldest_at:
        return "waiting", "Messages are on their way.", oldest_at
    return "working", "Nothing waits.", None
