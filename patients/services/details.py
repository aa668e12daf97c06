"""What may be done to a patient's record. Each verb is one transaction and leaves its history.

Other rooms enter for `note_relationship`; the rest is for this room's messages and for the demo.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation
from accounts.policies import Acting
from patients.errors import AlreadyRegistered, NumberBelongsToAnother, TooLong
from patients.matching import HospitalNumber
from patients.models import (
    ChangeKind,
    Identifier,
    Patient,
    PatientChange,
    Relationship,
    RelationshipKind,
    SourceUpdate,
)
from patients.queries import survivor_of

# What may be said of a patient from outside. Keys, merges and times are ours.
DETAILS: Final = frozenset(
    {
        "nhs_number", "nhs_number_verified", "family_name", "given_names", "title",
        "preferred_name", "birth_date", "gender", "is_deceased", "died_on", "address_lines",
        "postcode", "phone", "mobile", "preferred_language", "access_needs", "is_restricted",
        "practice", "practice_code",
    }
)  # fmt: skip


@transaction.atomic
def register(
    details: Mapping[str, Any],
    *,
    hospital_numbers: Iterable[HospitalNumber] = (),
    by: Acting,
    message_id: int | None = None,
) -> Patient:
    """A new record. `details` are fields of DETAILS, with a family name and a birth date.

    Raises TooLong, NumberBelongsToAnother, and AlreadyRegistered when somebody else registered
    the NHS number at the same moment.
    """
    patient = Patient()
    changes = _set(patient, details)
    try:
        with transaction.atomic():
            patient.save(force_insert=True)
    except IntegrityError as error:
        raise AlreadyRegistered from error
    record_change(patient, ChangeKind.REGISTERED, changes, by=by, message_id=message_id)
    add_hospital_numbers(patient, numbers=hospital_numbers, by=by, message_id=message_id)
    return patient


@transaction.atomic
def correct(
    patient: Patient, *, details: Mapping[str, Any], by: Acting, message_id: int | None = None
) -> Patient:
    """Change what is different, and only that; nothing different leaves no trace.

    Raises TooLong, and AlreadyRegistered when a new NHS number is another patient's.
    """
    locked = Patient.objects.select_for_update().get(pk=patient.pk)
    changes = _set(locked, details)
    if not changes:
        return locked
    try:
        with transaction.atomic():
            locked.save()
    except IntegrityError as error:
        raise AlreadyRegistered from error
    record_change(locked, ChangeKind.CORRECTED, changes, by=by, message_id=message_id)
    return locked


def record_death(patient: Patient, *, died_on: date | None, by: Acting) -> Patient:
    """The patient has died; the day may not be known."""
    return correct(patient, details={"is_deceased": True, "died_on": died_on}, by=by)


@transaction.atomic
def add_hospital_numbers(
    patient: Patient,
    *,
    numbers: Iterable[HospitalNumber],
    by: Acting,
    message_id: int | None = None,
) -> list[Identifier]:
    """Note the numbers that we did not have. Raises NumberBelongsToAnother, TooLong."""
    added = []
    for number in numbers:
        _check_length(Identifier, "issuer", number.issuer)
        _check_length(Identifier, "value", number.value)
        identifier, is_new = Identifier.objects.get_or_create(
            issuer=number.issuer, value=number.value.upper(), defaults={"patient": patient}
        )
        if survivor_of(identifier.patient).pk != patient.pk:
            raise NumberBelongsToAnother(number.issuer)
        if is_new:
            added.append(identifier)
    if added:
        said = {"hospital_numbers": [[], [f"{each.issuer} {each.value}" for each in added]]}
        record_change(patient, ChangeKind.IDENTIFIED, said, by=by, message_id=message_id)
    return added


@transaction.atomic
def replace_hospital_numbers(
    patient: Patient,
    *,
    former: Iterable[HospitalNumber],
    by: Acting,
    message_id: int | None = None,
) -> list[Identifier]:
    """The issuer no longer uses these numbers of the patient: they still find them, and are not
    sent any more. One that we did not have is noted as such. Raises NumberBelongsToAnother."""
    numbers = list(former)
    add_hospital_numbers(patient, numbers=numbers, by=by, message_id=message_id)
    named = reduce(or_, (Q(issuer=n.issuer, value=n.value.upper()) for n in numbers), Q(pk__in=[]))
    rows = list(Identifier.objects.filter(named, patient=patient, former_since__isnull=True))
    Identifier.objects.filter(pk__in=[row.pk for row in rows]).update(former_since=timezone.now())
    if rows:
        said = {"former_numbers": [[], [f"{each.issuer} {each.value}" for each in rows]]}
        record_change(patient, ChangeKind.RENUMBERED, said, by=by, message_id=message_id)
    return rows


@transaction.atomic
def note_relationship(
    patient: Patient, *, organisation: Organisation, kind: RelationshipKind | str, by: Acting
) -> Relationship:
    """From now on the organisation may see the patient. Noting it again changes nothing."""
    relationship, is_new = Relationship.objects.get_or_create(
        patient=patient, organisation=organisation, kind=RelationshipKind(kind)
    )
    if is_new:
        audit.record(
            acting=by, action="note_relationship", object_type="accounts.Organisation",
            object_id=organisation.pk, patient_id=patient.pk, reason=str(relationship.kind),
        )  # fmt: skip
    return relationship


@transaction.atomic
def is_news(
    patient: Patient,
    *,
    source: str,
    recorded_at: datetime,
    sent_at: datetime,
    by: Acting,
    message_id: int | None = None,
) -> bool:
    """Whether this is not older than what the source told us last; if so, it is now the last.

    The patient's row is locked until the caller's transaction ends, so two messages about one
    person take turns. Older news is noted in the history, and changes nothing.
    """
    Patient.objects.select_for_update().get(pk=patient.pk)
    times = {"recorded_at": recorded_at, "sent_at": sent_at}
    last, is_first = SourceUpdate.objects.get_or_create(
        patient=patient, source=source, defaults=times
    )
    if not is_first and (recorded_at, sent_at) < (last.recorded_at, last.sent_at):
        record_change(patient, ChangeKind.OUT_OF_DATE, {}, by=by, message_id=message_id)
        return False
    SourceUpdate.objects.filter(pk=last.pk).update(**times)
    return True


def _set(patient: Patient, details: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Put the details on the record: field to [old, new], for those that differ."""
    stray = set(details) - DETAILS
    if stray:
        raise ValueError(f"Not a detail of a patient: {', '.join(sorted(stray))}")
    changes = {}
    for field, new in details.items():
        _check_length(Patient, field, new)
        old = getattr(patient, field)
        if old != new:
            setattr(patient, field, new)
            changes[field] = [_plain(old), _plain(new)]
    return changes


def _check_length(model: type[models.Model], field: str, value: object) -> None:
    """An identity that is cut short is another identity."""
    longest = getattr(model._meta.get_field(field), "max_length", None)
    if longest and isinstance(value, str) and len(value) > longest:
        raise TooLong(field, longest)


def _plain(value: object) -> object:
    """A value as the history keeps it: JSON's types, a practice by its ODS code."""
    if isinstance(value, Organisation):
        return value.ods_code
    return value.isoformat() if isinstance(value, date) else value


def record_change(
    patient: Patient,
    kind: ChangeKind,
    changes: Mapping[str, list[Any]],
    *,
    by: Acting,
    message_id: int | None,
) -> PatientChange:
    """One row of history, and one of the audit trail, which names the fields and no value."""
    audit.record(
        acting=by, action=f"patient_{kind}", object_type="patients.Patient",
        object_id=patient.pk, patient_id=patient.pk, reason=", ".join(sorted(changes)),
    )  # fmt: skip
    return PatientChange.objects.create(
        patient=patient, kind=kind, changes=dict(changes), by_name=by.label[:150],
        by_user_id=by.user.pk if by.user else None, message_id=message_id,
    )  # fmt: skip
