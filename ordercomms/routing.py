"""HL7 trigger event to handler, and delivery outcome to the room that sent the message.

Found through settings.HL7_ROUTING and settings.HL7_DELIVERY_EVENTS, as Django finds its URL
conf, so that `messaging` imports nobody.
"""

from collections.abc import Callable
from typing import Any

from iep.services import ticket_mail
from patients import inbound as patients
from patients import inbound_merging as merging
from requesting import inbound as requesting
from requesting import services as requests
from requesting.services import drilling
from results import inbound as results

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
    ("ORG", "O20"): requesting.hear_status,
    ("ORL", "O22"): requesting.hear_status,
    ("ORL", "O34"): requesting.hear_status,
    ("ORR", "O02"): requesting.hear_status,
    ("OMG", "O19"): requesting.hear_status,
    ("OML", "O21"): requesting.hear_status,
    ("OML", "O33"): requesting.hear_status,
    ("ORM", "O01"): requesting.hear_status,
}
DELIVERY: dict[str, Callable[..., Any]] = {"requesting.OrderMessage": requests.record_delivery}
# What came of a mail: sent, refused, bounced. See messaging.services.mail.post.
MAIL: dict[str, Callable[..., Any]] = {
    "requesting.DowntimeForm": requests.record_form_mail,
    "requesting.PracticeForm": drilling.record_practice_mail,
    "iep.TicketMail": ticket_mail.record_mail,
}
