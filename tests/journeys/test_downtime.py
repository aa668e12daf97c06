"""The link to the hospital is down: the form in two presses, keyed in, and found at the desk."""

import pytest
from playwright.sync_api import expect

from demo.desks import seed_desks
from requesting.models import DowntimeForm
from tests.journeys.browser import Counter, assert_accessible, expect_heading
from tests.journeys.vetting_room import seed_room
from tests.requesting.downtime import (
    _fresh_strip,  # noqa: F401 - a fixture
    forget,
    form_of,
    mailbox,
    message_of,
    radiographer,
    take_down,
)
from tests.requesting.surgery import line

HEADACHE = line("chest-xray", reasons=["cough-for-more-than-3-weeks"], details="Night sweats.")


@pytest.fixture
def down(world):
    surgery = seed_room()
    take_down(surgery, "RZ1RAD")
    mailbox("XR")
    radiographer()
    return surgery


def at_the_desk(visit, path):
    return visit("kingsmere-radiographer", path, at="RZ1RAD")


@pytest.mark.hazard("H50")
def test_a_gp_gets_the_form_in_two_interactions(down, visit, shoot):
    item = down.item(HEADACHE, priority="urgent")
    page = visit("gp", f"/p/{item.patient_id}/request/{item.request_id}/sent")
    expect(page.get_by_text("Saved. The link to Kingsmere Radiology is down.")).to_be_visible()
    shoot(page, "sent-downtime")
    assert_accessible(page)
    by = Counter(page)
    by.read()
    by.click("link", "Use the downtime form")
    expect_heading(page, "Downtime form")
    by.read()
    by.press("Control+Enter")
    expect_heading(page, f"Downtime form {item.request.reference}")
    expect(page.get_by_text("On its way by e-mail")).to_be_visible()
    assert by.interactions == 2
    assert by.seconds <= 8
    assert message_of(item).state == "held"
    shoot(page, "downtime-out")
    assert_accessible(page)


def test_the_form_before_it_is_chosen_and_on_paper_can_be_read_by_everybody(down, visit, shoot):
    item = down.released(HEADACHE)
    page = visit("gp", f"/requests/{item.pk}/form")
    shoot(page, "downtime-form")
    assert_accessible(page)
    form = form_of(down, item)
    page.goto(f"/downtime/{form.pk}/sheet")
    expect(page.get_by_role("img", name="Barcode of the reference")).to_be_visible()
    assert_accessible(page)
    page.goto(f"/downtime/{form.pk}/")
    assert_accessible(page)


def test_from_the_strip_the_form_is_three_interactions_away(down, visit, shoot):
    item = down.released(HEADACHE)
    forget()
    page = visit("gp", "/requests/")
    by = Counter(page)
    by.click("link", "use the downtime form")
    expect_heading(page, "Downtime forms")
    shoot(page, "downtime")
    assert_accessible(page)
    by.click("link", f"Use the form for {item.request.reference}")
    by.click("button", "Send by e-mail")
    expect_heading(page, f"Downtime form {item.request.reference}")
    assert by.interactions == 3


@pytest.mark.hazard("H50")
def test_the_department_keys_it_in(down, visit, shoot):
    item = down.released(HEADACHE)
    form = form_of(down, item)
    page = at_the_desk(visit, "/vetting/downtime/")
    shoot(page, "keying")
    assert_accessible(page)
    page.get_by_role("link", name=form.reference).click()
    expect_heading(page, f"Key in {form.reference}")
    shoot(page, "keying-form")
    assert_accessible(page)
    page.get_by_role("button", name="Keyed in").click()
    expect(page.get_by_text("Enter the accession number of each test").first).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Accession number: Chest X-ray").fill("KUH-2026-118")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("keyed in. Its message will not be sent.")).to_be_visible()
    assert down.fresh(item).status == "received"
    assert_accessible(page)


@pytest.mark.hazard("H50")
def test_a_walk_in_is_found_by_the_reference_that_is_scanned(down, visit, shoot):
    item = down.released(HEADACHE)
    page = at_the_desk(visit, "/vetting/downtime/")
    page.get_by_label("Patient at the desk").focus()
    page.keyboard.type(item.request.reference)
    page.keyboard.press("Enter")  # as a scanner ends what it reads
    expect(page.get_by_text("It is still in our queue")).to_be_visible()
    shoot(page, "keying-found")
    assert_accessible(page)
    page.get_by_role("button", name="Key it in now").click()
    expect_heading(page, f"Key in {item.request.reference}")
    assert message_of(item).state == "held"
    page.goto("/vetting/downtime/?ref=R-999999")
    expect(page.get_by_text("No request with this number was sent to you.")).to_be_visible()
    assert_accessible(page)


def test_without_javascript_the_form_is_chosen_printed_and_keyed_in(down, visit):
    item = down.released(HEADACHE)
    page = visit("gp", f"/requests/{item.pk}/form", javascript=False)
    page.get_by_role("button", name="Print it instead").click()
    page.get_by_label("I have printed it.").fill("Fax to Ruth at the desk")
    page.get_by_role("button", name="Record that it left").click()
    expect(page.get_by_text("Fax to Ruth at the desk").first).to_be_visible()
    form = DowntimeForm.objects.get()
    there = visit(
        "kingsmere-radiographer", f"/vetting/downtime/{form.pk}/", at="RZ1RAD", javascript=False
    )
    there.get_by_label("Accession number: Chest X-ray").fill("KUH-7")
    there.get_by_role("button", name="Match to what arrived").click()
    expect(there.get_by_text("matched to what had arrived. Its message")).to_be_visible()
    form.refresh_from_db()
    assert form.outcome == "matched"


def test_a_colleague_uses_the_form_under_a_ticket(down, visit, shoot):
    seed_desks()
    page = visit("practice-admin", "/downtime/tickets/")
    shoot(page, "tickets")
    assert_accessible(page)
    page.get_by_label("Who cannot get in?").select_option(label="Dr A Patel")
    page.get_by_label("Number of the open ticket").fill("INC0012345")
    page.get_by_label("Why can they not get in?").fill("Smartcard locked")
    page.get_by_role("button", name="Go on").click()
    expect_heading(page, "Ticket INC0012345")
    shoot(page, "ticket")
    assert_accessible(page)
    page.get_by_label("Department").select_option(label="Kingsmere Radiology")
    page.get_by_role("button", name="Make the form to print").click()
    form = DowntimeForm.objects.get()
    expect_heading(page, f"Downtime form {form.reference}")
    assert_accessible(page)
