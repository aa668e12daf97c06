"""Enhanced mode's second answers (HL7 v2.4 2.9.3): what an application made of a message.

Theirs to what they took from us, matched by MSA-2; ours to what they sent us, when MSH-16 asks.
"""

import structlog
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from messaging import wire
from messaging.acknowledgement import ACCEPTED, answer_of, envelope
from messaging.errors import NotEncodable, NotSendable
from messaging.models import InboundMessage, OutboundMessage, Partner
from messaging.states import OutState

from .outbox import enqueue, next_control_id
from .outcome import record_application, record_unanswered

log = structlog.get_logger(__name__)

_AT_ONCE = 200


def waits_for(partner_id: int, control_id: str) -> bool:
    """Whether this partner has yet to say what its application makes of that message."""
    return _waiting(partner_id, control_id).exists()


def _waiting(partner_id: int, control_id: str) -> QuerySet[OutboundMessage]:
    """Taken; or given up only because nothing more was heard."""
    given_up = Q(state=OutState.DEAD, taken_at__isnull=False)
    return OutboundMessage.objects.filter(
        Q(state=OutState.TAKEN) | given_up, partner_id=partner_id, control_id=control_id
    )


def hear_application(partner_id: int, message: wire.Message) -> None:
    """What the partner's application says of a message of ours; nothing when it is none's."""
    answer = answer_of(message)
    if answer is None or answer.is_commit:
        return
    waiting = _waiting(partner_id, message.get("MSA", 2)).select_for_update().first()
    if waiting is not None:
        record_application(waiting, answer)
    elif message.code == "ACK":
        count_foreign(partner_id)


def count_foreign(partner_id: int, many: int = 1) -> None:
    """An answer that came too late, or to nothing that we asked: dropped, and shown as a number."""
    log.warning("foreign_acknowledgement", partner=partner_id, count=many)
    Partner.objects.filter(pk=partner_id).update(
        foreign_answers=F("foreign_answers") + many, foreign_answer_at=timezone.now()
    )


def give_up_waiting() -> int:
    """What was taken, and not spoken of within the partner's time, is a person's; how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT message.id FROM messaging_outboundmessage AS message"
            " JOIN messaging_partner AS partner ON partner.id = message.partner_id"
            " WHERE message.state = %s AND message.taken_at"
            " + make_interval(mins => partner.application_minutes) < statement_timestamp()"
            " ORDER BY message.id LIMIT %s",
            [OutState.TAKEN.value, _AT_ONCE],
        )
        late = [pk for (pk,) in cursor.fetchall()]
    return sum(record_unanswered(pk) for pk in late)


def answer_application(message: InboundMessage, code: str, words: str = "") -> None:
    """Queue the second answer to a message that asks for one, in the caller's transaction."""
    of = envelope(bytes(message.raw))
    feed, partner = message.feed, message.partner
    if feed is None or partner is None or message.message_type.startswith("ACK"):
        return
    if feed.answers == feed.Answers.ORIGINAL or not of.wants_to_know(code):
        return
    control_id = next_control_id()
    header = wire.header(
        sender=(partner.our_application, partner.our_facility),
        receiver=(partner.their_application, partner.their_facility),
        at=timezone.now(),
        message_type=("ACK", of.trigger, "ACK") if of.trigger else ("ACK",),
        control_id=control_id,
        processing_id=partner.processing_id,
        version=partner.version,
        charset=partner.character_set,
        asks=("AL", "NE") if any(partner.asks) else ("", ""),
    )
    answer = wire.segment("MSA", [code, of.control_id, words if code != ACCEPTED else ""])
    try:
        enqueue(
            partner=partner,
            kind="ACK",
            subject_type="messaging.InboundMessage",
            subject_id=str(message.pk),
            stream=f"answer-{message.pk}",  # of its own: no answer waits for another
            raw=wire.build([header, answer]).raw,
            control_id=control_id,
        )
    except (NotSendable, NotEncodable) as refusal:
        log.error("answer_not_sent", message=message.pk, reason=refusal.reason_code)  # noqa: TRY400
