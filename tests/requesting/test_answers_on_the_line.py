"""A partner that answers an order with its order reply, on the connection that brought the order.

HL7 v2.4 4.3: the reply is its acknowledgement (MSA-2) and says what becomes of the order (ORC-1).
"""

import pytest
from django.utils import timezone

from messaging import services as messaging
from messaging import wire
from messaging.models import InboundMessage, OutboundMessage, Partner
from patients.hl7 import pid_segment
from tests.messaging import peer
from tests.messaging.senders import IN_CLEAR, make_feed

from .surgery import CHEST, FBC

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H10", "H14")]
ORG, ORL, ORL34, ORR = (
    ("ORG", "O20", "ORG_O20"), ("ORL", "O22", "ORL_O22"), ("ORL", "O34", "ORL_O34"),
    ("ORR", "O02", "ORR_O02"),
)  # fmt: skip


def reply(item, kind: tuple[str, str, str], control: str, code: bytes, acknowledges: str) -> bytes:
    partner = Partner.objects.get(departments=item.department)
    number = item.placer_number
    segments = [
        wire.header(
            sender=(partner.their_application, partner.their_facility),
            receiver=("ORDERCOMMS", "OC1"), at=timezone.now(), message_type=kind,
            control_id="REPLY1",
        ),
        wire.segment("MSA", {1: code.decode(), 2: acknowledges}),
        pid_segment(item.patient),
        wire.segment("ORC", {1: control, 2: number, 3: "F-9"}),
        wire.segment("OBR", {1: "1", 2: number, 3: "F-9", 4: [item.code, "", "NICIP"]}),
    ]  # fmt: skip
    return peer.VT + wire.build(segments).raw + peer.FS + peer.CR


def delivered_with(surgery, item, kind, control, code=b"AA") -> OutboundMessage:
    """The order goes over a real socket, and the partner's machine answers with its reply."""
    message = OutboundMessage.objects.get(control_id=item.order_messages.get().control_id)
    make_feed(message.partner)
    with peer.listening() as other:
        Partner.objects.filter(departments=item.department).update(
            host="127.0.0.1", port=other.port, acknowledgement_seconds=5, **IN_CLEAR
        )
        other.answers[:] = [
            peer.sends(reply(item, kind, control, code, message.control_id))
        ]  # fmt: skip
        messaging.deliver(message.partner_id)
        assert other.control_ids == [message.control_id]
    messaging.process_waiting()
    came = InboundMessage.objects.get()
    assert (came.state, came.reason) == ("processed", "")
    message.refresh_from_db()
    return message


@pytest.mark.parametrize(
    ("asked", "kind"), [(CHEST, ORG), (CHEST, ORR), (FBC, ORL), (FBC, ORL34), (FBC, ORR)]
)
def test_a_reply_in_the_place_of_the_acknowledgement_is_both(surgery, asked, kind):
    item = surgery.released(asked)
    message = delivered_with(surgery, item, kind, "OK")
    assert message.state == "acknowledged"
    item = surgery.fresh(item)
    assert item.status in ("accepted", "walkin")
    assert item.filler_number == "F-9"


@pytest.mark.parametrize(("asked", "kind"), [(CHEST, ORG), (FBC, ORL), (FBC, ORL34), (CHEST, ORR)])
def test_a_refusal_in_the_place_of_the_acknowledgement_comes_to_the_requester(surgery, asked, kind):
    item = surgery.released(asked)
    message = delivered_with(surgery, item, kind, "UA")
    assert message.state == "acknowledged"
    assert surgery.fresh(item).status == "rejected"
