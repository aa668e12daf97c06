"""The one door to a patient, and the search box."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import AccessEvent
from accounts.policies import SYSTEM
from patients import queries, search_terms, services
from patients.errors import NotFound
from patients.matching import HospitalNumber
from patients.nhs_number import Problem
from tests.patients import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice():
    return people.place("practice")


@pytest.fixture
def gp(practice):
    return people.acting_at(practice)


@pytest.fixture
def chidi(practice):
    return people.patient(
        practice=practice, nhs_number="9990000018", family_name="Okafor-Bell",
        given_names="Chidi Emeka", birth_date=date(1965, 7, 14),
        hospital_numbers=(HospitalNumber("RXX", "S1234567"),),
    )  # fmt: skip


def views() -> list[tuple[str, str]]:
    rows = AccessEvent.objects.filter(action=queries.VIEWED).order_by("id")
    return [(row.patient_id, row.outcome) for row in rows]


# --- The door ------------------------------------------------------------------------------------


@pytest.mark.hazard("H57")
def test_the_door_opens_for_the_practice_and_the_view_is_on_record(gp, chidi):
    assert queries.patient_for(gp, chidi.pk) == chidi
    row = AccessEvent.objects.get(action=queries.VIEWED)
    assert (row.username, row.patient_id, row.outcome) == (
        gp.user.username, str(chidi.pk), "ok",
    )  # fmt: skip
    assert row.organisation_code == gp.organisation.ods_code


@pytest.mark.hazard("H57")
def test_forbidden_and_absent_look_the_same_and_both_are_on_record(chidi):
    stranger, absent = people.acting_at(people.place()), uuid4()
    for patient_id in (chidi.pk, absent):
        with pytest.raises(NotFound) as caught:
            queries.patient_for(stranger, patient_id)
        assert str(caught.value) == ""
    assert views() == [(str(chidi.pk), "denied"), (str(absent), "denied")]


@pytest.mark.parametrize("patient_id", ["", "1", "x" * 500, "../../etc"])
def test_what_is_no_id_is_not_found(gp, patient_id):
    with pytest.raises(NotFound):
        queries.patient_for(gp, patient_id)


def test_opening_a_patient_costs_three_queries(gp, chidi, django_assert_num_queries):
    with django_assert_num_queries(3):
        patient = queries.patient_for(gp, str(chidi.pk))
        assert patient.practice.name
        assert [each.value for each in patient.identifiers.all()] == ["S1234567"]


# --- Finding -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["9990000018", "999 000 0018", "999-000-0018\n", "９９９ 0000018"])
def test_an_nhs_number_with_any_separators_is_exact(gp, chidi, text):
    assert queries.find(text, acting=gp).exact == chidi


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(
    "text",
    [
        "S1234567", "s1234567", "okafor-bell", "OKAFOR BELL", "Okafor", "okafor, chidi",
        "Okafor-Bell, C", "Chidi Okafor", "okafor chidi", "Okáfor", "14 7 1965", "14-Jul-1965",
        "14/07/1965", "14/7/65", "okafor 14 7 1965", "Okafor, Chidi 14-Jul-1965",
    ],
)  # fmt: skip
def test_a_patient_is_found_but_never_opened_by_anything_else(gp, chidi, text):
    found = queries.find(text, acting=gp)
    assert found.patients == (chidi,)
    assert found.exact is None
    assert not found.similar


@pytest.mark.parametrize("text", ["9990000018", "S1234567", "okafor", "14 7 1965", "okafo"])
def test_another_practice_finds_nothing(chidi, text):
    found = queries.find(text, acting=people.acting_at(people.place()))
    assert (found.patients, found.exact, found.problem) == ((), None, "")


@pytest.mark.parametrize("text", ["okafor, john", "okafor 15 7 1965", "chidi", "bell", "S12345"])
def test_what_does_not_fit_is_not_found_as_if_it_did(gp, chidi, text):
    found = queries.find(text, acting=gp)
    assert found.similar or not found.patients


@pytest.mark.parametrize("text", ["okafer-bell", "Okafor-Belt", "Okafor-Ball, Chidi"])
def test_a_slip_of_the_finger_is_offered_as_similar_and_never_opened(gp, chidi, text):
    found = queries.find(text, acting=gp)
    assert (found.patients, found.similar, found.exact) == ((chidi,), True, None)


def test_the_closest_names_come_first(gp, practice):
    for name in ("Johnstone", "Jonsson", "Johnson-Reid", "Johnsan"):
        people.patient(practice=practice, family_name=name)
    found = queries.find("Johnsen", acting=gp)
    assert found.similar
    assert found.patients[0].family_name == "Johnsan"


@pytest.mark.parametrize(
    ("text", "problem"),
    [("999 000 0019", Problem.CHECK_DIGIT), ("", search_terms.NOTHING), ("99900000", None)],
)
def test_a_problem_is_told_in_words(gp, chidi, text, problem):
    found = queries.find(text, acting=gp)
    assert not found.patients
    assert found.problem == (problem or search_terms.NO_SUCH_DATE)


def test_a_hospital_number_at_two_trusts_shows_both_patients(gp, practice, chidi):
    other = people.patient(practice=practice, hospital_numbers=(HospitalNumber("RYY", "S1234567"),))
    assert set(queries.find("S1234567", acting=gp).patients) == {chidi, other}


def test_a_long_list_is_cut_and_says_so(gp, practice):
    for _ in range(queries.MOST_SHOWN + 1):
        people.patient(practice=practice, family_name="Smith")
    found = queries.find("smith", acting=gp)
    assert len(found.patients) == queries.MOST_SHOWN
    assert found.more


def test_names_are_in_order_and_a_whole_name_comes_before_a_longer_one(gp, practice):
    for name, given in [("Smithers", "Ann"), ("Smith", "Zoë"), ("Smith", "Ann")]:
        people.patient(practice=practice, family_name=name, given_names=given)
    shown = [(p.family_name, p.given_names) for p in queries.find("smith", acting=gp).patients]
    assert shown == [("Smith", "Ann"), ("Smith", "Zoë"), ("Smithers", "Ann")]


def test_a_search_is_on_record_without_what_was_typed(gp, chidi):
    queries.find("okafor 14 7 1965", acting=gp)
    row = AccessEvent.objects.get(action="find_patients")
    assert row.reason == "by name and birth date: 1 shown"
    assert views() == []


@pytest.mark.parametrize("text", ["9990000018", "okafor", "okafer", "S1234567", "14 7 1965"])
def test_a_search_costs_at_most_three_queries(gp, chidi, text, django_assert_max_num_queries):
    with django_assert_max_num_queries(3):
        list(queries.find(text, acting=gp).patients)


# --- Similar names -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family_name", "born", "is_similar"),
    [
        ("Okafor Bell", date(2001, 1, 1), True),
        ("Okafor", date(2001, 1, 1), False),
        ("Okanagan", date(1965, 1, 1), True),
        ("Okanagan", date(1966, 1, 1), False),
        ("Jones", date(1965, 7, 14), False),
    ],
)
def test_a_similar_name_opened_before_is_noticed(
    gp, practice, chidi, family_name, born, is_similar
):
    other = people.patient(practice=practice, family_name=family_name, birth_date=born)
    queries.patient_for(gp, other.pk)
    opened = queries.patient_for(gp, chidi.pk)
    assert queries.similar_name_opened(gp, opened) is is_similar


def test_a_patient_is_never_similar_to_themselves_nor_to_one_not_opened(gp, practice, chidi):
    people.patient(practice=practice, family_name="Okafor-Bell")
    queries.patient_for(gp, chidi.pk)
    opened = queries.patient_for(gp, chidi.pk)
    assert not queries.similar_name_opened(gp, opened)


def test_what_another_person_opened_or_long_ago_does_not_count(gp, practice, chidi, time_machine):
    namesake = people.patient(practice=practice, family_name="Okafor-Bell")
    queries.patient_for(people.acting_at(practice), namesake.pk)
    opened = queries.patient_for(gp, chidi.pk)
    assert not queries.similar_name_opened(gp, opened)
    queries.patient_for(gp, namesake.pk)
    assert queries.similar_name_opened(gp, opened)
    time_machine.move_to(timezone.now() + timedelta(minutes=31))
    assert not queries.similar_name_opened(gp, opened)


# --- For machines --------------------------------------------------------------------------------


def test_a_number_names_one_patient_or_nobody(chidi):
    assert queries.by_nhs_number("9990000018") == chidi
    assert queries.by_nhs_number("9990000026") is None
    assert queries.by_nhs_number("") is None
    assert queries.by_identifier("RXX", "s1234567") == chidi
    assert queries.by_identifier("RYY", "S1234567") is None


def test_history_is_newest_first(chidi):
    services.correct(chidi, details={"title": "Dr"}, by=SYSTEM)
    assert queries.history(chidi).first().changes == {"title": ["Ms", "Dr"]}
