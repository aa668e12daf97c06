"""Into the outbox: written in the business transaction, in the order of its stream."""

from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from messaging import doorbell, wire
from messaging.errors import NotSendable, Unparseable
from messaging.models import OutboundMessage, Partner
from messaging.policies import may_process
from messaging.tracing import current_trace
from messaging.urgency import urgency_of

STREAM_LOCK = 2575  # the class of our advisory locks on streams
_LONGEST_CONTROL_ID = 20


def next_control_id() -> str:
    """A new MSH-10: the site's prefix and a number that no rollback gives back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('messaging_control_id')")
        number = cursor.fetchone()[0]
    control_id = f"{settings.HL7_SITE_PREFIX}{number:010d}"
    if len(control_id) > _LONGEST_CONTROL_ID:
        raise NotSendable("control_id", "HL7_SITE_PREFIX is too long for a control id.")
    return control_id


def enqueue(
    *,
    partner: Partner,
    kind: str,
    subject_type: str,
    subject_id: str,
    stream: str,
    raw: bytes,
    control_id: str,
) -> OutboundMessage:
    """Queue a message for a partner, in the transaction of the change that it tells of.

    It leaves when that commits, after every earlier message of its `stream` (the request's id) to
    the same partner was acknowledged. `subject_type` is a key of settings.HL7_DELIVERY_EVENTS.
    Raises NotSendable when the bytes do not read back as they were meant, or are not for this
    partner.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("enqueue belongs in the business transaction")
    refuse_unsendable(raw, partner, control_id)
    message = OutboundMessage.objects.create(
        partner=partner,
        kind=kind,
        subject_type=subject_type,
        subject_id=subject_id,
        stream=stream,
        sequence=_next_in(stream, partner),
        raw=raw,
        control_id=control_id,
        trace_id=current_trace(),
        urgency=urgency_of(raw, default_charset=partner.character_set),
    )
    transaction.on_commit(partial(ring_for, partner.pk))
    return message


def ring_for(partner_id: int) -> None:
    """Ask a worker to deliver to this partner now."""
    doorbell.ring("messaging.deliver_partner", partner_id, queue="hl7_out")


def _next_in(stream: str, partner: Partner) -> int:
    """The next place. The lock lasts until the commit, so places are taken in commit order.

    A database id would not do: it is given before the commit (reliability measurement M11).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))",
            [STREAM_LOCK, f"{partner.pk} {stream}"],
        )
    places = OutboundMessage.objects.filter(partner=partner, stream=stream)
    return (places.aggregate(last=Max("sequence"))["last"] or 0) + 1


def refuse_unsendable(raw: bytes, partner: Partner, control_id: str) -> None:
    """Raise NotSendable for what does not read back, or is not as this partner takes it."""
    try:
        message = wire.parse(raw)
    except Unparseable as refusal:
        raise NotSendable(refusal.reason_code, refusal.sentence) from None
    wire.verify_round_trip(message)
    expected = {
        5: partner.their_application,
        6: partner.their_facility,
        10: control_id,
        11: partner.processing_id,
        15: partner.asks[0],
        16: partner.asks[1],
        18: partner.character_set,
    }
    for field, value in expected.items():
        if message.header.get(field) != value:
            raise NotSendable(f"msh_{field}", f"MSH-{field} is not what {partner.slug} takes.")
    if len(raw) > partner.largest_bytes:
        words = f"The message is larger than {partner.name} takes."
        raise NotSendable("too_large", words)
    if not may_process(partner.processing_id):
        raise NotSendable("msh_11", "Live and training messages never meet: see MSH-11.")
