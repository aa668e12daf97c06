"""T14: at night a trauma patient's images go to the trauma centre; and who is paged meanwhile."""

from datetime import UTC, datetime, timedelta

import pgtrigger
import pytest
from django.utils import timezone
from playwright.sync_api import expect

from iep.models import OnCallPage, Transaction, TransactionEventRow, Transfer
from iep.services import on_call
from tests.iep.tickets import asking
from tests.iep.transactions import exchange
from tests.iep.trauma.conftest import OURS, Night, archive, desk, night  # noqa: F401 - fixtures
from tests.iep.trauma.test_on_call import BLUE
from tests.journeys.browser import Counter, assert_accessible, expect_heading

HEADING = "Send trauma images to Northmoor Trauma Centre, Northmoor"


@pytest.fixture
def reported(settings) -> str:
    settings.IMAGE_REPORTS = "tests.iep.trauma.reports.reports_for"
    return "KM7"


def test_when_pacs_has_nothing_a_disc_is_offered_beside_looking_again(
    visit,
    night: Night,  # noqa: F811
):
    page = visit("on-call", f"/iep/trauma/{night.patient.pk}/")
    expect(page.get_by_text("PACS has nothing of this patient")).to_be_visible()
    expect(page.get_by_role("heading", name="Or send a disc")).to_be_visible()
    assert_accessible(page)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_trauma_patients_images_and_report_are_sent_in_five_interactions(
    visit,
    night: Night,  # noqa: F811
    reported,
    shoot,
    javascript,
):
    night.study(ago=timedelta(hours=1), accession=reported)
    night.study(ago=timedelta(hours=1), accession="KM8", description="CT cervical spine")
    night.study(ago=timedelta(days=700), accession="KM9", description="XR knee left")
    page = visit("on-call", "/", javascript=javascript)
    expect_heading(page, "Send trauma images to Northmoor Trauma Centre")
    page.get_by_label("Patient").focus()  # where the browser puts it
    by = Counter(page)
    by.type("S1234567")
    by.press("Enter")
    expect_heading(page, HEADING)
    expect(page.get_by_label("Send CT head")).to_be_checked()
    expect(page.get_by_label("Send CT cervical spine")).to_be_checked()
    expect(page.get_by_label("Send XR knee left")).not_to_be_checked()
    expect(page.get_by_text("No intracranial haemorrhage", exact=False)).to_be_visible()
    if javascript:
        assert_accessible(page)
        shoot(page, "trauma")
    by.click("checkbox", "I have read the report of each study")
    by.click("checkbox", "A trauma patient in our ED")
    by.click("button", "Send to Northmoor Trauma Centre, Blue Light")
    expect(page.get_by_text("Sending to Northmoor Trauma Centre", exact=False)).to_be_visible()
    assert by.interactions <= 5
    assert by.seconds <= 30
    assert Transfer.objects.filter(priority=0, purpose="from_pacs").count() == 2
    assert "S1234567" not in page.url


def test_when_pacs_is_away_a_disc_goes_with_the_patient(
    visit,
    night: Night,  # noqa: F811
    shoot,
):
    night.archive.behave(OURS, "away")
    page = visit("on-call", "/iep/trauma/")
    assert_accessible(page)
    page.get_by_label("Patient").fill("S1234567")
    page.get_by_role("button", name="Find the images").click()
    expect(page.get_by_text("PACS does not answer: send a disc", exact=False)).to_be_visible()
    assert_accessible(page)
    shoot(page, "trauma-no-pacs")
    page.get_by_role("button", name="Open the ticket and make the label").click()
    expect(page.get_by_role("alert")).to_contain_text("Only for trauma patients in ED")
    page.get_by_label("Which scan of today is on the disc?").fill("CT head")
    page.get_by_label("A trauma patient in our ED", exact=False).check()
    page.get_by_role("button", name="Open the ticket and make the label").click()
    expect_heading(page, "Send a disc with the patient")
    assert_accessible(page)
    shoot(page, "trauma-label")


def test_in_office_hours_the_desk_is_rung(
    visit,
    night: Night,  # noqa: F811
    desk,  # noqa: F811
):
    desk(True)
    page = visit("on-call", "/")
    expect(page.get_by_text("Office hours: the service desk sends it.")).to_be_visible()
    expect(page.get_by_role("button", name="Find the images")).to_have_count(0)
    assert_accessible(page)


@pytest.mark.hazard("H44")
def test_the_person_who_was_paged_says_i_have_it(
    visit,
    night: Night,  # noqa: F811
    shoot,
):
    lead = night.world.acting("mbp-lead")
    on_call.enter(night.world.user("on-call"), "07700 900311", by=lead)
    ticket = asking.opened(night.world, **BLUE)
    theirs = exchange.asked_of_us(night.world, priority=0, eligibility="theatre")
    on_call.page_due()
    page = visit("on-call", "/iep/on-call/")
    expect(page.get_by_text("07700 900311").first).to_be_visible()
    assert_accessible(page)
    row = page.get_by_role("row").filter(has_text=ticket.reference)
    row.get_by_role("button", name="I have it").click()
    expect(page.get_by_text(f"You have {ticket.reference}", exact=False)).to_be_visible()
    assert OnCallPage.objects.get(ticket=ticket).acknowledged_at is not None
    expect(page.get_by_role("link", name=f"Transaction {theirs.number}")).to_be_visible()
    expect(page.get_by_text("Asks us for images")).to_be_visible()
    shoot(page, "on-call")
    keeper = visit("mbp-lead", "/iep/on-call/")
    assert_accessible(keeper)


def test_the_figures_of_the_half_year_are_read(
    visit,
    night: Night,  # noqa: F811
    shoot,
):
    asking.opened(night.world)
    year = timezone.localdate().year - 1
    for month, hours in ((7, 1), (8, 2), (8, 2), (8, 3), (10, 5), (11, 2), (12, 8)):
        _delivered_blue_light(night.world, datetime(year, month, 9, 9, tzinfo=UTC), hours)
    page = visit("mbp-lead", f"/iep/figures/?period={year}-2")
    expect(page.get_by_role("heading", name="Blue Light, four hours")).to_be_visible()
    over = page.get_by_role("row", name="More than 6 hours, over the four hours")
    expect(over.locator("svg rect")).to_have_attribute("width", "33.3")
    assert_accessible(page)
    shoot(page, "figures")


def _delivered_blue_light(world, asked_at, hours: float) -> None:
    """The database holds when it was made: the trigger looks away."""
    made = exchange.request(world, priority=0, eligibility="theatre")
    with pgtrigger.ignore("iep.Transaction:fixed_once_created"):
        Transaction.objects.filter(pk=made.pk).update(
            created_at=asked_at, asked_at=asked_at, state="delivered"
        )
    TransactionEventRow.objects.create(
        transaction=made, event="delivered", from_state="new", to_state="delivered",
        at=asked_at + timedelta(hours=hours) - timedelta(minutes=1), by_name="A lane",
    )  # fmt: skip
