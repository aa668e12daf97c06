"""Words are compared without what typists leave out, and slips are counted."""

import pytest

from catalogue.wording import asked, normalise, slip_counter, spellings


@pytest.mark.parametrize(
    ("typed", "compared"),
    [
        ("Chest X-ray", "chest xray"),
        ("  chest   x ray ", "chest xray"),
        ("Crohn's", "crohns"),
        ("Sjögren", "sjogren"),
        ("U&E", "u e"),
        ("100%_\\", "100"),
        ("\x00\n", ""),
        ("Ｃｈｅｓｔ", "chest"),
    ],
)
def test_what_is_typed_is_compared_as_plain_words(typed, compared):
    assert normalise(typed) == compared


def test_a_term_with_a_joiner_is_found_apart_and_joined():
    assert spellings("D-dimer") == ["d dimer", "ddimer"]
    assert spellings("U&E") == ["u e", "ue"]
    assert spellings("Ferritin") == ["ferritin"]


def test_a_search_longer_than_any_name_is_cut():
    assert len(asked("a" * 10_000)) == 80


@pytest.mark.parametrize(
    ("typed", "term", "slips"),
    [
        ("chset", "chest xray", 1),  # swapped
        ("ches", "chest xray", 0),  # not finished
        ("chst", "chest xray", 1),  # left out
        ("ferittin", "ferritin", 2),  # one left out, one put in
        ("kene xray", "knee xray", 1),
        ("brian", "brain", 1),
        ("hpi", "hip xray", None),  # too short to guess at
        ("banana", "barium swallow", None),
        ("lumabr", "thyroid lump", None),
    ],
)
def test_slips_of_a_key_are_counted_and_other_words_are_not_slips(typed, term, slips):
    assert slip_counter(typed.split())(term) == slips
