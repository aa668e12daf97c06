"""Who may look after messages: the central team all of them, a laboratory its own partners'."""

from accounts.models import OrganisationKind
from accounts.policies import Acting
from accounts.roles import Permission

from .models import InboundMessage, OutboundMessage, Partner


def may_operate(acting: Acting) -> bool:
    """See, retry, and mark as handled."""
    return acting.may(Permission.OPERATE_MESSAGES)


def sees_all_partners(acting: Acting) -> bool:
    place = acting.organisation
    return may_operate(acting) and place is not None and place.kind == OrganisationKind.CENTRAL


def may_declare_downtime(acting: Acting) -> bool:
    """Say that a link is down, or over: the central team, of every partner."""
    return acting.may(Permission.DECLARE_DOWNTIME)


def may_operate_partner(acting: Acting, partner: Partner | None) -> bool:
    """A message of nobody we know is the central team's."""
    if sees_all_partners(acting):
        return True
    if not may_operate(acting) or partner is None or acting.organisation is None:
        return False
    return partner.departments.filter(pk=acting.organisation.pk).exists()


def may_operate_message(acting: Acting, message: InboundMessage | OutboundMessage) -> bool:
    return may_operate_partner(acting, message.partner)
