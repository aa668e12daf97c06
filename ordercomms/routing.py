"""HL7 trigger event to handler, and delivery outcome to the room that sent the message.

Found through settings.HL7_ROUTING and settings.HL7_DELIVERY_EVENTS, as Django finds its URL
conf, so that `messaging` imports nobody.
"""

from collections.abc import Callable
from typing import Any

from iep import inbound as imaging
from iep.services import on_call
from iep.services.registration import registering
from iep.services.ticketing import ticket_mail
from messaging.models import InboundMessage
from messaging.wire import Message
from patients import inbound as patients
from patients import inbound_merging as merging
from requesting import inbound as requesting
from requesting import services as requests
from requesting.services import drilling
from results import inbound as results


def hear_status(message: Message, inbound: InboundMessage) -> None:
    """What a department says of orders: of imported images where the number is theirs (ORC-2),
    else of requests."""
    if imaging.is_ours(message):
        imaging.hear_registration(message, inbound)
    else:
        requesting.hear_status(message, inbound)


ROUTES: dict[tuple[str, str], Callable[..., None]] = {
    # Results: docs/hl7/results.md
    ("ORU", "R01"): results.file_results,
    # Patients: docs/hl7/adt.md
    ("ADT", "A01"): patients.update_person,
    ("ADT", "A04"): patients.update_person,
    ("ADT", "A08"): patients.update_person,
    ("ADT", "A28"): patients.update_person,
    ("ADT", "A31"): patients.update_person,
    ("ADT", "A34"): merging.merge_records,
    ("ADT", "A40"): merging.merge_records,
    ("ADT", "A42"): merging.park_visits,
    ("ADT", "A47"): merging.change_number,
    # What departments say of orders: docs/hl7/orders.md
    ("ORG", "O20"): hear_status,
    ("ORL", "O22"): hear_status,
    ("ORL", "O34"): hear_status,
    ("ORR", "O02"): hear_status,
    ("OMG", "O19"): hear_status,
    ("OML", "O21"): hear_status,
    ("OML", "O33"): hear_status,
    ("ORM", "O01"): hear_status,
}
DELIVERY: dict[str, Callable[..., Any]] = {
    "requesting.OrderMessage": requests.record_delivery,
    "iep.Study": registering.record_delivery,  # docs/iep/matching.md
}
# What came of a mail: sent, refused, bounced. See messaging.services.mail.post.
MAIL: dict[str, Callable[..., Any]] = {
    "requesting.DowntimeForm": requests.record_form_mail,
    "requesting.PracticeForm": drilling.record_practice_mail,
    "iep.TicketMail": ticket_mail.record_mail,
    "iep.OnCallPage": on_call.record_page_mail,
}
