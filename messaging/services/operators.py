"""What a person does about a message or a partner. Each leaves its mark in the audit trail."""

from functools import partial
from typing import TypeVar

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from messaging import doorbell
from messaging.errors import ReasonMissing
from messaging.models import InboundMessage, OutboundMessage, Partner
from messaging.policies import may_operate_message, may_operate_partner
from messaging.states import InEvent, OutEvent, after_in, after_out

from .outbox import ring_for

Message = TypeVar("Message", InboundMessage, OutboundMessage)
_LONGEST_REASON = 300


@transaction.atomic
def retry_inbound(message: InboundMessage, *, by: Acting) -> InboundMessage:
    """Process a parked message again. Raises NoSuchMove unless it is parked."""
    locked = _locked_inbound(message, by)
    locked.state = after_in(locked.state, InEvent.RETRY)
    locked.attempts, locked.not_before = 0, None
    locked.save(update_fields=["state", "attempts", "not_before"])
    _record(by, "retry_message_in", locked)
    transaction.on_commit(partial(doorbell.ring, "messaging.process_inbox", queue="hl7_in"))
    return locked


@transaction.atomic
def handle_inbound(message: InboundMessage, *, reason: str, by: Acting) -> InboundMessage:
    """Close a parked message: `reason` says what was done about it outside this system."""
    locked = _locked_inbound(message, by)
    locked.state = after_in(locked.state, InEvent.HANDLE)
    _note_who(locked, reason, by)
    _record(by, "handle_message_in", locked)
    return locked


@transaction.atomic
def retry_outbound(message: OutboundMessage, *, by: Acting) -> OutboundMessage:
    """Send a dead letter again: the same bytes, the same control id."""
    locked = _locked_outbound(message, by)
    locked.state = after_out(locked.state, OutEvent.RETRY)
    locked.failures, locked.not_before, locked.acknowledgement = 0, None, ""
    locked.is_told_failing = False
    fields = ["state", "failures", "not_before", "acknowledgement", "is_told_failing"]
    locked.save(update_fields=fields)
    _record(by, "retry_message_out", locked)
    transaction.on_commit(partial(ring_for, locked.partner_id))
    return locked


@transaction.atomic
def handle_outbound(message: OutboundMessage, *, reason: str, by: Acting) -> OutboundMessage:
    """Close a dead letter; the next message of its stream may then leave."""
    locked = _locked_outbound(message, by)
    locked.state = after_out(locked.state, OutEvent.HANDLE)
    _note_who(locked, reason, by)
    _record(by, "handle_message_out", locked)
    transaction.on_commit(partial(ring_for, locked.partner_id))
    return locked


@transaction.atomic
def pause_partner(partner: Partner, *, reason: str, by: Acting) -> Partner:
    """Send nothing to this partner until it is resumed. What it sends us is still taken."""
    locked = _locked_partner(partner, by)
    if not locked.is_paused:
        locked.is_paused, locked.paused_at = True, timezone.now()
        locked.paused_by, locked.paused_because = by.label[:150], _words(reason)
        locked.save(update_fields=_PAUSE_FIELDS)
        _record(by, "pause_partner", locked)
    return locked


@transaction.atomic
def resume_partner(partner: Partner, *, by: Acting) -> Partner:
    """Send again, beginning with what waits."""
    locked = _locked_partner(partner, by)
    if locked.is_paused:
        locked.is_paused, locked.paused_at, locked.retry_at = False, None, None
        locked.paused_by = locked.paused_because = ""
        locked.save(update_fields=_PAUSE_FIELDS)
        _record(by, "resume_partner", locked)
        transaction.on_commit(partial(ring_for, locked.pk))
    return locked


_PAUSE_FIELDS = ["is_paused", "paused_at", "paused_by", "paused_because", "retry_at"]


def _locked_partner(partner: Partner, by: Acting) -> Partner:
    locked = Partner.objects.select_for_update(no_key=True).get(pk=partner.pk)
    if not may_operate_partner(by, locked):
        raise PermissionDenied
    return locked


def _locked_inbound(message: InboundMessage, by: Acting) -> InboundMessage:
    rows = InboundMessage.objects.select_for_update(of=("self",)).select_related("partner")
    return _allowed(rows.get(pk=message.pk), by)


def _locked_outbound(message: OutboundMessage, by: Acting) -> OutboundMessage:
    rows = OutboundMessage.objects.select_for_update(of=("self",)).select_related("partner")
    return _allowed(rows.get(pk=message.pk), by)


def _allowed(message: Message, by: Acting) -> Message:
    if not may_operate_message(by, message):
        raise PermissionDenied
    return message


def _note_who(message: InboundMessage | OutboundMessage, reason: str, by: Acting) -> None:
    message.handled_by = by.label[:150]
    message.handled_at = timezone.now()
    message.handled_how = _words(reason)
    message.save(update_fields=["state", "handled_by", "handled_at", "handled_how"])


def _words(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing
    return reason.strip()[:_LONGEST_REASON]


def _record(by: Acting, action: str, thing: Model) -> None:
    """The person's words stay on the row: they may name a patient, and the audit trail must not."""
    audit.record(
        acting=by,
        action=action,
        object_type=f"messaging.{type(thing).__name__}",
        object_id=thing.pk,
    )
