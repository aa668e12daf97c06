"""What an ADT message means here: register, correct, or wait for a person.

Called by the worker that processes the inbox, through `ordercomms.routing`, in its transaction.
docs/hl7/adt.md is the table of what is accepted, parked, and why.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from accounts.policies import Acting, partner_acting
from messaging import wire
from messaging.errors import Park, Transient
from messaging.models import InboundMessage

from . import hl7, matching, queries, services
from .errors import AlreadyRegistered, NumberBelongsToAnother, TooLong
from .hl7 import DEMOGRAPHICS, IDENTITY, PatientUpdate
from .models import Patient

CLOCKS_MAY_DIFFER = timedelta(hours=24)


def update_person(message: wire.Message, inbound: InboundMessage) -> None:
    """A01, A04, A08, A28, A31: the person as the sender knows them now, new to us or not.

    Raises Park for a person, Transient to be tried again.
    """
    update = hl7.patient_update(message, today=timezone.localdate())
    if update.recorded_at > inbound.received_at + CLOCKS_MAY_DIFFER:
        raise Park(hl7.TIME, "The message is from the future: it would hide everything after it.")
    try:
        _apply(update, inbound)
    except AlreadyRegistered:
        words = "Another message about the same person was being processed."
        raise Transient("patient_busy", words) from None
    except NumberBelongsToAnother:
        raise Park(IDENTITY, "A hospital number in PID-3 is another patient’s.") from None
    except TooLong as error:
        words = f"The {error.field.replace('_', ' ')} has more than {error.longest} characters."
        raise Park(DEMOGRAPHICS, words) from None


def _apply(update: PatientUpdate, inbound: InboundMessage) -> None:
    by = partner_acting(inbound.partner.name if inbound.partner else source_of(inbound))
    patient = _whose(update.identity)
    details = {**update.details}
    if update.identity.nhs_number:
        details["nhs_number"] = update.identity.nhs_number
    if update.practice_code is not None:
        details |= _practice(update.practice_code)
    if patient is None:
        patient = _register(update, details, by=by, inbound=inbound)
    if not _is_news(patient, update, by=by, inbound=inbound):
        return
    services.correct(patient, details=details, by=by, message_id=inbound.pk)
    services.add_hospital_numbers(
        patient, numbers=update.identity.hospital_numbers, by=by, message_id=inbound.pk
    )


def _practice(code: str) -> dict[str, object]:
    """One that we do not know is no practice of ours: nobody may look the patient up through it,
    the last practice neither, and its code is kept as it came."""
    return {"practice": queries.practice_by_code(code), "practice_code": code}


def _register(
    update: PatientUpdate, details: dict[str, object], *, by: Acting, inbound: InboundMessage
) -> Patient:
    if not (details.get("family_name") and details.get("birth_date")):
        raise Park(IDENTITY, "The person is new to us and has no family name or no birth date.")
    numbers = update.identity.hospital_numbers
    return services.register(details, hospital_numbers=numbers, by=by, message_id=inbound.pk)


def _is_news(
    patient: Patient, update: PatientUpdate, *, by: Acting, inbound: InboundMessage
) -> bool:
    return services.is_news(
        patient, source=source_of(inbound), recorded_at=update.recorded_at,
        sent_at=update.sent_at, by=by, message_id=inbound.pk,
    )  # fmt: skip


def source_of(inbound: InboundMessage) -> str:
    """Whose clock it is. Each source's news is in order by itself; clocks are not compared."""
    if inbound.partner:
        return inbound.partner.slug
    return f"{inbound.sending_application}|{inbound.sending_facility}"[:80]


def whose(identity: matching.Demographics, *, field: str = "PID-3") -> Patient | None:
    """The one standing patient that every number names; None when no number is known. Else Park.

    A number of a merged record names who stands for it, beside a number of that one; alone it does
    not: its sender has not heard of the merge, and what they say may be of the other person.
    """
    holders = queries.holders(identity)
    found = {patient.pk: patient for patient in map(queries.survivor_of, holders)}
    if len(found) > 1:
        raise Park(IDENTITY, f"The numbers in {field} belong to different patients.")
    patient = next(iter(found.values()), None)
    if patient and patient not in holders:
        raise Park(IDENTITY, f"{field} has only numbers of a record that was merged into another.")
    return patient


def _whose(identity: matching.Demographics) -> Patient | None:
    patient = whose(identity)
    if patient:
        check_same_person(queries.demographics(patient), identity)
    return patient


def check_same_person(ours: matching.Demographics, theirs: matching.Demographics) -> None:
    """A number may not move a record to somebody else.

    A name changes, and a birth date is put right; both at once is another person.
    """
    both = ours.nhs_number and theirs.nhs_number
    if both and ours.nhs_number != theirs.nhs_number:
        raise Park(IDENTITY, "The hospital number is of a patient with another NHS number.")
    name_differs = matching.family_names_differ(ours, theirs) or matching.given_names_differ(
        ours, theirs
    )
    if name_differs and matching.birth_dates_differ(ours, theirs):
        raise Park(IDENTITY, "The number is of a patient with another name and birth date.")
