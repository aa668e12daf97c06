"""HL7 trigger event to handler, and delivery outcome to the room that sent the message.

Found through settings.HL7_ROUTING and settings.HL7_DELIVERY_EVENTS, as Django finds its URL
conf, so that `messaging` imports nobody.
"""

from collections.abc import Callable
from typing import Any

from patients import inbound as patients

ROUTES: dict[tuple[str, str], Callable[..., None]] = {
    # Patients: docs/hl7/adt.md
    ("ADT", "A04"): patients.update_person,
    ("ADT", "A08"): patients.update_person,
    ("ADT", "A28"): patients.update_person,
    ("ADT", "A31"): patients.update_person,
    ("ADT", "A34"): patients.park_merge,
    ("ADT", "A40"): patients.park_merge,
    ("ADT", "A47"): patients.park_merge,
}
DELIVERY: dict[str, Callable[..., Any]] = {}
