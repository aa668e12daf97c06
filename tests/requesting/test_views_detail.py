"""R6 and R7: what the page of one request says, what it offers to whom, and what its deeds do."""

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent
from messaging.models import OutboundMessage
from requesting import services
from requesting.models import Draft

from .surgery import CHEST, line, service


@pytest.fixture
def browser(world):
    """`browser("gp")`: that person's browser."""
    return world.client


def page_of(client, item):
    return client.get(reverse("requesting:detail", args=[item.pk]))


def words(response):
    return " ".join(response.content.decode().split())


def act(client, item, verb, **fields):
    return client.post(reverse("requesting:act", args=[item.pk]), {"do": verb} | fields)


def asked(surgery):
    item = surgery.vetting()
    return services.vet_ask(item, question="Since when?", by=surgery.acting("radiologist"))


def rejected(surgery):
    item = surgery.vetting()
    return services.vet_reject(item, reason="detail", by=surgery.acting("radiologist"))


# --- The page ------------------------------------------------------------------------------------


def test_the_page_says_what_was_asked_how_far_it_is_and_who_moved_it(surgery, browser):
    item = surgery.delivered()
    text = words(page_of(browser("gp"), item))
    for expected in (
        "Chest X-ray", "Received", "Kingsmere Radiology has it.", "01632 960100 ext 8569",
        item.request.reference, item.placer_number, "Dr A Patel", "No advice was shown",
        "Received by the department", "Requested",
    ):  # fmt: skip
        assert expected in text
    assert text.index("Received by the department") < text.index('what">Requested')


def test_looking_at_a_request_is_on_record(surgery, browser):
    item = surgery.delivered()
    page_of(browser("gp"), item)
    row = AccessEvent.objects.filter(action="view_request").latest("id")
    assert (row.username, row.patient_id) == ("gp", str(item.patient_id))


def test_practice_admin_sees_all_of_it_and_no_button(surgery, browser):
    item = asked(surgery)
    response = page_of(browser("practice-admin"), item)
    main = words(response).partition("<main")[2]
    assert "Since when?" in main
    assert "<form" not in main
    assert "Cancel" not in main


def test_a_department_sees_only_the_tests_it_was_asked_for(surgery, browser):
    made = surgery.ask(CHEST, line("fbc"))
    items = {item.service.code: surgery.release(item) for item in made.items.all()}
    gp, lab = browser("gp"), browser("lab")
    assert "FBC" in words(page_of(gp, items["chest-xray"])) or "Full blood count" in words(
        page_of(gp, items["chest-xray"])
    )
    assert page_of(lab, items["fbc"]).status_code == 200
    assert "Chest X-ray" not in words(page_of(lab, items["fbc"]))
    assert page_of(lab, items["chest-xray"]).status_code == 404


def test_the_department_reads_whose_move_it_is_and_not_whom_to_ring(surgery, browser):
    item = surgery.delivered(line("fbc"))
    text = words(page_of(browser("lab"), item))
    assert "With you since" in text
    assert "To change it, ring" not in text


def test_another_place_finds_nothing_and_nothing_can_be_done_from_there(surgery, world):
    item = rejected(surgery)
    stranger = world.client_elsewhere("gp")
    assert page_of(stranger, item).status_code == 404
    assert act(stranger, item, "close").status_code == 404
    assert surgery.fresh(item).status == "rejected"


def test_the_live_part_answers_only_when_something_changed(surgery, browser):
    item = surgery.released()
    gp = browser("gp")
    address = reverse("requesting:status", args=[item.pk])
    first = gp.get(address)
    assert first.status_code == 200
    known = first.content.decode().partition("?known=")[2].partition('"')[0]
    assert gp.get(address, {"known": known}).status_code == 204
    surgery.acknowledge(item)
    changed = gp.get(address, {"known": known})
    assert "Received" in words(changed)
    assert "Show the page as it is now" in words(changed)


# --- The deeds, each beside its refusal ----------------------------------------------------------


@pytest.mark.parametrize("verb", ["answer", "fix", "close", "rebook", "collect", "seen", "undo"])
@pytest.mark.parametrize("username", ["practice-admin", "lab", "radiologist", "central"])
def test_only_a_clinician_of_the_place_that_asked_may_do_anything(surgery, browser, verb, username):
    item = rejected(surgery)
    assert act(browser(username), item, verb, text="x").status_code == 403
    assert surgery.fresh(item).status == "rejected"


def test_an_answer_goes_back_to_the_department_and_an_empty_one_does_not(surgery, browser):
    item, gp = asked(surgery), browser("gp")
    empty = act(gp, item, "answer", text=" ")
    assert empty.status_code == 422
    assert "Enter an answer" in words(empty)
    done = act(gp, item, "answer", text="For five weeks.")
    assert done.status_code == 302
    assert surgery.fresh(item).status == "vetting"
    assert "For five weeks." in words(page_of(browser("radiologist"), item))


def test_too_long_an_answer_is_kept_on_the_page(surgery, browser):
    item = asked(surgery)
    response = act(browser("gp"), item, "answer", text="long " * 101)
    assert response.status_code == 422
    assert "long long" in words(response)


def test_fixing_opens_a_fresh_draft_with_the_test_and_nothing_clinical(surgery, browser):
    item = rejected(surgery)
    response = act(browser("gp"), item, "fix")
    assert response["Location"] == reverse("requesting:compose", args=[item.patient_id])
    draft = Draft.objects.get(patient=item.patient)
    assert draft.replaces_id == item.pk
    (only,) = draft.content["items"]
    assert (only["service"], only["reasons"], only["details"]) == ("chest-xray", [], "")


def test_what_is_not_rejected_is_not_fixed_and_says_so(surgery, browser):
    item = surgery.delivered()
    response = act(browser("gp"), item, "fix")
    assert response.status_code == 409
    assert "Nothing was changed" in words(response)
    assert not Draft.objects.filter(patient=item.patient).exists()


def test_closing_ends_a_rejected_request(surgery, browser):
    item = rejected(surgery)
    assert act(browser("gp"), item, "close").status_code == 302
    assert surgery.fresh(item).status == "cancelled"


def test_a_missed_examination_is_asked_for_again(surgery, browser):
    item = surgery.delivered()
    surgery.says(item, "SC", status="HD", reason=["DNA", "Did not attend", "L"])
    assert surgery.fresh(item).status == "dna"
    response = act(browser("gp"), item, "rebook")
    assert response["Location"] == reverse("requesting:compose", args=[item.patient_id])


def test_a_sample_taken_at_the_practice_is_recorded_and_an_image_is_not(surgery, browser):
    gp = browser("gp")
    bloods, image = surgery.delivered(line("fbc")), surgery.delivered()
    assert act(gp, bloods, "collect").status_code == 302
    assert surgery.fresh(bloods).status == "collected"
    assert act(gp, image, "collect").status_code == 409
    assert surgery.fresh(image).status == "received"


def test_a_changed_examination_is_read_once(surgery, browser):
    item = surgery.vetting()
    other = service("abdomen-xray")
    services.vet_change_exam(item, service=other, by=surgery.acting("radiologist"))
    gp = browser("gp")
    assert "I have read the change" in words(page_of(gp, item))
    assert act(gp, item, "seen").status_code == 302
    assert "I have read the change" not in words(page_of(gp, item))


def test_a_held_request_is_undone_in_time_and_not_after(surgery, browser):
    item, gp = surgery.item(), browser("gp")
    assert act(gp, item, "undo")["Location"] == reverse(
        "requesting:compose", args=[item.patient_id]
    )
    assert surgery.fresh(item).status == "cancelled"
    late = surgery.released()
    response = act(gp, late, "undo")
    assert response.status_code == 409
    assert "It has been sent" in words(response)


def test_a_deed_that_nobody_knows_does_nothing(surgery, browser):
    item = rejected(surgery)
    assert act(browser("gp"), item, "explode").status_code == 400
    assert surgery.fresh(item).status == "rejected"


# --- Cancelling ----------------------------------------------------------------------------------


def cancelling(client, item, **fields):
    address = reverse("requesting:cancel", args=[item.pk])
    return client.post(address, fields) if fields else client.get(address)


@pytest.mark.hazard("H09")
def test_what_the_department_has_is_cancelled_by_a_message_after_whom_to_ring(surgery, browser):
    item, gp = surgery.delivered(), browser("gp")
    text = words(cancelling(gp, item))
    assert "Kingsmere Radiology already has this" in text
    assert "01632 960100 ext 8569" in text
    assert cancelling(gp, item, reason=" ").status_code == 422
    before = OutboundMessage.objects.count()
    assert cancelling(gp, item, reason="Patient is better").status_code == 302
    assert OutboundMessage.objects.count() == before + 1
    fresh = surgery.fresh(item)
    assert fresh.status == "received"
    assert fresh.cancel_requested_at is not None


def test_what_waits_for_vetting_here_is_cancelled_at_once(surgery, browser):
    item, gp = surgery.vetting(), browser("gp")
    assert "already has this" not in words(cancelling(gp, item))
    assert cancelling(gp, item, reason="Patient is better").status_code == 302
    assert surgery.fresh(item).status == "cancelled"
    assert not OutboundMessage.objects.exists()


def test_what_is_done_cannot_be_cancelled(surgery, browser):
    item = surgery.report(surgery.delivered())
    response = cancelling(browser("gp"), item, reason="Too late")
    assert response.status_code == 409
    assert "cannot be cancelled now" in words(response)


@pytest.mark.parametrize("username", ["practice-admin", "lab", "radiologist"])
def test_nobody_else_cancels(surgery, browser, username):
    item = surgery.vetting()
    assert cancelling(browser(username), item, reason="No").status_code == 403
    assert surgery.fresh(item).status == "vetting"


def test_the_result_is_one_link_away(surgery, browser):
    item = surgery.delivered()
    with time_machine.travel(timezone.now(), tick=False):
        surgery.report(item)
    assert "Review the result" in words(page_of(browser("gp"), item))
    assert "Open the result" in words(page_of(browser("practice-admin"), item))
