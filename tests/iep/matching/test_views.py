"""I4 as people see it: what is marked, which button there is, what the page refuses."""

import re

import pytest
from django.urls import reverse

from accounts.models import AccessEvent
from iep.queries.registration.comparing import compare_rows
from iep.services.registration import matching

from .room import OUR_NUMBER, fresh

pytestmark = pytest.mark.django_db
BUTTON = "Match and send to PACS"


def address(study, patient=None) -> str:
    where = reverse("iep:match", args=[study.pk])
    return f"{where}?patient={patient.pk}" if patient else where


def page(client, study, patient=None) -> str:
    response = client.get(address(study, patient))
    assert response.status_code == 200
    return response.content.decode()


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def row(study, patient, code):
    return next(each for each in compare_rows(study, patient) if each.code == code)


# --- Side by side ---------------------------------------------------------------------------------


def test_each_item_has_its_line_in_three_columns(desk):
    study = desk.arrived(ticket=desk.ticket())
    rows = compare_rows(study, desk.agnes)
    assert [each.label for each in rows] == [
        "Name", "Born", "NHS No.", "S number", "Sex", "Exam", "Acquired", "Accession", "Images",
    ]  # fmt: skip
    said = {each.code: ["".join(t for t, _ in cell) for cell in (each.ticket, each.header,
            each.record)] for each in rows}  # fmt: skip
    assert said["name"] == ["Testpatient, Agnes"] * 3
    assert said["birth_date"] == ["02-Mar-1958"] * 3
    assert said["s_number"] == [OUR_NUMBER, "X4711 (theirs)", OUR_NUMBER]
    assert said["acquired"] == ["03-Nov-2026", "03-Nov-2026 09:15 +0100", ""]
    assert said["images"] == ["", "2", ""]


def test_what_differs_is_marked_letter_by_letter_in_both(desk):
    study = desk.arrived(name="Testpatent^Agnes", birth_date="19580302")
    name = row(study, desk.agnes, "name")
    assert name.is_different
    assert name.record == (("Testpat", False), ("i", True), ("ent, Agnes", False))
    assert "".join(part for part, _ in name.header) == "Testpatent, Agnes"
    assert not row(study, desk.agnes, "birth_date").is_different


def test_a_digit_that_differs_is_marked_and_nothing_else(desk):
    study = desk.arrived(birth_date="19580312")
    born = row(study, desk.agnes, "birth_date")
    assert born.header == (("1", True), ("2-Mar-1958", False))
    assert born.record == (("0", True), ("2-Mar-1958", False))


def test_a_number_of_theirs_is_no_difference_and_a_wrong_one_of_ours_is(desk):
    theirs, ours = (
        desk.arrived(),
        desk.arrived(patient_id="S1234566", issuer="RZ1", study_uid="1.2"),
    )
    assert not row(theirs, desk.agnes, "s_number").is_different
    assert row(ours, desk.agnes, "s_number").is_different


@pytest.mark.parametrize("name", ["TESTPATIENT^AGNES", "Testpatient^Agnes=ＴＥＳＴ^Ａ"])
def test_capitals_and_other_writings_are_no_difference(desk, name):
    assert not row(desk.arrived(name=name), desk.agnes, "name").is_different


def test_the_word_different_stands_beside_the_marks(desk, world):
    html = page(world.client("mbp"), desk.arrived(name="Testpatent^Agnes"))
    assert "<mark>i</mark>" in html
    assert "Different" in text(html)


# --- The page -------------------------------------------------------------------------------------


def test_where_all_agrees_there_is_one_button_and_the_day_is_fixed(desk, world):
    html = page(world.client("mbp"), desk.arrived(ticket=desk.ticket()))
    assert BUTTON in html
    assert 'value="CSKUH"' in html
    assert "It cannot be changed" in text(html)
    assert not re.search(r'name="[^"]*(date|day|acquired)', html)


def test_one_press_matches(desk, world):
    study, client = desk.arrived(ticket=desk.ticket()), world.client("mbp")
    said = dict(re.findall(r'name="(\w+)"[^>]*value="([^"]*)"', page(client, study)))
    response = client.post(address(study), said | {"do": "match"}, follow=True)
    assert "Matched. The RIS is asked" in text(response.content.decode())
    assert fresh(study).state == "matched"


def test_where_something_differs_there_is_no_such_button_but_a_number_to_ring(desk, world):
    html = page(world.client("mbp"), desk.arrived(ticket=desk.ticket(), name="Testpatent^Agnes"))
    assert BUTTON not in html
    assert "Stop: ring the sender" in html
    assert 'href="tel:01632960123"' in html
    assert "Pat Record, St Mary’s, Invention" in text(html)


@pytest.mark.hazard("H41")
def test_the_two_persons_see_what_is_theirs_to_do(desk, world):
    study = desk.arrived(name="Testpatent^Agnes")
    first, second = world.client("mbp"), world.client("mbp-lead")
    said = {"do": "vouch", "patient": desk.agnes.pk, "why": "Rang Pat, a slip."}
    assert first.post(address(study), said).status_code == 302
    assert "You cannot be both" in text(page(first, study, desk.agnes))
    assert "I have compared it" in text(page(second, study, desk.agnes))
    do = {"do": "match", "patient": desk.agnes.pk, "exam_code": "CSKUH"}
    refused = first.post(address(study), do)
    assert refused.status_code == 422
    assert "A second person has to match it" in text(refused.content.decode())
    assert second.post(address(study), do).status_code == 302
    assert fresh(study).state == "matched"


def test_a_record_is_found_by_a_keyed_number_that_never_reaches_the_address(desk, world):
    study, client = desk.arrived(other_ids=None), world.client("mbp")
    assert "Register the patient on the PAS first" in text(page(client, study))
    response = client.post(address(study), {"do": "find", "number": " s1234567 "})
    assert response.url == address(study, desk.agnes)
    assert "no number is on both records" in text(page(client, study, desk.agnes)).lower()


@pytest.mark.parametrize("number", ["", "S9999999", "9990000018x"])
def test_a_number_that_finds_nobody_says_so(desk, world, number):
    study = desk.arrived(other_ids=None)
    response = world.client("mbp").post(address(study), {"do": "find", "number": number})
    assert response.status_code == 422
    assert b"There is a problem" in response.content


def test_a_record_of_another_trust_is_not_shown_by_its_id(desk, world):
    elsewhere = world.patient(family_name="Elsewhere")
    study = desk.arrived(other_ids=None)
    assert "Elsewhere" not in page(world.client("mbp"), study, elsewhere)


@pytest.mark.parametrize("do", ["", "nonsense"])
def test_nonsense_is_answered_in_words(desk, world, do):
    assert world.client("mbp").post(address(desk.arrived()), {"do": do}).status_code == 400


def test_a_decision_on_what_somebody_else_decided_meanwhile_is_refused(desk, world):
    study = desk.arrived()
    desk.match(study)
    do = {"do": "match", "patient": desk.agnes.pk, "exam_code": "CSKUH"}
    response = world.client("mbp-lead").post(address(study), do)
    assert response.status_code == 422
    assert "Somebody else has dealt with this study" in text(response.content.decode())


def test_every_look_is_on_record(desk, world):
    study = desk.arrived()
    page(world.client("mbp"), study)
    found = AccessEvent.objects.filter(action="view_match", object_id=str(study.pk))
    assert found.get().patient_id == str(desk.agnes.pk)


def test_another_trusts_study_is_not_there(desk, world):
    study = desk.arrived()
    assert world.client_elsewhere("mbp").get(address(study)).status_code == 404


# --- Afterwards -----------------------------------------------------------------------------------


@pytest.mark.hazard("H46")
def test_unverified_stands_on_the_page_until_the_ris_has_it(desk, world):
    client, study = world.client("mbp"), desk.arrived()
    for step in (lambda: None, lambda: desk.match(study)):
        step()
        for name in ("iep:match", "iep:images"):
            html = client.get(reverse(name, args=[study.pk])).content.decode()
            assert "data-unverified" in html, name
    desk.answers(fresh(study))
    for name in ("iep:match", "iep:images"):
        html = client.get(reverse(name, args=[study.pk])).content.decode()
        assert "UNVERIFIED" not in html, name


def test_a_refusal_of_the_ris_is_on_the_page_with_a_way_out(desk, world):
    study, client = desk.match(desk.arrived()), world.client("mbp")
    desk.answers(study, "UA", filler="", reason="Unknown exam")
    html = text(page(client, study))
    assert "Not in the RIS : Unknown exam" in html
    do = {"do": "ask-again", "exam_code": "CTHEAD", "why": "Rang: theirs is CTHEAD."}
    assert client.post(address(study), do).status_code == 302
    assert desk.sent().first("OBR").get(4) == "CTHEAD"


def test_a_match_is_taken_back_on_the_page(desk, world):
    study, client = desk.match(desk.arrived()), world.client("mbp")
    assert client.post(address(study), {"do": "unmatch", "why": ""}).status_code == 422
    assert client.post(address(study), {"do": "unmatch", "why": "Twins."}).status_code == 302
    assert fresh(study).state == "failed_verification"


def test_what_cannot_be_copied_says_why_and_can_be_tried_again(desk, world):
    study, client = desk.match(desk.arrived()), world.client("mbp")
    study.filing_why = "An image’s header is out of order."
    study.save()
    assert "Not sent : An image’s header is out of order." in text(page(client, study))
    assert client.post(address(study), {"do": "try-again"}).status_code == 302
    assert fresh(study).filing_why == ""


def test_who_vouched_stays_on_the_page(desk, world):
    study = desk.arrived(name="Testpatent^Agnes")
    matching.vouch(study, patient=desk.agnes, why="A slip.", by=desk.desk)
    desk.match(study, by=desk.lead)
    html = text(page(world.client("mbp"), study))
    assert f"after {desk.desk.label} had rung the sender: A slip." in html


def test_no_identity_is_in_the_title_or_the_address(desk, world):
    study = desk.arrived()
    html = page(world.client("mbp"), study)
    assert "<title>Match and fix up – Diagnostics ordering – NHS" in html
