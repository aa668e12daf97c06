"""What a person does about a message or a partner. Each leaves its mark in the audit trail."""

from datetime import datetime
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
from messaging.states import (
    CorrectionEvent,
    CorrectionState,
    InEvent,
    OutEvent,
    after_correction,
    after_in,
    after_out,
)

from .outbox import ring_for

Message = TypeVar("Message", InboundMessage, OutboundMessage)
_LONGEST_REASON = 300
MOST_RETRIES = 30_000  # of the counter


@transaction.atomic
def retry_inbound(message: InboundMessage, *, by: Acting) -> InboundMessage:
    """Process a parked message again. Raises NoSuchMove unless it is parked."""
    locked = locked_inbound(message, by)
    send_back_inbound(locked)
    drop_corrections(locked, by)
    record(by, "retry_message_in", locked)
    return locked


@transaction.atomic
def handle_inbound(
    message: InboundMessage,
    *,
    reason: str,
    by: Acting,
    spoken_to: str = "",
    spoken_at: datetime | None = None,
) -> InboundMessage:
    """Close a parked message: `reason` says what was done about it outside this system.

    By telephone: with whom, and when.
    """
    locked = locked_inbound(message, by)
    locked.state = after_in(locked.state, InEvent.HANDLE)
    _note_who(locked, reason, by, spoken_to, spoken_at)
    drop_corrections(locked, by)
    record(by, "handle_message_in", locked)
    return locked


@transaction.atomic
def retry_outbound(message: OutboundMessage, *, by: Acting) -> OutboundMessage:
    """Send a dead letter again: the same bytes, the same control id."""
    locked = locked_outbound(message, by)
    send_back_outbound(locked)
    drop_corrections(locked, by)
    record(by, "retry_message_out", locked)
    return locked


@transaction.atomic
def handle_outbound(
    message: OutboundMessage,
    *,
    reason: str,
    by: Acting,
    spoken_to: str = "",
    spoken_at: datetime | None = None,
) -> OutboundMessage:
    """Close a dead letter; the next message of its stream may then leave."""
    locked = locked_outbound(message, by)
    locked.state = after_out(locked.state, OutEvent.HANDLE)
    _note_who(locked, reason, by, spoken_to, spoken_at)
    drop_corrections(locked, by)
    record(by, "handle_message_out", locked)
    transaction.on_commit(partial(ring_for, locked.partner_id))
    return locked


# --- Sending back: by a person for one message, by a replay for many -----------------------------


def send_back_inbound(locked: InboundMessage, **changes: object) -> None:
    """To the inbox, in its old place: a patient's messages are taken by their number.

    The attempts begin again, so that a message which kills its worker is parked again by its count.
    """
    _send_back(
        locked,
        after_in(locked.state, InEvent.RETRY),
        {"attempts": 0, "not_before": None, **changes},
    )
    transaction.on_commit(partial(doorbell.ring, "messaging.process_inbox", queue="hl7_in"))


def send_back_outbound(locked: OutboundMessage, **changes: object) -> None:
    """To the outbox, in its old place in the stream."""
    again = {"failures": 0, "not_before": None, "acknowledgement": "", "is_told_failing": False}
    _send_back(locked, after_out(locked.state, OutEvent.RETRY), {**again, **changes})
    transaction.on_commit(partial(ring_for, locked.partner_id))


def _send_back(locked: Message, state: str, changes: dict[str, object]) -> None:
    changes["state"], changes["retries"] = state, min(locked.retries + 1, MOST_RETRIES)
    for name, value in changes.items():
        setattr(locked, name, value)
    locked.save(update_fields=list(changes))


def drop_corrections(locked: Message, by: Acting) -> None:
    """A correction that waits for a second person is of no use once its message has moved."""
    locked.corrections.filter(state=CorrectionState.PROPOSED).update(
        state=after_correction(CorrectionState.PROPOSED, CorrectionEvent.DECLINE),
        decided_by=by.user,
        decided_label=by.label[:150],
        decided_at=timezone.now(),
        decided_how="The message was dealt with in another way.",
    )


@transaction.atomic
def pause_partner(partner: Partner, *, reason: str, by: Acting) -> Partner:
    """Send nothing to this partner until it is resumed. What it sends us is still taken."""
    locked = _locked_partner(partner, by)
    if not locked.is_paused:
        locked.is_paused, locked.paused_at = True, timezone.now()
        locked.paused_by, locked.paused_because = by.label[:150], words_of(reason)
        locked.save(update_fields=_PAUSE_FIELDS)
        record(by, "pause_partner", locked)
    return locked


@transaction.atomic
def resume_partner(partner: Partner, *, by: Acting) -> Partner:
    """Send again, beginning with what waits."""
    locked = _locked_partner(partner, by)
    if locked.is_paused:
        locked.is_paused, locked.paused_at, locked.retry_at = False, None, None
        locked.paused_by = locked.paused_because = ""
        locked.save(update_fields=_PAUSE_FIELDS)
        record(by, "resume_partner", locked)
        transaction.on_commit(partial(ring_for, locked.pk))
    return locked


_PAUSE_FIELDS = ["is_paused", "paused_at", "paused_by", "paused_because", "retry_at"]


def _locked_partner(partner: Partner, by: Acting) -> Partner:
    locked = Partner.objects.select_for_update(no_key=True).get(pk=partner.pk)
    if not may_operate_partner(by, locked):
        raise PermissionDenied
    return locked


def locked_inbound(message: InboundMessage, by: Acting) -> InboundMessage:
    rows = InboundMessage.objects.select_for_update(of=("self",)).select_related("partner")
    return _allowed(rows.get(pk=message.pk), by)


def locked_outbound(message: OutboundMessage, by: Acting) -> OutboundMessage:
    rows = OutboundMessage.objects.select_for_update(of=("self",)).select_related("partner")
    return _allowed(rows.get(pk=message.pk), by)


def _allowed(message: Message, by: Acting) -> Message:
    if not may_operate_message(by, message):
        raise PermissionDenied
    return message


def _note_who(
    message: Message, reason: str, by: Acting, spoken_to: str, spoken_at: datetime | None
) -> None:
    message.spoken_to, message.spoken_at = spoken_to.strip()[:120], spoken_at
    close(message, reason, by.label)


def close(message: Message, reason: str, who: str) -> None:
    """Save its new state with who brought it there and in what words."""
    message.handled_by = who[:150]
    message.handled_at = timezone.now()
    message.handled_how = words_of(reason)
    fields = ["state", "handled_by", "handled_at", "handled_how", "spoken_to", "spoken_at"]
    message.save(update_fields=fields)


def words_of(reason: str) -> str:
    """A person's words, as they are kept. Raises ReasonMissing."""
    if not reason.strip():
        raise ReasonMissing
    return reason.strip()[:_LONGEST_REASON]


def record(by: Acting, action: str, thing: Model, reason: str = "") -> None:
    """The person's words stay on the row: they may name a patient, and the audit trail must not."""
    audit.record(
        acting=by,
        action=action,
        object_type=f"messaging.{type(thing).__name__}",
        object_id=thing.pk,
        reason=reason,
    )
