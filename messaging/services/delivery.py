"""Out of the outbox: one message in flight per partner, the same control id on every retry.

Who delivers to a partner holds its session lock (the server releases it when the process dies). A
message being sent carries a lease with a token; who comes late with an older token changes nothing.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from messaging import crash, mllp, tls, wire
from messaging.acknowledgement import ACCEPTED, Answer, answer_to, envelope
from messaging.errors import Unparseable
from messaging.models import OutboundMessage, Partner, new_lease
from messaging.states import OUT_UNFINISHED, OutEvent, OutState, after_out
from messaging.tracing import following
from messaging.urgency import Urgency

from .answering import count_foreign, waits_for
from .outcome import (
    BRIEFLY,
    answers_others,
    answers_promptly,
    record_answer,
    record_failure,
    record_taken,
)
from .receiving import accept

log = structlog.get_logger(__name__)

FIRST = (Urgency.CRITICAL, Urgency.URGENT)
PARTNER_LOCK = 2576  # the class of our advisory locks on partners
_MOST_ROUNDS = 5  # then the sweep: a row that somebody else has locked looks due to us
_LOOKED_UP_AT_ONCE = 50
# A lease outlasts the longest exchange: the seconds agreed, and to connect twice, with TLS. Who
# holds a message back relies on it (services.holding).
_CONNECTING = timedelta(seconds=4 * mllp.CONNECT_SECONDS)
_SLACK = timedelta(seconds=15)

# By partner, as agreed and the line itself; used only under the partner's lock, and kept.
_lines: dict[int, tuple[tuple[object, ...], mllp.Connection]] = {}
_busy: dict[int, threading.Lock] = {}


def deliver(partner_id: int) -> int:
    """Send what is due for a partner until nothing is; how many were acknowledged.

    Returns at once when another worker is at it.
    """
    delivered = 0
    for _ in range(_MOST_ROUNDS):
        with _sole(partner_id) as mine:
            if not mine:
                break
            delivered += _drain(partner_id)
        # A message that came between the last look and the unlocking had its ring ignored.
        if not _due(partner_id).exists():
            break
    return delivered


def _drain(partner_id: int) -> int:
    delivered, at_once = 0, 1  # the first may be a probe: when it was answered, the order changes
    _hear(partner_id)
    while batch := list(_due(partner_id).values_list("pk", flat=True)[:at_once]):
        at_once = _LOOKED_UP_AT_ONCE
        for message_id in batch:
            outcome = _deliver(message_id)
            if outcome is None:  # the link has just failed, or a person has paused it
                return delivered
            delivered += outcome
    return delivered


def _hear(partner_id: int) -> None:
    """What the partner said by itself on the kept line since we last spoke."""
    if kept := _lines.get(partner_id):
        partner = Partner.objects.get(pk=partner_id)
        kept[1].hear(partial(_not_the_answer, partner))


@contextmanager
def _sole(partner_id: int) -> Iterator[bool]:
    """Hold the partner's lock, in this process and in the database; False when somebody has it."""
    here = _busy.setdefault(partner_id, threading.Lock())
    if not here.acquire(blocking=False):
        yield False
        return
    try:
        with _session_lock(partner_id) as mine:
            yield mine
    finally:
        here.release()


@contextmanager
def _session_lock(partner_id: int) -> Iterator[bool]:
    key = [PARTNER_LOCK, partner_id]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        mine = cursor.fetchone()[0]
    try:
        yield mine
    finally:
        if mine and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


# --- One message ---------------------------------------------------------------------------------


def _deliver(message_id: int) -> bool | None:
    """Send one message: whether it was acknowledged; None when it may not be sent now."""
    claimed = _claim(message_id)
    if claimed is None:
        return None
    began = time.monotonic()
    try:
        with following(claimed[0].trace_id):
            return _send(*claimed)
    finally:
        _pace(claimed[0].partner, began)


def _pace(partner: Partner, began: float) -> None:
    """Keep to the rate agreed with the partner: under its lock, so no other worker is faster."""
    if partner.messages_a_second:
        time.sleep(max(0.0, began + 1 / partner.messages_a_second - time.monotonic()))


def _send(message: OutboundMessage, token: UUID) -> bool:
    crash.point("delivery.claimed")
    partner = message.partner
    try:
        raw = _line_to(partner).exchange(
            bytes(message.raw),
            seconds=partner.acknowledgement_seconds,
            is_answer=partial(_is_answer, message.control_id),
            other=partial(_not_the_answer, partner),
            enough=partial(_is_enough, message),
        )
    except mllp.Failed as failure:
        record_failure(message, token, failure)
        return False
    crash.point("delivery.answered")
    answer = answer_to(message.control_id, raw) or Answer("AE", "")
    if not answer.is_bare:  # an ORL or ORR in the place of an ACK says more than that it came
        accept(raw, peer=partner.host, partner_id=partner.pk)
    if answer.is_commit and answer.code == ACCEPTED and any(partner.asks):
        return record_taken(message, token)
    return record_answer(message, token, answer)


def _is_enough(message: OutboundMessage, waited: float) -> bool:
    """Whether to wait no longer for this answer, because others wait who would be answered (H17).

    When nobody waits, and when the link itself may be at fault, it has all the time agreed.
    """
    return waited >= BRIEFLY and _others_wait(message) and answers_others(message)


def _others_wait(message: OutboundMessage) -> bool:
    return _due(message.partner_id).exclude(pk=message.pk).exists()


def ask(
    partner_id: int, raw: bytes, control_id: str, *, before: Callable[[], object]
) -> Answer | None:
    """Put one question that is no message of the outbox, over the partner's line.

    None while somebody else speaks with the partner. `before` is called when its turn has come.
    Raises mllp.Failed.
    """
    with _sole(partner_id) as mine:
        if not mine:
            return None
        before()
        partner = Partner.objects.get(pk=partner_id)
        reply = _line_to(partner).exchange(
            raw,
            seconds=partner.acknowledgement_seconds,
            is_answer=partial(_is_answer, control_id),
            other=partial(_not_the_answer, partner),
            enough=partial(_is_enough_of, partner_id),
        )
    return answer_to(control_id, reply) or Answer("AE", "")


def _is_enough_of(partner_id: int, waited: float) -> bool:
    """As `_is_enough`, of a question that is no message."""
    return waited >= BRIEFLY and _due(partner_id).exists() and answers_promptly(partner_id)


def _is_answer(control_id: str, raw: bytes) -> bool:
    return answer_to(control_id, raw) is not None


def _not_the_answer(partner: Partner, raw: bytes) -> bytes | None:
    """What an application says later of an earlier message is taken; all else is dropped.

    Returns the acknowledgement to give, when it asks for one.
    """
    try:
        about = wire.parse(raw, default_charset=partner.character_set).get("MSA", 2)
    except Unparseable:
        about = ""
    if not any(partner.asks) or not waits_for(partner.pk, about):
        count_foreign(partner.pk)
        return None
    answer = accept(raw, peer=partner.host, partner_id=partner.pk)
    return answer if envelope(raw).accept_when in ("AL", "SU") else None


# --- The line ------------------------------------------------------------------------------------


def _line_to(partner: Partner) -> mllp.Connection:
    """The kept connection; a new one when the partner has moved, or is believed otherwise.

    Raises mllp.Failed where the agreement lets nothing be said at all.
    """
    if not partner.uses_tls and not _may_be_clear(partner):
        _hang_up(partner.pk)
        raise mllp.Failed("connect", "It was not agreed to speak to it without TLS any longer.")
    agreed = _as_agreed(partner)
    kept = _lines.get(partner.pk)
    if kept is None or kept[0] != agreed:
        _hang_up(partner.pk)
        kept = _lines[partner.pk] = (agreed, _new_line(partner))
    return kept[1]


def _may_be_clear(partner: Partner) -> bool:
    return partner.cleartext_until is not None and partner.cleartext_until > timezone.now()


def _as_agreed(partner: Partner) -> tuple[object, ...]:
    """What a line depends on."""
    secure = (partner.uses_tls, partner.trust_anchors, partner.server_name, partner.key_name)
    return (partner.host, partner.port, *secure)


def _new_line(partner: Partner) -> mllp.Connection:
    if not partner.uses_tls:
        return mllp.Connection(partner.host, partner.port)
    secure = partial(tls.calling, trust_anchors=partner.trust_anchors, key_name=partner.key_name)
    return mllp.Connection(
        partner.host, partner.port, secure=secure, server_name=partner.server_name
    )


def _hang_up(partner_id: int) -> None:
    if kept := _lines.pop(partner_id, None):
        kept[1].close()


# --- Whose turn it is ----------------------------------------------------------------------------


def _due(partner_id: int) -> QuerySet[OutboundMessage]:
    """What may be sent to the partner now: the urgent first, then the oldest. While the link fails,
    what was not tried, or not lately: a message that nobody answers must not stand for the link.

    The first unfinished message of each stream: nothing passes one that is not acknowledged, or
    handled by a person. `sending` is due too: we hold the partner's lock, so its claimer is gone.
    """
    firsts = (
        OutboundMessage.objects.filter(partner_id=partner_id, state__in=OUT_UNFINISHED)
        .order_by("stream", "sequence")
        .distinct("stream")
    )
    due = _sendable(OutboundMessage.objects.filter(pk__in=firsts.values("pk")))
    tried = Case(When(partner__failures__gt=0, then="last_sent_at"), default=None)
    urgent_first = Case(When(urgency__in=FIRST, then=0), default=1)
    return due.order_by(tried.asc(nulls_first=True), urgent_first, "id")


def _sendable(messages: QuerySet[OutboundMessage]) -> QuerySet[OutboundMessage]:
    """Those that, and to whom, something may be sent at this moment."""
    return messages.filter(
        _time_has_come("not_before"),
        _time_has_come("partner__retry_at"),
        Q(partner__link=None) | Q(partner__link__declared_by=""),
        state__in=(OutState.WAITING, OutState.SENDING),
        partner__is_paused=False,
    )


def _time_has_come(field: str) -> Q:
    return Q(**{field: None}) | Q(**{f"{field}__lte": Now()})


def _claim(message_id: int) -> tuple[OutboundMessage, UUID] | None:
    """Lease the message to us. The lease outlasts the longest exchange."""
    with transaction.atomic():
        with connection.cursor() as cursor:  # a claim lost in a power cut is made again
            cursor.execute("SET LOCAL synchronous_commit = off")
        message = (
            _sendable(OutboundMessage.objects.filter(pk=message_id))
            .select_related("partner")
            .select_for_update(skip_locked=True, of=("self",))
            .first()
        )
        if message is None:
            return None
        token = new_lease()
        answered = timedelta(seconds=message.partner.acknowledgement_seconds)
        OutboundMessage.objects.filter(pk=message.pk).update(
            state=after_out(message.state, OutEvent.CLAIM),
            lease_token=token,
            lease_until=Now() + answered + _CONNECTING + _SLACK,
            attempts=F("attempts") + 1,
            first_sent_at=Coalesce("first_sent_at", Now()),
            last_sent_at=Now(),
        )
        return message, token
