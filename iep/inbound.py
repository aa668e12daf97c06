"""What the RIS says of the examinations that we asked it to register.

Called through `ordercomms.routing`, in the inbox's transaction. Ours by the placer number, and by
who the patient is: both, or it waits for a person (hazard H21).
"""

from __future__ import annotations

from typing import Final

from accounts.policies import Acting, partner_acting
from iep import hl7
from iep.errors import NotAccepted
from iep.models import Study
from iep.queries.registration.registering import is_our_number, study_numbered
from iep.services.registration import registering
from messaging import wire
from messaging.errors import Park
from messaging.models import InboundMessage, Partner
from patients.hl7 import demographics as demographics_of
from patients.queries import match

UNKNOWN: Final = "unknown_request"
IDENTITY: Final = "identity_mismatch"
OTHER_DEPARTMENT: Final = "other_department"
UNKNOWN_CODE: Final = "unknown_code"
CONTRADICTION: Final = "contradiction"
MIXED: Final = "mixed_orders"


def is_ours(message: wire.Message) -> bool:
    """Whether it is about an examination that the image exchange registered."""
    return any(is_our_number(number) for number in hl7.placers(message))


def hear_registration(message: wire.Message, inbound: InboundMessage) -> None:
    """The handler. All of a message's answers take effect, or none. Raises Park for a person."""
    answers = hl7.read_answers(message)
    if not all(is_our_number(each.placer) for each in answers):
        words = "The message is about requests and about imported images at once. Ring the sender."
        raise Park(MIXED, words)
    by = partner_acting(inbound.partner.name if inbound.partner else inbound.sending_application)
    for answer in sorted(answers, key=lambda each: each.placer):
        study = _study(answer, inbound.partner)
        if answer.placer == study.placer_number:
            _check_patient(study, message)
        _hear(study, answer, by)


def _hear(study: Study, answer: hl7.Answer, by: Acting) -> None:
    try:
        is_known = registering.hear(study, answer, by=by)
    except NotAccepted as refusal:
        raise Park(CONTRADICTION, refusal.sentence) from None
    if not is_known:
        raise Park(UNKNOWN_CODE, "The order control (ORC-1) is none that we know here.")


def _study(answer: hl7.Answer, partner: Partner | None) -> Study:
    study = study_numbered(answer.placer)
    if study is None:
        raise Park(UNKNOWN, "No images of ours have that number (ORC-2).")
    if partner is None or not registering.is_ris_of(partner, study):
        raise Park(OTHER_DEPARTMENT, "The images with that number belong to another hospital.")
    return study


def _check_patient(study: Study, message: wire.Message) -> None:
    pid = message.first("PID")
    if pid is None or study.patient is None:
        words = "The message has no PID segment, so we cannot check whose images it is about."
        raise Park(IDENTITY, words)
    found = match(study.patient, demographics_of(pid))
    if not found.agrees:
        conflicts = "; ".join(found.conflicts)
        raise Park(IDENTITY, f"The patient is not the one of the images: {conflicts}.")
