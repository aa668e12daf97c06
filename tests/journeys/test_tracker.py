"""Where is it? The admin finds out; the GP sees what needs them; no row moves by itself."""

import pytest
from playwright.sync_api import expect

from accounts.models import AccessEvent
from demo.catalogue import seed_catalogue
from demo.partners import seed_partners
from demo.rules import seed_rules
from tests.journeys.browser import Counter, assert_accessible, expect_heading
from tests.requesting.surgery import CHEST, FBC, Surgery


@pytest.fixture
def surgery(world) -> Surgery:
    seed_catalogue()
    seed_rules()
    seed_partners()
    return Surgery()


@pytest.mark.parametrize("javascript", [True, False])
def test_the_admin_finds_a_request_by_nhs_number_in_two_interactions(visit, surgery, javascript):
    patient = surgery.patient()
    surgery.delivered(CHEST, patient=patient)
    surgery.delivered(FBC)
    page = visit("practice-admin", "/practice/", javascript=javascript)
    if not javascript:
        page.get_by_text("Filter this list").click()  # folded where nothing can open it
    page.get_by_label("Patient: NHS number, name or birth date").focus()
    by = Counter(page)
    by.type(patient.nhs_number)
    by.press("Enter")
    expect(page.get_by_role("link", name="Chest X-ray", exact=False)).to_be_visible()
    expect(page.get_by_role("link", name="Full blood count", exact=False)).to_have_count(0)
    assert by.interactions <= 2
    assert patient.nhs_number not in page.url
    expect(page.get_by_role("columnheader", name="Do")).to_have_count(0)
    assert AccessEvent.objects.filter(action="list_requests").exists()
    if javascript:  # axe itself is a script
        assert_accessible(page)


@pytest.mark.hazard("H10")
def test_a_rejection_comes_to_the_list_that_is_open_and_no_row_moves(visit, surgery, shoot):
    rejected = surgery.delivered(FBC)
    for service in (CHEST, FBC):
        surgery.delivered(service)
    page = visit("gp", "/requests/")
    expect(page.get_by_text("Nothing needs you.")).to_be_visible()

    surgery.says(rejected, "UA", reason=["LABREJ", "", "L", "", "Sample clotted"])

    expect(page.get_by_text("The list has changed.")).to_be_visible()
    expect(page.locator("#count-needs_you")).to_have_text("1")
    expect(page.get_by_text("Nothing needs you.")).to_be_visible()
    page.get_by_role("link", name="Show it").click()
    expect(page.get_by_text("Sample clotted", exact=False)).to_be_visible()
    shoot(page, "tracker")
    assert_accessible(page)
    page.get_by_role("link", name="Fix", exact=False).click()
    expect_heading(page, "Full blood count")


def test_each_lane_reads_well_when_it_is_empty(visit, surgery):
    page = visit("gp", "/requests/")
    for lane in ("Waiting", "Booked", "Done", "All", "Drafts"):
        page.get_by_role("link", name=lane, exact=False).first.click()
        expect(page.get_by_role("table")).to_have_count(0)
    assert_accessible(page)
