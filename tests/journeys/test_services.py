"""The central team says that a link is down; a GP reads it on the next page."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import expect

from messaging import services
from messaging.models import Link, Partner, QueueAlert, SyntheticOrder
from tests.journeys.browser import Counter, assert_accessible, expect_heading
from tests.messaging.senders import make_partner


@pytest.fixture(autouse=True)
def _nothing_remembered():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def links(world):
    """One that works, one that fails, one that a person may declare; a queue that backed up."""
    found = {}
    for slug, place, name in (
        ("rz1-ris", "RZ1RAD", "Kingsmere Radiology (RIS)"),
        ("rz2-ris", "RZ2RAD", "Eastmarsh Radiology (RIS)"),
        ("rz1-lims", "RZ1PATH", "Kingsmere Pathology (LIMS)"),
    ):
        found[slug] = make_partner(slug, name=name)
        found[slug].departments.add(world.place(place))
    services.judge_links()
    now = timezone.now()
    Partner.objects.filter(slug="rz2-ris").update(
        failures=9, failing_phase="connect", failing_since=now - timedelta(minutes=14)
    )
    down = found["rz2-ris"]
    Link.objects.filter(pk=down.pk).update(troubled_at=now)
    services.judge_links()
    services.judge_links()
    well = found["rz1-ris"]
    Partner.objects.filter(pk=well.pk).update(last_success_at=now)
    Link.objects.filter(pk=well.pk).update(
        synthetic_seconds=60, synthetic_patient="9999999999", synthetic_code="SYNTHETIC"
    )
    SyntheticOrder.objects.create(
        partner=well, control_id="OC1S1", sent_at=now - timedelta(seconds=0.3), answered_at=now,
        acknowledgement="AA",
    )  # fmt: skip
    QueueAlert.objects.create(
        partner=down, kind="waiting", owner="worker", raised_at=now - timedelta(minutes=9),
        oldest_at=now - timedelta(minutes=14), waiting=6,
    )  # fmt: skip
    return found


def test_declared_down_is_on_a_gp_s_next_page_and_over_is_too(visit, links):
    central = visit("central", "/services/", javascript=False)
    counter = Counter(central)
    counter.click("link", "Kingsmere Pathology")
    expect_heading(central, "Requests to Kingsmere Pathology")
    counter.click("textbox", "Declare that it is down")
    counter.type("They rang: power cut in the laboratory.")
    counter.click("radio", "4 hours")
    counter.click("button", "Declare down")
    expect(central.get_by_text("Declared down.")).to_be_visible()
    assert counter.interactions <= 5
    gp = visit("gp", "/patients", javascript=False)
    strip = gp.get_by_role("status")
    expect(strip).to_contain_text("Requests to Kingsmere Pathology are not getting through. Since")
    expect(strip).to_contain_text("Requests are saved and will be sent.")
    expect(strip).not_to_contain_text("power cut")
    central.get_by_label("Declare that it is over").fill("They rang again.")
    central.get_by_role("button", name="Declare over").click()
    gp.reload()
    expect(strip).to_contain_text("Requests to Kingsmere Pathology are getting through again.")


def test_without_a_reason_nothing_is_declared_and_the_page_says_so(visit, links):
    page = visit("central", f"/services/{links['rz1-lims'].pk}/")
    page.get_by_role("button", name="Declare down").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="Enter a reason").click()
    expect(page.get_by_label("Declare that it is down")).to_be_focused()


def test_the_services_page_is_accessible_to_each_reader_at_both_widths(visit, links, shoot):
    for username, picture in (("gp", "services-gp"), ("central", "services")):
        page = visit(username, "/services/")
        expect(page.get_by_role("row", name="Eastmarsh Radiology Not working")).to_be_visible()
        assert_accessible(page)
        shoot(page, picture)


def test_a_link_s_page_is_accessible_while_it_is_down_and_while_it_is_declared(
    visit, links, shoot, world
):
    page = visit("central", f"/services/{links['rz2-ris'].pk}/")
    expect(page.get_by_text("Connect: it does not take connections.")).to_be_visible()
    assert_accessible(page)
    services.declare_down(
        links["rz1-lims"], reason="Power cut in the laboratory.", by=world.acting("central")
    )
    page.goto(f"/services/{links['rz1-lims'].pk}/")
    assert_accessible(page)
    shoot(page, "link")
