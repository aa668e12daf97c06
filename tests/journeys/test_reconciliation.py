"""An operator compares a partner's list, deals with what differs, and puts a stray result right."""

import pytest
from playwright.sync_api import expect

from messaging.models import Partner
from messaging.services import weigh_waiting
from requesting.models import Difference
from results.models import Report
from tests.journeys.browser import assert_accessible, expect_heading
from tests.requesting.lists import partner_list
from tests.results.clinic import Clinic


@pytest.mark.hazard("H22")
def test_an_operator_deals_with_a_difference_and_with_a_stray_result(world, visit, shoot):
    clinic = Clinic(world)
    item = clinic.sent("fbc")
    stray = clinic.arrives(clinic.letter(item, placer="OC1-NOBODY"))
    weigh_waiting()
    page = visit("lab", "/reconciliation/")
    expect_heading(page, "Reconciliation")
    lims = Partner.objects.get(slug="lims")
    rows = [("OC1-NOT-OURS", "A-1", "received"), ("", "A-2", "booked")]
    raw = partner_list("lims", rows)
    page.get_by_label("File of Kingsmere LIMS").set_input_files(
        {"name": "list.csv", "mimeType": "text/csv", "buffer": raw}
    )
    page.get_by_role("button", name="Compare with Kingsmere LIMS").click()
    expect(page.get_by_text("2 rows compared: 2 differ, 2 of them new")).to_be_visible()
    shoot(page, "reconciliation")
    assert_accessible(page)
    page.get_by_role("link", name="An accession number that only they know").click()
    page.get_by_label("You rang").fill("Mr Clark")
    page.get_by_label("What they said").fill("A private patient of theirs")
    page.get_by_role("button", name="Mark as explained").click()
    expect(page.get_by_text("It was explained.")).to_be_visible()
    shoot(page, "difference")
    assert_accessible(page)
    assert Difference.objects.filter(partner=lims, state="explained").count() == 1

    page.goto(page.url.split("/reconciliation")[0] + "/unmatched/")
    shoot(page, "unmatched")
    assert_accessible(page)
    page.get_by_role("link", name="No request of ours has its number").click()
    expect_heading(page, "Unmatched result")
    shoot(page, "unmatched-one")
    assert_accessible(page)
    page.get_by_role("button", name="It is this request").click()
    page.get_by_label("How did you make sure?").fill("Rang Mr Clark, who read the number out.")
    assert_accessible(page)
    page.get_by_role("button", name="File it with this request").click()
    expect(page.get_by_text(f"Filed with {item.request.reference}.")).to_be_visible()
    stray.refresh_from_db()
    assert stray.state == "handled"
    assert Report.objects.get().item_id == item.pk
