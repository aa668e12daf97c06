"""One box, several ways to say who."""

from datetime import date

import pytest

from patients import search_terms
from patients.nhs_number import Problem
from patients.search_terms import NotSearchable

TODAY = date(2026, 11, 22)
BORN = (date(1965, 7, 14),)


def read(text: str) -> search_terms.Term:
    return search_terms.read(text, today=TODAY)


@pytest.mark.parametrize("text", ["9990000018", "999 000 0018", "999-000-0018\n", " 999.000.0018 "])
def test_an_nhs_number_is_read_with_any_separators(text):
    assert read(text).nhs_number == "9990000018"


@pytest.mark.parametrize(
    "text",
    [
        "14 7 1965", "14-Jul-1965", "14/07/1965", "14.07.1965", "14 July 1965", "14th July 1965",
        "14JUL1965", "1965-07-14", "14071965", "14 – 7 – 1965", "14/7/65", "14 jul 65",
    ],
)  # fmt: skip
def test_a_birth_date_is_read_in_every_usual_form(text):
    term = read(text)
    assert term.birth_dates == BORN
    assert term.names == ()


def test_a_year_of_two_digits_may_be_in_either_century():
    assert read("14/7/20").birth_dates == (date(2020, 7, 14), date(1920, 7, 14))


def test_a_leap_day_of_two_digits_is_only_in_the_century_that_has_it():
    assert read("29/2/00").birth_dates == (date(2000, 2, 29),)


@pytest.mark.parametrize(
    "text",
    [
        "okafor, chidi 14/7/1965", "Okafor, Chidi, 14-Jul-1965", "14 7 1965 Okafor, Chidi",
        "OKAFOR,CHIDI 14071965",
    ],
)  # fmt: skip
def test_a_name_and_a_birth_date_may_stand_together(text):
    term = read(text)
    assert term.birth_dates == BORN
    assert term.names == (("okafor", "chidi"),)


def test_with_a_comma_the_family_name_comes_first():
    assert read("O’Neill-Smith , Máire").names == (("oneillsmith", "maire"),)


def test_without_a_comma_every_reading_of_the_words_is_sought():
    assert read("van der Berg").names == (
        ("vanderberg", ""),
        ("berg", "vander"),
        ("van", "derberg"),
    )
    assert ("jones", "rhys") in read("Rhys Jones").names
    assert ("jones", "rhys") in read("Jones Rhys").names


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("S1234567", ("S1234567",)),
        (" s1234567 ", ("S1234567",)),
        ("RXX-12/345", ("RXX-12/345", "RXX12345")),
        ("1234567", ("1234567",)),
    ],
)
def test_a_hospital_number_is_read_as_typed_and_without_separators(text, numbers):
    assert read(text).hospital_numbers == numbers


def test_eight_digits_may_be_a_birth_date_and_a_hospital_number():
    term = read("14071965")
    assert (term.birth_dates, term.hospital_numbers) == (BORN, ("14071965",))


def test_eight_digits_that_are_no_date_may_still_be_a_hospital_number():
    term = read("99887766")
    assert term.hospital_numbers == ("99887766",)
    assert term.problem == search_terms.NO_SUCH_DATE


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("999 000 0019", Problem.CHECK_DIGIT),
        ("999 000 001", Problem.LENGTH),
        ("999 000 00181", Problem.LENGTH),
    ],
)
def test_a_mistyped_nhs_number_is_told_when_nothing_is_found(text, problem):
    assert read(text).problem == problem


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", search_terms.NOTHING),
        ("  ,-- ", search_terms.NOTHING),
        ("31/02/1965", search_terms.NO_SUCH_DATE),
        ("7/14/1965", search_terms.NO_SUCH_DATE),
        ("14/7/1066", search_terms.NO_SUCH_DATE),
        ("14/7/2030", search_terms.FUTURE),
        ("J", search_terms.SHORT_NAME),
        ("J, Rhys", search_terms.SHORT_NAME),
        ("flat 12 northgate", search_terms.NOT_READABLE),
        ("QQ 12 34 56 C", Problem.NATIONAL_INSURANCE),
        ("qq123456c", Problem.NATIONAL_INSURANCE),
    ],
)
def test_what_cannot_be_sought_says_what_to_type(text, words):
    with pytest.raises(NotSearchable) as caught:
        read(text)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("9990000018", "NHS number"), ("S1234567", "hospital number"), ("14 7 1965", "birth date"),
        ("Okafor", "name"), ("Okafor 14 7 1965", "name and birth date"),
    ],
)  # fmt: skip
def test_the_audit_trail_is_told_the_kind_and_never_the_text(text, kind):
    assert read(text).kind == kind
    assert "Okafor" not in repr(read("Okafor"))
