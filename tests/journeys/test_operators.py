"""The central team and a laboratory look after the wire: what is down, why, and what is done."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import expect

from messaging import services
from messaging.models import InboundMessage, Link, OutboundMessage, Partner, Replay
from tests.journeys.browser import assert_accessible, expect_heading
from tests.journeys.test_messages import result
from tests.messaging import operating
from tests.messaging.senders import make_partner


@pytest.fixture(autouse=True)
def _a_room_that_takes_messages(settings):
    settings.HL7_ROUTING = "tests.messaging.senders.ROUTES"
    settings.HL7_DELIVERY_EVENTS = "tests.messaging.senders.DELIVERY"
    yield
    cache.clear()


@pytest.fixture
def laboratory(world):
    """One partner that cannot be reached, one that rejects, results that nobody asked for."""
    lims = make_partner("lims", name="Kingsmere laboratory", their_facility="RZ1")
    lims.departments.add(world.acting("lab").organisation)
    ris = make_partner("ris", name="Kingsmere radiology", their_facility="RZ1")
    ris.departments.add(world.place("RZ1RAD"))
    since = timezone.now() - timedelta(hours=2, minutes=5)
    failing = {"failing_phase": "connect", "failing_since": since, "failures": 44}
    Partner.objects.filter(pk=ris.pk).update(**failing)
    Link.objects.update_or_create(
        partner=ris, defaults={"state": "down", "since": since, "cause": "It takes no connection."}
    )
    for n in range(3):
        services.accept(result(f"L{n}", "park"), peer="10.0.0.7")
        operating.enqueue(ris, f"r{n}")
    services.accept(b"PID|1||half a message", peer="10.0.0.9")
    services.process_waiting()
    services.weigh_waiting()
    operating.bury(lims, "refused")
    return lims


def test_the_streams_say_which_is_down_in_which_phase_since_when_and_how_many_wait(
    visit, laboratory, shoot
):
    page = visit("central", "/messages/")
    page.get_by_role("link", name="Streams").click()
    expect_heading(page, "Streams")
    worst = page.get_by_role("row").nth(1)
    expect(worst).to_contain_text("To Kingsmere Radiology")
    for words in ("Not working", "Connecting", "Since", "3"):
        expect(worst).to_contain_text(words)
    assert_accessible(page)
    shoot(page, "streams")
    operating.enqueue(Partner.objects.get(slug="ris"), "r9")
    page.mouse.move(0, 0)
    expect(page.get_by_role("row").nth(1)).to_contain_text("4")


def test_what_needs_a_person_by_cause_and_sent_back_together(visit, laboratory, shoot):
    page = visit("lab", "/messages/causes/")
    expect(page.get_by_role("row", name="Nobody here asked for it")).to_contain_text("3 critical")
    assert_accessible(page)
    shoot(page, "causes")
    page.get_by_role("link", name="Nobody here asked for it").click()
    assert_accessible(page)
    shoot(page, "cause")
    page.get_by_role("link", name="Process many again").click()
    expect(page.get_by_role("heading", name="3 messages")).to_be_visible()
    assert_accessible(page)
    shoot(page, "replay-count")
    page.get_by_role("button", name="Process 3 messages again").click()
    expect(page.get_by_text("0 of 3 messages sent back")).to_be_visible()
    services.run_replays()
    page.mouse.move(0, 0)
    expect(page.get_by_text("1 of 3 messages sent back")).to_be_visible()
    assert_accessible(page)
    shoot(page, "replay")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("What was not sent back stays where it was.")).to_be_visible()
    page.goto("/messages/replays/")
    assert_accessible(page)
    assert Replay.objects.get().state == "stopped"


def test_a_result_is_corrected_by_one_person_and_agreed_by_another(visit, laboratory, shoot):
    parked = InboundMessage.objects.filter(control_id="L0").get()
    page = visit("lab", f"/messages/in/{parked.pk}/")
    assert_accessible(page)
    shoot(page, "message")
    page.get_by_role("link", name="Correct a copy and process that").click()
    text = page.get_by_label("The message, a segment a line")
    text.fill(text.input_value().replace("OC1-000417", "OC1-000418").replace("|park", "|filed"))
    page.get_by_label("Why do you correct it?").fill("The laboratory rang: their number was wrong.")
    page.get_by_role("button", name="Check what changes").click()
    expect(page.get_by_role("row", name="ORC-2")).to_contain_text("OC1-000418")
    assert_accessible(page)
    shoot(page, "correct")
    page.get_by_role("button", name="Ask a second person").click()
    expect(page.get_by_text("somebody else has to agree")).to_be_visible()
    assert_accessible(page)
    other = visit("central", "/messages/corrections/", javascript=True)
    assert_accessible(other)
    other.get_by_role("link", name=f"Message in {parked.pk}").click()
    shoot(other, "correction")
    other.get_by_role("button", name="Agree and process it").click()
    expect(other.get_by_text("The corrected message is on its way.")).to_be_visible()
    assert_accessible(other)
    services.process_waiting()
    other.get_by_role("link", name=f"Message in {parked.pk}").click()
    expect(other.get_by_text("Replaced", exact=True).first).to_be_visible()
    other.get_by_role("link", name="message in").first.click()
    expect(other.get_by_text("Processed", exact=True).first).to_be_visible()
    other.goto("/messages/corrections/")
    assert_accessible(other)


def test_a_rejected_order_is_corrected_without_javascript(visit, laboratory):
    dead = OutboundMessage.objects.get(state="dead")
    page = visit("lab", f"/messages/out/{dead.pk}/correct", javascript=False)
    text = page.get_by_label("The message, a segment a line")
    text.fill("no message")
    page.get_by_label("Why do you correct it?").fill("Wrong name.")
    page.get_by_role("button", name="Check what changes").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    text = page.get_by_label("The message, a segment a line")
    text.fill(operating.text_of(dead).replace("Testpatient", "Testperson"))
    page.get_by_role("button", name="Check what changes").click()
    page.get_by_role("button", name="Ask a second person").click()
    expect(page.get_by_text("Waits for a second person", exact=True)).to_be_visible()


def test_bytes_and_a_telephone_call(visit, laboratory, shoot):
    broken = InboundMessage.objects.get(reason_code="header")
    page = visit("central", f"/messages/in/{broken.pk}/bytes")
    expect(page.get_by_text("000000")).to_be_visible()
    assert_accessible(page)
    page.goto(f"/messages/in/{broken.pk}/")
    page.get_by_label("Or say how you dealt with it").fill("They send it again.")
    page.get_by_label("If by telephone, whom did you speak to?").fill("Mr Hall, Kingsmere")
    page.get_by_role("button", name="Mark as handled").click()
    expect(page.get_by_role("link", name="Enter when you spoke")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("When did you speak?").fill("2026-11-20T10:42")
    page.get_by_role("button", name="Mark as handled").click()
    expect(page.get_by_text("Marked as handled.")).to_be_visible()
