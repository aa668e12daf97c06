"""V1 and V2: the list, one decision after another, and what happens when two decide at once."""

from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent
from messaging.models import OutboundMessage
from requesting import services
from requesting.reasons import REJECTIONS
from tests.counting import cost_of

from .surgery import CHEST, line

LIST = "/vetting/"


@pytest.fixture
def browser(world):
    return world.client


@pytest.fixture
def radiologist(world):
    return world.client("radiologist")


def words(response):
    return " ".join(response.content.decode().split())


def vet(client, item, do=None, **fields):
    address = reverse("requesting:vet", args=[item.pk])
    return client.post(address, {"do": do} | fields) if do else client.get(address)


def later(seconds):
    return time_machine.travel(timezone.now() + timedelta(seconds=seconds), tick=False)


# --- The list ------------------------------------------------------------------------------------


def test_the_list_says_who_waits_how_long_for_what_and_what_is_not_safe(surgery, world):
    surgery.vetting(line("us-abdomen", reasons=["jaundice"]))
    surgery.vetting(priority="urgent")
    with later(4 * 86400):
        text = words(world.client("radiologist").get(LIST))
    for expected in (
        "Start vetting (2)", "Ultrasound abdomen", "Jaundice", "Over 3 days", "Northgate Surgery",
        "Urgent first, then oldest", "TESTPATIENT, Agnes (Mrs)", "Nobody",
    ):  # fmt: skip
        assert expected in text
    assert text.index("Chest X-ray<") < text.index("Ultrasound abdomen<")


def test_an_empty_lane_says_so_and_offers_nothing_to_start(surgery, radiologist):
    text = words(radiologist.get(LIST))
    assert "Nothing to vet. New requests appear here." in text
    assert "Start vetting" not in text
    for lane in ("mine", "waiting", "decided"):
        assert "<table" not in words(radiologist.get(LIST, {"lane": lane}))


def test_the_list_is_narrowed_by_kind_priority_and_practice(surgery, radiologist):
    surgery.vetting(line("us-abdomen", reasons=["jaundice"]))
    surgery.vetting(priority="urgent")
    for query, shown, hidden in (
        ({"modality": "US"}, "Ultrasound abdomen<", "Chest X-ray<"),
        ({"priority": "urgent"}, "Chest X-ray<", "Ultrasound abdomen<"),
    ):
        text = words(radiologist.get(LIST, query))
        assert shown in text
        assert hidden not in text
        assert "Filtered." in text
    assert "No request fits these filters" in words(radiologist.get(LIST, {"practice": "99999"}))
    assert radiologist.get(LIST, {"practice": "x", "page": "-4", "site": "²"}).status_code == 200


def test_looking_at_the_list_is_on_record(surgery, radiologist):
    radiologist.get(LIST)
    assert AccessEvent.objects.filter(action="list_requests", reason="vetting to_vet").exists()


def test_the_live_line_counts_what_came_since(surgery, radiologist):
    moment = timezone.now() - timedelta(minutes=1)
    address = reverse("requesting:vetting-changes")
    assert "new." not in words(radiologist.get(address, {"since": moment.isoformat()}))
    surgery.vetting()
    surgery.vetting(CHEST)
    assert "2 new." in words(radiologist.get(address, {"since": moment.isoformat()}))
    assert radiologist.get(address, {"since": "2026-99-99T00:00"}).status_code == 200


def test_starting_opens_the_most_urgent(surgery, radiologist):
    surgery.vetting()
    urgent = surgery.vetting(priority="urgent")
    response = radiologist.post(reverse("requesting:vetting-start"))
    assert response["Location"] == reverse("requesting:vet", args=[urgent.pk])


def test_a_full_page_costs_the_same_as_ten_rows(surgery, radiologist):
    for _ in range(10):
        surgery.vetting()
    ten = cost_of(partial(radiologist.get, LIST))
    for _ in range(42):
        surgery.vetting()
    full = cost_of(partial(radiologist.get, LIST))
    text = words(radiologist.get(LIST))
    assert "Showing 50 of 52" in text
    assert "Next page" in text
    assert "Showing 2 of 52" in words(radiologist.get(LIST, {"page": "2"}))
    assert ten == full <= 12


# --- One decision after another ------------------------------------------------------------------


def test_accepting_leads_to_the_next_and_is_sent_when_the_time_is_over(surgery, radiologist):
    first, second = surgery.vetting(), surgery.vetting()
    response = vet(radiologist, first, "accept")
    following = f"{reverse('requesting:vet', args=[second.pk])}?decided={first.pk}"
    assert response["Location"] == following
    text = words(radiologist.get(following))
    assert "Accepted: Chest X-ray" in text
    assert "Undo" in text
    assert not OutboundMessage.objects.exists()
    with later(11):
        assert services.order_due() == 1
    assert OutboundMessage.objects.get().kind == "OMG^O19 NW"


def test_the_last_decision_leads_back_to_the_list_with_the_way_to_undo_it(surgery, radiologist):
    item = surgery.vetting()
    where = vet(radiologist, item, "accept")["Location"]
    assert where == f"{LIST}?decided={item.pk}"
    assert "Undo" in words(radiologist.get(where))


def test_one_that_was_left_undecided_comes_round_again(surgery, radiologist):
    first, second = surgery.vetting(), surgery.vetting()
    assert vet(radiologist, first, "leave")["Location"].endswith(f"/{second.pk}/")
    assert f"/{first.pk}/" in vet(radiologist, second, "accept")["Location"]
    assert surgery.fresh(first).vetting_by is None


def test_undo_puts_it_back_before_the_same_person_and_not_after_ten_seconds(surgery, radiologist):
    item = surgery.vetting()
    vet(radiologist, item, "reject detail")
    assert surgery.fresh(item).status == "rejected"
    assert vet(radiologist, item, "undo")["Location"].endswith(f"/vetting/{item.pk}/")
    assert surgery.fresh(item).status == "vetting"
    vet(radiologist, item, "accept")
    with later(11):
        response = vet(radiologist, item, "undo")
    assert response.status_code == 409
    assert "Too late to undo" in words(response)
    assert surgery.fresh(item).status == "walkin"


def test_a_second_press_of_the_same_decision_leads_on_and_decides_nothing_else(
    surgery, radiologist
):
    first, second = surgery.vetting(), surgery.vetting()
    vet(radiologist, first, "accept")
    again = vet(radiologist, first, "accept")
    assert f"/{second.pk}/" in again["Location"]
    assert surgery.fresh(second).status == "vetting"
    assert first.events.filter(event="ready").count() == 1


@pytest.mark.hazard("H10")
@pytest.mark.parametrize("code", sorted(REJECTIONS))
def test_every_reason_rejects_and_tells_the_requester(surgery, radiologist, code):
    item = surgery.vetting()
    needs_words = REJECTIONS[code].needs_words
    said = {"words": "MRI of the knee"} if needs_words else {}
    if needs_words:
        refused = vet(radiologist, item, f"reject {code}", words=" ")
        assert refused.status_code == 422
        assert "Say which, or why" in words(refused)
    assert vet(radiologist, item, f"reject {code}", **said).status_code == 302
    fresh = surgery.fresh(item)
    assert fresh.status == "rejected"
    assert fresh.reason.startswith(REJECTIONS[code].words)


def test_a_changed_examination_is_accepted_with_its_side(surgery, radiologist):
    item = surgery.vetting(line("knee-xray", side="L", details="Locking since a fall"))
    assert "Knee X-ray, right" in words(vet(radiologist, item))
    for wrong in ("", "knee-xray", "no-such-exam L"):
        response = vet(radiologist, item, "change", exam=wrong)
        assert response.status_code == 422
        assert surgery.fresh(item).status == "vetting"
    assert vet(radiologist, item, "change", exam="knee-xray R").status_code == 302
    fresh = surgery.fresh(item)
    assert (fresh.service_name, fresh.side) == ("X-ray of right knee", "R")
    assert fresh.status in ("walkin", "accepted")


def test_a_question_waits_for_its_answer_and_an_empty_one_is_not_sent(surgery, radiologist):
    item = surgery.vetting()
    empty = vet(radiologist, item, "ask", question=" ")
    assert empty.status_code == 422
    assert "Enter a question" in words(empty)
    long = vet(radiologist, item, "ask", question="why " * 130)
    assert long.status_code == 422
    assert "why why" in words(long)
    assert vet(radiologist, item, "ask", question="Since when?").status_code == 302
    assert surgery.fresh(item).status == "info"
    assert "Since when?" in words(radiologist.get(LIST, {"lane": "waiting"}))


def test_the_page_shows_what_the_decision_needs(surgery, radiologist):
    patient = surgery.patient()
    surgery.report(surgery.delivered(patient=patient), headline="Clear lungs.")
    surgery.report(
        surgery.delivered(line("hba1c"), patient=patient), value="52", units="mmol/mol", flag="H"
    )
    item = surgery.vetting(
        line("us-abdomen", reasons=["jaundice"], details="Dark urine."), patient=patient
    )
    text = words(vet(radiologist, item))
    for expected in (
        "1 of 1", "Jaundice", "Dark urine.", "Clear lungs.", "Read the report",
        "<strong>52</strong>", "Dr A Patel", "01632 960010", "Not enough clinical detail",
    ):  # fmt: skip
        assert expected in text
    assert text.index("Dark urine.") < text.index("Safety") < text.index("Clear lungs.")


def test_the_menu_is_out_of_the_way(surgery, radiologist):
    assert "nhsuk-header__navigation" in words(radiologist.get(LIST))
    assert "nhsuk-header__navigation" not in words(vet(radiologist, surgery.vetting()))


# --- Two at once ---------------------------------------------------------------------------------


def test_who_opened_it_is_shown_to_the_others_who_may_take_over(surgery, world, radiologist):
    item, colleague = surgery.vetting(), world.client("radiology-admin")
    vet(radiologist, item)
    text = words(vet(colleague, item))
    assert "Dr H Marsh is looking at this" in text
    assert "Take over" in text
    assert 'value="accept"' not in text
    response = vet(colleague, item, "ask", question="How long has it hurt?")
    assert response.status_code == 409
    assert "Your decision was not saved" in words(response)
    assert "How long has it hurt?" in words(response)
    assert surgery.fresh(item).status == "vetting"
    assert vet(colleague, item, "take-over").status_code == 302
    assert vet(radiologist, item, "accept").status_code == 409
    assert vet(colleague, item, "accept").status_code == 302


def test_what_a_colleague_decided_meanwhile_is_shown_and_not_decided_again(
    surgery, world, radiologist
):
    item, colleague = surgery.vetting(), world.client("radiology-admin")
    vet(radiologist, item)
    vet(colleague, item, "take-over")
    vet(colleague, item, "reject not_justified")
    response = vet(radiologist, item, "accept")
    assert response.status_code == 409
    text = words(response)
    assert "decided already" in text
    assert "Not justified" in text
    assert surgery.fresh(item).status == "rejected"


def test_a_head_request_does_not_take_the_request(surgery, radiologist):
    item = surgery.vetting()
    radiologist.head(reverse("requesting:vet", args=[item.pk]))
    assert surgery.fresh(item).vetting_by is None


# --- Who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("username", ["gp", "ahp", "practice-admin", "lab", "central"])
@pytest.mark.parametrize("do", ["accept", "reject detail", "ask", "undo", "take-over"])
def test_nobody_else_decides(surgery, browser, username, do):
    item = surgery.vetting()
    client = browser(username)
    assert vet(client, item, do, question="Why?").status_code == 403
    assert client.get(LIST).status_code == 403
    assert client.post(reverse("requesting:vetting-start")).status_code == 403
    assert surgery.fresh(item).status == "vetting"


def test_another_departments_vetter_finds_nothing(surgery, world):
    item, stranger = surgery.vetting(), world.client_elsewhere("radiologist")
    assert vet(stranger, item).status_code == 404
    assert vet(stranger, item, "accept").status_code == 404
    assert "TESTPATIENT" not in words(stranger.get(LIST))
    assert surgery.fresh(item).status == "vetting"


def test_a_press_that_nobody_knows_decides_nothing(surgery, radiologist):
    item = surgery.vetting()
    assert vet(radiologist, item, "explode").status_code == 400
    assert surgery.fresh(item).status == "vetting"
