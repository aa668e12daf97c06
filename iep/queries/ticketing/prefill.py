"""What the page that asks for images knows already: nothing is typed twice (WCAG 3.3.7)."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest

from accounts import audit
from accounts.models import Organisation, OrganisationKind
from accounts.policies import Acting
from accounts.roles import Permission
from iep.models import Ticket
from iep.policies import trust_of
from iep.queries.ticketing.people import is_known_to, patient_at, s_number_of
from patients import nhs_number as numbers
from patients.models import Patient


def of_requester(acting: Acting) -> dict[str, str]:
    """Who asks for themselves: their name and address, and what they wrote the last time. The
    desk asks for others, and nothing is known then."""
    user = acting.user
    if user is None or acting.may(Permission.EXCHANGE_IMAGES):
        return {}
    place = acting.organisation
    department = place.name if place and place.kind == OrganisationKind.DEPARTMENT else ""
    last = Ticket.objects.filter(requester=user).order_by("-opened_at").first()
    return {
        "requester_name": user.display_name,
        "requester_email": user.email or (last.requester_email if last else ""),
        "requester_phone": last.requester_phone if last else "",
        "department": last.department if last else department,
    }


def of_number(
    acting: Acting, nhs_number: str, s_number: str, *, request: HttpRequest | None = None
) -> dict[str, str]:
    """The fields of the patient whom the trust knows by that number; empty for nobody."""
    trust = trust_of(acting)
    number = numbers.normalise(nhs_number)
    wanted = number if numbers.is_valid(number) else ""
    hospital_number = "".join(s_number.split()).upper()
    if trust is None or not (wanted or hospital_number):
        return {}
    found = patient_at(trust, nhs_number=wanted, s_number=hospital_number)
    _looked(acting, found, "by number", request)
    return _fields(found, trust) if found else {}


def of_launched(
    acting: Acting, patient_id: object, *, request: HttpRequest | None = None
) -> dict[str, str]:
    """The fields of the patient that the record system is on, where the trust knows them."""
    trust = trust_of(acting)
    try:
        key = UUID(str(patient_id))
    except ValueError:
        return {}
    if trust is None:
        return {}
    found = Patient.objects.filter(pk=key, merged_into__isnull=True).first()
    found = found if found and is_known_to(trust, found) else None
    _looked(acting, found, "launched", request)
    return _fields(found, trust) if found else {}


def _fields(patient: Patient, trust: Organisation) -> dict[str, str]:
    """No address of somebody whose address is withheld."""
    shows_address = not patient.nhs_number and not patient.is_restricted
    born = patient.birth_date
    return {
        "family_name": patient.family_name,
        "given_names": patient.given_names,
        "birth_date": f"{born.day} {born.month} {born.year}",
        "nhs_number": numbers.spaced(patient.nhs_number or ""),
        "s_number": s_number_of(patient, trust),
        "address": "\n".join(patient.address_lines) if shows_address else "",
        "postcode": patient.postcode if shows_address else "",
    }


def _looked(acting: Acting, found: Patient | None, how: str, request: HttpRequest | None) -> None:
    audit.record(
        acting=acting, action="find_patient", object_type="patients.Patient",
        object_id=found.pk if found else "", patient_id=found.pk if found else "",
        outcome="ok" if found else "denied", reason=f"image ticket, {how}", request=request,
    )  # fmt: skip
