"""The vocabulary: every code has its word, every word its place."""

import pytest

from nhsuk.tags import ORDER_STATUSES, VOCABULARY, Lane, tag

COLOURS = {"", "grey", "green", "aqua-green", "blue", "purple", "red", "orange", "yellow", "white"}
EVERY_TAG = [
    (kind, code, found)
    for kind, table in VOCABULARY.items()
    for code, found in table.items()
    if found is not None
]


def test_there_are_seventeen_order_statuses() -> None:
    assert len(ORDER_STATUSES) == 17


def test_every_order_status_says_whose_move_it_is_and_what_is_next() -> None:
    assert [code for code, found in ORDER_STATUSES.items() if not (found.lane and found.next)] == []


def test_what_the_requester_must_do_is_in_their_own_lane() -> None:
    yours = {code for code, found in ORDER_STATUSES.items() if found.lane is Lane.YOU}
    assert yours == {"draft", "held", "info", "rejected", "dna", "reported"}


@pytest.mark.parametrize(("kind", "code", "found"), EVERY_TAG)
def test_every_tag_has_a_word_and_a_tint_of_the_design_system(
    kind: str, code: str, found: object
) -> None:
    assert found.label.strip()
    assert found.colour in COLOURS


@pytest.mark.parametrize("kind", VOCABULARY)
def test_no_two_codes_of_a_kind_share_a_word(kind: str) -> None:
    labels = [found.label for found in VOCABULARY[kind].values() if found]
    assert len(labels) == len(set(labels))


def test_routine_and_normal_wear_no_tag() -> None:
    assert tag("priority", "routine") is None
    assert tag("flag", "normal") is None


def test_a_code_that_no_screen_can_show_is_an_error() -> None:
    with pytest.raises(KeyError):
        tag("order", "vanished")
