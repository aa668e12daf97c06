"""What a status message means here: match it to its item and its patient, move, or park.

Called by the worker that processes the inbox, through `ordercomms.routing`, in its transaction.
docs/hl7/orders.md is the table of what is understood. A message of several orders has all of its
effects or none.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Final

from accounts.policies import Acting, partner_acting
from catalogue import queries as catalogue
from catalogue.errors import UnknownCode
from catalogue.models import ServiceCode
from messaging import wire
from messaging.errors import Park
from messaging.models import InboundMessage, Partner
from messaging.queries.codes import has_map, ours
from patients.hl7 import demographics as demographics_of
from patients.matching import Demographics
from patients.queries import match

from . import services
from .errors import MoveRefused, NoCodeFor, NotUnderstood
from .hl7 import CODE_SYSTEMS, StatusReply, read_replies, system_of
from .models import RequestItem

UNKNOWN_REQUEST: Final = "unknown_request"
IDENTITY_MISMATCH: Final = "identity_mismatch"
OTHER_DEPARTMENT: Final = "other_department"
UNKNOWN_CODE: Final = "unknown_code"
CONTRADICTION: Final = "contradiction"
NO_ORDER: Final = "no_order"
TIME: Final = "message_time"


def hear_status(message: wire.Message, inbound: InboundMessage) -> None:
    """The handler of every reply and status message about orders. Raises Park for a person."""
    by = partner_acting(inbound.partner.name if inbound.partner else inbound.sending_application)
    replies = _replies(message)
    patient = _patient_of(message)
    matched = [(reply, _item_of(reply, patient, inbound)) for reply in replies]
    # Always in the same order, so that two messages about the same items never wait in a ring.
    for reply, item in sorted(matched, key=lambda pair: pair[1].pk):
        _hear(_in_our_codes(reply, inbound.partner), item, by)


def _replies(message: wire.Message) -> tuple[StatusReply, ...]:
    try:
        replies = read_replies(message)
    except wire.NotATime:
        raise Park(TIME, "A time in the message says no day, so we cannot tell when.") from None
    if not replies:
        raise Park(NO_ORDER, "The message has no ORC segment, so it is about no order.")
    return replies


def _patient_of(message: wire.Message) -> Demographics:
    pid = message.first("PID")
    if pid is None:
        words = "The message has no PID segment, so we cannot check whose order it is about."
        raise Park(IDENTITY_MISMATCH, words)
    return demographics_of(pid)


def _item_of(reply: StatusReply, patient: Demographics, inbound: InboundMessage) -> RequestItem:
    """By our number and by who the patient is: both, or it waits for a person (H21)."""
    item = _numbered(reply)
    if item is None:
        raise Park(UNKNOWN_REQUEST, "No request of ours has that number (ORC-2).")
    found = match(item.patient, patient)
    if not found.agrees:
        conflicts = "; ".join(found.conflicts)
        raise Park(IDENTITY_MISMATCH, f"The patient is not the one of the request: {conflicts}.")
    partner = inbound.partner
    if partner is None or not partner.departments.filter(pk=item.department_id).exists():
        raise Park(OTHER_DEPARTMENT, "The request with that number went to another department.")
    return item


def _numbered(reply: StatusReply) -> RequestItem | None:
    items = RequestItem.objects.select_related("patient", "service")
    return items.filter(placer_number=reply.placer).first() if reply.placer else None


def _in_our_codes(reply: StatusReply, partner: Partner | None) -> StatusReply:
    """What the partner's own codes mean here. Raises Park for one that its closed maps lack."""
    if partner is None:
        return reply
    changed = {}
    if reply.control == "XX" and reply.code and has_map(partner, "exam"):
        changed = {"code": ours(partner, "exam", reply.code), "system": ""}
    if reply.reason_code:
        changed["reason_code"] = ours(partner, "reason", reply.reason_code)
    if reply.site_code:
        changed["site_code"] = ours(partner, "site", reply.site_code)
    return replace(reply, **changed)


def _hear(reply: StatusReply, item: RequestItem, by: Acting) -> None:
    try:
        services.hear(item, reply, exam=_exam(reply), by=by)
    except MoveRefused as refusal:
        raise Park(CONTRADICTION, f"{refusal} Ring the department, then put it right.") from None
    except NotUnderstood as refusal:
        raise Park(UNKNOWN_CODE, str(refusal)) from None


def _exam(reply: StatusReply) -> ServiceCode | None:
    """What a changed examination's code means, when we know it."""
    if reply.control != "XX":
        return None
    with suppress(NoCodeFor):
        systems = (system_of(reply.system),) if reply.system else tuple(CODE_SYSTEMS)
        for system in systems:
            with suppress(UnknownCode):
                return catalogue.by_code(system, reply.code)
    return None
