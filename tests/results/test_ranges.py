from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.ranges import FLAGS, Number, level_of, mark_of, number_of, read_range, split_flags
from results.states import Significance


def level(flags="", value="5", value_type="NM", reference_range=""):
    return level_of(
        flags=flags, value=value, value_type=value_type, reference_range=reference_range
    )


def mark(flags="", value="5", value_type="NM", reference_range=""):
    return mark_of(
        flags=flags,
        value=value,
        value_type=value_type,
        reference_range=reference_range,
        level=level(flags, value, value_type, reference_range),
    )


@pytest.mark.hazard("H27")
@pytest.mark.parametrize("flag", sorted(FLAGS))
def test_of_the_flags_only_n_reads_as_normal(flag):
    assert (level(flag) is Significance.NORMAL) is (flag == "N")


@pytest.mark.hazard("H27")
@given(st.text(min_size=1).filter(lambda text: text.strip() and text.strip() not in FLAGS))
def test_an_unknown_flag_is_never_normal(flag):
    assert level(flag, reference_range="1-9") is not Significance.NORMAL
    assert mark(flag, reference_range="1-9").words


@pytest.mark.parametrize("flag", ["n", "NORMAL", '""', "NEG", "ND", "WR", "null", "0", "N,H"])
def test_what_only_looks_like_normal_is_abnormal(flag):
    assert level(flag, reference_range="1-9") is Significance.ABNORMAL


def test_panic_flags_are_critical_and_changes_are_unexpected():
    assert {flag for flag in FLAGS if level(flag) == "critical"} == {"LL", "HH", "AA"}
    assert {flag for flag in FLAGS if level(flag) == "unexpected"} == {"U", "D", "W"}


def test_of_several_flags_the_worst_counts():
    assert level("N\nH") == "abnormal"
    assert level("H\nHH\nN") == "critical"
    assert split_flags("H\n\n D ") == ["H", "D"]


@pytest.mark.parametrize(
    ("value", "value_type", "reference_range", "expected"),
    [
        ("5", "NM", "3-7", "normal"),
        ("3", "NM", "3-7", "normal"),
        ("7.01", "NM", "3-7", "abnormal"),
        ("2.99", "NM", "3-7", "abnormal"),
        ("5", "NM", "<5", "abnormal"),
        ("4.9", "NM", "<5", "normal"),
        ("<5", "SN", "<5", "normal"),
        (">90", "SN", ">60", "normal"),
        (">90", "SN", "60-80", "abnormal"),
        (">70", "SN", "60-80", "unclassified"),
        ("<10", "SN", "7-35", "unclassified"),
        ("<0.01", "SN", "0.27-4.20", "abnormal"),
        ("≤2.5", "SN", "≤2.5", "normal"),
        ("5", "NM", "", "unclassified"),
        ("5", "NM", "see comment", "unclassified"),
        ("5", "NM", "F 3-7; M 4-9", "unclassified"),
        ("5", "NM", "7-3", "unclassified"),
        ("Positive", "ST", "Negative", "unclassified"),
        ("1:128", "SN", "3-7", "unclassified"),
        ("5", "TX", "3-7", "unclassified"),
        ("", "NM", "3-7", "unclassified"),
        ("1O", "NM", "3-70", "unclassified"),
    ],
)
def test_without_a_flag_only_a_number_surely_inside_its_own_range_is_normal(
    value, value_type, reference_range, expected
):
    assert level("", value, value_type, reference_range) == expected


def test_a_normal_flag_on_a_number_outside_its_own_range_is_not_believed():
    assert level("N", "8", reference_range="3-7") == "abnormal"
    assert level("N", "<10", "SN", "7-35") == "normal"  # it may be inside: the laboratory knows


def test_a_range_never_makes_a_flag_better():
    for flag in set(FLAGS) - {"N"}:
        assert level(flag, "5", reference_range="3-7") == FLAGS[flag]


def test_every_value_that_is_not_normal_has_a_word_and_colour_is_not_needed():
    for flag in set(FLAGS) - {"N"}:
        assert mark(flag).words
    assert mark("", "8", reference_range="3-7").words == "Outside its range"
    assert mark("", "8").words == "No flag"
    assert mark("N").words == ""


def test_arrows_follow_the_flag_and_else_the_range():
    assert [mark(flag).arrow for flag in ("H", "HH", ">", "L", "LL", "<")] == [*"↑↑↑↓↓↓"]
    assert mark("", "8", reference_range="3-7").arrow == "↑"
    assert mark("", "2", reference_range="3-7").arrow == "↓"
    assert mark("H\nL").arrow == ""
    assert mark("A", "5").arrow == ""


def test_numbers_are_read_exactly_and_words_are_not_numbers():
    assert number_of(" 6.80 ", "NM") == Number(Decimal("6.80"))
    assert number_of("<0.01", "SN") == Number(Decimal("0.01"), below=True)
    for value, value_type in (("6.8", "TX"), ("nan", "NM"), ("1e5", "NM"), ("6,8", "NM")):
        assert number_of(value, value_type) is None


@given(st.text(), st.text(), st.text())
def test_no_text_of_a_sender_breaks_the_reading(flags, value, reference_range):
    for value_type in ("NM", "SN", "ST"):
        level(flags, value, value_type, reference_range)
        mark(flags, value, value_type, reference_range)
    read_range(reference_range)
