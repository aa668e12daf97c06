"""Records that were merged: who stands for whom now, and what both trails say.

A merged record keeps its row, its numbers and its history. Nothing is copied: its numbers are found
here, and lead to the record that stands for it.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.models import AccessEvent
from patients.matching import Demographics
from patients.models import Identifier, Merge, Patient, PatientChange
from patients.states import MergeState


def survivor_of(patient: Patient) -> Patient:
    """The record that stands for this one; itself where it was not merged."""
    while patient.merged_into is not None:
        patient = patient.merged_into
    return patient


def retired_records(patient: Patient) -> tuple[Patient, ...]:
    """Every record that is read through this one, whatever it was merged through; usually none."""
    found: list[Patient] = []
    ring = [patient.pk]
    while ring:
        nearer = Patient.objects.filter(merged_into__in=ring).prefetch_related("identifiers")
        found += (rows := list(nearer.order_by("pk")))
        ring = [row.pk for row in rows]
    return tuple(found)


def holders(identity: Demographics) -> tuple[Patient, ...]:
    """The records, merged or not, that have one of these numbers, each once.

    Of an NHS number the record that stands; the merged ones only where none stands.
    """
    found: dict[object, Patient] = {}
    if identity.nhs_number:
        found |= {each.pk: each for each in with_nhs_number(identity.nhs_number)}
    for number in identity.hospital_numbers:
        named = Identifier.objects.filter(issuer=number.issuer, value=number.value.upper())
        found |= {each.patient_id: each.patient for each in named.select_related("patient")}
    return tuple(found.values())


def with_nhs_number(number: str) -> tuple[Patient, ...]:
    standing = Patient.objects.filter(nhs_number=number, merged_into__isnull=True).first()
    if standing:
        return (standing,)
    return tuple(Patient.objects.filter(nhs_number=number, merged_into__isnull=False))


def whole_history(patient: Patient) -> QuerySet[PatientChange]:
    """What changed on the record and on those that are read through it, newest first."""
    everyone = [patient, *retired_records(patient)]
    return PatientChange.objects.filter(patient__in=everyone).order_by("-id")


def looked_at(patient: Patient) -> QuerySet[AccessEvent]:
    """Who looked at this person, newest first: at the record, and at those read through it.

    The trail of each stays as it was written; after an undone merge each has its own again.
    """
    keys = [str(each.pk) for each in (patient, *retired_records(patient))]
    return AccessEvent.objects.filter(patient_id__in=keys).order_by("-at", "-id")


def merged_on(retired: Patient) -> Merge | None:
    """The merge by which this record is read through another."""
    return Merge.objects.filter(retired=retired, state=MergeState.APPLIED).first()


def was_taken_apart(*patients: Patient) -> bool:
    """Whether a person has undone or refused a merge of one of them."""
    either = Q(survivor__in=patients) | Q(retired__in=patients)
    ended = Q(state__in=[MergeState.UNDONE, MergeState.REFUSED])
    return Merge.objects.filter(either, ended).exists()
