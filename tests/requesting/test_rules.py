"""The engine of the boxes: what each kind finds, its exact words, and what keeps boxes rare."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from requesting.rules import (
    KINDS,
    MOST_ACTIONS,
    MOST_WORDS,
    Box,
    Decision,
    Facts,
    Given,
    Level,
    OpenItem,
    Previous,
    Rule,
    Subject,
    evaluate,
)

TODAY = date(2026, 11, 22)
HBA1C = Subject(code="hba1c", name="HbA1c", group="hba1c")
CHEST = Subject("chest-xray", "Chest X-ray", "chest-xray", is_imaging=True, is_ionising=True)
KNEE = Subject("knee-xray", "Knee X-ray", "knee-xray", side="L", is_imaging=True, is_ionising=True)

DUP_OPEN = Rule("dup-open", 1, "duplicate_open", Level.REASON, "local rule")
DUP_NORMAL = Rule(
    "dup-normal", 3, "retest_interval", Level.REASON, "local retest interval",
    {"groups": ["hba1c"], "days": 40},
)  # fmt: skip
IMG_RECENT = Rule(
    "img-recent", 1, "retest_interval", Level.REASON, "local guide",
    {"groups": ["chest-xray"], "days": 42, "reason_days": 28},
)  # fmt: skip
IMG_ALT = Rule(
    "img-alt", 1, "better_test", Level.ADVICE, "local guide",
    {
        "from": ["ct-abdomen"], "to": "us-abdomen", "to_words": "Ultrasound", "from_words": "CT",
        "for_words": "right upper abdominal pain", "reasons": ["ruq-pain"],
        "phrases": ["right upper quadrant"],
    },
)  # fmt: skip
PREGNANCY = Rule(
    "preg-yes", 1, "pregnancy_answer", Level.STOP, "IR(ME)R 2017",
    {"question": "pregnancy", "stops_on": ["yes"], "agreed": "pregnancy-agreed-with"},
)  # fmt: skip
ENTITLED = Rule("ahp", 1, "entitlement", Level.STOP, "IR(ME)R 2017")
DECEASED = Rule("deceased", 1, "deceased", Level.STOP, "record")
MIN_AGE = Rule("min-age", 1, "min_age", Level.STOP, "site rule")
SIDE = Rule("side", 1, "side_words", Level.REASON, "local rule")
EVERY_RULE = [
    DUP_OPEN,
    DUP_NORMAL,
    IMG_RECENT,
    IMG_ALT,
    PREGNANCY,
    ENTITLED,
    DECEASED,
    MIN_AGE,
    SIDE,
]

OPEN = OpenItem("i1", "FBC", "", "Dr Shah", date(2026, 11, 20), "sample not taken yet")


def previous(days_ago=20, significance="normal", **others):
    values = {
        "side": "", "observed_on": TODAY - timedelta(days=days_ago), "place": "Queen Mary's",
        "value": "38 mmol/mol", "headline": "", "significance": significance, "report_id": "r1",
    }  # fmt: skip
    return Previous(**{**values, **others})


def facts(test=HBA1C, **others):
    return Facts(today=TODAY, age=61, test=test, **others)


def one(rule, given):
    (alert,) = evaluate([rule], given)
    return alert


# --- The words -----------------------------------------------------------------------------------


def test_an_open_duplicate_is_told_in_the_words_of_dup_open():
    alert = one(DUP_OPEN, facts(open_items=(OPEN,)))
    assert alert.heading == "FBC is already requested."
    assert alert.body == "By Dr Shah on 20-Nov-2026, sample not taken yet (local rule)."
    assert [a.words for a in alert.actions] == [
        "Use that request", "Request another: give a reason",
    ]  # fmt: skip


def test_a_normal_result_inside_the_interval_is_told_with_the_day_from_which_it_is_useful():
    alert = one(DUP_NORMAL, facts(previous=(previous(),)))
    assert alert.heading == "HbA1c was 38 mmol/mol on 02-Nov-2026 (20 days ago)."
    assert alert.body == "Normal. Next useful from 12-Dec-2026 (local retest interval)."
    assert alert.actions[0].words == "Take it on 12-Dec-2026"
    assert alert.actions[0].value == "2026-12-12"
    assert (alert.level, alert.rule_version) == (Level.REASON, 3)


def test_recent_imaging_quotes_its_report_and_offers_the_day_when_it_is_due():
    report = "Right lower zone consolidation. Repeat in 6 weeks."
    seen = previous(9, "unclassified", headline=report, value="")
    alert = one(IMG_RECENT, facts(CHEST, previous=(seen,)))
    assert alert.heading == "Chest X-ray done 9 days ago."
    assert alert.body == f"13-Nov-2026, Queen Mary's: ‘{report}’ (local guide)."
    assert alert.actions[0].words == "Set for 25-Dec-2026"
    assert alert.link.words == "Read the report"


def test_a_better_test_is_offered_for_the_reason_that_it_answers():
    ct = Subject("ct-abdomen", "CT abdomen", "ct-abdomen", is_imaging=True)
    alert = one(IMG_ALT, facts(ct, reasons=frozenset({"ruq-pain"})))
    assert alert.heading == "Ultrasound usually answers this first."
    assert alert.body == "For right upper abdominal pain (local guide)."
    assert [a.words for a in alert.actions] == ["Swap to ultrasound", "Keep CT"]
    assert one(IMG_ALT, facts(ct, details="Right upper quadrant pain"))
    assert evaluate([IMG_ALT], facts(ct, reasons=frozenset({"weight-loss"}))) == []
    both = facts(ct, reasons=frozenset({"ruq-pain"}), also_chosen=frozenset({"us-abdomen"}))
    assert evaluate([IMG_ALT], both) == []


def test_a_pregnant_patient_stops_it_until_somebody_in_radiology_agreed():
    yes = facts(CHEST, answers={"pregnancy": "yes"}, phone="01632 960100")
    alert = one(PREGNANCY, yes)
    assert alert.heading == "Ring radiology before requesting."
    assert alert.body.startswith("01632 960100. If you have agreed it, record who with")
    assert alert.stops_sending
    agreed = {"pregnancy": "yes", "pregnancy-agreed-with": "Dr Khan"}
    assert evaluate([PREGNANCY], replace(yes, answers=agreed)) == []
    assert evaluate([PREGNANCY], replace(yes, answers={"pregnancy": "unsure"})) == []


def test_an_entitlement_that_refuses_stops_it_in_its_own_words():
    refusal = Decision(False, "scope", "You cannot request CT head.", "Yours covers chest X-ray")
    alert = one(ENTITLED, facts(CHEST, decision=refusal))
    assert (alert.heading, alert.level) == ("You cannot request CT head.", Level.STOP)
    assert evaluate([ENTITLED], facts(CHEST)) == []


def test_the_dead_are_not_examined():
    alert = one(DECEASED, facts(is_deceased=True, died_on=date(2026, 3, 3)))
    assert alert.heading == "This patient has died."
    assert "Date of death 03-Mar-2026" in alert.body
    assert "not known" in one(DECEASED, facts(is_deceased=True)).body


def test_a_child_below_the_age_limit_is_refused_and_one_of_that_age_is_not():
    adults = replace(CHEST, min_age=16)
    assert one(MIN_AGE, Facts(TODAY, 15, adults)).stops_sending
    assert evaluate([MIN_AGE], Facts(TODAY, 16, adults)) == []


def test_details_that_name_the_other_side_are_questioned():
    assert one(SIDE, facts(KNEE, details="Pain in RIGHT knee.")).stops_sending
    assert evaluate([SIDE], facts(KNEE, details="left worse than right")) == []
    assert evaluate([SIDE], facts(KNEE, details="It is bright outside")) == []


# --- The edges -----------------------------------------------------------------------------------


def test_a_result_as_old_as_the_interval_is_not_too_soon():
    assert evaluate([DUP_NORMAL], facts(previous=(previous(40),))) == []
    assert one(DUP_NORMAL, facts(previous=(previous(39),)))


def test_setting_it_for_the_due_day_answers_it():
    due = TODAY + timedelta(days=20)
    assert evaluate([DUP_NORMAL], facts(previous=(previous(),), take_from=due)) == []
    early = facts(previous=(previous(),), take_from=due - timedelta(days=1))
    assert one(DUP_NORMAL, early)


def test_imaging_after_the_days_of_radiation_is_advice_and_asks_no_reason():
    seen = previous(30, "unclassified", value="")
    alert = one(IMG_RECENT, facts(CHEST, previous=(seen,)))
    assert alert.level is Level.ADVICE
    assert not alert.stops_sending


@pytest.mark.parametrize(
    ("asked", "other", "same"),
    [("L", "R", False), ("L", "L", True), ("L", "B", True), ("B", "R", True), ("", "L", True)],
)
def test_the_other_knee_is_another_examination(asked, other, same):
    test = replace(KNEE, side=asked)
    open_item = replace(OPEN, side=other)
    assert bool(evaluate([DUP_OPEN], facts(test, open_items=(open_item,)))) is same


def test_a_result_of_unknown_significance_is_never_taken_for_normal():
    for significance in ("unclassified", "", "something-new"):
        assert evaluate([DUP_NORMAL], facts(previous=(previous(significance=significance),))) == []


# --- What keeps boxes rare -----------------------------------------------------------------------


@pytest.mark.parametrize("significance", ["abnormal", "unexpected", "critical"])
def test_after_an_abnormal_result_nothing_asks_for_a_reason(significance):
    seen = previous(5, significance, value="", headline="Consolidation")
    found = evaluate([DUP_OPEN, IMG_RECENT], facts(CHEST, previous=(seen,), open_items=(OPEN,)))
    assert {alert.level for alert in found} == {Level.CONTEXT}
    assert Box.of(found).alert is None


def test_after_an_abnormal_result_a_stop_still_stops():
    refusal = Decision(False, "scope", "No.", "Not yours")
    given = facts(CHEST, previous=(previous(5, "abnormal"),), decision=refusal)
    assert one(ENTITLED, given).level is Level.STOP


def test_what_the_person_answered_within_a_day_is_not_asked_again():
    given = facts(open_items=(OPEN,), earlier={"dup-open": Given("monitoring")})
    alert = one(DUP_OPEN, given)
    assert alert.answered == Given("monitoring")
    assert not alert.stops_sending
    assert Box.of([alert]).alert is None
    assert Box.of([alert]).more == (alert,)


def test_a_new_answer_stands_before_the_one_of_yesterday():
    given = facts(
        open_items=(OPEN,),
        earlier={"dup-open": Given("monitoring")},
        given={"dup-open": Given("specialist")},
    )
    assert one(DUP_OPEN, given).answered == Given("specialist")


@pytest.mark.parametrize(
    ("given", "is_enough"),
    [
        (Given("clinical_change"), True), (Given("other", "It was lost"), True),
        (Given("other", "lost"), False), (Given("because"), False), (Given("keep"), False),
    ],
)  # fmt: skip
def test_only_one_of_the_reasons_answers_a_box_and_other_needs_its_words(given, is_enough):
    alert = one(DUP_OPEN, facts(open_items=(OPEN,), given={"dup-open": given}))
    assert (alert.answered is not None) == is_enough
    assert alert.stops_sending != is_enough


def test_a_stop_cannot_be_answered_away():
    given = facts(is_deceased=True, given={"deceased": Given("other", "please please")})
    assert one(DECEASED, given).stops_sending


def test_one_box_a_test_the_highest_wins_and_the_rest_is_behind_it():
    given = facts(previous=(previous(),), open_items=(OPEN,), is_deceased=True)
    box = Box.of(evaluate([DUP_OPEN, DUP_NORMAL, DECEASED], given))
    assert box.alert.rule_key == "deceased"
    assert [alert.rule_key for alert in box.more] == ["dup-open", "dup-normal"]


def every_alert():
    long = " ".join(["word"] * 60)
    given = Facts(
        today=TODAY, age=3,
        test=Subject("ct-abdomen", long, "g", side="L", is_imaging=True, min_age=16),
        is_deceased=True, died_on=TODAY,
        open_items=(OpenItem("i", long, "L", "Dr Featherstonehaugh-Cholmondeley", TODAY, "sent"),),
        previous=(previous(1, "unclassified", headline=long, place="St Somewhere General"),),
        decision=Decision(False, "scope", "You cannot request this.", "Your entitlement differs"),
        reasons=frozenset({"ruq-pain"}), details="right side",
        answers={"pregnancy": "yes"}, phone="01632 960100 ext 8569",
    )  # fmt: skip
    rules = [replace(rule, parameters={**rule.parameters}) for rule in EVERY_RULE]
    interval = replace(IMG_RECENT, parameters={"groups": ["g"], "days": 42})
    return evaluate([*rules, interval], given)


def test_every_kind_of_rule_speaks_in_this_test():
    speaking = {alert.rule_key for alert in every_alert()}
    assert speaking == {rule.key for rule in EVERY_RULE} - {"dup-normal"}
    assert {rule.kind for rule in EVERY_RULE} == set(KINDS)


@pytest.mark.parametrize("alert", every_alert(), ids=lambda alert: alert.rule_key)
def test_a_box_is_short_has_few_buttons_a_source_and_a_link(alert):
    assert alert.word_count <= MOST_WORDS
    assert len(alert.actions) <= MOST_ACTIONS
    assert alert.body.endswith(f"({alert.source}).")
    assert alert.link.words
    assert alert.actions[0].verb not in ("reason", "keep", "agreed"), "the safe action comes first"
