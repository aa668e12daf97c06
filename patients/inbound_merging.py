"""What A40, A34 and A47 mean here: two records are one, or a number was changed.

HL7 v2.4 chapter 3; "Standard for Use of HL7 v2 in the UK" A.3: PID-3 stays, MRG-1 is discarded, and
nothing else in the message is used: a merge never changes demographics. docs/hl7/adt.md has the
table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from accounts.policies import Acting, partner_acting
from messaging import wire
from messaging.errors import Park, Transient
from messaging.models import InboundMessage
from messaging.queries import waits_before

from . import hl7, matching, queries, services
from . import inbound as people
from .errors import NotMerged, NumberBelongsToAnother, TooLong
from .hl7 import DEMOGRAPHICS, IDENTITY
from .models import Patient

MERGE: Final = "patient_merge"
VISITS: Final = "visit_merge"


def merge_records(message: wire.Message, inbound: InboundMessage) -> None:
    """A40, and A34 from before it: each PID stays, the MRG after it is discarded."""
    by = partner_acting(inbound.partner.name if inbound.partner else people.source_of(inbound))
    for kept, gone in _pairs(message):
        survivor = _survivor(kept)
        try:
            _merge(survivor, kept, gone, by=by, inbound=inbound)
        except NotMerged as refusal:
            raise Park(MERGE, str(refusal)) from None
        except NumberBelongsToAnother:
            raise Park(IDENTITY, "A hospital number in MRG-1 is another patient’s.") from None
        except TooLong as error:
            words = f"The {error.field} in MRG-1 has more than {error.longest} characters."
            raise Park(DEMOGRAPHICS, words) from None


def change_number(message: wire.Message, inbound: InboundMessage) -> None:
    """A47: one person's number was changed; MRG-1 is what it was."""
    by = partner_acting(inbound.partner.name if inbound.partner else people.source_of(inbound))
    for new, old in _pairs(message):
        patient = people.whose(old, field="MRG-1")
        if patient is None:
            raise Park(IDENTITY, "No record here has the number that was changed (MRG-1).")
        theirs = people.whose(new)
        if theirs is not None and theirs.pk != patient.pk:
            raise Park(MERGE, "The new number is another record’s. That is a merge: send an A40.")
        people.check_same_person(queries.demographics(patient), new)
        if new.nhs_number and new.nhs_number != patient.nhs_number:
            raise Park(IDENTITY, "An NHS number is not changed by A47. Send an A31.")
        _renumber(patient, new, old, by=by, inbound=inbound)


def park_visits(message: wire.Message, inbound: InboundMessage) -> None:
    """A42: two visits are one. We keep no visits; a person looks whether records are meant."""
    raise Park(VISITS, "The sender merged two visits. Nothing here is by visit: check the patient.")


def _pairs(
    message: wire.Message,
) -> Iterator[tuple[matching.Demographics, matching.Demographics]]:
    """Who is kept and who is discarded, as often as the message has them; at least once.

    A number that is in both is the kept one's, and says nothing of the other.
    """
    pairs = message.groups("PID")
    if not pairs or any(len(_merged(group)) != 1 for group in pairs):
        raise Park(IDENTITY, "The message does not have an MRG for each PID.")
    for group in pairs:
        kept = hl7.kept_identity(group[0])
        gone = hl7.prior_identity(_merged(group)[0])
        both = set(kept.hospital_numbers)
        left = tuple(each for each in gone.hospital_numbers if each not in both)
        number = "" if gone.nhs_number == kept.nhs_number else gone.nhs_number
        if not (left or number):
            raise Park(IDENTITY, "MRG-1 has no number with its issuer that PID-3 does not have.")
        yield kept, replace(gone, nhs_number=number, hospital_numbers=left)


def _merged(group: list[wire.Segment]) -> list[wire.Segment]:
    return [each for each in group if each.name == "MRG"]


def _survivor(kept: matching.Demographics) -> Patient:
    survivor = people.whose(kept)
    if survivor is None:
        raise Park(IDENTITY, "No record here has the number that is kept (PID-3).")
    people.check_same_person(queries.demographics(survivor), kept)
    return survivor


def _merge(
    survivor: Patient,
    kept: matching.Demographics,
    gone: matching.Demographics,
    *,
    by: Acting,
    inbound: InboundMessage,
) -> None:
    holders = queries.holders(gone)
    standing = {each.pk: each for each in map(queries.survivor_of, holders)}
    if len(standing) > 1:
        raise Park(IDENTITY, "The numbers in MRG-1 belong to different patients.")
    retired = next(iter(standing.values()), survivor)
    if retired.pk == survivor.pk:  # known already, or never heard of: nothing to merge
        if not any(each.merged_into_id for each in holders):
            services.replace_hospital_numbers(
                survivor, former=gone.hospital_numbers, by=by, message_id=inbound.pk
            )
        return
    if retired not in holders:
        raise Park(MERGE, "The record in MRG-1 was merged into a third one already.")
    _check_prior_name(retired, gone)
    _wait_for_earlier(inbound, survivor, retired)
    services.merge(survivor, retired, source=by.label, by=by, message_id=inbound.pk)


def _check_prior_name(retired: Patient, gone: matching.Demographics) -> None:
    """MRG-7 is optional. One name changes by marriage; both at once say that MRG-1 is mistyped."""
    ours = queries.demographics(retired)
    if matching.family_names_differ(ours, gone) and matching.given_names_differ(ours, gone):
        raise Park(IDENTITY, "The name in MRG-7 is not that of the record with MRG-1's number.")


def _wait_for_earlier(inbound: InboundMessage, *patients: Patient) -> None:
    """What was sent before the merge is read before it, under whatever number it came."""
    numbers = [
        number for each in patients for number in (each.nhs_number, *_values(each)) if number
    ]
    if waits_before(inbound, numbers):
        raise Transient("patient_busy", "Earlier messages of one of the two are being processed.")


def _values(patient: Patient) -> list[str]:
    return [f"{each.value}^{each.issuer}" for each in patient.identifiers.all()]


def _renumber(
    patient: Patient,
    new: matching.Demographics,
    old: matching.Demographics,
    *,
    by: Acting,
    inbound: InboundMessage,
) -> None:
    try:
        services.add_hospital_numbers(
            patient, numbers=new.hospital_numbers, by=by, message_id=inbound.pk
        )
        services.replace_hospital_numbers(
            patient, former=old.hospital_numbers, by=by, message_id=inbound.pk
        )
    except NumberBelongsToAnother:
        raise Park(IDENTITY, "A number of the message is another patient’s.") from None
    except TooLong as error:
        words = f"The {error.field} has more than {error.longest} characters."
        raise Park(DEMOGRAPHICS, words) from None
