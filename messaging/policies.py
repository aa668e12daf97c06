"""Who may look after messages: the central team all of them, a laboratory its own partners'."""

from django.conf import settings

from accounts.models import Organisation, OrganisationKind
from accounts.policies import Acting
from accounts.roles import Permission

from .models import Correction, InboundMessage, Mailbox, OutboundMessage, Partner


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


def may_approve_correction(acting: Acting, correction: Correction) -> bool:
    """The second person: not the one who proposed it, and one who looks after its message."""
    message = correction.inbound or correction.outbound
    if message is None or acting.user is None or acting.user.pk == correction.proposed_by_id:
        return False
    return may_operate_message(acting, message)


def may_process(processing_id: str) -> bool:
    """MSH-11: what is for training never meets what is live, in either direction."""
    return (processing_id == "P") == (settings.HL7_PROCESSING_ID == "P")


def may_change_partners(acting: Acting) -> bool:
    """Propose a change of what was agreed with a partner, or decide on somebody else's."""
    return acting.may(Permission.CHANGE_PARTNERS) and acting.user is not None


def may_operate_mail(acting: Acting) -> bool:
    """Mails, what came back, and the directory of mailboxes: the central team."""
    return acting.may(Permission.OPERATE_MAIL)


def may_verify_mailbox(acting: Acting, mailbox: Mailbox) -> bool:
    """Somebody else than who entered the address, as long as it stands: a person, not a name."""
    if acting.user is None or mailbox.valid_to is not None:
        return False
    if not (may_operate_mail(acting) or _is_at_their_desk(acting, mailbox)):
        return False
    if mailbox.entered_by_user_id is None:  # from a time when only the name was kept
        return mailbox.entered_by != acting.label[:150]
    return mailbox.entered_by_user_id != acting.user.pk


def _is_at_their_desk(acting: Acting, mailbox: Mailbox) -> bool:
    """A requester's own mailbox is made sure of by the service desk of their trust."""
    place = acting.organisation
    if place is None or not mailbox.is_personal or not acting.may(Permission.EXCHANGE_IMAGES):
        return False
    return mailbox.organisation_id in (place.pk, place.parent_id)


def may_enter_own_mailbox(acting: Acting, organisation: Organisation) -> bool:
    """Who asks for images there, by the address to which the answer goes; who looks after mail."""
    place = acting.organisation
    asks = acting.may(Permission.ASK_FOR_IMAGES) and place is not None
    is_theirs = place is not None and organisation.pk in (place.pk, place.parent_id)
    return acting.is_system or may_operate_mail(acting) or (asks and is_theirs)
