"""Partners, and messages as they send them: atoms. How they fare is the services' business."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.audit import record
from accounts.models import AccessEvent
from accounts.policies import SYSTEM
from messaging import wire
from messaging.errors import Park, Transient
from messaging.models import Feed, InboundMessage, Partner

IN_CLEAR = {
    "cleartext_until": timezone.now() + timedelta(days=3650),
    "cleartext_because": "It is a test.",
}
AT = wire.read_timestamp("20261122090500")


def make_partner(slug: str = "ris", **fields: Any) -> Partner:
    """A partner that calls itself RIS (or the slug in capitals) at RX1."""
    defaults = {
        "name": f"{slug.upper()} of Somewhere",
        "their_application": slug.upper(),
        "their_facility": "RX1",
        "acknowledgement_seconds": 2,
    } | IN_CLEAR
    partner = Partner.objects.create(slug=slug, **defaults | fields)
    make_feed(partner)
    return partner


def make_feed(partner: Partner, **fields: Any) -> Feed:
    """What the partner sends: under its own names, in clear text, everything that is handled."""
    defaults = {
        "slug": "all",
        "name": f"All of {partner.name}",
        "application": partner.their_application,
        "facility": partner.their_facility,
        "character_set": partner.character_set,
        "processing_id": partner.processing_id,
        "most_connections": 32,
    } | IN_CLEAR
    return Feed.objects.create(partner=partner, **defaults | fields)


def sent(
    control_id: str,
    *segments: wire.Segment,
    sender: tuple[str, str] = ("RIS", "RX1"),
    kind: tuple[str, str] = ("ORU", "R01"),
    **fields: Any,
) -> bytes:
    """A message of theirs to us."""
    header = wire.header(
        sender=sender, receiver=("ORDERCOMMS", "OC1"), at=AT, message_type=kind,
        control_id=control_id, **fields,
    )  # fmt: skip
    return wire.build([header, *segments]).raw


def patient(number: str = "1", *, system: str = "LOCAL") -> wire.Segment:
    """A PID with one number."""
    return wire.segment("PID", {1: "1", 3: [number, "", "", system], 5: ["Testpatient", "Ada"]})


def note(text: str) -> wire.Segment:
    return wire.segment("NTE", ["1", "", wire.Text(text)])


def ours(control_id: str, partner: Partner, *segments: wire.Segment) -> bytes:
    """A message of ours to them."""
    header = wire.header(
        sender=("ORDERCOMMS", "OC1"),
        receiver=(partner.their_application, partner.their_facility),
        at=AT, message_type=("OMG", "O19"), control_id=control_id, asks=partner.asks,
    )  # fmt: skip
    return wire.build([header, *segments]).raw


# --- A room that takes messages: its effect is a row, so that a rollback takes it back ------------


def take(message: wire.Message, inbound: InboundMessage) -> None:
    """Leaves a row; first does what the message's note says."""
    record(acting=SYSTEM, action="taken", object_id=message.control_id)
    match message.get("NTE", 3):
        case "park":
            raise Park("unknown_request", "Nobody here asked for this.")
        case "later":
            raise Transient("not_yet", "The request is not here yet.")
        case "fault":
            raise ZeroDivisionError("Ada Testpatient, who must not be in a log")
        case "crash" if inbound.attempts < 3:
            raise SystemExit(137)


ROUTES = {("ORU", "R01"): take, ("ADT", "A08"): take}


def taken() -> list[str]:
    """The control ids of the messages that had their effect, in order, repeats and all."""
    rows = AccessEvent.objects.filter(action="taken").order_by("id")
    return list(rows.values_list("object_id", flat=True))


def tell(subject_id: str, outcome: str, text: str) -> None:
    """The room that sent a message hears what came of it."""
    if subject_id == "faulty":
        raise ZeroDivisionError("Ada Testpatient, who must not be in a log")
    record(acting=SYSTEM, action=f"told_{outcome}", object_id=subject_id, reason=text)


DELIVERY = {"tests.Order": tell}


def told(subject_id: str) -> list[str]:
    rows = AccessEvent.objects.filter(action__startswith="told_", object_id=subject_id)
    return [row.action.removeprefix("told_") for row in rows.order_by("id")]
