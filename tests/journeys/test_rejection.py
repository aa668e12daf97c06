"""What came back to the requester: a refusal put right, a question answered, a test called off."""

import pytest
from playwright.sync_api import expect

from accounts.models import AccessEvent
from messaging.models import OutboundMessage
from requesting import services
from requesting.models import Request
from tests.journeys.browser import Counter, assert_accessible, expect_heading
from tests.journeys.vetting_room import CHEST, seed_room, waiting


@pytest.fixture
def room(world):
    return seed_room()


@pytest.fixture
def refused(room):
    (item,) = waiting(room, CHEST)
    return services.vet_reject(item, reason="detail", by=room.acting("radiologist"))


@pytest.fixture
def questioned(room):
    (item,) = waiting(room, CHEST)
    return services.vet_ask(item, question="Since when?", by=room.acting("radiologist"))


def test_a_refused_request_is_put_right_in_three_interactions(visit, refused, shoot):
    page = visit("gp", f"/requests/{refused.pk}/")
    shoot(page, "request-rejected")
    assert_accessible(page)
    by = Counter(page)
    by.press("Control+Enter")  # Fix and send again
    expect(page.get_by_label("Add clinical details")).to_be_focused()
    expect(page.get_by_text("They asked for: duration, red flags")).to_be_visible()
    assert_accessible(page)
    by.type("Six weeks, 3 kg lost, ex-")
    by.press("Control+Enter")
    expect_heading(page, "Request sent")
    assert by.interactions == 3
    assert by.seconds <= 20
    made = Request.objects.get(replaces=refused)
    (item,) = made.items.all()
    assert (item.clinical_details, item.reasons) == ("Six weeks, 3 kg lost, ex-", [])
    services.release_due(request_id=made.pk)
    assert AccessEvent.objects.filter(action="request.submitted", object_id=str(item.pk)).exists()
    page.goto(f"/requests/{refused.pk}/")
    expect(page.get_by_text("A new request stands in its place")).to_be_visible()
    assert_accessible(page)


def test_a_question_is_answered_in_two_interactions(visit, room, questioned, shoot):
    page = visit("gp", f"/requests/{questioned.pk}/")
    shoot(page, "request-question")
    assert_accessible(page)
    by = Counter(page)
    expect(page.get_by_label("Your answer")).to_be_focused()
    by.type("For six weeks.")
    by.press("Control+Enter")
    expect(page.get_by_text("Answer sent to Eastmarsh Radiology.")).to_be_visible()
    assert by.interactions == 2
    assert by.seconds <= 15
    assert room.fresh(questioned).status == "vetting"
    assert AccessEvent.objects.filter(action="request.answered", username="gp").exists()
    assert_accessible(page)
    vetter = visit("radiologist", f"/vetting/{questioned.pk}/")
    expect(vetter.get_by_text("For six weeks.").first).to_be_visible()
    assert_accessible(vetter)


def test_a_refused_request_is_closed_without_javascript(visit, room, refused):
    page = visit("gp", f"/requests/{refused.pk}/", javascript=False)
    page.get_by_role("button", name="Close, nothing more to do").click()
    expect(page.get_by_text("Request closed.")).to_be_visible()
    assert room.fresh(refused).status == "cancelled"


def test_a_refused_request_is_put_right_without_javascript(visit, refused):
    page = visit("gp", f"/requests/{refused.pk}/", javascript=False)
    page.get_by_role("button", name="Fix and send again").click()
    page.get_by_label("Add clinical details").fill("Six weeks, 3 kg lost")
    page.get_by_role("button", name="Send request").click()
    page.get_by_role("button", name="Send request").click()
    expect_heading(page, "Request sent")
    assert Request.objects.filter(replaces=refused).exists()


def test_a_question_is_answered_without_javascript(visit, room, questioned):
    page = visit("gp", f"/requests/{questioned.pk}/", javascript=False)
    page.get_by_label("Your answer").fill("For six weeks.")
    page.get_by_role("button", name="Send answer").click()
    expect(page.get_by_text("Answer sent")).to_be_visible()
    assert room.fresh(questioned).status == "vetting"


def test_calling_off_what_the_hospital_has_says_whom_to_ring_and_sends_a_message(
    visit, room, shoot
):
    item = room.delivered(CHEST)
    page = visit("gp", f"/requests/{item.pk}/")
    page.get_by_role("link", name="Send a cancel message").click()
    expect_heading(page, "Kingsmere Radiology already has this")
    expect(page.get_by_text("01632 960100 ext 8569")).to_be_visible()
    shoot(page, "cancel")
    assert_accessible(page)
    page.get_by_role("button", name="Send a cancel message").click()
    assert_accessible(page)  # with its error
    page.get_by_label("Why is Chest X-ray cancelled?").fill("Patient is better")
    page.get_by_role("button", name="Send a cancel message").click()
    expect(page.get_by_text("Cancel message sent.")).to_be_visible()
    expect(page.get_by_text("it is not cancelled yet")).to_be_visible()
    assert OutboundMessage.objects.latest("pk").kind == "OMG^O19 CA"
    assert_accessible(page)


def test_the_page_says_by_itself_that_the_request_moved(visit, room):
    item = room.released(CHEST)
    page = visit("gp", f"/requests/{item.pk}/")
    expect(page.get_by_text("Waiting for Kingsmere Radiology to receive it.")).to_be_visible()
    room.acknowledge(item)
    expect(page.get_by_text("This changed while you had it open.")).to_be_visible()
    expect(page.get_by_text("Kingsmere Radiology has it.")).to_be_visible()
    assert_accessible(page)


def test_practice_admin_reads_all_and_presses_nothing(visit, refused, shoot):
    page = visit("practice-admin", f"/requests/{refused.pk}/")
    expect(page.get_by_text("Reason: Not enough clinical detail.")).to_be_visible()
    expect(page.locator("main button")).to_have_count(0)
    shoot(page, "request-seen-by-admin")
    assert_accessible(page)
