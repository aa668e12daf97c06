"""Legitimate relationship: the same start, allowed beside refused."""

import pytest

from accounts.policies import SYSTEM, partner_acting
from patients import policies, queries, services
from tests.patients import people

pytestmark = pytest.mark.django_db


def may_view(acting, patient) -> bool:
    """The predicate and the list, which may never differ."""
    listed = queries.visible_to(acting).filter(pk=patient.pk).exists()
    assert policies.may_view(acting, patient) == listed
    return listed


@pytest.fixture
def practice():
    return people.place("practice")


@pytest.fixture
def patient(practice):
    return people.patient(practice=practice)


@pytest.mark.hazard("H57")
def test_the_practice_of_registration_sees_its_patient_and_another_does_not(practice, patient):
    assert may_view(people.acting_at(practice), patient)
    assert not may_view(people.acting_at(people.place("practice")), patient)


def test_a_practice_that_asked_keeps_its_view_when_the_patient_moves(practice, patient):
    elsewhere = people.place("practice")
    services.note_relationship(patient, organisation=practice, kind="requester", by=SYSTEM)
    services.correct(patient, details={"practice": elsewhere}, by=SYSTEM)
    assert may_view(people.acting_at(practice), patient)
    assert may_view(people.acting_at(elsewhere), patient)


def test_a_practice_that_never_asked_loses_its_view_when_the_patient_moves(practice, patient):
    services.correct(patient, details={"practice": None}, by=SYSTEM)
    assert not may_view(people.acting_at(practice), patient)


def test_a_community_service_sees_the_patients_of_practices_it_serves_only(practice, patient):
    serving, other = people.place("community"), people.place("community")
    serving.serves.add(practice)
    assert may_view(people.acting_at(serving, role="ahp"), patient)
    assert not may_view(people.acting_at(other, role="ahp"), patient)


def test_serving_a_practice_is_the_business_of_community_services_only(practice, patient):
    neighbour = people.place("practice")
    neighbour.serves.add(practice)
    assert not may_view(people.acting_at(neighbour), patient)


@pytest.mark.hazard("H57")
def test_a_department_sees_whom_it_was_asked_about_and_nobody_else(patient):
    asked, not_asked = people.place("department"), people.place("department")
    services.note_relationship(patient, organisation=asked, kind="department", by=SYSTEM)
    assert may_view(people.acting_at(asked, role="radiology-vetter"), patient)
    assert not may_view(people.acting_at(not_asked, role="radiology-vetter"), patient)


def test_a_trust_does_not_see_what_its_department_sees(patient):
    trust = people.place("trust")
    department = people.place("department", parent=trust)
    services.note_relationship(patient, organisation=department, kind="department", by=SYSTEM)
    assert not may_view(people.acting_at(trust), patient)


def test_the_central_team_sees_nobody_even_if_a_relationship_slips_in(patient):
    central = people.place("central")
    services.note_relationship(patient, organisation=central, kind="requester", by=SYSTEM)
    assert not may_view(people.acting_at(central, role="central"), patient)


@pytest.mark.parametrize("nobody", [None, SYSTEM, partner_acting("PAS")])
def test_nobody_in_particular_sees_nobody(patient, nobody):
    assert not may_view(nobody, patient)


@pytest.mark.parametrize(
    ("role", "may"), [("gp", True), ("practice-admin", True), ("central", False)]
)
def test_finding_patients_is_a_permission(practice, role, may):
    assert policies.may_find(people.acting_at(practice, role=role)) is may
    assert not policies.may_find(None)
