from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from types import SimpleNamespace

import pytest

from results.states import (
    GROUP_WORDS,
    MOVES,
    OUTCOME_WORDS,
    RANK_WORDS,
    RANKS,
    Event,
    Filing,
    Group,
    NoSuchMove,
    Outcome,
    Rank,
    Significance,
    UnknownStatus,
    after,
    group_of,
    may_be,
    may_be_filed_together,
    overall_status,
    value_status_words,
    view_of,
    weighs_more,
    worst,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def version(status="F", content="a", minutes=0, significance="normal", sent=0):
    at = NOON + timedelta(minutes=minutes)
    return SimpleNamespace(
        result_status=status,
        issued_at=at,
        sent_at=NOON + timedelta(minutes=sent),
        content_sha256=content,
        significance=significance,
    )


# --- Status of the whole -------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(RANKS))
def test_a_status_of_the_report_stands_whatever_its_values_say(code):
    said = overall_status(code, ["P"])
    assert RANKS[said] is RANKS[code]


@pytest.mark.parametrize("code", ["Y", "Z", "N", "f", "FINAL", '""', "?"])
def test_a_status_that_no_table_has_is_not_guessed(code):
    with pytest.raises(UnknownStatus):
        overall_status(code, ["F"])


@pytest.mark.parametrize(
    ("values", "whole"),
    [
        (["F", "F"], "F"),
        (["F", "P"], "P"),
        (["F", "R"], "P"),
        (["F", "C"], "C"),
        (["F", "D"], "C"),
        (["F", "X"], "F"),
        (["X", "X"], "X"),
        (["F", "N"], "F"),
    ],
)
def test_without_a_status_of_its_own_a_report_is_as_finished_as_its_values(values, whole):
    assert overall_status("", values) == whole


@pytest.mark.parametrize("values", [[], [""], ["F", ""], ["F", "Q"]])
def test_a_report_whose_values_do_not_say_either_is_not_guessed(values):
    with pytest.raises(UnknownStatus):
        overall_status("", values)


@pytest.mark.parametrize("code", ["C", "D", "W"])
def test_a_final_report_with_a_value_taken_back_is_a_corrected_one(code):
    assert overall_status("F", ["F", code]) == "C"


def test_every_value_status_that_is_not_plainly_final_is_said_in_words():
    assert {code: value_status_words(code) for code in ("", "F", "U")} == dict.fromkeys(
        ("", "F", "U"), ""
    )
    for code in ("P", "R", "S", "I", "O", "N", "C", "D", "W", "X", "Q", "f"):
        assert value_status_words(code)


# --- Weight --------------------------------------------------------------------------------------


def test_one_value_that_is_not_normal_makes_the_report_not_normal():
    for level in set(Significance) - {Significance.NORMAL}:
        assert worst(["normal", level, "normal"]) is level


def test_a_report_without_any_value_is_unclassified_and_not_normal():
    assert worst([]) is Significance.UNCLASSIFIED


def test_the_order_of_weight_is_that_of_the_screen():
    order = ["critical", "unexpected", "abnormal", "unclassified", "normal"]
    for heavier, lighter in pairwise(order):
        assert weighs_more(heavier, lighter)
        assert not weighs_more(lighter, heavier)
    assert not weighs_more("critical", "critical")


# --- Which version is read -----------------------------------------------------------------------


@pytest.mark.hazard("H23")
@pytest.mark.parametrize(("low", "high"), [("P", "F"), ("F", "C"), ("C", "X"), ("R", "F")])
def test_a_lower_rank_never_replaces_a_higher_one_however_late_it_was_issued(low, high):
    later = version(low, "b", minutes=60)
    assert view_of([version(high), later]).current.result_status == high


def test_of_two_of_a_rank_the_later_issued_is_read():
    first, second = version("C", "a", minutes=1), version("C", "b", minutes=2)
    assert view_of([second, first]).current is second


def test_two_of_one_instant_are_told_apart_by_sending_and_then_by_content():
    one, other = version("C", "a", sent=1), version("C", "b", sent=0)
    assert view_of([one, other]).current is view_of([other, one]).current is one
    twin = version("C", "b", sent=1)
    assert view_of([one, twin]).current is view_of([twin, one]).current is twin


def test_a_second_final_report_with_other_content_is_a_conflict():
    view = view_of([version("F", "a"), version("F", "b", minutes=5, significance="critical")])
    assert view.is_conflicting
    assert view.is_amended
    assert view.significance == "critical"


def test_the_weight_of_a_contradicted_report_is_that_of_the_worse_side():
    view = view_of([version("F", "a", significance="critical"), version("F", "b", minutes=5)])
    assert view.current.significance == "normal"
    assert view.significance == "critical"
    assert group_of(view) is Group.CRITICAL


def test_the_same_final_report_twice_is_no_conflict():
    view = view_of([version("F", "a"), version("F", "a", minutes=5)])
    assert not view.is_conflicting
    assert not view.is_amended


def test_a_correction_ends_the_conflict():
    pair = [version("F", "a"), version("F", "b", minutes=5)]
    assert not view_of([*pair, version("C", "c", minutes=9)]).is_conflicting


def test_a_final_report_issued_after_its_own_cancellation_is_not_lost_behind_it():
    view = view_of([version("X", "x"), version("F", "a", minutes=5, significance="critical")])
    assert view.current.result_status == "X"
    assert view.is_conflicting
    assert view.significance == "critical"


def test_what_is_taken_back_is_looked_at_within_a_day():
    view = view_of([version("F", "a"), version("W", "w", minutes=5, significance="unclassified")])
    assert view.significance == "unexpected"
    assert view.is_amended


def test_a_plain_cancellation_is_for_information():
    view = view_of([version("X", "x", significance="unclassified")])
    assert group_of(view) is Group.INFORMATION


# --- Groups --------------------------------------------------------------------------------------


@pytest.mark.hazard("H27")
def test_unclassified_is_read_with_the_abnormal_and_never_with_the_normal():
    for status in ("P", "F", "C"):
        view = view_of([version(status, significance="unclassified")])
        assert group_of(view) is Group.ABNORMAL


def test_a_normal_final_report_that_was_abnormal_before_is_not_among_the_normal():
    view = view_of([version("P", "a", significance="abnormal"), version("F", "b", minutes=5)])
    assert view.was_worse
    assert group_of(view) is Group.AMENDED


def test_a_normal_preliminary_report_is_not_among_the_normal():
    assert group_of(view_of([version("P")])) is Group.INFORMATION


@pytest.mark.hazard("H32")
def test_only_normal_laboratory_reports_may_be_filed_together():
    allowed = {
        (group, discipline)
        for group, discipline in product(Group, ["radiology", "pathology"])
        if may_be_filed_together(group, discipline)
    }
    assert allowed == {(Group.NORMAL, "pathology")}


def test_every_code_has_its_words():
    assert set(GROUP_WORDS) == set(Group)
    assert set(RANK_WORDS) == set(Rank)
    assert set(OUTCOME_WORDS) == set(Outcome)


# --- Filing: every cell --------------------------------------------------------------------------

REOPENS = {Event.CHANGED, Event.CONTRADICTED}
ALLOWED = {(Filing.UNREAD, event) for event in Event} | {
    (Filing.REVIEWED, event) for event in (*REOPENS, Event.OLDER, Event.RESENT)
}


@pytest.mark.parametrize("cell", list(product(Filing, Event)), ids=lambda cell: "-".join(cell))
def test_every_cell_of_the_filing_table(cell):
    state, event = cell
    if cell not in ALLOWED:
        with pytest.raises(NoSuchMove):
            after(state, event)
        return
    reviewed = event is Event.REVIEWED or (state is Filing.REVIEWED and event not in REOPENS)
    assert after(state, event) is (Filing.REVIEWED if reviewed else Filing.UNREAD)


def test_the_table_has_no_row_beside_its_cells():
    assert set(MOVES) == ALLOWED


# --- Outcomes ------------------------------------------------------------------------------------


@pytest.mark.hazard("H31")
@pytest.mark.parametrize("significance", list(Significance))
def test_no_action_is_no_answer_to_a_critical_or_unexpected_result(significance):
    grave = significance in ("critical", "unexpected")
    assert may_be(Outcome.NORMAL, significance) is not grave
    assert all(may_be(each, significance) for each in set(Outcome) - {Outcome.NORMAL})
