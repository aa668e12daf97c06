"""Mutated demographics never agree (hazard H21); rewritten ones always do."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from patients import matching
from patients.matching import Demographics, HospitalNumber, compare

letters = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=12)
digits = st.text("0123456789", min_size=7, max_size=7)
people = st.builds(
    Demographics,
    nhs_number=st.text("0123456789", min_size=10, max_size=10),
    family_name=letters,
    given_names=letters,
    birth_date=st.dates(date(1900, 1, 1), date(2026, 1, 1)),
    hospital_numbers=st.tuples(st.builds(HospitalNumber, st.just("RXX"), digits)),
)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Demographics, Demographics]:
    """A person, and the same description with at least one part of the identity changed."""
    person = draw(people)
    parts = draw(st.sets(st.sampled_from(sorted(MUTATIONS)), min_size=1))
    other = person
    for part in sorted(parts):
        other = replace(other, **{part: MUTATIONS[part](draw, getattr(person, part))})
    return person, other


def _another(strategy):
    return lambda draw, value: draw(strategy.filter(lambda new: new != value))


MUTATIONS = {
    "nhs_number": lambda draw, value: draw(
        st.permutations(value).map("".join).filter(lambda n: n != value)
    ),
    "family_name": _another(letters),
    "birth_date": lambda draw, value: (
        value + timedelta(days=draw(st.sampled_from([-1, 1, 30, 365])))
    ),
    "hospital_numbers": _another(st.tuples(st.builds(HospitalNumber, st.just("RXX"), digits))),
}


@pytest.mark.hazard("H21")
@settings(max_examples=300)
@given(mutated())
def test_a_changed_part_of_the_identity_is_never_agreement(pair):
    ours, theirs = pair
    assert not compare(ours, theirs).agrees
    assert not compare(theirs, ours).agrees


@given(people, st.sampled_from([str.upper, str.title, str.swapcase]), st.integers(1, 10))
def test_another_way_of_writing_the_family_name_is_agreement(person, write, place):
    name = person.family_name
    written = write(name[:place]) + "-" * bool(name[place:]) + write(name[place:])
    assert compare(person, replace(person, family_name=written)).agrees


@given(people, people)
def test_comparing_is_the_same_from_both_sides(ours, theirs):
    assert compare(ours, theirs) == compare(theirs, ours)


@given(people, people)
def test_conflicts_hold_no_value_of_either_side(ours, theirs):
    assume(not compare(ours, theirs).agrees)
    said = {
        value
        for key, value in vars(matching).items()
        if key.endswith(("DIFFERS", "MISSING", "COMMON"))
    }
    assert set(compare(ours, theirs).conflicts) <= said


@given(st.text(max_size=30))
def test_a_name_key_of_a_key_is_itself(name):
    key = matching.name_key(name)
    assert matching.name_key(key) == key
