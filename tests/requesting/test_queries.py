"""What the screens read: the request page, the lists, the doors; and what they cost."""

import uuid
from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import AccessEvent
from requesting import queries, services
from requesting.errors import NotFound
from requesting.queries import Filters
from requesting.states import LANES, Lane, Owner, Status, lane_of

from .surgery import CHEST, FBC, line

SIX = [CHEST, FBC, line("hba1c"), line("knee-xray", side="L"), line("us-abdomen"), line("ct-head")]


def composed(surgery, *lines, patient=None, by="gp", **others):
    draft = surgery.draft(patient or surgery.patient(), *lines, by=by, **others)
    return queries.compose(draft, surgery.acting(by))


# --- The request page ----------------------------------------------------------------------------


@pytest.mark.parametrize("username", ["gp", "ahp"])
def test_six_tests_cost_no_more_queries_than_one(surgery, username, django_assert_max_num_queries):
    patient, acting = surgery.patient(), surgery.acting(username)
    surgery.report(surgery.delivered(line("hba1c"), patient=patient), value="52", units="mmol/mol")
    one = surgery.draft(patient, CHEST, by=username)
    queries.compose(one, acting)  # the catalogue is read once and kept
    with django_assert_max_num_queries(7) as few:
        queries.compose(one, acting)
    six = surgery.draft(patient, *SIX, by=username)
    with django_assert_max_num_queries(7) as many:
        assert len(queries.compose(six, acting).lines) == 6
    assert len(many) <= len(few) + 1  # what was answered lately, once a box would ask again


def test_a_card_has_what_its_test_needs(surgery):
    page = composed(surgery, line("knee-xray"))
    (knee,) = page.lines
    assert knee.sides == (("L", "Left"), ("R", "Right"), ("B", "Both"))
    assert knee.why == "Why is a knee X-ray needed?"
    assert knee.where == "Walk-in, any site"
    assert knee.reader == "radiology"
    assert [(miss.field, miss.short) for miss in page.missing] == [
        ("knee-xray.side", "side"), ("knee-xray.reason", "reason"),
    ]  # fmt: skip


def test_what_radiology_will_see_grows_with_what_is_filled_in(surgery):
    man = surgery.patient(gender="M", birth_date=date(1965, 7, 14))
    with time_machine.travel(datetime(2026, 11, 22, 12, tzinfo=timezone.get_current_timezone())):
        page = composed(surgery, CHEST | {"details": "Ex-smoker"}, patient=man)
    assert page.lines[0].preview == "61-year-old man. Cough for more than 3 weeks. Ex-smoker."


def test_only_the_questions_of_this_patient_and_test_are_asked(surgery):
    young, old = surgery.patient(birth_date=date(1996, 5, 1)), surgery.patient()
    asked = {
        patient.pk: [q.code for q in composed(surgery, line("pelvis-xray"), patient=patient)
                     .lines[0].questions]
        for patient in (young, old)
    }  # fmt: skip
    assert asked[young.pk] == ["pregnant"]
    assert asked[old.pk] == []


def test_the_last_value_stands_under_the_title_with_its_line_of_the_same_units(surgery):
    patient = surgery.patient()
    values = [("4.1", "%"), ("48", "mmol/mol"), ("50", "mmol/mol"), ("52", "mmol/mol")]
    for days, (value, units) in zip((400, 300, 200, 100), values, strict=True):
        item = surgery.delivered(line("hba1c"), patient=patient)
        surgery.report(
            item, value=value, units=units, flag="H", significance="abnormal",
            observed_at=timezone.now() - timedelta(days=days),
        )  # fmt: skip
    (test,) = composed(surgery, line("hba1c"), patient=patient).lines
    assert test.context.words.startswith("Last HbA1c 52 mmol/mol ↑ ")
    assert [point.value for point in test.context.points] == [48.0, 50.0, 52.0]
    assert test.box.alert is None, "the last was abnormal: nothing asks for a reason"


def test_the_last_examination_is_quoted(surgery):
    patient = surgery.patient()
    surgery.report(
        surgery.delivered(patient=patient), significance="unclassified",
        headline="Right lower zone consolidation.", observed_at=timezone.now() - timedelta(days=9),
    )  # fmt: skip
    (test,) = composed(surgery, CHEST, patient=patient).lines
    assert "Kingsmere: ‘Right lower zone consolidation.’" in test.context.words
    assert test.box.alert.heading == "Chest X-ray done 9 days ago."
    assert test.box.alert.actions[0].verb == "take_later"


def test_setting_it_for_the_due_day_takes_the_box_away(surgery):
    patient = surgery.patient()
    surgery.report(surgery.delivered(patient=patient), significance="unclassified")
    (test,) = composed(surgery, CHEST, patient=patient).lines
    later = CHEST | {"take_from": test.box.alert.actions[0].value}
    page = composed(surgery, later, patient=patient)
    assert page.lines[0].box.alert is None
    assert page.missing == ()


def test_a_better_test_is_suggested_and_can_be_kept(surgery):
    answers = {"contrast-reaction": "no", "kidney-risk": "no", "metformin": "no"}
    ct = line("ct-abdomen-pelvis", details="Right upper quadrant pain", answers=answers)
    page = composed(surgery, ct)
    alert = page.lines[0].box.alert
    assert alert.heading == "Ultrasound usually answers this first."
    assert [action.words for action in alert.actions] == ["Swap to ultrasound", "Keep CT"]
    assert page.missing == (), "advice stops nobody"
    kept = composed(surgery, ct | {"alerts": {alert.rule_key: {"reason": "keep"}}})
    assert kept.lines[0].box.alert is None
    assert kept.lines[0].box.more[0].answered.label == "keep it"


def test_another_hospital_can_be_chosen_where_it_does_the_test(surgery):
    page = composed(surgery, CHEST)
    assert [code for code, _ in page.hospitals] == ["RZ1", "RZ2"]
    assert page.hospital == "RZ1"
    assert composed(surgery, CHEST, hospital="RZ2").hospital == "RZ2"
    assert composed(surgery, CHEST, hospital="RZ9").hospital == "RZ1"


def test_results_go_to_the_person_unless_supervised(surgery):
    page = composed(surgery, FBC)
    assert page.recipients[0].words == "You (Dr A Patel, GP)"
    assert page.results_to == surgery.user("gp").pk
    supervised = composed(surgery, FBC, by="ahp-expired")
    assert supervised.results_to == surgery.user("gp").pk


@pytest.mark.hazard("H12")
def test_no_result_goes_to_a_supervisor_who_works_elsewhere_and_would_not_see_it(surgery):
    at_the_clinic = composed(surgery, FBC, by="ahp")
    assert at_the_clinic.results_to == surgery.user("ahp").pk
    assert surgery.user("gp").pk not in [person.id for person in at_the_clinic.recipients]


def test_many_tests_or_an_unanswered_box_go_by_the_check_page(surgery):
    assert not composed(surgery, CHEST).needs_check_page
    bloods = [line(code) for code in ("fbc", "ue", "lft", "tft", "crp")]
    assert composed(surgery, *bloods).needs_check_page


def test_errors_stand_beside_their_fields(surgery):
    patient = surgery.patient()
    draft = surgery.draft(patient, line("chest-xray"))
    missing = queries.compose(draft, surgery.acting()).missing
    page = queries.compose(draft, surgery.acting(), problems=missing)
    assert page.lines[0].error("reason") == "Enter a reason for the chest X-ray"
    assert page.lines[0].error("side") == ""
    assert missing[0].anchor == "chest-xray-reason"


# --- Finding -------------------------------------------------------------------------------------


def test_a_suggestion_has_where_the_last_result_and_why_not(surgery):
    patient = surgery.patient()
    surgery.report(surgery.delivered(line("hba1c"), patient=patient), value="52", units="mmol/mol")
    (hba1c, *_) = queries.suggestions("hba1c", surgery.acting(), patient)
    assert (hba1c.code, hba1c.where, hba1c.refusal) == ("hba1c", "Practice bloods", "")
    assert hba1c.last.startswith("Last 52 mmol/mol ")
    (chest, *_) = queries.suggestions("chest x", surgery.acting("ahp-expired"), patient)
    assert (chest.code, chest.where) == ("chest-xray", "Walk-in")
    assert chest.refusal.startswith("Your IR(ME)R certificate ran out")
    cough = {hit.code for hit in queries.suggestions("cough", surgery.acting(), patient)}
    assert "chest-xray" in cough
    guesses = queries.suggestions("chset xray", surgery.acting(), patient)
    assert guesses[0].is_guess
    assert not hba1c.is_guess


def test_suggestions_cost_few_queries(surgery, django_assert_max_num_queries):
    patient, acting = surgery.patient(), surgery.acting("ahp")
    queries.suggestions("xray", acting, patient)  # a process reads a release's words once
    with django_assert_max_num_queries(6):
        queries.suggestions("xray", acting, patient)


def test_usual_requests_are_the_persons_own_first(surgery):
    before = [usual.code for usual in queries.usual_services(surgery.acting())]
    for _ in range(2):
        surgery.ask(line("crp"))
    after = [usual.code for usual in queries.usual_services(surgery.acting())]
    assert (len(before), before[0], after[0], len(after)) == (8, "chest-xray", "crp", 8)


def test_a_set_has_the_tests_that_can_be_asked(surgery):
    sets = {each.code for each in queries.order_sets(surgery.acting())}
    assert "diabetes-annual" in sets
    codes = queries.order_set_codes("diabetes-annual", acting=surgery.acting())
    assert codes[0] == "hba1c"


def test_the_chip_counts_what_a_person_may_ask(surgery):
    may, of = queries.allowance(surgery.acting("ahp"))
    everything = queries.allowance(surgery.acting("gp"))
    assert 0 < may < of
    assert everything[0] == everything[1] > 150


# --- The lists -----------------------------------------------------------------------------------


def everywhere(surgery):
    """An item in each lane, and one nobody but its owner waits for."""
    waiting = surgery.delivered()
    rejected = surgery.delivered()
    surgery.says(rejected, "UA", reason=["CHUN", "", "L"])
    ready = surgery.delivered()
    surgery.says(ready, "OK")
    done = surgery.report(surgery.delivered())
    services.mark_reviewed(done, by=surgery.acting())
    return {Lane.WAITING: waiting, Lane.NEEDS_YOU: rejected, Lane.BOOKED: ready, Lane.DONE: done}


def test_every_item_is_in_exactly_one_lane_and_all_of_them_are_counted(surgery):
    items = everywhere(surgery)
    acting = surgery.acting()
    for lane, item in items.items():
        page = queries.tracker(acting, lane)
        assert [row.item.pk for row in page.rows] == [item.pk], lane
        assert page.total.number == 1
    assert {lane: tally.number for lane, tally in queries.counts(acting).items()} == dict.fromkeys(
        Lane, 1
    )
    assert queries.tracker(acting, None).total.number == 4


def test_the_lanes_of_the_list_and_of_the_table_agree(surgery):
    items = everywhere(surgery).values()
    for item in items:
        row = surgery.fresh(item)
        lane = lane_of(Status(row.status), due=row.due_at, now=timezone.now())
        assert row in [r.item for r in queries.tracker(surgery.acting(), lane).rows]
    assert set(LANES) == set(Lane)


@pytest.mark.hazard("H36")
def test_what_the_department_leaves_too_long_comes_to_the_requester(surgery):
    item = surgery.delivered()
    assert queries.needs_you_count(surgery.acting()) == 0
    with time_machine.travel(timezone.now() + timedelta(days=4), tick=False):
        (row,) = queries.tracker(surgery.acting(), Lane.NEEDS_YOU).rows
    assert (row.item.pk, row.is_overdue) == (item.pk, True)
    assert row.sentence.endswith("Nothing heard for 4 days. Ring 01632 960100 ext 8569.")


def test_a_report_needs_its_requester_at_once_when_critical_and_after_two_days_otherwise(surgery):
    critical, normal = surgery.delivered(FBC), surgery.delivered()
    surgery.report(critical, significance="critical")
    surgery.report(normal)
    acting = surgery.acting()
    assert [r.item.pk for r in queries.tracker(acting, Lane.NEEDS_YOU).rows] == [critical.pk]
    (waiting,) = queries.tracker(acting, Lane.WAITING).rows
    assert (waiting.item.pk, waiting.actions[0]) == (normal.pk, "review")
    with time_machine.travel(timezone.now() + timedelta(days=2, minutes=1), tick=False):
        assert queries.needs_you_count(acting) == 2


@pytest.mark.hazard("H33")
def test_what_needs_somebody_is_still_there_after_four_hundred_days(surgery):
    rejected, unread = surgery.delivered(), surgery.report(surgery.delivered())
    surgery.says(rejected, "UA", reason=["CHUN", "", "L"])
    with time_machine.travel(timezone.now() + timedelta(days=400), tick=False):
        page = queries.tracker(surgery.acting(), Lane.NEEDS_YOU)
        assert {row.item.pk for row in page.rows} == {rejected.pk, unread.pk}


@pytest.mark.hazard("H24")
def test_a_second_report_opens_a_reviewed_one_again(surgery):
    item = surgery.report(surgery.delivered())
    services.mark_reviewed(item, by=surgery.acting())
    item = surgery.report(surgery.fresh(item), significance="critical")
    assert item.status == "reported"
    assert queries.needs_you_count(surgery.acting()) == 1


def test_mine_is_mine_and_the_practice_is_everybodys(surgery):
    mine = surgery.item()
    surgery.item(by="gp2")
    page = queries.tracker(surgery.acting(), None, Filters(mine=True))
    assert [row.item.pk for row in page.rows] == [mine.pk]
    admin = queries.tracker(surgery.acting("practice-admin"), None)
    assert admin.total.number == 2
    assert {row.actions for row in admin.rows} == {()}, "practice admin changes nothing"
    assert queries.tracker(surgery.acting("radiologist"), None).rows == ()


def test_filters_narrow_the_list(surgery):
    chest, blood = surgery.delivered(), surgery.delivered(FBC, by="gp2")
    acting = surgery.acting()

    def found(**filters):
        return [row.item.pk for row in queries.tracker(acting, None, Filters(**filters)).rows]

    assert found(service="fbc") == [blood.pk]
    assert found(modality="XR") == [chest.pk]
    assert found(discipline="pathology") == [blood.pk]
    assert found(requester=surgery.user("gp2").pk) == [blood.pk]
    assert found(patient_ids=(chest.patient_id,)) == [chest.pk]
    assert found(patient_ids=()) == []
    assert found(status="received") == [blood.pk, chest.pk]
    assert found(since=timezone.localdate()) == [blood.pk, chest.pk]
    assert found(until=timezone.localdate() - timedelta(days=1)) == []
    assert Filters(service="fbc").are_any
    assert not Filters(mine=True).are_any


def test_pages_follow_each_other_without_gap_or_repeat(surgery, monkeypatch):
    monkeypatch.setattr(queries.tracking, "PAGE", 3)
    items = [surgery.item() for _ in range(8)]
    for lane in (None, Lane.WAITING):
        seen, after = [], ""
        while True:
            page = queries.tracker(surgery.acting(), lane, after=after)
            seen += [row.item.pk for row in page.rows]
            after = page.after
            if not after:
                break
            surgery.item()  # one that comes meanwhile moves no other
        wanted = [item.pk for item in items]
        assert [pk for pk in seen if pk in wanted] == (wanted if lane else wanted[::-1])


def test_a_list_costs_the_same_for_forty_as_for_one(surgery, django_assert_max_num_queries):
    acting = surgery.acting()
    surgery.delivered()
    with django_assert_max_num_queries(2) as one:
        queries.tracker(acting, Lane.WAITING)
    for _ in range(39):
        surgery.item()
    with django_assert_max_num_queries(2) as forty:
        assert len(queries.tracker(acting, Lane.WAITING).rows) == 40
    assert len(one) == len(forty)
    with django_assert_max_num_queries(2):
        queries.counts(acting)


def test_a_count_stops_where_a_person_stops_reading(surgery, monkeypatch):
    monkeypatch.setattr(queries.tracking, "MOST_COUNTED", 2)
    for _ in range(4):
        surgery.item()
    assert str(queries.tracker(surgery.acting(), Lane.WAITING).total) == "2+"


@pytest.mark.hazard("H15")
def test_the_operators_see_what_waits_for_them_too_long(surgery):
    item = surgery.released()
    assert queries.overdue(Owner.OPERATORS) == []
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        assert [each.pk for each in queries.overdue(Owner.OPERATORS)] == [item.pk]
        assert queries.overdue(Owner.DEPARTMENT) == []


# --- The doors -----------------------------------------------------------------------------------


def test_an_item_opens_with_all_about_it_and_the_look_is_on_record(surgery):
    item = surgery.delivered(CHEST | {"details": "Ex-smoker"})
    detail = queries.item_for(surgery.acting("practice-admin"), item.pk)
    assert [line_.title for line_ in detail.history] == [
        "Received by the department", "Sent", "Requested",
    ]  # fmt: skip
    assert detail.history[-1].by == "Dr A Patel, GP"
    look = AccessEvent.objects.filter(action="view_request").latest("id")
    assert (look.username, look.patient_id) == ("practice-admin", str(item.patient_id))


@pytest.mark.parametrize("username", ["ahp", "radiologist", "lab", "central"])
def test_the_forbidden_and_the_absent_look_the_same_and_are_on_record(surgery, username):
    item, acting = surgery.delivered(), surgery.acting(username)
    for wrong in (item.pk, uuid.uuid4(), "not-a-number"):
        with pytest.raises(NotFound):
            queries.item_for(acting, wrong)
    assert AccessEvent.objects.filter(outcome="denied", username=username).count() == 3


def test_the_sent_page_counts_down_and_says_what_is_next(surgery):
    request = surgery.ask(CHEST, FBC)
    sent = queries.request_for(surgery.acting(), request.pk)
    assert sent.may_undo
    assert 0 < sent.seconds_left <= 10
    assert [test.item.service_name for test in sent.tests] == ["Chest X-ray", "Full blood count"]
    assert not queries.request_for(surgery.acting("gp2"), request.pk).may_undo
    with surgery.after_undo(request):
        assert not queries.request_for(surgery.acting(), request.pk).may_undo


def test_a_request_opens_only_on_its_own_patients_page(surgery):
    request, other = surgery.ask(), surgery.patient()
    with pytest.raises(NotFound):
        queries.sent_for(surgery.acting(), request.pk, patient=other)
    with pytest.raises(NotFound):
        queries.patient_in_hand(surgery.acting("radiologist"), request.patient_id)
    assert queries.patient_in_hand(surgery.acting(), request.patient_id) == request.patient


def test_a_second_click_finds_what_the_first_one_sent(surgery):
    key = uuid.uuid4()
    assert queries.sent_with_key(surgery.acting(), key) is None
    request = surgery.ask(key=key)
    assert queries.sent_with_key(surgery.acting(), key) == request
    assert queries.sent_with_key(surgery.acting("gp2"), key) is None


def test_a_patients_requests_are_listed_newest_first(surgery):
    patient = surgery.patient()
    first, second = surgery.item(patient=patient), surgery.item(FBC, patient=patient)
    rows = queries.requests_of_patient(surgery.acting(), patient.pk)
    assert [row.item.pk for row in rows] == [second.pk, first.pk]
