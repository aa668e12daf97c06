"""What holds for every NHS number. The `nhs-number` package is the independent judge."""

import nhs_number as oracle
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from patients import nhs_number

nine_digits = st.text("0123456789", min_size=9, max_size=9)
separators = st.sampled_from(
    ["", " ", "-", "–", ".", "/", "\u00a0", "\u2009", "\u200b", "\t", "\n"]
)


@st.composite
def numbers(draw: st.DrawFn) -> str:
    nine = draw(nine_digits)
    check = nhs_number.check_digit(nine)
    assume(check is not None and len(set(nine + check)) > 1)
    return nine + check


@given(numbers())
def test_nine_digits_and_their_check_digit_are_valid(number):
    assert nhs_number.is_valid(number)
    assert nhs_number.parse(number) == number


@given(numbers(), st.integers(0, 9), st.integers(1, 9))
def test_one_digit_changed_is_always_noticed(number, place, step):
    changed = str((int(number[place]) + step) % 10)
    assert not nhs_number.is_valid(number[:place] + changed + number[place + 1 :])


@given(numbers(), st.integers(0, 8))
def test_two_neighbours_swapped_are_always_noticed(number, place):
    assume(number[place] != number[place + 1])
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert not nhs_number.is_valid(swapped)


@given(nine_digits)
def test_the_check_digit_agrees_with_an_independent_library(nine):
    theirs = oracle.calculate_checksum(nine)
    ours = nhs_number.check_digit(nine)
    assert ours == (None if theirs == 10 else str(theirs))


@given(st.text("0123456789", min_size=10, max_size=10))
def test_validity_agrees_with_an_independent_library(number):
    # The library also reads a date into Scottish numbers, which ISB 0149 does not ask.
    assume(not oracle.REGION_SCOTLAND.contains_number(number) and len(set(number)) > 1)
    assert nhs_number.is_valid(number) == oracle.is_valid(number)


@given(numbers(), st.data())
def test_separators_never_change_the_number(number, data):
    typed = "".join(digit + data.draw(separators) for digit in number)
    assert nhs_number.parse(typed) == number


@given(numbers())
def test_what_is_shown_reads_back_as_the_same_number(number):
    shown = nhs_number.spaced(number)
    assert [len(part) for part in shown.split(" ")] == [3, 3, 4]
    assert nhs_number.parse(shown) == number


@given(st.text())
def test_any_text_is_a_number_or_has_one_problem_and_never_an_accident(text):
    found = nhs_number.problem(text)
    assert (found is None) == nhs_number.is_valid(text)
    if found is None:
        assert len(nhs_number.parse(text)) == 10


@given(st.text(min_size=4).filter(lambda text: not nhs_number.is_valid(text)))
def test_an_error_never_repeats_what_was_typed(text):
    with pytest.raises(nhs_number.NotAnNhsNumber) as caught:
        nhs_number.parse(text)
    assert str(caught.value) in {problem.value for problem in nhs_number.Problem}
