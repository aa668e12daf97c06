"""Through the inbox: processed by workers, in order for one patient, in parallel for many."""

from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from messaging import crash, wire
from messaging.acknowledgement import ACCEPTED, ERROR, REJECTED
from messaging.errors import IntegrationError, Park, Permanent, Transient
from messaging.models import InboundMessage
from messaging.states import InEvent, InState, after_in

from .answering import answer_application, hear_application
from .pauses import pause

log = structlog.get_logger(__name__)

# A claim is fenced by the row's lock once it is processed; the lease spans the time before that,
# and how long a message rests whose worker died.
_LEASE_SECONDS = 5
_CLAIMED_AT_ONCE = 20
MOST_TRIES_UNEXPECTED = 5
MOST_TRIES_TRANSIENT = 12

# Plain SQL, because its plan does not depend on the planner's idea of a queue, which is always
# stale: one pass over the index `inbox_in_order`. The oldest of each patient, whatever its turn;
# then those whose time has come. A merge is of several patients: it waits for what is earlier under
# any of its keys, and what is later under one of them waits for it (`inbox_barriers`, which is
# nearly always empty).
_CLAIM = """
    WITH oldest AS (
        SELECT DISTINCT ON (ordering_key) id, not_before, ordering_key, barrier_keys
        FROM messaging_inboundmessage WHERE state = 'received' ORDER BY ordering_key, id
    ), merges AS MATERIALIZED (
        SELECT id, barrier_keys FROM messaging_inboundmessage
        WHERE state = 'received' AND barrier_keys IS NOT NULL
    ), next AS (
        SELECT id, not_before FROM oldest
        WHERE NOT EXISTS (
            SELECT FROM merges WHERE merges.id < oldest.id
            AND merges.barrier_keys && (oldest.barrier_keys || oldest.ordering_key::varchar)
        ) AND (oldest.barrier_keys IS NULL OR NOT EXISTS (
            SELECT FROM messaging_inboundmessage AS earlier
            WHERE earlier.state = 'received' AND earlier.id < oldest.id
            AND earlier.ordering_key = ANY(oldest.barrier_keys)
        ))
    ), mine AS (
        SELECT id FROM messaging_inboundmessage
        WHERE id IN (
            SELECT id FROM next WHERE not_before IS NULL OR not_before <= statement_timestamp()
            ORDER BY id LIMIT %s
        ) AND state = 'received'
        AND (not_before IS NULL OR not_before <= statement_timestamp())
        FOR UPDATE SKIP LOCKED
    )
    UPDATE messaging_inboundmessage AS message
    SET attempts = attempts + 1, not_before = statement_timestamp() + make_interval(secs => %s)
    FROM mine WHERE message.id = mine.id
    RETURNING message.id, message.attempts
"""


def process_waiting(most: int = 1000) -> int:
    """Process until nothing waits, or `most` messages; how many were taken.

    Messages of one patient keep their order; those of others do not wait for them.
    """
    taken = 0
    while taken < most and (claims := _claim(min(_CLAIMED_AT_ONCE, most - taken))):
        crash.point("inbox.claimed")
        for message_id, attempt in claims:
            _process(message_id, attempt)
        taken += len(claims)
    return taken


def _claim(most: int) -> list[tuple[int, int]]:
    """The messages whose turn it is, oldest first, and the number of this attempt at each.

    Attempts are counted before they are made: so a message that kills its worker is known by its
    count, and is parked in the end.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")  # a count lost in a power cut is none
        cursor.execute(_CLAIM, [most, _LEASE_SECONDS])
        return sorted(cursor.fetchall())


def _process(message_id: int, attempt: int) -> None:
    """The effect and the change of state, in one transaction."""
    with transaction.atomic():
        message = (
            InboundMessage.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("partner", "feed")
            .filter(pk=message_id, state=InState.RECEIVED, attempts=attempt)
            .first()
        )
        if message is None:
            return  # another worker has it
        if attempt > MOST_TRIES_TRANSIENT:
            _park(message, Park("gave_up", "It was tried many times and never came to an end."))
            return
        _apply(message)
        crash.point("inbox.before_commit")


def _apply(message: InboundMessage) -> None:
    try:
        with transaction.atomic():
            _handle(message)
    except Transient as failure:
        _try_later(message, failure, most=MOST_TRIES_TRANSIENT)
    except Permanent as failure:
        _park(message, failure)
    except Exception as failure:  # noqa: BLE001 - one bad message must not stop the others
        error = type(failure).__name__  # and no traceback: it may hold a patient's words
        log.error("inbound_failed", message=message.pk, error=error)  # noqa: TRY400
        _try_later(message, _unexpected(failure), most=MOST_TRIES_UNEXPECTED)
    else:
        _move(message, InEvent.PROCESS)
        answer_application(message, ACCEPTED)


def _handle(message: InboundMessage) -> None:
    if message.acknowledgement == REJECTED:
        words = "It was refused at the door, and its sender was told. It is kept as evidence."
        raise Park("refused_at_the_door", words)
    charset = message.feed.character_set if message.feed else "ASCII"
    parsed = wire.parse(bytes(message.raw), default_charset=charset)
    if parsed.first("MSA") and message.partner_id:
        hear_application(message.partner_id, parsed)
        if parsed.code == "ACK":
            return
    handler = routes().get((parsed.code, parsed.trigger))
    if handler is None:
        raise Park("unsupported_type", "Nothing here takes messages of this type.")
    handler(parsed, message)


def routes() -> dict[tuple[str, str], Any]:
    """(message code, trigger) to handler, from settings.HL7_ROUTING."""
    return import_string(settings.HL7_ROUTING)


def _unexpected(failure: Exception) -> Park:
    """The class alone: an exception's words may hold a patient's."""
    return Park("failed", f"Processing failed ({type(failure).__name__}). Ask support to look.")


# --- Moves ---------------------------------------------------------------------------------------


def _try_later(message: InboundMessage, failure: IntegrationError, *, most: int) -> None:
    """Back off; after `most` attempts a person has to look."""
    if message.attempts >= most:
        _park(message, failure)
        return
    _move(
        message,
        InEvent.DELAY,
        reason_code=failure.reason_code,
        reason=failure.sentence,
        not_before=Now() + pause(message.attempts),
    )


def _park(message: InboundMessage, failure: IntegrationError) -> None:
    _move(message, InEvent.PARK, reason_code=failure.reason_code, reason=failure.sentence)
    answer_application(message, ERROR, failure.sentence)
    log.warning("inbound_parked", message=message.pk, reason=failure.reason_code)


def _move(message: InboundMessage, event: InEvent, **changes: Any) -> None:
    """The one way by which a worker moves a message; its row is locked by the caller."""
    state = after_in(message.state, event)
    changes = {"reason_code": "", "reason": "", "not_before": None} | changes
    if state is InState.PROCESSED:
        changes["processed_at"] = Now()
    InboundMessage.objects.filter(pk=message.pk).update(state=state, **changes)
