"""What a result message means here: match it to its request and its patient, or park it.

A report is filed only where the request number is ours **and** a number, the family name and the
birth date agree with the patient of that request (hazard H21). One conflict parks the whole
message: nothing of it is filed, nothing is guessed. docs/hl7/results.md has the table.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db.models import Exists, OuterRef, Value

from accounts.policies import Acting, partner_acting
from messaging import wire
from messaging.errors import Park
from messaging.models import InboundMessage, Partner
from patients.queries import match
from requesting.errors import MoveRefused, NotUnderstood
from requesting.models import RequestItem
from requesting.states import Status

from .hl7 import TIME, IncomingReport, incoming_reports
from .services import file_report, note_progress

UNKNOWN_REQUEST: Final = "unknown_request"
NOT_SENT: Final = "request_not_sent"
OTHER_DEPARTMENT: Final = "other_department"
IDENTITY_MISMATCH: Final = "identity_mismatch"
CONTRADICTION: Final = "contradiction"
UNKNOWN_CODE: Final = "unknown_code"
# Of an item and what stands around it, no more than matching and filing read.
WITH: Final = ("patient", "service", "department__parent", "organisation", "request")
NEEDED: Final = (
    *(each.attname for each in RequestItem._meta.concrete_fields),  # it is moved and saved
    "patient__nhs_number", "patient__family_name", "patient__given_names", "patient__birth_date",
    "service__discipline", "department__name", "department__parent__name", "organisation__name",
    "organisation__parent", "organisation__kind",
    "request__results_to",
)  # fmt: skip
FUTURE: Final = timedelta(days=1)  # a clock may be wrong by a time zone, not by more


def file_results(message: wire.Message, inbound: InboundMessage) -> None:
    """The handler of ORU^R01. Raises Park; runs inside the processing transaction."""
    reports = incoming_reports(message)
    is_one = len(reports) == 1
    matched = [(each, _item_of(each, inbound, lock=is_one)) for each in reports]
    by = partner_acting(inbound.partner.name if inbound.partner else inbound.sending_application)
    # Always in the same order, so that two messages about the same requests never wait in a ring.
    for incoming, item in sorted(matched, key=lambda pair: (pair[1].pk, pair[0].key)):
        if incoming.is_status_only:
            _note_progress(incoming, item, by)
        else:
            file_report(incoming, item=item, message=inbound, by=by)


def _note_progress(incoming: IncomingReport, item: RequestItem, by: Acting) -> None:
    """A status that the request's own table refuses waits for a person, as in any other form."""
    try:
        note_progress(incoming, item=item, by=by)
    except MoveRefused as refusal:
        raise Park(CONTRADICTION, f"{refusal} Ring the department, then put it right.") from None
    except NotUnderstood as refusal:
        raise Park(UNKNOWN_CODE, str(refusal)) from None


def _item_of(incoming: IncomingReport, inbound: InboundMessage, *, lock: bool) -> RequestItem:
    item = _by_placer_number(incoming.placer_number, inbound, lock=lock)
    if item is None:
        raise Park(UNKNOWN_REQUEST, "No request of ours has that number (ORC-2).")
    found = match(item.patient, incoming.patient)
    if not found.agrees:
        conflicts = "; ".join(found.conflicts)
        raise Park(IDENTITY_MISMATCH, f"The patient is not the one of the request: {conflicts}.")
    if not item.went_to_sender:  # a partner reports for its own departments and for no other's
        raise Park(OTHER_DEPARTMENT, "The request with that number went to another department.")
    if item.status == Status.HELD:
        raise Park(NOT_SENT, "The request with that number has not been sent yet.")
    if incoming.issued_at > inbound.received_at + FUTURE:
        raise Park(TIME, "OBR-22 is in the future, so no later version could replace this one.")
    return item


def _by_placer_number(number: str, inbound: InboundMessage, *, lock: bool) -> Any:
    """The item with what filing needs, and whether its department is one of the sender's.

    `lock`: its row as well, where the message is about no other; several are locked in order. Asked
    again where nothing was found: a row that was waited for is left out when it is another
    patient's since, or another examination's. It is locked by then.
    """
    theirs = Partner.objects.filter(pk=inbound.partner_id or 0, departments=OuterRef("department"))
    items = RequestItem.objects.select_for_update(of=("self",)) if lock else RequestItem.objects
    found = (
        items.select_related(*WITH)
        .only(*NEEDED)
        .prefetch_related("patient__identifiers")
        .annotate(went_to_sender=Exists(theirs), is_locked=Value(lock))
        .filter(placer_number=number)
    )
    return next(iter(found), None) or (next(iter(found.all()), None) if lock else None)
