"""The demo's patients: always the same, plainly invented, and of every kind that a screen shows."""

import re
from datetime import date

import pytest

from accounts.models import Organisation
from demo import patients as demo
from demo.people import NORTHGATE, PRACTICES, TRUSTS
from patients import nhs_number, queries
from patients.models import Identifier, Patient

pytestmark = pytest.mark.django_db
TODAY = date(2025, 1, 1)


@pytest.fixture(autouse=True)
def _places():
    for code in PRACTICES:
        Organisation.objects.create(ods_code=code, name=code, kind="practice")


@pytest.fixture
def everybody() -> list[Patient]:
    assert demo.seed_patients(200) == 200
    return list(Patient.objects.order_by("nhs_number").prefetch_related("identifiers"))


def snapshot() -> list[tuple]:
    return list(Patient.objects.order_by("pk").values_list("pk", "nhs_number", "family_name"))


def test_two_hundred_have_valid_numbers_of_the_range_that_is_never_issued(everybody):
    assert len(everybody) == 200
    assert all(nhs_number.is_valid(each.nhs_number) for each in everybody)
    assert all(each.nhs_number.startswith("999") for each in everybody)
    assert [each.nhs_number for each in everybody[:4]] == [
        "9990000018", "9990000026", "9990000034", "9990000042",
    ]  # fmt: skip


def test_numbers_that_would_need_a_check_digit_of_ten_are_left_out(everybody):
    nines = [int(each.nhs_number[:9]) for each in everybody]
    missing = set(range(nines[0], nines[-1])) - set(nines)
    assert missing
    assert all(nhs_number.check_digit(str(nine)) is None for nine in missing)


def test_the_first_patient_is_a_man_of_61_at_the_practice_of_the_demo_gp(everybody):
    first = everybody[0]
    assert (first.birth_date, first.gender) == (date(1965, 7, 14), "M")
    assert first.practice.ods_code == NORTHGATE
    assert not any((first.is_deceased, first.is_restricted))
    assert queries.by_identifier(TRUSTS[0], "S1000001") == first


def test_seeding_again_adds_nobody_and_changes_nobody(everybody):
    before = snapshot()
    assert demo.seed_patients(200) == 0
    assert snapshot() == before


def test_more_patients_are_the_same_ones_and_others_besides(everybody):
    before = snapshot()
    assert demo.seed_patients(250) == 50
    assert set(before) < set(snapshot())


def test_a_small_demo_and_a_large_one_begin_with_the_same_people():
    demo.seed_patients(20)
    small = snapshot()
    demo.seed_patients(120)
    assert set(small) < set(snapshot())


def test_a_patient_who_was_corrected_stays_corrected(everybody):
    Patient.objects.filter(pk=everybody[3].pk).update(family_name="Corrected")
    demo.seed_patients(200)
    assert Patient.objects.get(pk=everybody[3].pk).family_name == "Corrected"


def test_every_postcode_and_telephone_number_belongs_to_nobody(everybody):
    assert all(re.fullmatch(r"ZZ([1-9]|1\d|20) \d[A-Z]{2}", each.postcode) for each in everybody)
    phones = {phone for each in everybody for phone in (each.phone, each.mobile) if phone}
    drama = re.compile(r"(01632 960|020 7946 0|07700 900)\d{3}")
    assert phones
    assert all(drama.fullmatch(phone) for phone in phones)


def test_ages_are_those_of_a_practice_list(everybody):
    ages = [(TODAY - each.birth_date).days // 365 for each in everybody]
    shares = [sum(low <= age < high for age in ages) / 200 for low, high in
              ((0, 18), (18, 65), (65, 120))]  # fmt: skip
    assert 0.10 < shares[0] < 0.25
    assert 0.45 < shares[1] < 0.65
    assert 0.20 < shares[2] < 0.40
    assert min(ages) >= 0
    assert max(ages) < 101


def test_every_kind_of_patient_that_a_screen_shows_differently_is_among_them(everybody):
    names = [each.family_name for each in everybody]
    kinds = {
        "died": any(each.is_deceased and each.died_on for each in everybody),
        "restricted": any(each.is_restricted for each in everybody),
        "interpreter": any("interpreter" in each.access_needs for each in everybody),
        "needs": any("Wheelchair" in each.access_needs for each in everybody),
        "hyphen": any("-" in name for name in names),
        "apostrophe": any("’" in name for name in names),
        "accent": any(not name.replace("’", "").isascii() for name in names),
        "long": any(len(name) > 16 for name in names),
        "short": any(len(name) <= 3 for name in names),
        "no phone": any(not (each.phone or each.mobile) for each in everybody),
        "preferred name": any(each.preferred_name for each in everybody),
    }
    assert [kind for kind, is_there in kinds.items() if not is_there] == []


def test_nobody_died_before_birth_or_after_the_day_of_the_deal(everybody):
    dead = [each for each in everybody if each.died_on]
    assert all(each.birth_date <= each.died_on < demo.AS_AT for each in dead)


def test_every_practice_and_every_trust_has_its_patients(everybody):
    assert {each.practice.ods_code for each in everybody} == set(PRACTICES)
    assert set(Identifier.objects.values_list("issuer", flat=True)) == set(TRUSTS)
    values = list(Identifier.objects.values_list("value", flat=True))
    assert all(re.fullmatch(r"S\d{7}", value) for value in values)
    assert len(set(values)) == len(values)


def test_every_demo_patient_has_a_history_that_begins(everybody):
    assert [change.kind for change in queries.history(everybody[0])] == ["registered"]
