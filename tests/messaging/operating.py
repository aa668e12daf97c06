"""Parked messages and dead letters, as the services bring them about."""

from typing import Any

from django.db import transaction

from messaging import services, wire
from messaging.models import InboundMessage, OutboundMessage, Partner
from tests.messaging import peer
from tests.messaging.senders import make_partner, note, ours, patient, sent


def laboratory(world: Any) -> Partner:
    """The partner of the demo's `lab`."""
    partner = make_partner("lims")
    partner.departments.add(world.acting("lab").organisation)
    return partner


def result(
    control_id: str, words: str = "park", *, number: str = "1", flag: str = "", priority: str = ""
) -> bytes:
    """A potassium from LIMS; its note says what the room behind the door does with it."""
    return sent(
        control_id,
        patient(number),
        note(words),
        wire.segment("ORC", {1: "RE", 2: "OC1-1", 7: ["", "", "", "", "", priority]}),
        wire.segment("OBX", ["1", "NM", ["K", "Potassium", "L"], "", "6.9", "mmol/L", "", flag]),
        sender=("LIMS", "RX1"),
    )


def park(control_id: str, words: str = "park", **more: Any) -> InboundMessage:
    """One that nobody here asked for."""
    services.accept(result(control_id, words, **more), peer="10.0.0.7")
    services.process_waiting()
    return InboundMessage.objects.get(control_id=control_id, corrects=None)


def enqueue(partner: Partner, stream: str, *, kind: str = "NW") -> OutboundMessage:
    control_id = services.next_control_id()
    order = wire.segment("ORC", [kind, f"OC1-{stream}"])
    with transaction.atomic():
        return services.enqueue(
            partner=partner, kind=f"OMG^O19 {kind}", subject_type="tests.Order", subject_id="a",
            stream=stream, raw=ours(control_id, partner, patient(), order), control_id=control_id,
        )  # fmt: skip


def bury(partner: Partner, *streams: str) -> list[OutboundMessage]:
    """Orders that the partner rejected."""
    messages = [enqueue(partner, stream) for stream in streams]
    with peer.listening(peer.says(b"AR", b"no such receiver here")) as other:
        Partner.objects.filter(pk=partner.pk).update(port=other.port)
        services.deliver(partner.pk)
    for message in messages:
        message.refresh_from_db()
        assert message.state == "dead"
    return messages


def deliver(partner: Partner) -> list[bytes]:
    """What the partner receives now, and acknowledges."""
    with peer.listening() as other:
        Partner.objects.filter(pk=partner.pk).update(port=other.port, retry_at=None)
        services.deliver(partner.pk)
    return list(other.received)


def text_of(message: Any) -> str:
    return bytes(message.raw).decode().replace("\r", "\n")
