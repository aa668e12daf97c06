"""What came of sending a message: written with what it means for the sender, in one transaction."""

from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now
from django.utils.module_loading import import_string

from messaging.acknowledgement import ACCEPTED, REJECTED, Answer
from messaging.mllp import Failed
from messaging.models import OutboundMessage, Partner
from messaging.states import OutEvent, OutState, after_out

from .pauses import pause

log = structlog.get_logger(__name__)

MOST_FAILURES = 8  # of one message: AE answers, and silences while others were answered
_LONGEST_REASON = 300
_TOLD_AT_ONCE = 500  # how many waiting senders hear of a failing link in one transaction


def record_answer(message: OutboundMessage, token: UUID, answer: Answer) -> bool:
    """The partner answered: acknowledged, tried again, or given up. True when acknowledged."""
    with transaction.atomic():
        held = _held(message, token)
        if held is None:
            return False
        _link_works(held.partner_id)
        if answer.code == ACCEPTED:
            return _acknowledged(held)
        words = f"{answer.code}: {answer.text or 'no reason given'}"[:_LONGEST_REASON]
        if answer.code == REJECTED:
            _bury(held, words, acknowledgement=answer.code)
        else:
            _failed_again(held, words, acknowledgement=answer.code)
        return False


def record_failure(message: OutboundMessage, token: UUID, failure: Failed) -> None:
    """No answer: the link is failing, and named by the phase; the message waits.

    A silence also counts against the message: one that is never answered while others are is the
    message's own trouble, and in the end a person's.
    """
    with transaction.atomic():
        held = _held(message, token)
        if held is None:
            return
        partner = _link_fails(held.partner_id, failure)
        if failure.phase != "acknowledge":
            _move(held, OutEvent.DELAY, reason=_words(partner, failure))
        elif _is_alone_in_failing(held, partner):
            _failed_again(held, _words(partner, failure))
        else:
            later = Now() + pause(held.failures + 1)
            _move(held, OutEvent.DELAY, reason=_words(partner, failure), not_before=later)
        if partner.failures >= 2:  # one is a hiccup
            _tell_waiting(partner, _words(partner, failure))


def _held(message: OutboundMessage, token: UUID) -> OutboundMessage | None:
    """The row, locked, if our lease on it still holds."""
    held = OutboundMessage.objects.select_for_update().filter(
        pk=message.pk, lease_token=token, state=OutState.SENDING
    )
    if found := held.first():
        return found
    log.warning("lease_lost", message=message.pk)
    return None


# --- The message ---------------------------------------------------------------------------------


def _acknowledged(message: OutboundMessage) -> bool:
    """Delivered, if the sender's room can record it; the same id goes again when it cannot yet."""
    trouble = _tell(message, "delivered", "")
    if trouble:
        _failed_again(message, trouble, acknowledgement=ACCEPTED)
        return False
    _move(
        message,
        OutEvent.ACKNOWLEDGE,
        acknowledgement=ACCEPTED,
        reason="",
        acknowledged_at=Now(),
    )
    return True


def _failed_again(message: OutboundMessage, words: str, *, acknowledgement: str = "") -> None:
    """Back off; after MOST_FAILURES it is a dead letter."""
    failures = message.failures + 1
    if failures >= MOST_FAILURES:
        _bury(message, words, acknowledgement=acknowledgement, failures=failures)
        return
    if not message.is_told_failing:
        _tell(message, "failing", words)
    later = Now() + pause(failures, first=5, longest=600)
    _move(
        message,
        OutEvent.DELAY,
        reason=words,
        acknowledgement=acknowledgement,
        failures=failures,
        not_before=later,
        is_told_failing=True,
    )


def _bury(message: OutboundMessage, words: str, **changes: Any) -> None:
    trouble = _tell(message, "refused", words)
    words = f"{words} {trouble}".strip()[:_LONGEST_REASON]
    _move(message, OutEvent.BURY, reason=words, **changes)
    log.error("dead_letter", message=message.pk, partner=message.partner_id)


def _move(message: OutboundMessage, event: OutEvent, **changes: Any) -> None:
    """The one way by which a worker moves a message; its row is locked by the caller."""
    state = after_out(message.state, event)
    released = {"lease_token": None, "lease_until": None}
    OutboundMessage.objects.filter(pk=message.pk).update(state=state, **released, **changes)


def _is_alone_in_failing(message: OutboundMessage, partner: Partner) -> bool:
    """Whether the partner has answered others since this message first went out."""
    sent, answered = message.first_sent_at, partner.last_success_at
    return sent is not None and answered is not None and answered > sent


# --- The link ------------------------------------------------------------------------------------


def _link_works(partner_id: int) -> None:
    Partner.objects.filter(pk=partner_id).update(
        last_success_at=Now(), failing_since=None, failing_phase="", failures=0, retry_at=None
    )


def _link_fails(partner_id: int, failure: Failed) -> Partner:
    partner = Partner.objects.select_for_update(no_key=True).get(pk=partner_id)
    Partner.objects.filter(pk=partner_id).update(
        failing_since=Coalesce("failing_since", Now()),
        failing_phase=failure.phase,
        failures=F("failures") + 1,
        retry_at=Now() + pause(partner.failures + 1),
    )
    log.warning("link_failing", partner=partner_id, phase=failure.phase)
    partner.refresh_from_db()
    return partner


def _words(partner: Partner, failure: Failed) -> str:
    return f"{partner.name}: {failure.sentence}"[:_LONGEST_REASON]


def _tell_waiting(partner: Partner, words: str) -> None:
    """The senders of all that waits behind a failing link hear of it, once."""
    waiting = OutboundMessage.objects.select_for_update(skip_locked=True).filter(
        partner=partner, state=OutState.WAITING, is_told_failing=False
    )
    for message in waiting.order_by("id")[:_TOLD_AT_ONCE]:
        _tell(message, "failing", words)
        OutboundMessage.objects.filter(pk=message.pk).update(reason=words, is_told_failing=True)


# --- Who sent it ---------------------------------------------------------------------------------


def _tell(message: OutboundMessage, outcome: str, words: str) -> str:
    """Tell the room that sent it, by settings.HL7_DELIVERY_EVENTS; trouble in words, or ""."""
    listener = import_string(settings.HL7_DELIVERY_EVENTS).get(message.subject_type)
    if listener is None:
        return ""
    try:
        with transaction.atomic():
            listener(message.subject_id, outcome, words)
    except OperationalError:
        raise  # the database's trouble, not the room's: nothing is recorded, all is tried again
    except Exception as failure:  # noqa: BLE001 - no fault of ours may lose an answer
        error = type(failure).__name__  # and no traceback: it may hold a patient's words
        log.error("delivery_event_failed", message=message.pk, error=error)  # noqa: TRY400
        return f"It was {outcome}, but could not be recorded here ({error})."
    return ""
