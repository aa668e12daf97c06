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
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from messaging import crash, mllp
from messaging.acknowledgement import Answer, answer_to
from messaging.models import OutboundMessage, Partner, new_lease
from messaging.states import OUT_UNFINISHED, OutEvent, OutState, after_out

from . import outcome

log = structlog.get_logger(__name__)

PARTNER_LOCK = 2576  # the class of our advisory locks on partners
_MOST_ROUNDS = 5  # then the sweep: a row that somebody else has locked looks due to us
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
                return delivered
            while (acknowledged := _deliver_next(partner_id)) is not None:
                delivered += acknowledged
        # A message that came between the last look and the unlocking had its ring ignored.
        if not _is_due(partner_id):
            break
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


def _deliver_next(partner_id: int) -> int | None:
    """Send one message: 1 when it was acknowledged, 0 when not, None when nothing is due."""
    claimed = _claim(partner_id)
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
        outcome.record_failure(message, token, failure)
        return 0
    finally:
        if line.unexpected > before:
            log.warning("foreign_acknowledgement", message=message.pk, partner=partner_id)
    crash.point("delivery.answered")
    answer = answer_to(message.control_id, raw) or Answer("AE", "")
    return int(outcome.record_answer(message, token, answer))


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


def due(partner_id: int) -> QuerySet[OutboundMessage]:
    """What may be sent to the partner now, oldest first.

    Nothing of a stream before all that is earlier in it is acknowledged, or handled by a person.
    `sending` is due too: we hold the partner's lock, so whoever claimed it is gone.
    """
    earlier = OutboundMessage.objects.filter(
        partner_id=OuterRef("partner_id"),
        stream=OuterRef("stream"),
        sequence__lt=OuterRef("sequence"),
        state__in=OUT_UNFINISHED,
    )
    may_try = Partner.objects.filter(pk=OuterRef("partner_id"), is_paused=False).filter(
        Q(retry_at=None) | Q(retry_at__lte=Now())
    )
    return (
        OutboundMessage.objects.filter(
            partner_id=partner_id, state__in=(OutState.WAITING, OutState.SENDING)
        )
        .filter(Q(not_before=None) | Q(not_before__lte=Now()))
        .filter(Exists(may_try), ~Exists(earlier))
        .order_by("id")
    )


def _is_due(partner_id: int) -> bool:
    return due(partner_id).exclude(state=OutState.SENDING).exists()


def _claim(partner_id: int) -> tuple[OutboundMessage, UUID] | None:
    """Lease the next message to us. The lease outlasts the longest exchange."""
    with transaction.atomic():
        message = (
            due(partner_id)
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
