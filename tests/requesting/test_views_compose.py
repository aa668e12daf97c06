"""R2 to R4 behind the browser: presses, drafts, refusals, and the cost of the page."""

import uuid
from datetime import date, timedelta
from functools import partial

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent, Membership, User
from catalogue.models import Offering
from requesting.models import AlertOutcome, Draft, Request, RuleCount
from tests.counting import cost_of

from .forms import Form, address, chest, words
from .surgery import CHEST, FBC


@pytest.fixture
def gp(world):
    return world.client("gp")


@pytest.fixture
def patient(surgery):
    return surgery.patient()


def test_a_press_answers_with_the_part_for_the_script_and_a_redirect_without(gp, patient):
    form = Form(gp, patient)
    part = form.press("add fbc", fragment=True)
    assert part.status_code == 200
    assert "<html" not in words(part)
    assert "Full blood count" in words(part)
    form = Form(gp, patient)
    whole = form.press("add chest-xray", item="fbc")
    assert whole.status_code == 302
    assert whole.url.endswith("#chest-xray")


@pytest.mark.hazard("H01")
def test_the_check_has_the_banner_of_its_patient(gp, patient):
    form = Form(gp, patient)
    form.press("add chest-xray")
    Form(gp, patient).press("save", **chest())
    answer = gp.get(reverse("requesting:check", args=[patient.pk]))
    assert answer.status_code == 200
    assert answer.content.count(b'<section class="app-banner') == 1


@pytest.mark.hazard("H04")
def test_the_same_form_twice_is_one_request(gp, patient):
    form = Form(gp, patient)
    first = form.press("send", **chest())
    second = form.press("send", **chest())
    assert first.url == second.url
    assert Request.objects.count() == 1


def test_an_old_page_does_not_overwrite_a_newer_draft(gp, patient):
    old, new = Form(gp, patient), Form(gp, patient)
    new.press("add fbc")
    answer = old.press("add chest-xray")
    assert answer.status_code == 409
    assert "changed in another window" in words(answer)
    assert [i["service"] for i in Draft.objects.get().content["items"]] == ["fbc"]
    assert old.press("save", fragment=True).status_code == 409


def test_a_test_is_taken_later_in_one_press_and_now_again_in_another(gp, surgery, patient):
    day = (timezone.localdate() + timedelta(days=40)).isoformat()
    Form(gp, patient).press(f"take_later fbc dup-normal {day}", item="fbc")
    assert Draft.objects.get().content["items"][0]["take_from"] == day
    assert "To be taken on" in words(gp.get(address(patient)))
    Form(gp, patient).press("now fbc", **{"item": "fbc", "fbc.take_from": day})
    assert Draft.objects.get().content["items"][0]["take_from"] == ""


def test_using_the_open_request_shows_it_and_takes_this_one_off(gp, surgery, patient):
    item = surgery.delivered(FBC, patient=patient)
    answer = Form(gp, patient).press(f"use_existing fbc dup-open {item.pk}", item="fbc")
    assert answer.url == f"/requests/{item.pk}/"
    assert Draft.objects.get().content["items"] == []


def test_not_helpful_is_counted(gp, surgery, patient):
    surgery.delivered(FBC, patient=patient)
    Form(gp, patient).press("add fbc")
    Form(gp, patient).press("unhelpful fbc dup-open", item="fbc")
    assert RuleCount.objects.get(key="dup-open").not_helpful == 1


def test_what_was_shown_and_answered_is_kept_with_the_request(gp, surgery, patient):
    surgery.delivered(FBC, patient=patient)
    answer = Form(gp, patient).press(
        "send", **{"item": "fbc", "fbc.alert.dup-open": "sample_failed", "js": "1"}
    )
    assert "/sent" in answer.url
    outcome = AlertOutcome.objects.get(rule_key="dup-open")
    assert (outcome.rule_version, outcome.reason_code) == (1, "sample_failed")


def test_discard_forgets_and_goes_back_to_the_record(gp, patient):
    Form(gp, patient).press("add fbc")
    answer = Form(gp, patient).press("discard", item="fbc")
    assert answer.url == f"/p/{patient.pk}/"
    assert not Draft.objects.exists()


@pytest.mark.parametrize("do", [
    "swap", "use_existing", "unhelpful", "take_later", "change_side", "reopen", "keep_on",
    "add-set nothing", "add no-such-test", "swap fbc rule no-such-test", "<script>", "",
    "unhelpful fbc", "use_existing fbc dup-open not-an-id",
])  # fmt: skip
def test_a_press_that_no_button_has_changes_nothing_and_breaks_nothing(gp, patient, do):
    answer = Form(gp, patient).press(do, item="fbc")
    assert answer.status_code in (200, 302, 400, 404)
    assert Request.objects.count() == 0


def test_a_place_that_may_not_request_is_told_so_and_nothing_is_kept(world, patient):
    client = world.client("gp2", at="U90001")
    answer = client.get(address(patient))
    assert answer.status_code in (200, 403, 404)
    assert not Draft.objects.exists()


def test_pressing_keys_in_the_box_leaves_no_trail_of_views(gp, patient):
    gp.get(address(patient))
    before = AccessEvent.objects.filter(action="view_patient").count()
    for typed in ("c", "ch", "che"):
        gp.get(f"{address(patient)}suggest", {"q": typed}, headers={"X-Fragment": "1"})
    assert AccessEvent.objects.filter(action="view_patient").count() == before


def test_six_tests_cost_what_one_costs_and_no_more_than_twelve_queries(gp, surgery, patient):
    surgery.delivered(FBC, patient=patient)  # a box that asks, and what was answered lately
    surgery.draft(patient, FBC)
    one = cost_of(partial(gp.get, address(patient)))
    lines = [{"service": code} for code in ("fbc", "ue", "lft", "hba1c", "tft")]
    surgery.draft(patient, CHEST, *lines)
    six = cost_of(partial(gp.get, address(patient)))
    assert six == one <= 12


@pytest.mark.parametrize("who", ["ahp", "ahp-expired"])
def test_a_referrer_with_certificates_costs_no_more_than_anybody(world, surgery, patient, who):
    client = world.client(who)
    surgery.draft(patient, CHEST, FBC, by=who)
    assert cost_of(partial(client.get, address(patient))) <= 12


def test_what_is_kept_is_never_older_than_the_tables(gp, surgery, patient):
    surgery.draft(patient, {"service": "us-abdomen"})
    assert "Not done for you here" not in words(gp.get(address(patient)))
    offered = Offering.objects.filter(service__code="us-abdomen")
    offered.update(valid_to=timezone.localdate() - timedelta(days=1), valid_from=date(2020, 1, 1))
    assert "Not done for you here" in words(gp.get(address(patient)))
    assert "You (Dr A Patel, GP)" in words(gp.get(address(patient)))
    Membership.objects.filter(user__username="gp2").update(ended_at=timezone.now())
    User.objects.filter(username="gp").update(first_name="Lena")
    page = words(gp.get(address(patient)))
    assert "You (Dr L Patel, GP)" in page
    assert surgery.user("gp2").display_name not in page


def test_an_answer_to_nobodys_form_is_refused(gp, patient):
    fields = {"do": "send", "item": "fbc", "key": str(uuid.uuid4()), "patient": "made-up"}
    assert gp.post(address(patient), fields).status_code == 409
    assert Request.objects.count() == 0


def test_nothing_is_asked_for_who_has_died(gp, surgery):
    patient = surgery.patient(died_on=timezone.localdate() - timedelta(days=3), is_deceased=True)
    answer = gp.get(address(patient))
    assert answer.status_code == 409
    assert "You cannot request tests." in words(answer)
    assert gp.post(address(patient), {"do": "add fbc"}).status_code == 409
    assert not Draft.objects.exists()


def test_who_may_not_ask_for_everything_sees_how_much(world, surgery):
    text = words(world.client("ahp-expired").get(address(surgery.patient())))
    assert "You can request " in text
    assert "of 211 tests" in text
    assert "You can request " not in words(world.client("gp").get(address(surgery.patient())))
