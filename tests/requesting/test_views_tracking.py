"""R5 and A1: the lanes, whose rows, the filters, the file; a viewer has nothing to press."""

import csv
import io
from functools import partial

import pytest

from accounts.models import AccessEvent
from tests.counting import cost_of

from .surgery import CHEST, FBC, line

MINE, PRACTICE = "/requests/", "/practice/"


@pytest.fixture
def gp(world):
    return world.client("gp")


@pytest.fixture
def admin(world):
    return world.client("practice-admin")


def words(response) -> str:
    return " ".join(response.content.decode().split())


def test_each_lane_shows_its_own_and_the_counts_agree(surgery, gp):
    surgery.delivered(CHEST)
    rejected = surgery.delivered(FBC)
    surgery.says(rejected, "UA", reason=["LABREJ", "", "L", "", "clotted"])
    needs, waiting = words(gp.get(MINE)), words(gp.get(MINE, {"lane": "waiting"}))
    assert "Full blood count" in needs
    assert "Chest X-ray" not in needs
    assert "clotted" in needs
    assert ">Fix<" in needs
    assert "Chest X-ray" in waiting
    assert "Full blood count" not in waiting
    assert "Showing 1 of 1. Not filtered. Sorted by oldest first." in waiting


def test_empty_lanes_say_that_they_are_empty(surgery, gp):
    assert "Nothing needs you." in words(gp.get(MINE))
    for lane in ("waiting", "booked", "done", "all", "drafts"):
        assert "<table" not in words(gp.get(MINE, {"lane": lane}))


def test_a_draft_is_listed_until_it_is_sent(surgery, gp):
    surgery.draft(surgery.patient(), FBC)
    assert "Open the draft" in words(gp.get(MINE, {"lane": "drafts"}))


def test_mine_is_mine_and_the_practice_sees_both(surgery, gp, world):
    surgery.delivered(CHEST, by="gp")
    surgery.delivered(FBC, by="gp2")
    mine, both = words(gp.get(MINE, {"lane": "all"})), words(gp.get(PRACTICE, {"lane": "all"}))
    assert "Full blood count" not in mine
    assert "Full blood count" in both
    assert "Chest X-ray" in both


def test_the_admin_sees_all_of_it_and_has_nothing_to_press(surgery, admin):
    surgery.delivered(CHEST)
    text = words(admin.get(PRACTICE, {"lane": "all"}))
    assert "Chest X-ray" in text
    assert ">Do<" not in text
    assert ">Open<" not in text
    assert admin.get(MINE).status_code == 403


def test_another_practice_sees_none_of_it(surgery, world):
    surgery.delivered(CHEST)
    text = words(world.client("ahp").get(PRACTICE, {"lane": "all"}))
    assert "Chest X-ray" not in text


def test_a_patient_is_found_by_number_and_the_number_is_in_no_address(surgery, admin):
    patient = surgery.patient()
    surgery.delivered(CHEST, patient=patient)
    surgery.delivered(FBC)
    answer = admin.post(PRACTICE, {"who": patient.nhs_number}, follow=True)
    address = answer.redirect_chain[0][0]
    assert patient.nhs_number not in address
    text = words(answer)
    assert "Chest X-ray" in text
    assert "Full blood count" not in text
    assert "Remove the filter: </span>One patient" in text


def test_a_number_that_cannot_be_right_is_said_in_words(surgery, admin):
    text = words(admin.post(PRACTICE, {"who": "999 000 0019"}, follow=True))
    assert "There is a problem" in text
    assert "NHS number is not correct" in text


def test_filters_narrow_and_each_can_be_taken_off(surgery, gp):
    surgery.delivered(CHEST)
    surgery.delivered(FBC)
    text = words(gp.get(MINE, {"lane": "all", "discipline": "pathology", "status": "received"}))
    assert "Full blood count" in text
    assert "Chest X-ray" not in text
    assert "Filtered." in text
    assert 'href="?lane=all&amp;status=received"' in text


@pytest.mark.parametrize("query", [
    {"since": "yesterday"}, {"lane": "nowhere"}, {"requester": "x"}, {"status": "x"},
    {"discipline": "x"}, {"after": "x"}, {"who": "x"}, {"until": "2026-02-30"},
])  # fmt: skip
def test_what_an_address_says_wrongly_never_breaks_the_page(surgery, gp, query):
    assert gp.get(MINE, query).status_code == 200


def test_the_live_line_says_that_the_list_has_changed_and_moves_no_row(surgery, gp):
    asked = {"whose": "mine", "lane": "waiting", "known": "0"}
    assert "The list has changed" not in words(gp.get("/requests/changes", asked))
    surgery.delivered(CHEST)
    text = words(gp.get("/requests/changes", asked))
    assert "The list has changed" in text
    assert "Chest X-ray" not in text


def test_the_file_has_every_row_no_formula_and_a_line_in_the_audit_trail(surgery, gp):
    surgery.delivered(CHEST, patient=surgery.patient(family_name="=HYPERLINK(1)"))
    answer = gp.get("/requests/download", {"whose": "mine", "lane": "all"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["Test"] == "Chest X-ray"
    assert rows[0]["Patient"].startswith("'=HYPERLINK")
    assert "999" not in answer["Content-Disposition"]
    assert AccessEvent.objects.filter(action="download_requests").count() == 1


def test_the_cost_of_the_list_does_not_grow(surgery, gp):
    for _ in range(4):
        surgery.delivered(CHEST)
    few = cost_of(partial(gp.get, MINE, {"lane": "waiting"}))
    for _ in range(10):
        surgery.delivered(line("knee-xray", side="L", reasons=["injury-and-cannot-bear-weight"]))
    more = cost_of(partial(gp.get, MINE, {"lane": "waiting"}))
    assert more == few <= 12
