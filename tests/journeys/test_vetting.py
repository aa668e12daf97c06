"""A radiologist decides, one request after another: accept, refuse, change, ask, take back."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import AccessEvent
from messaging.models import OutboundMessage
from requesting import services
from tests.journeys.browser import Counter, assert_accessible, expect_heading
from tests.journeys.vetting_room import CHEST, JAUNDICE, KNEE, seed_room, waiting


@pytest.fixture
def room(world):
    return seed_room()


def at_the_first(visit, item, **options):
    page = visit("radiologist", f"/vetting/{item.pk}/", **options)
    settled(page)
    return page


def settled(page):
    """A press in the first half second after a page came is not taken for a decision on it."""
    expect(page.locator("body")).to_have_attribute("data-settled", "")


def done_by_radiologist(item, action):
    return AccessEvent.objects.filter(
        action=f"request.{action}", object_id=str(item.pk), username="radiologist"
    ).exists()


def test_accepting_takes_one_interaction_and_goes_to_the_next(visit, room, shoot):
    first, second = waiting(room, CHEST, JAUNDICE)
    page = at_the_first(visit, first)
    shoot(page, "vet")
    by = Counter(page)
    by.read()
    by.press("Control+Enter")
    expect_heading(page, "Ultrasound abdomen")
    expect(page.get_by_text("Accepted: Chest X-ray")).to_be_visible()
    assert by.interactions == 1
    assert by.seconds <= 6
    assert room.fresh(first).status == "walkin"
    assert room.fresh(second).status == "vetting"
    assert done_by_radiologist(first, "ready")
    assert not OutboundMessage.objects.exists()
    with time_machine.travel(timezone.now() + timedelta(seconds=11), tick=False):
        assert services.order_due() == 1
    assert OutboundMessage.objects.get().kind == "OMG^O19 NW"
    assert_accessible(page)


@pytest.mark.hazard("H10")
def test_refusing_with_a_reason_takes_two_interactions(visit, room, shoot):
    first, _second = waiting(room, CHEST, JAUNDICE)
    page = at_the_first(visit, first)
    by = Counter(page)
    by.read()
    page.get_by_text("Reject", exact=True).scroll_into_view_if_needed()
    by.interactions += 1
    page.get_by_text("Reject", exact=True).first.click()
    shoot(page, "vet-reject")
    by.click("button", "Not enough clinical detail")
    expect_heading(page, "Ultrasound abdomen")
    expect(page.get_by_text("Rejected: Chest X-ray. Not enough clinical detail")).to_be_visible()
    assert by.interactions == 2
    assert by.seconds <= 9
    assert (room.fresh(first).status, room.fresh(first).reason_code) == ("rejected", "detail")
    assert done_by_radiologist(first, "rejected")
    requester = visit("gp", "/requests/")
    expect(requester.get_by_text("Reason: Not enough clinical detail.")).to_be_visible()
    assert_accessible(page)


def test_a_decision_is_taken_back_from_the_page_that_follows(visit, room):
    first, _second = waiting(room, CHEST, JAUNDICE)
    page = at_the_first(visit, first)
    page.get_by_role("button", name="Accept", exact=False).first.click()
    expect_heading(page, "Ultrasound abdomen")
    page.get_by_role("button", name="Undo").click()
    expect_heading(page, "Chest X-ray")
    assert room.fresh(first).status == "vetting"
    assert not OutboundMessage.objects.exists()
    assert_accessible(page)


def test_the_second_half_of_a_double_click_decides_nothing(visit, room):
    first, second = waiting(room, CHEST, JAUNDICE)
    page = at_the_first(visit, first)
    page.keyboard.press("Control+Enter")
    expect_heading(page, "Ultrasound abdomen")
    page.evaluate("document.querySelector('#accept').click()")
    settled(page)
    expect_heading(page, "Ultrasound abdomen")
    assert room.fresh(second).status == "vetting"


def test_writing_a_question_and_pressing_control_enter_sends_it_and_accepts_nothing(visit, room):
    (item,) = waiting(room, CHEST)
    page = at_the_first(visit, item)
    page.get_by_label("Ask Dr A Patel a question").focus()
    page.keyboard.type("Since when?")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Question sent: Chest X-ray")).to_be_visible()
    assert room.fresh(item).status == "info"
    expect(page.get_by_text("Nothing to vet. New requests appear here.")).to_be_visible()
    assert_accessible(page)


def test_another_side_is_accepted_in_two_interactions(visit, room):
    (item,) = waiting(room, KNEE)
    page = at_the_first(visit, item)
    page.get_by_label("Accept as another examination").select_option(label="Knee X-ray, right")
    page.get_by_role("button", name="Change and accept").click()
    expect(page.get_by_text("Accepted: X-ray of right knee")).to_be_visible()
    requester = visit("gp", f"/requests/{item.pk}/")
    expect(requester.get_by_text("changed it to X-ray of right knee")).to_be_visible()
    assert_accessible(requester)


def test_two_radiologists_do_not_decide_the_same_request(visit, room):
    (item,) = waiting(room, CHEST)
    at_the_first(visit, item)
    other = visit("radiology-admin", f"/vetting/{item.pk}/")
    expect(other.get_by_text("Dr H Marsh is looking at this")).to_be_visible()
    assert_accessible(other)
    other.get_by_role("button", name="Take over").click()
    expect(other.get_by_role("button", name="Accept", exact=False).first).to_be_visible()


def test_the_list_leads_to_the_first_and_says_what_came_meanwhile(visit, room, shoot):
    waiting(room, CHEST, JAUNDICE, KNEE)
    page = visit("radiologist", "/vetting/")
    shoot(page, "vetting")
    assert_accessible(page)
    waiting(room, CHEST, ago=timedelta(minutes=-1))
    expect(page.get_by_text("1 new.")).to_be_visible()
    page.get_by_role("button", name="Start vetting").click()
    expect(page.get_by_text("1 of 4")).to_be_visible()


def test_a_list_is_vetted_without_javascript(visit, room):
    first, second, _third = waiting(room, CHEST, JAUNDICE, KNEE)
    page = visit("radiologist", "/vetting/", javascript=False)
    page.get_by_role("button", name="Start vetting").click()
    expect_heading(page, "Chest X-ray")
    page.get_by_role("button", name="Accept", exact=False).first.click()
    expect_heading(page, "Ultrasound abdomen")
    page.get_by_text("Reject", exact=True).first.click()
    page.get_by_role("button", name="Not justified").click()
    expect_heading(page, "X-ray of left knee")
    page.get_by_role("button", name="Undo").click()
    expect_heading(page, "Ultrasound abdomen")
    assert room.fresh(first).status == "walkin"
    assert room.fresh(second).status == "vetting"


def test_the_laboratory_looks_up_what_it_was_asked(visit, room):
    item = room.delivered({"service": "fbc"})
    page = visit("lab", "/department/")
    assert_accessible(page)
    page.get_by_role("link", name="FBC").or_(
        page.get_by_role("link", name=item.service_name)
    ).first.click()
    expect_heading(page, item.service_name)
    expect(page.get_by_text("With you since")).to_be_visible()
    assert_accessible(page)
