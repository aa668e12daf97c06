"""The laboratory looks after a result that nobody asked for and an order that was rejected."""

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from accounts.policies import SYSTEM
from messaging import services, wire
from messaging.models import InboundMessage, Partner
from tests.journeys.browser import Counter, assert_accessible, expect_heading
from tests.messaging import peer
from tests.messaging.senders import make_partner, ours, sent


@pytest.fixture(autouse=True)
def _a_room_that_takes_messages(settings):
    settings.HL7_ROUTING = "tests.messaging.senders.ROUTES"
    settings.HL7_DELIVERY_EVENTS = "tests.messaging.senders.DELIVERY"
    yield
    cache.delete("links_not_working")  # the strip remembers for some seconds


def result(control_id: str, words: str) -> bytes:
    """A potassium for Agnes, with a note that says what the room behind the door does with it."""
    return sent(
        control_id,
        wire.segment("PID", {1: "1", 3: wire.Repeat([["9990000018", "", "", "NHS", "NH"],
                                                     ["S1234567", "", "", "RZ1", "MR"]]),
                             5: ["Testpatient", "Agnes", "", "", "Mrs"], 7: "19580302", 8: "F"}),
        wire.segment("NTE", ["1", "", words]),
        wire.segment("ORC", ["RE", "OC1-000417", "L-88213"]),
        wire.segment("OBR", {1: "1", 2: "OC1-000417", 4: ["K", "Potassium", "L"], 25: "F"}),
        wire.segment("OBX", ["1", "NM", ["K", "Potassium", "L"], "", "6.9", "mmol/L", "3.5-5.3",
                             "HH", "", "", "F"]),
        wire.segment("NTE", ["2", "", wire.Text("Sample not haemolysed.\nRang the surgery.")]),
        sender=("LIMS", "RZ1"),
    )  # fmt: skip


@pytest.fixture
def laboratory(world):
    """Two partners, one of which cannot be reached; something for each list."""
    partner = make_partner("lims", name="Kingsmere laboratory", their_facility="RZ1")
    partner.departments.add(world.acting("lab").organisation)
    ris = make_partner(
        "ris", name="Kingsmere radiology", their_facility="RZ1", failing_phase="connect",
        failing_since="2026-11-21T08:30Z", failures=12,
    )  # fmt: skip
    ris.departments.add(world.acting("lab").organisation)
    for n, words in enumerate(("park", "park", "filed"), start=1):
        services.accept(result(f"L{n}", words), peer="10.0.0.7")
    services.accept(b"PID|1||half a message", peer="10.0.0.9")
    services.accept(sent("X1", sender=("STRANGER", "XX9")), peer="10.0.0.9")
    services.process_waiting()
    queue(ris, "waits")
    refused = queue(partner, "refused")
    with peer.listening(peer.says(b"AR", b"no such receiver here")) as other:
        Partner.objects.filter(pk=partner.pk).update(port=other.port)
        services.deliver(partner.pk)
    return refused


def queue(partner, stream):
    from django.db import transaction

    control_id = services.next_control_id()
    with transaction.atomic():
        return services.enqueue(
            partner=partner, kind="OML^O21 NW", subject_type="tests.Order", subject_id="a",
            stream=stream, raw=ours(control_id, partner), control_id=control_id,
        )  # fmt: skip


def test_a_result_that_nobody_asked_for_is_looked_into_and_closed(visit, laboratory):
    page = visit("lab", "/messages/")
    counter = Counter(page)
    expect(page.get_by_role("row", name="Nobody here asked for this")).to_have_count(2)
    counter.click("link", "message in")
    expect(page.get_by_text("Patient identifier list")).to_be_visible()
    expect(page.get_by_text("Rang the surgery.")).to_be_visible()
    counter.click("textbox", "Or say how you dealt with it")
    counter.type("Sent for another surgery. Rang them, they have it on paper.")
    counter.click("button", "Mark as handled")
    expect_heading(page, "Messages")
    expect(page.get_by_text("Marked as handled.")).to_be_visible()
    expect(page.get_by_role("row", name="Nobody here asked for this")).to_have_count(1)
    assert counter.interactions <= 4
    assert InboundMessage.objects.get(state="handled").handled_by.startswith("Ms P Nair")


def test_a_rejected_order_is_sent_again_without_javascript(visit, laboratory):
    page = visit("lab", "/messages/", javascript=False)
    page.get_by_role("link", name="New order").click()
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("It will be tried again now.")).to_be_visible()
    with peer.listening() as other:
        Partner.objects.filter(slug="lims").update(port=other.port)
        services.deliver(laboratory.partner_id)
    page.reload()
    expect(page.get_by_text("Delivered", exact=True).first).to_be_visible()


LISTS = {"": "messages", "?list=waiting": "", "?list=refused": "", "?list=done": ""}


def test_every_list_is_accessible_at_both_widths(visit, laboratory, shoot):
    page = visit("central", "/messages/")
    expect(page.get_by_text("it does not take connections").first).to_be_visible()
    for query, picture in LISTS.items():
        page.goto(f"/messages/{query}")
        assert_accessible(page)
        if picture:
            shoot(page, picture)


def test_a_message_is_accessible_whether_it_reads_or_not(visit, laboratory, shoot):
    page = visit("central", "/messages/")
    parked = InboundMessage.objects.filter(state="parked").order_by("id")
    places = {
        f"in/{parked.first().pk}/": "message",
        f"in/{parked.last().pk}/": "",
        f"out/{laboratory.pk}/": "",
    }
    for place, picture in places.items():
        page.goto(f"/messages/{place}")
        if picture:
            shoot(page, picture)
        page.locator("summary", has_text="Show the bytes").click()
        assert_accessible(page)
    page.get_by_role("button", name="Mark as handled").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    assert_accessible(page)


def test_sending_is_stopped_and_started_accessibly(visit, laboratory):
    page = visit("central", f"/messages/partners/{laboratory.partner_id}/")
    assert_accessible(page)
    page.get_by_label("Stop sending to this partner").fill("They move to a new machine tonight.")
    page.get_by_role("button", name="Stop sending").click()
    expect(page.get_by_text("They move to a new machine tonight.")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("button", name="Stop sending")).to_be_visible()


def test_the_system_itself_may_not_close_a_message(laboratory):
    from django.core.exceptions import PermissionDenied

    with pytest.raises(PermissionDenied):
        services.handle_outbound(laboratory, reason="x", by=SYSTEM)
