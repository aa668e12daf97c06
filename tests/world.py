"""The cast of the tests: the demo's places and people, and patients as a test needs them.

Everything is reached through services, never by writing a state. Rooms add verbs here as they
come: `world.submitted_request()` and the like.
"""

from collections.abc import Iterator
from datetime import date
from itertools import count
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.policies import SYSTEM, Acting
from accounts.queries import acting_as, memberships_of
from accounts.services import MEMBERSHIP_KEY, SEEN_KEY, SIGNED_IN_KEY
from demo.people import NORTHGATE, seed_people
from patients import services as patient_services
from patients.matching import HospitalNumber
from patients.models import Patient
from patients.nhs_number import check_digit


class World:
    """Northgate Surgery and its neighbours, as `demo.people` has them."""

    def __init__(self) -> None:
        seed_people()
        self._numbers = _numbers()

    # --- People and places ---

    def user(self, username: str) -> User:
        return User.objects.get(username=username)

    def place(self, ods_code: str) -> Organisation:
        return Organisation.objects.get(ods_code=ods_code)

    def acting(self, username: str, *, at: str = "") -> Acting:
        """The person at their place; `at` names one of several."""
        places = memberships_of(self.user(username).pk)
        chosen = places.filter(organisation__ods_code=at) if at else places
        return acting_as(chosen[0])

    def client_elsewhere(self, username: str) -> Client:
        """A browser of the same role at an organisation that has nothing to do with Northgate."""
        return self.client(self.stranger(username).username)

    def stranger(self, username: str) -> User:
        """Somebody with that person's role at another place of the same kind."""
        model = memberships_of(self.user(username).pk)[0]
        parent = model.organisation.parent
        if parent is not None:  # a department of the same trust would be no stranger
            said = {"name": "Faraway Trust", "kind": parent.kind}
            parent, _ = Organisation.objects.get_or_create(ods_code="ZZFAR", defaults=said)
        place, _ = Organisation.objects.get_or_create(
            ods_code=f"ZZ{model.organisation.pk}",
            defaults={
                "name": "Faraway",
                "kind": model.organisation.kind,
                "discipline": model.organisation.discipline,
                "parent": parent,
                "may_request": model.organisation.may_request,
                "vets_here": model.organisation.vets_here,
            },
        )
        user, _ = User.objects.get_or_create(
            username=f"far-{username}", defaults={"is_demo": True, "last_name": "Faraway"}
        )
        user.memberships.get_or_create(organisation=place, defaults={"role": model.role})
        return user

    def client(self, username: str, *, at: str = "", **defaults: Any) -> Client:
        """A browser in which that person has signed in and chosen a place."""
        client = Client(**defaults)
        user = self.user(username)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        places = memberships_of(user.pk)
        chosen = places.filter(organisation__ods_code=at) if at else places
        now = int(timezone.now().timestamp())
        session = client.session
        session.update({MEMBERSHIP_KEY: chosen[0].pk, SIGNED_IN_KEY: now, SEEN_KEY: now})
        session.save()
        return client

    # --- Patients ---

    def patient(self, *, at: str = NORTHGATE, s_number: str = "", **details: Any) -> Patient:
        """A patient registered at a practice; `Agnes Testpatient` unless told otherwise."""
        facts = {
            "nhs_number": next(self._numbers),
            "nhs_number_verified": True,
            "family_name": "Testpatient",
            "given_names": "Agnes",
            "title": "Mrs",
            "birth_date": date(1958, 3, 2),
            "gender": "F",
            "address_lines": ["3 Invented Row", "Northgate"],
            "postcode": "NG2 9ZZ",
            "practice": self.place(at),
        }
        numbers = [HospitalNumber("RZ1", s_number)] if s_number else []
        return patient_services.register(facts | details, hospital_numbers=numbers, by=SYSTEM)


def _numbers() -> Iterator[str]:
    """NHS numbers of the test range, each once, beginning with 999 000 0018."""
    for counter in count(1):
        nine = f"999{counter:06d}"
        if check := check_digit(nine):
            yield nine + check


@pytest.fixture
def world(db: None) -> World:
    """The cast, new for each test."""
    return World()
