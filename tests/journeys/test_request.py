"""A GP asks for a chest X-ray and bloods: by keyboard, by mouse, without JavaScript.

Each path asserts the final words, an audit row and the outbound message, so that speed cannot be
won by skipping safety.
"""

from datetime import date

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from accounts.models import AccessEvent
from demo.catalogue import seed_catalogue
from demo.partners import seed_partners
from demo.rules import seed_rules
from messaging.models import OutboundMessage
from messaging.wire import parse
from patients.models import Patient
from requesting.models import Draft, Request, RequestItem
from requesting.services import release_due
from tests.journeys.browser import Counter, assert_accessible, expect_heading


@pytest.fixture
def ready(world):
    """The cast, with something to ask for, rules that look on, and somebody to ask."""
    seed_catalogue()
    seed_rules()
    seed_partners()
    return world


@pytest.fixture
def man(ready) -> Patient:
    return ready.patient(
        family_name="Treetawtchaiwong", given_names="Lertchai", title="Mr", gender="M",
        birth_date=date(1965, 7, 14),
    )  # fmt: skip


@pytest.fixture
def woman(ready) -> Patient:
    return ready.patient(
        family_name="Okonjo-Baptiste", given_names="Ada", title="Ms", gender="F",
        birth_date=date(1994, 5, 1),
    )  # fmt: skip


def compose(visit, patient: Patient, username: str = "gp", **options) -> Page:
    return visit(username, f"/p/{patient.pk}/request/", **options)


def the_box(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Find a test or reason")


def add(page: Page, words: str) -> None:
    the_box(page).fill(words)
    the_box(page).press("Enter")


def undo_time_passes() -> None:
    Request.objects.update(release_at=timezone.now())
    release_due()


def message_about(patient: Patient) -> str:
    sent = OutboundMessage.objects.filter(stream__in=streams_of(patient)).order_by("id")
    return "\r".join(bytes(row.raw).decode() for row in sent)


def streams_of(patient: Patient) -> list[str]:
    requests = Request.objects.filter(patient=patient).values_list("pk", flat=True)
    return [
        stream for stream in OutboundMessage.objects.values_list("stream", flat=True)
        if any(str(pk) in stream for pk in requests)
    ]  # fmt: skip


def was_recorded(patient: Patient, action: str) -> bool:
    return AccessEvent.objects.filter(patient_id=str(patient.pk), action=action).exists()


# --- T1 to T6 ------------------------------------------------------------------------------------


def test_a_chest_xray_by_keyboard_takes_at_most_five_interactions(visit, man, shoot):
    page = compose(visit, man)
    by = Counter(page)
    expect(the_box(page)).to_be_focused()

    by.type("che")
    by.press("Enter")
    expect(page.get_by_role("checkbox", name="Cough for more than 3 weeks")).to_be_focused()
    by.press("Space")
    by.read()
    by.press("Control+Enter")

    expect_heading(page, "Request sent")
    assert by.interactions <= 5
    assert by.seconds <= 12
    shoot(page, "sent")
    assert_accessible(page)
    undo_time_passes()
    assert "XCHES" in message_about(man)
    assert "Cough for more than 3 weeks" in message_about(man)
    assert was_recorded(man, "request.submitted")


def test_a_chest_xray_by_mouse_takes_at_most_five_interactions(visit, man):
    page = compose(visit, man)
    by = Counter(page)
    by.click("button", "CXR")
    expect(page.get_by_role("heading", name="Chest X-ray")).to_be_visible()
    by.click("checkbox", "Breathlessness")
    by.click("button", "Send request for Mr Treetawtchaiwong")
    expect_heading(page, "Request sent")
    assert by.interactions <= 5
    assert by.seconds <= 12


def test_an_order_set_takes_at_most_three_interactions(visit, man):
    page = compose(visit, man)
    by = Counter(page)
    by.click("button", "Diabetes annual")
    expect(page.get_by_role("heading", name="HbA1c", exact=False).first).to_be_visible()
    by.press("Control+Enter")
    expect_heading(page, "Check the request before sending it")  # more than four tests
    by.press("Control+Enter")
    expect_heading(page, "Request sent")
    assert by.interactions <= 3
    asked = RequestItem.objects.filter(patient=man).values_list("service__code", flat=True)
    assert "hba1c" in asked


def test_an_xray_and_two_bloods_are_one_request_and_a_message_to_each_department(visit, man, shoot):
    page = compose(visit, man)
    by = Counter(page)
    for words, name in (("fbc", "Full blood count"), ("u&e", "Urea"), ("che", "Chest X-ray")):
        by.type(words)
        by.press("Enter")
        expect(page.get_by_role("heading", name=name, exact=False).first).to_be_visible()
    by.press("Space")
    expect(page.get_by_text("Cough for more than 3 weeks.", exact=False).first).to_be_visible()
    shoot(page, "request")
    assert_accessible(page)
    by.press("Control+Enter")
    expect_heading(page, "Request sent")
    assert by.interactions <= 8

    undo_time_passes()
    kinds = OutboundMessage.objects.order_by("id").values_list("kind", flat=True)
    assert sorted(kind.split()[0] for kind in kinds) == ["OMG^O19", "OML^O21"]
    assert Request.objects.filter(patient=man).count() == 1


@pytest.mark.hazard("H09")
def test_undo_is_one_interaction_and_nothing_leaves(visit, man):
    page = compose(visit, man)
    add(page, "fbc")
    expect(page.get_by_role("heading", name="Full blood count", exact=False)).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect_heading(page, "Request sent")
    by = Counter(page)
    by.click("button", "Undo", exact=True)
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Request sent")
    assert by.interactions == 1
    undo_time_passes()
    assert OutboundMessage.objects.count() == 0
    assert RequestItem.objects.get(patient=man).status == "cancelled"
    assert Draft.objects.get(patient=man).content["items"][0]["service"] == "fbc"


def test_change_takes_it_back_into_the_form(visit, man):
    page = compose(visit, man)
    add(page, "fbc")
    expect(page.get_by_role("heading", name="Full blood count", exact=False)).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect_heading(page, "Request sent")
    page.get_by_role("button", name="Change").click()
    expect_heading(page, "Request tests")
    expect(page.get_by_role("heading", name="Full blood count", exact=False)).to_be_visible()


# --- What is missing, and what stops -------------------------------------------------------------


def test_send_is_never_disabled_and_says_what_is_missing(visit, man):
    page = compose(visit, man)
    add(page, "knee x-ray")
    expect(page.get_by_role("heading", name="Knee X-ray")).to_be_visible()
    page.get_by_role("button", name="Send request for Mr Treetawtchaiwong").click()
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("There is a problem")
    expect(page.locator(".nhsuk-error-summary")).to_be_focused()
    expect(summary.get_by_role("link", name="Choose left, right or both")).to_be_visible()
    assert page.title().startswith("Error: ")
    assert_accessible(page)
    assert Request.objects.count() == 0


def test_pregnancy_is_asked_where_it_matters_and_yes_needs_the_phone(visit, woman, man):
    page = compose(visit, woman)
    add(page, "pelvis x-ray")
    question = page.get_by_role("group", name="Could the patient be pregnant?")
    expect(question).to_be_visible()
    page.get_by_role("checkbox").first.check()
    question.get_by_label("Yes").check()
    expect(page.get_by_text("Ring radiology before requesting.", exact=True)).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("Ring radiology before requesting")
    assert_accessible(page)
    page.get_by_label("Record who agreed it").fill("Dr Asante, duty radiologist")
    page.keyboard.press("Control+Enter")
    expect_heading(page, "Request sent")
    undo_time_passes()
    assert "Dr Asante" in message_about(woman)

    page = compose(visit, man)
    add(page, "pelvis x-ray")
    expect(page.get_by_role("heading", name="Pelvis X-ray")).to_be_visible()
    expect(page.get_by_text("Could the patient be pregnant?")).to_have_count(0)


@pytest.mark.hazard("H03")
def test_what_is_open_already_needs_a_reason_and_the_reason_is_kept(visit, man, shoot):
    page = compose(visit, man)
    add(page, "fbc")
    expect(page.get_by_role("heading", name="Full blood count", exact=False)).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect_heading(page, "Request sent")
    undo_time_passes()

    page = compose(visit, man)
    add(page, "fbc")
    expect(page.get_by_text("FBC is already requested.", exact=True)).to_be_visible()
    shoot(page, "duplicate")
    by = Counter(page)
    by.click("radio", "Previous sample failed")
    by.press("Control+Enter")
    expect_heading(page, "Request sent")
    assert by.interactions <= 6
    alert = RequestItem.objects.latest("requested_at").alerts.get()
    assert (alert.rule_key, alert.reason_code) == ("dup-open", "sample_failed")


def test_a_better_test_is_one_press_away(visit, man):
    page = compose(visit, man)
    add(page, "ct abdomen")
    expect(page.get_by_role("heading", name="CT abdomen", exact=False).first).to_be_visible()
    page.get_by_label("Add clinical details").fill("Right upper quadrant pain after meals")
    page.get_by_label("Add clinical details").blur()
    expect(page.get_by_text("Ultrasound usually answers this first.", exact=True)).to_be_visible()
    page.get_by_role("button", name="Swap to", exact=False).click()
    expect(page.get_by_role("heading", name="Ultrasound", exact=False).first).to_be_visible()
    expect(page.get_by_role("heading", name="CT abdomen", exact=False)).to_have_count(0)


@pytest.mark.hazard("H06")
def test_an_expired_certificate_stops_an_xray_and_not_bloods(visit, man):
    page = compose(visit, man, "ahp-expired")
    add(page, "fbc")
    expect(page.get_by_role("heading", name="Full blood count", exact=False)).to_be_visible()
    the_box(page).fill("chest")
    expect(page.get_by_role("option").first).to_contain_text("ask a GP")
    the_box(page).press("Enter")
    expect(page.get_by_role("heading", name="Chest X-ray")).to_have_count(0)
    page.keyboard.press("Control+Enter")
    expect_heading(page, "Request sent")


# --- The right patient, the draft, no JavaScript -------------------------------------------------


@pytest.mark.hazard("H01")
def test_a_page_of_one_patient_stops_when_the_record_has_moved_to_another(visit, man, woman, world):
    page = compose(visit, man)
    add(page, "fbc")
    expect(page.get_by_role("heading", name="Full blood count", exact=False)).to_be_visible()
    the_record_moves_on(page, woman)
    page.get_by_role("button", name="Send request for Mr Treetawtchaiwong").click()
    expect_heading(page, "You have changed patient")
    assert_accessible(page)
    assert Request.objects.count() == 0
    page.get_by_role("button", name="Keep working for", exact=False).click()
    expect_heading(page, "Request tests")
    expect(page.get_by_role("heading", name="Full blood count", exact=False)).to_be_visible()


def the_record_moves_on(page: Page, patient: Patient) -> None:
    from django.conf import settings
    from django.contrib.sessions.backends.db import SessionStore

    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    session = SessionStore(cookies[settings.SESSION_COOKIE_NAME])
    session[settings.PATIENT_CONTEXT_KEY] = str(patient.pk)
    session.save()


@pytest.mark.hazard("H01")
def test_a_form_drawn_for_one_patient_is_refused_for_another(world, ready, man, woman):
    client = world.client("gp")
    page = client.get(f"/p/{man.pk}/request/").content.decode()
    seal = page.split('name="patient" value="')[1].split('"')[0]
    fields = {"do": "send", "patient": seal, "item": "fbc", "js": "1"}
    answer = client.post(f"/p/{woman.pk}/request/", fields)
    assert answer.status_code == 409
    assert not Draft.objects.filter(patient=woman).exists()


def test_the_draft_is_kept_without_a_press(visit, man):
    page = compose(visit, man)
    add(page, "che")
    page.get_by_role("checkbox", name="Coughing up blood").check()
    page.get_by_label("Add clinical details").fill("Since August")
    page.get_by_label("Add clinical details").blur()
    expect(page.locator(".app-preview").get_by_text("Since August", exact=False)).to_be_visible()
    again = compose(visit, man)
    expect(again.get_by_label("Add clinical details", exact=False)).to_have_value("Since August")
    expect(again.get_by_role("checkbox", name="Coughing up blood")).to_be_checked()


def test_without_javascript_the_same_request_is_made(visit, man):
    page = compose(visit, man, javascript=False)
    by = Counter(page)
    the_box(page).focus()
    by.type("chest")
    by.press("Enter")
    by.click("button", "Add Chest X-ray")
    by.click("checkbox", "Cough for more than 3 weeks")
    by.click("button", "Send request for Mr Treetawtchaiwong")
    expect_heading(page, "Check the request before sending it")
    by.click("button", "Send request for Mr Treetawtchaiwong")
    expect_heading(page, "Request sent")
    assert by.interactions <= 8
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    undo_time_passes()
    assert parse(bytes(OutboundMessage.objects.get().raw)).get("OBR", 4) == "XCHES"


def test_what_the_patient_takes_home_says_where_and_when_and_nothing_clinical(visit, man):
    page = compose(visit, man)
    add(page, "che")
    page.get_by_role("checkbox", name="Coughing up blood").check()
    page.keyboard.press("Control+Enter")
    expect_heading(page, "Request sent")
    page.get_by_role("link", name="Give the patient the details").click()
    expect_heading(page, "Your tests")
    expect(page.get_by_text("Monday to Friday", exact=False).first).to_be_visible()
    expect(page.get_by_text("blood", exact=False)).to_have_count(0)
    assert_accessible(page)
