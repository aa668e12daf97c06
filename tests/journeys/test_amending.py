"""A request is changed by the person who asked, until the department has it."""

import pytest
from playwright.sync_api import expect

from tests.journeys.browser import Counter, assert_accessible, expect_heading
from tests.journeys.vetting_room import CHEST, seed_room

MORE = "Ex-smoker. Weight loss of 6 kg."


@pytest.fixture
def room(world):
    return seed_room()


@pytest.fixture
def asked(room):
    return room.released(CHEST)


def test_a_request_is_made_urgent_and_says_more_in_five_interactions(visit, room, asked, shoot):
    page = visit("gp", f"/requests/{asked.pk}/")
    by = Counter(page)
    by.click("link", "Change this request")
    expect_heading(page, "Change this request Chest X-ray")
    expect(page.get_by_text("has not acknowledged it yet")).to_be_visible()
    expect(page.get_by_text("cough for more than 3 weeks", exact=False).first).to_be_visible()
    shoot(page, "amend")
    assert_accessible(page)
    page.get_by_label("Clinical details").first.focus()
    by.type(MORE)
    page.get_by_label("Priority").select_option("urgent")
    by.interactions += 1
    by.press("Control+Enter")
    expect(page.get_by_text("Changed. The department gets it as it is now.")).to_be_visible()
    expect(page.get_by_text("Before: None given")).to_be_visible()
    shoot(page, "request-amended")
    assert_accessible(page)
    assert by.interactions <= 5
    changed = room.fresh(asked)
    assert (changed.clinical_details, changed.priority) == (MORE, "urgent")


def test_what_is_missing_is_said_beside_its_field_and_nothing_is_changed(visit, room, asked, shoot):
    page = visit("gp", f"/requests/{asked.pk}/change")
    page.get_by_label("Cough for more than 3 weeks").uncheck()
    page.get_by_role("button", name="Change the request").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    expect(page.get_by_role("group", name="Why is a chest X-ray needed?")).to_contain_text(
        "Enter a reason for the chest X-ray"
    )
    assert_accessible(page)
    assert room.fresh(asked).reasons == asked.reasons


def test_once_the_department_has_it_the_page_says_whom_to_ring(visit, room, asked, shoot):
    page = visit("gp", f"/requests/{asked.pk}/change")
    page.get_by_label("Clinical details").first.fill(MORE)
    room.acknowledge(asked)
    page.get_by_role("button", name="Change the request").click()
    expect_heading(page, "You can no longer change it here")
    expect(page.get_by_text(asked.department.phone)).to_be_visible()
    shoot(page, "amend-too-late")
    assert_accessible(page)
    assert room.fresh(asked).clinical_details == ""
    page.goto(f"/requests/{asked.pk}/")
    expect(page.get_by_role("link", name="Change this request")).to_have_count(0)


def test_a_request_is_changed_without_javascript(visit, room, asked):
    page = visit("gp", f"/requests/{asked.pk}/", javascript=False)
    page.get_by_role("link", name="Change this request").click()
    page.get_by_label("Priority").select_option("urgent")
    page.get_by_role("button", name="Change the request").click()
    expect(page.get_by_text("Changed. The department gets it as it is now.")).to_be_visible()
    assert room.fresh(asked).priority == "urgent"
