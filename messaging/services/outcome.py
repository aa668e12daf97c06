"""What came of sending a message: written with what it means for the sender, in one transaction."""

import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import DateTimeField, F, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce, Greatest, Now, TruncDate
from django.utils.module_loading import import_string

from messaging.acknowledgement import ACCEPTED, REJECTED, Answer
from messaging.link_states import NOT_WORKING, LinkStatus
from messaging.mllp import Failed
from messaging.models import Link, OutboundMessage, Partner
from messaging.states import OutEvent, OutState, after_out

from .links import clocks
from .pauses import pause

log = structlog.get_logger(__name__)
_chance = secrets.SystemRandom()

MOST_FAILURES = 8  # of one message: AE answers, and silences while others were answered
# Eight tries over about two hours: an application that is away for so long needs no person.
_BETWEEN_ERRORS = {"first": 10.0, "factor": 3.0, "longest": 3600.0}
_LONGEST_REASON = 300
# How long others wait behind one that is not answered while they would be (hazard H17: 5 s in all,
# with the pause after a failure), and what shows that they would be.
BRIEFLY = 3.5  # seconds
_LATELY = timedelta(minutes=1)
_PROMPTLY = timedelta(seconds=BRIEFLY / 4)
_TOLD_AT_ONCE = 500  # how many waiting senders hear of a failing link in one transaction


def record_answer(message: OutboundMessage, token: UUID, answer: Answer) -> bool:
    """The partner answered: acknowledged, tried again, or given up. True when acknowledged."""
    with transaction.atomic():
        held = _held(message, token)
        if held is None:
            return False
        link_works(held.partner_id)
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
        partner = link_fails(held.partner_id, failure, sent_at=held.last_sent_at)
        if failure.phase == "acknowledge" and _is_alone_in_failing(held, partner):
            _failed_again(held, _words(partner, failure))
        else:
            _move(held, OutEvent.DELAY, reason=_words(partner, failure))
        if partner.failures >= 2:  # one is a hiccup
            _tell_waiting(partner, _words(partner, failure))


def answers_others(message: OutboundMessage) -> bool:
    """Whether the partner answers others, so that a silence is this message's own: it has answered
    one since this message first went out, or everything of the last minute at once.
    """
    if message.attempts > 0 and _is_alone_in_failing(message, message.partner):
        return True
    return message.partner.failures == 0 and answers_promptly(message.partner_id)


def answers_promptly(partner_id: int) -> bool:
    """Whether it answered lately, and each of its last answers came at once."""
    took = Coalesce("taken_at", "acknowledged_at") - F("last_sent_at")
    rows = OutboundMessage.objects.filter(partner=partner_id).annotate(took=took)
    since = Now() - _LATELY
    said = rows.filter(acknowledged_at__gt=since).order_by("-acknowledged_at")
    taken = rows.filter(state=OutState.TAKEN, taken_at__gt=since).order_by("-taken_at")
    last = [each for found in (said, taken) for each in found.values_list("took", flat=True)[:5]]
    return bool(last) and all(each is not None and each <= _PROMPTLY for each in last)


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
    later = Now() + pause(failures, **_BETWEEN_ERRORS)
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


# --- Enhanced mode: what was taken, and what the application says of it ---------------------------


def record_taken(message: OutboundMessage, token: UUID) -> bool:
    """The partner has it (CA). It waits until its application has spoken, and holds nothing up."""
    with transaction.atomic():
        held = _held(message, token)
        if held is None:
            return False
        link_works(held.partner_id)
        _move(held, OutEvent.TAKE, acknowledgement="CA", reason="", taken_at=Now())
        return True


def record_application(message: OutboundMessage, answer: Answer) -> None:
    """The application spoke of a message that was taken; its row is locked by the caller."""
    if answer.code == ACCEPTED:
        trouble = _tell(message, "delivered", "")
        _move(
            message, OutEvent.ACKNOWLEDGE, acknowledgement=ACCEPTED, reason=trouble,
            acknowledged_at=Now(),
        )  # fmt: skip
        return
    words = f"{answer.code}: {answer.text or 'no reason given'}"[:_LONGEST_REASON]
    if message.state == OutState.TAKEN:
        _bury(message, words, acknowledgement=answer.code)
    else:  # a person has it already, because nothing came in time
        OutboundMessage.objects.filter(pk=message.pk).update(
            acknowledgement=answer.code, reason=words
        )


def record_unanswered(message_id: int) -> bool:
    """Taken, and nothing said in the partner's time: a person has to ask there."""
    with transaction.atomic():
        rows = OutboundMessage.objects.select_for_update(skip_locked=True)
        message = rows.filter(pk=message_id, state=OutState.TAKEN).first()
        if message is None:
            return False
        words = "They have it, and have not said in time whether they can use it. Ask them."
        _tell(message, "failing", words)
        _move(message, OutEvent.BURY, reason=words)
        log.error("dead_letter", message=message.pk, partner=message.partner_id)
        return True


# --- The link ------------------------------------------------------------------------------------


def link_works(partner_id: int) -> None:
    """The partner answered: whatever it said, what we send arrives."""
    Partner.objects.filter(pk=partner_id).update(
        last_success_at=Now(), failing_since=None, failing_phase="", failures=0, retry_at=None
    )
    # While the link is up, which is nearly always, this writes nothing.
    Link.objects.filter(pk=partner_id).exclude(state=LinkStatus.UP).update(
        good_probes=F("good_probes") + 1,
        window_good=F("window_good") + 1,
        answering_since=Coalesce("answering_since", Now()),
    )


def link_fails(partner_id: int, failure: Failed, *, sent_at: datetime | None) -> Partner:
    """No answer came to what was sent at `sent_at`: nothing goes before `retry_at`.

    Five in a row open the breaker, and so does one while the link has not proved itself again:
    then one probe goes at a time, 30 s apart.
    """
    partner = Partner.objects.select_for_update(no_key=True).get(pk=partner_id)
    link, _ = Link.objects.get_or_create(pk=partner_id)
    today = _count_failure(link)
    Partner.objects.filter(pk=partner_id).update(
        failing_since=Coalesce("failing_since", Value(sent_at, DateTimeField()), Now()),
        failing_phase=failure.phase,
        failures=F("failures") + 1,
        retry_at=_retry_at(partner.failures + 1, link, today, sent_at),
    )
    log.warning("link_failing", partner=partner_id, phase=failure.phase)
    partner.refresh_from_db()
    return partner


def _count_failure(link: Link) -> int:
    """How many attempts failed today, with this one: by the database's day."""
    counted = Link.objects.annotate(today=TruncDate(Now())).get(pk=link.pk)
    today = counted.failures_that_day + 1 if counted.failures_on == counted.today else 1
    Link.objects.filter(pk=link.pk).update(
        good_probes=0, answering_since=None, window_bad=F("window_bad") + 1,
        failures_on=counted.today, failures_that_day=today,
    )  # fmt: skip
    return today


def _retry_at(
    failures: int, link: Link, today: int, sent_at: datetime | None
) -> CombinedExpression:
    held = clocks()
    unproved = link.state in NOT_WORKING and link.good_probes < held.good_probes
    if today > held.most_failures_a_day:
        return _after(held.over_the_cap_probe_every, sent_at)
    if failures >= held.breaker_opens or unproved:
        return _after(held.probe_every, sent_at)
    return Now() + pause(failures, first=held.first_pause)


def _after(seconds: float, sent_at: datetime | None) -> Any:
    """So long after the last probe was sent, and a little later by chance; never at once."""
    apart = timedelta(seconds=seconds * _chance.uniform(1.0, 1.1))
    soon = Now() + timedelta(seconds=min(1.0, seconds))
    return Greatest(Value(sent_at + apart, DateTimeField()), soon) if sent_at else Now() + apart


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
