"""Identity agrees in full or it does not agree."""

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest

from patients import matching
from patients.matching import Demographics, HospitalNumber, compare

OURS = Demographics(
    nhs_number="9990000018",
    family_name="O’Neill-Smith",
    given_names="Máire Ann",
    birth_date=date(1965, 7, 14),
    hospital_numbers=(HospitalNumber("RXX", "S1234567"), HospitalNumber("RXX", "S7654321")),
)


def test_the_same_person_agrees_without_conflicts():
    match = compare(OURS, OURS)
    assert match.agrees
    assert match.conflicts == ()


@pytest.mark.parametrize(
    "family_name",
    [
        "O'NEILL SMITH",
        "oneill-smith",
        "O’Néill–Smith",
        "ONeill Smith",
        "O`NEILL-SMITH",
        "O'Neill, Smith",
    ],
)
def test_case_accents_and_punctuation_do_not_make_another_family_name(family_name):
    assert compare(OURS, replace(OURS, family_name=family_name)).agrees


@pytest.mark.parametrize(
    "family_name",
    ["Neill-Smith", "Smith", "O’Neill", "O’Neil-Smith", "Smith-O’Neill", "Oneal Smith"],
)
def test_a_family_name_that_is_only_like_ours_is_a_conflict(family_name):
    match = compare(OURS, replace(OURS, family_name=family_name))
    assert match.conflicts == (matching.FAMILY_NAME_DIFFERS,)


@pytest.mark.parametrize("given_names", ["", "MAIRE", "Maire Ann", "M", "Ann", "Mai"])
def test_a_given_name_that_is_absent_short_or_one_of_several_agrees(given_names):
    assert compare(OURS, replace(OURS, given_names=given_names)).agrees


@pytest.mark.hazard("H21")
def test_the_other_twin_is_a_conflict():
    match = compare(OURS, replace(OURS, given_names="Siobhán"))
    assert match.conflicts == (matching.GIVEN_NAME_DIFFERS,)


@pytest.mark.parametrize("birth_date", [date(1965, 7, 15), date(1956, 7, 14), date(1965, 4, 17)])
def test_another_birth_date_is_a_conflict(birth_date):
    match = compare(OURS, replace(OURS, birth_date=birth_date))
    assert match.conflicts == (matching.BIRTH_DATE_DIFFERS,)


@pytest.mark.parametrize(
    ("change", "conflict"),
    [
        ({"family_name": ""}, matching.FAMILY_NAME_MISSING),
        ({"family_name": "-"}, matching.FAMILY_NAME_MISSING),
        ({"birth_date": None}, matching.BIRTH_DATE_MISSING),
        ({"nhs_number": "9990000026"}, matching.NHS_NUMBER_DIFFERS),
        ({"nhs_number": "", "hospital_numbers": ()}, matching.NO_NUMBER_IN_COMMON),
    ],
)
def test_what_is_missing_or_different_is_never_agreement(change, conflict):
    theirs = replace(OURS, **change)
    assert compare(OURS, theirs).conflicts == (conflict,)
    assert compare(theirs, OURS).conflicts == (conflict,)


def test_a_hospital_number_alone_is_a_number_in_common():
    assert compare(OURS, replace(OURS, nhs_number="")).agrees
    assert compare(replace(OURS, nhs_number=""), OURS).agrees


def test_the_same_number_from_another_hospital_is_not_the_same_number():
    theirs = replace(OURS, nhs_number="", hospital_numbers=(HospitalNumber("RYY", "S1234567"),))
    assert compare(OURS, theirs).conflicts == (matching.NO_NUMBER_IN_COMMON,)


def test_one_hospital_number_that_is_ours_is_enough_when_a_patient_has_two():
    theirs = replace(OURS, hospital_numbers=(HospitalNumber("RXX", "S7654321"),))
    assert compare(OURS, theirs).agrees


def test_a_different_hospital_number_is_a_conflict_even_when_the_nhs_number_agrees():
    theirs = replace(OURS, hospital_numbers=(HospitalNumber("RXX", "S0000001"),))
    assert compare(OURS, theirs).conflicts == (matching.HOSPITAL_NUMBER_DIFFERS,)


def test_every_conflict_is_told_and_not_only_the_first():
    stranger = Demographics(
        nhs_number="9990000026",
        family_name="Okafor",
        given_names="Chidi",
        birth_date=date(2001, 1, 1),
    )
    assert set(compare(OURS, stranger).conflicts) == {
        matching.FAMILY_NAME_DIFFERS,
        matching.GIVEN_NAME_DIFFERS,
        matching.BIRTH_DATE_DIFFERS,
        matching.NHS_NUMBER_DIFFERS,
    }


@pytest.mark.hazard("H21")
def test_of_ten_thousand_mutated_descriptions_none_agrees():
    dice = random.Random(21)
    agreed = sum(compare(OURS, mutated(dice)).agrees for _ in range(10_000))
    assert agreed == 0


def mutated(dice: random.Random) -> Demographics:
    """Ours with one to three slips of the kind that people and systems make."""
    theirs = OURS
    for slip in dice.sample(SLIPS, dice.randint(1, 3)):
        theirs = slip(theirs, dice)
    return theirs


def other_letter(person: Demographics, dice: random.Random) -> Demographics:
    place, letter = dice.randrange(len("oneillsmith")), dice.choice("bcdfgjkpqruvwxyz")
    key = matching.name_key(person.family_name)
    return replace(person, family_name=f"{key[:place]}{letter}{key[place + 1 :]}")


def half_a_name(person: Demographics, dice: random.Random) -> Demographics:
    return replace(person, family_name=dice.choice(["Smith", "O’Neill", "Smith-O’Neill", ""]))


def other_day(person: Demographics, dice: random.Random) -> Demographics:
    days = dice.choice([-366, -31, -1, 1, 7, 30, 365])
    return replace(person, birth_date=date(1965, 7, 14) + timedelta(days=days))


def other_nhs_number(person: Demographics, dice: random.Random) -> Demographics:
    return replace(person, nhs_number=f"{dice.randrange(10**9):09d}X")


def other_hospital_number(person: Demographics, dice: random.Random) -> Demographics:
    number = HospitalNumber("RXX", f"S{dice.randrange(2_000_000, 7_000_000)}")
    return replace(person, hospital_numbers=(number,))


SLIPS = [other_letter, half_a_name, other_day, other_nhs_number, other_hospital_number]


def test_demographics_print_nothing_of_the_person():
    assert "O’Neill" not in repr(OURS)
    assert "9990000018" not in f"{OURS}{OURS.hospital_numbers}"
    assert "S1234567" not in repr(OURS.hospital_numbers)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("O’Néill-Smith", "oneillsmith"),
        ("Łukaszewicz", "lukaszewicz"),
        ("Øster", "oster"),
        ("St. John-Stevas", "stjohnstevas"),
        ("Ní Dhomhnaill", "nidhomhnaill"),
        ("D'Souza e Silva", "dsouzaesilva"),
    ],
)
def test_a_name_key_keeps_every_letter_and_nothing_else(name, key):
    assert matching.name_key(name) == key
