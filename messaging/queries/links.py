"""How each link stands: for pages, for rooms that queue for it, for machines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.policies import Acting
from messaging.link_states import LinkStatus
from messaging.models import Link, LinkEvent, Partner
from messaging.policies import sees_all_partners


@dataclass(frozen=True)
class LinkState:
    """A link as it stands. `since` is of the trouble: None while the link is up."""

    partner_id: int
    name: str  # as people outside the wire know it: "Wychcombe Radiology"
    state: LinkStatus
    since: datetime | None = None
    cause: str = ""  # a sentence, never a message's own words
    phase: str = ""  # resolve, connect, send, acknowledge
    last_transition: datetime | None = None
    good_probes: int = 0
    declared_by: str = ""
    declared_because: str = ""
    declared_at: datetime | None = None
    declared_until: datetime | None = None
    is_paused: bool = False  # a person stopped sending: its own word, whatever the state
    paused_at: datetime | None = None
    is_flapping: bool = False
    last_success_at: datetime | None = None
    synthetic_seconds: int = 0  # 0: the partner has not agreed to synthetic orders

    @property
    def is_down(self) -> bool:
        return self.state is LinkStatus.DOWN

    @property
    def is_declared(self) -> bool:
        return bool(self.declared_by)


def is_down(partner_id: int) -> bool:
    """Whether nothing gets through to the partner now. A partner that is paused is not down."""
    return Link.objects.filter(pk=partner_id, state=LinkStatus.DOWN).exists()


def link_of(partner_id: int) -> LinkState:
    """The link to the partner. Raises Partner.DoesNotExist."""
    return _state_of(_partners().get(pk=partner_id))


def links(acting: Acting) -> list[LinkState]:
    """Each link that the person looks after, by name; the central team's are all."""
    partners = _partners()
    if not sees_all_partners(acting):
        partners = partners.filter(departments=acting.organisation)
    return sorted(map(_state_of, partners), key=lambda link: link.name)


def all_links() -> list[LinkState]:
    """Every link, by name: for machines."""
    return sorted(map(_state_of, _partners()), key=lambda link: link.name)


def not_quiet_links() -> list[LinkState]:
    """Those that are not up, and those that a person paused: for the notice on every page."""
    rows = _partners().filter(
        ~Q(link__state=LinkStatus.UP) & Q(link__isnull=False) | Q(is_paused=True)
    )
    return sorted(map(_state_of, rows), key=lambda link: link.name)


def history_of(partner_id: int, *, most: int = 20) -> list[LinkEvent]:
    """The link's last transitions, newest first."""
    return list(LinkEvent.objects.filter(partner=partner_id).order_by("-at", "-pk")[:most])


def _partners() -> QuerySet[Partner]:
    return Partner.objects.select_related("link").prefetch_related("departments")


def _state_of(partner: Partner) -> LinkState:
    stands = LinkState(
        partner_id=partner.pk,
        name=_name(partner),
        state=LinkStatus.UP,
        phase=partner.failing_phase,
        is_paused=partner.is_paused,
        paused_at=partner.paused_at,
        last_success_at=partner.last_success_at,
    )
    link = getattr(partner, "link", None)  # none before it was first looked at
    return _with(stands, link) if link else stands


def _with(stands: LinkState, link: Link) -> LinkState:
    return replace(
        stands,
        state=LinkStatus(link.state),
        since=link.since,
        cause=link.cause,
        last_transition=link.moved_at,
        good_probes=link.good_probes,
        declared_by=link.declared_by,
        declared_because=link.declared_because,
        declared_at=link.declared_at,
        declared_until=link.declared_until,
        is_flapping=link.is_flapping,
        synthetic_seconds=link.synthetic_seconds,
    )


def _name(partner: Partner) -> str:
    """Its departments' names: people know those, and not a system's."""
    names = sorted(department.name for department in partner.departments.all())
    return " and ".join(names) or partner.name
