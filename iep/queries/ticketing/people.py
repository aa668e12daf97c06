"""Who a ticket is about and who asks: our record of the patient, the requester's account."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from accounts.models import Organisation, User
from iep.asking import NewTicket
from patients.matching import Demographics, HospitalNumber, compare
from patients.models import Identifier, Patient, Relationship
from patients.queries import by_identifier, by_nhs_number, demographics

_CHECK = "The hospital’s record with this number does not agree"


def patient_at(trust: Organisation, *, nhs_number: str = "", s_number: str = "") -> Patient | None:
    """The one patient whom the trust knows by that number; None for anybody else's patient.

    The trust knows whom it gave a number, and whom it or a department of it was asked for.
    """
    found = by_identifier(trust.ods_code, s_number) if s_number else None
    if found is None and nhs_number:
        found = by_nhs_number(nhs_number)
    if found is None:
        return None
    return found if is_known_to(trust, found) else None


def is_known_to(trust: Organisation, patient: Patient) -> bool:
    return Patient.objects.filter(_known_to(trust), pk=patient.pk).exists()


def _known_to(trust: Organisation) -> Q:
    numbered = Identifier.objects.filter(patient=OuterRef("pk"), issuer=trust.ods_code)
    places = [trust.pk, *trust.parts.values_list("pk", flat=True)]
    related = Relationship.objects.filter(patient=OuterRef("pk"), organisation__in=places)
    return Q(Exists(numbered)) | Q(Exists(related))


def s_number_of(patient: Patient, trust: Organisation) -> str:
    """The number that the trust uses now; empty where it gave none."""
    numbers = patient.identifiers.filter(issuer=trust.ods_code, former_since__isnull=True)
    return numbers.order_by("pk").values_list("value", flat=True).first() or ""


def record_of(new: NewTicket, trust: Organisation) -> tuple[Patient | None, dict[str, str]]:
    """Our record of the patient that the form is about, and what of it does not agree.

    A record is taken only where a number, the family name and the birth date all agree with what
    was written; one that contradicts it stops the ticket (hazard H41). None: not registered yet.
    """
    known = patient_at(trust, nhs_number=new.nhs_number, s_number=new.s_number)
    if known is None:
        return None, {}
    written = Demographics(
        nhs_number=new.nhs_number, family_name=new.family_name, given_names=new.given_names,
        birth_date=new.birth_date,
        hospital_numbers=(HospitalNumber(trust.ods_code, new.s_number),) if new.s_number else (),
    )  # fmt: skip
    match = compare(demographics(known), written)
    if match.agrees:
        return known, {}
    return None, {"nhs_number": f"{_CHECK}: {'; '.join(match.conflicts)}. Check the patient"}


def account_of(address: str, trust: Organisation) -> User | None:
    """The one account at the trust whose address that is."""
    people = User.objects.filter(
        Q(memberships__organisation=trust) | Q(memberships__organisation__parent=trust),
        email__iexact=address.strip(), memberships__ended_at__isnull=True, is_active=True,
    ).distinct() if address.strip() else User.objects.none()  # fmt: skip
    found = list(people[:2])
    return found[0] if len(found) == 1 else None
