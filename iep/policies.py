"""Who may do what in the image exchange, and for which trust they do it."""

from __future__ import annotations

from accounts.models import Organisation
from accounts.policies import Acting
from accounts.roles import Permission


def trust_of(acting: Acting) -> Organisation | None:
    """The trust whose images these are: a department's is its parent."""
    place = acting.organisation
    return place.parent if place is not None and place.parent is not None else place


def is_of_trust(acting: Acting, trust_id: int | None) -> bool:
    """Whether the person acts for that trust, or for one of its departments."""
    own = trust_of(acting)
    return own is not None and own.pk == trust_id


def may_work(acting: Acting, trust_id: int | None) -> bool:
    """Tickets, transactions, studies and discs of the person's own trust."""
    return acting.may(Permission.EXCHANGE_IMAGES) and is_of_trust(acting, trust_id)


def may_control_lanes(acting: Acting) -> bool:
    return acting.may(Permission.CONTROL_LANES)
