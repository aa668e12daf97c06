"""Each mistake has its own sentence."""

import pytest

from patients import nhs_number
from patients.nhs_number import Problem


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", Problem.EMPTY),
        (" - ", Problem.EMPTY),
        ("999000001", Problem.LENGTH),
        ("999 000 00181", Problem.LENGTH),
        ("999 000 001O", Problem.LETTERS),
        ("QQ 12 34 56 C", Problem.NATIONAL_INSURANCE),
        ("qq123456c", Problem.NATIONAL_INSURANCE),
        ("1234567890", Problem.CHECK_DIGIT),
        ("945 000 0001", Problem.CHECK_DIGIT),
        ("999 000 0019", Problem.CHECK_DIGIT),
        ("9999999999", Problem.PLACEHOLDER),
        ("0000000000", Problem.PLACEHOLDER),
    ],
)
def test_each_mistake_is_told_in_its_own_words(typed, problem):
    with pytest.raises(nhs_number.NotAnNhsNumber) as caught:
        nhs_number.parse(typed)
    assert caught.value.problem is problem


@pytest.mark.parametrize(
    "number",
    ["9449305552", "9727710859", "9990000018", "9990000026", "9990000034", "9990000107"],
)
def test_known_good_numbers_are_accepted(number):
    assert nhs_number.is_valid(number)


@pytest.mark.parametrize(
    "typed",
    [
        "999 000 0018",
        "999-000-0018",
        " 999.000.0018\r\n",
        "９９９０００００１８",
        "999\u200b000\u00a00018",
    ],
)
def test_a_number_is_read_whatever_separates_its_digits(typed):
    assert nhs_number.parse(typed) == "9990000018"


def test_nine_digits_that_ask_for_a_check_of_ten_have_no_number():
    assert nhs_number.check_digit("999000014") is None
    assert not any(nhs_number.is_valid(f"999000014{last}") for last in range(10))


@pytest.mark.parametrize("nine", ["", "12345678", "1234567890", "12345678x"])
def test_a_check_digit_of_anything_but_nine_digits_is_refused(nine):
    with pytest.raises(ValueError, match="nine digits"):
        nhs_number.check_digit(nine)


@pytest.mark.parametrize("text", ["", "not known", "99900000"])
def test_what_is_not_ten_digits_is_shown_as_it_is(text):
    assert nhs_number.spaced(text) == text
