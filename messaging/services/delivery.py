"""Out of the outbox: one message in flight per partner, the same control id on every retry.

Who delivers to a partner holds its session lock (the server releases it when the process dies). A
message being sent carries a lease with a token; who comes late with an older token changes nothing.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from messaging import crash, mllp
from messaging.acknowledgement import Answer, answer_to
from messaging.models import OutboundMessage, Partner, new_lease
from messaging.states import OUT_UNFINISHED, OutEvent, OutState, after_out

from .outcome import record_answer, record_failure
from .receiving import accept

log = structlog.get_logger(__name__)

PARTNER_LOCK = 2576  # the class of our advisory locks on partners
_MOST_ROUNDS = 5  # then the sweep: a row that somebody else has locked looks due to us
_LOOKED_UP_AT_ONCE = 50
_SLACK = timedelta(seconds=15)  # of a lease, over the time to connect and to be answered

_lines: dict[int, mllp.Connection] = {}  # by partner; used only under its lock, and kept
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
    delivered = 0
    while batch := list(_due(partner_id).values_list("pk", flat=True)[:_LOOKED_UP_AT_ONCE]):
        for message_id in batch:
            outcome = _deliver(message_id)
            if outcome is None:  # the link has just failed, or a person has paused it
                return delivered
            delivered += outcome
    return delivered


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
    message, token = claimed
    crash.point("delivery.claimed")
    line = _line_to(message.partner)
    before = line.unexpected
    try:
        raw = line.exchange(
            bytes(message.raw),
            seconds=message.partner.acknowledgement_seconds,
            is_answer=partial(_is_answer, message.control_id),
        )
    except mllp.Failed as failure:
        record_failure(message, token, failure)
        return False
    finally:
        if line.unexpected > before:
            log.warning("foreign_acknowledgement", message=message.pk, partner=message.partner_id)
    crash.point("delivery.answered")
    answer = answer_to(message.control_id, raw) or Answer("AE", "")
    if not answer.is_bare:  # an ORL or ORR in the place of an ACK says more than that it came
        accept(raw, peer=message.partner.host)
    return record_answer(message, token, answer)


def _is_answer(control_id: str, raw: bytes) -> bool:
    return answer_to(control_id, raw) is not None


def _line_to(partner: Partner) -> mllp.Connection:
    """The kept connection; a new one when the partner has moved."""
    line = _lines.get(partner.pk)
    if line is None or line.address != (partner.host, partner.port):
        if line is not None:
            line.close()
        line = _lines[partner.pk] = mllp.Connection(partner.host, partner.port)
    return line


# --- Whose turn it is ----------------------------------------------------------------------------


def _due(partner_id: int) -> QuerySet[OutboundMessage]:
    """What may be sent to the partner now, oldest first.

    The first unfinished message of each stream: nothing passes one that is not acknowledged, or
    handled by a person. `sending` is due too: we hold the partner's lock, so its claimer is gone.
    """
    firsts = (
        OutboundMessage.objects.filter(partner_id=partner_id, state__in=OUT_UNFINISHED)
        .order_by("stream", "sequence")
        .distinct("stream")
    )
    return _sendable(OutboundMessage.objects.filter(pk__in=firsts.values("pk"))).order_by("id")


def _sendable(messages: QuerySet[OutboundMessage]) -> QuerySet[OutboundMessage]:
    """Those that, and to whom, something may be sent at this moment."""
    return messages.filter(
        _time_has_come("not_before"),
        _time_has_come("partner__retry_at"),
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
        seconds = message.partner.acknowledgement_seconds + mllp.CONNECT_SECONDS
        OutboundMessage.objects.filter(pk=message.pk).update(
            state=after_out(message.state, OutEvent.CLAIM),
            lease_token=token,
            lease_until=Now() + timedelta(seconds=seconds) + _SLACK,
            attempts=F("attempts") + 1,
            first_sent_at=Coalesce("first_sent_at", Now()),
        )
        return message, token
        Q(partner__link=None) | Q(partner__link__declared_by=""),
            last_sent_at=Now(),
