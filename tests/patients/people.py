"""Atoms for this room's tests: places, people who act there, patients made by the services."""

from datetime import date
from itertools import count

from accounts.models import Organisation, User
from accounts.policies import SYSTEM, Acting
from accounts.roles import ROLES
from patients import services
from patients.matching import HospitalNumber
from patients.models import Patient
from patients.nhs_number import check_digit

_serial = count(1)


def place(kind: str = "practice", **fields: object) -> Organisation:
    number = next(_serial)
    code = fields.pop("ods_code", f"Y{number:05d}")
    return Organisation.objects.create(
        **{"ods_code": code, "name": f"Place {number}", "kind": kind, "may_request": True} | fields
    )


def acting_at(organisation: Organisation, *, role: str = "gp") -> Acting:
    user = User.objects.create_user(username=f"user-{next(_serial)}")
    return Acting(
        user=user, organisation=organisation, role=role, permissions=ROLES[role].permissions
    )


def numbers_from(first: int = 999000001):
    """Demo NHS numbers in order."""
    for nine in count(first):
        check = check_digit(str(nine))
        if check:
            yield f"{nine}{check}"


_numbers = numbers_from(999500000)


def patient(*, hospital_numbers: tuple[HospitalNumber, ...] = (), **details: object) -> Patient:
    """A registered patient; every detail may be given, and the NHS number may be None."""
    usual = {
        "nhs_number": next(_numbers),
        "family_name": "Adebayo",
        "given_names": "Folake",
        "title": "Ms",
        "birth_date": date(1984, 2, 29),
        "gender": "F",
        "address_lines": ["2 Invented Row", "Northgate"],
        "postcode": "ZZ1 1AA",
    }
    return services.register(usual | details, hospital_numbers=hospital_numbers, by=SYSTEM)
