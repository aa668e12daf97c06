"""The pages: asking (R11), one's own tickets, one ticket (I2); and whose they are."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AccessEvent, Organisation
from demo.people import KINGSMERE
from iep.asking import STEPS, step_of
from iep.models import Study, Ticket, TicketDraft
from iep.services.ticketing import tickets
from iep.states.priorities import Priority
from iep.states.tickets import TicketEvent, TicketState
from iep.tasks import sweep_tickets
from tests.iep.tickets import asking
from tests.world import World

pytestmark = pytest.mark.django_db
ASK = "/iep/new/"
EMAIL = """From: Dr Ann Bell <a.bell@kingsmere.nhs.example>

Please get this scan from QMC for the MDT.
Patient: TESTPATIENT, Agnes
DOB: 02/03/1958
NHS No: 999 000 0018
S number: S1234567
CT head 13/10/2026 (CHEAD)
Consultant: Mr A Crane
Department: Neurosurgery
Tel: 01632 960111
"""
WHOLE = {
    "kind": "import", "where": "qmc", "family_name": "Testpatient", "given_names": "Agnes",
    "birth_date": "2 3 1958", "nhs_number": "999 000 0018", "s_number": "s1234567", "rows": "1",
    "exam-1-date": "3 11 2026", "exam-1-description": "CT head", "exam-1-code": "chead",
    "requester_name": "Dr Ann Bell", "requester_phone": "01632 960111",
    "requester_email": asking.ADDRESS, "consultant": "Mr A Crane", "department": "Neurosurgery",
    "priority": "1", "reason": "mdt", "key": "6f0f8f3e-8a0e-4d2a-9f4d-8d4f0a3f7c11",
}  # fmt: skip


@pytest.fixture
def desk(world: World) -> Client:
    asking.hospital()
    return world.client("mbp")


def page(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def carried(response: Any) -> dict[str, str]:
    """The hidden fields of a page in between."""
    pairs = re.findall(
        r'<input type="hidden" name="([\w-]+)" value="([^"]*)">', response.content.decode()
    )
    return {name: value for name, value in pairs if name != "csrfmiddlewaretoken"}


def summary(response: Any) -> list[str]:
    """The anchors and words of the error summary."""
    text = response.content.decode()
    found = re.search(r'nhsuk-error-summary__list".*?</ul>', text, re.DOTALL)
    return re.findall(r'href="#([\w-]+)"', found.group()) if found else []


# --- Asking --------------------------------------------------------------------------------------


def send(client: Client, **said: str) -> Any:
    """A page of the form is sent; what the browser shows then."""
    return client.post(ASK, said, follow=True)


def on(response: Any, **said: str) -> dict[str, str]:
    """The page that is shown, filled in: its hidden fields, and what a person adds."""
    return _unescaped(carried(response)) | said


def steps(response: Any) -> str:
    """The page of the form that is shown: its number and words."""
    found = re.search(r'aria-current="step"><strong>([^<]+)', response.content.decode())
    return found.group(1) if found else ""


@pytest.mark.parametrize(("step", "verb", "anchors"), [
    ("way", "next way", ["kind-import"]),
    ("patient", "next patient", ["nhs_number", "family_name", "given_names", "birth_date",
                                 "s_number", "where"]),
    ("scans", "check", ["exam-1-date", "requester_name", "requester_phone", "requester_email",
                        "consultant", "department", "priority", "reason"]),
])  # fmt: skip
def test_an_empty_page_names_every_missing_field_and_each_link_leads_to_a_field(
    desk, step, verb, anchors
):
    names = set(STEPS[step]) | {name for name in WHOLE if name.startswith("exam-")}
    said = {name: text for name, text in WHOLE.items() if step != "scans" or name not in names}
    if step != "scans":
        said = {name: text for name, text in said.items() if name not in STEPS[step]}
    response = send(desk, **said, do=verb, step=step)
    assert response.status_code == 422
    assert summary(response) == anchors
    text = response.content.decode()
    assert [each for each in anchors if f'id="{each}"' not in text] == []
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(("kind", "anchors"), [
    ("export", ["other_name", "other_phone", "other_email"]), ("disc", ["discs",
                                                                       "internal_address"]),
])  # fmt: skip
def test_what_only_one_way_needs_is_asked_there_and_named(desk, kind, anchors):
    shown = page(send(desk, **WHOLE | {"kind": kind}, do="go patient"))
    other = page(send(desk, **WHOLE, do="go patient"))
    assert [name for name in anchors if f'id="{name}"' not in shown] == []
    assert [name for name in anchors if f'id="{name}"' in other] == []
    response = send(desk, **WHOLE | {"kind": kind}, do="check")
    assert (response.status_code, summary(response)) == (422, anchors)


def test_three_short_pages_lead_to_the_check(desk, world):
    world.patient(nhs_number="9990000018", s_number="S1234567")
    first = desk.get(ASK)
    assert steps(first) == "1. Which way"
    second = send(desk, **on(first, do="way import"))
    assert steps(second) == "2. Patient and where"
    third = send(desk, **on(second, nhs_number="999 000 0018", where="qmc", do="next patient"))
    assert steps(third) == "3. Scans and priority"
    assert page(third).count('<section class="app-banner"') == 1
    assert "app-banner" not in page(second)  # nobody is chosen there yet
    last = send(desk, **on(third, **asked_on("scans"), do="check"))
    assert "Check the request for images" in page(last)
    assert desk.post(ASK, on(last, do="open")).status_code == 302
    assert Ticket.objects.get().patient is not None


def asked_on(step: str) -> dict[str, str]:
    """What a person answers on that page of the form."""
    names = [name for name in WHOLE if name not in ("key", "rows")]
    return {name: WHOLE[name] for name in names if step_of(name) == step}


def test_a_page_that_shows_our_record_writes_down_that_it_was_looked_at(desk, world):
    patient = world.patient(nhs_number="9990000018", s_number="S1234567")
    seen = AccessEvent.objects.filter(patient_id=str(patient.pk), action="find_patient")
    before = seen.count()
    for verb in ("go scans", "check"):
        shown = page(send(desk, **WHOLE, do=verb))
        assert shown.count('<section class="app-banner"') == 1
    assert (seen.count() - before, seen.latest("pk").outcome) == (2, "ok")


def test_going_back_and_loading_again_show_what_was_typed_and_send_nothing(desk):
    first = desk.get(ASK)
    second = send(desk, **on(first, do="way import"))
    third = send(desk, **on(second, **WHOLE | {"do": "next patient", "key": key_of(first)}))
    back = desk.get(second.redirect_chain[-1][0])  # what the back button fetches
    for value in ("999 000 0018", "Testpatient", "Nottingham Queens Medical Centre"):
        assert f'value="{value}' in page(back)
    assert steps(desk.get(third.redirect_chain[-1][0])) == "3. Scans and priority"
    assert not Ticket.objects.exists()


def key_of(response: Any) -> str:
    return carried(response)["key"]


def test_a_page_that_was_open_for_long_takes_nothing_of_the_others_back(desk):
    second = send(desk, **on(desk.get(ASK), do="way import"))
    patient, scans = asked_on("patient"), asked_on("scans")
    third = send(desk, **on(second, **patient, do="next patient"))
    send(desk, **on(third, **scans, do="check"))
    stale = on(second, **patient | {"nhs_number": "999 000 0026"}, do="next patient")
    assert "exam-1-date" not in stale  # it knows of no scan
    checked = page(send(desk, **stale))
    assert "CT head (CT, code CHEAD)" in checked
    assert "999 000 0026" in checked


def test_what_was_typed_outlives_its_draft(desk):
    first = desk.get(ASK)
    second = send(desk, **on(first, do="way export"))
    TicketDraft.objects.all().delete()
    third = send(desk, **on(second, nhs_number="1", do="next patient"))
    assert carried(third)["kind"] == "export"
    assert "Where they go" in page(third)


def test_a_request_that_was_opened_is_found_from_its_old_pages(desk):
    checked = send(desk, **WHOLE, do="check")
    where = checked.redirect_chain[-1][0]
    desk.post(ASK, on(checked, do="open"))
    ticket = Ticket.objects.get()
    assert desk.get(where)["Location"] == f"/iep/{ticket.reference}/"
    for stranger in ("6f0f8f3e-8a0e-4d2a-9f4d-8d4f0a3f7c19", "nonsense"):
        assert desk.get(ASK, {"draft": stranger})["Location"] == ASK


def test_what_is_begun_and_not_sent_is_listed_for_who_began_it_alone(desk, world):
    send(desk, **WHOLE, do="next patient")
    for where in (ASK, "/iep/mine/"):
        text = page(desk.get(where))
        assert "Not sent yet" in text
        assert "Queens Medical Centre, Nottingham, CT head. Begun" in text
        assert "Not sent yet" not in page(world.client("mbp-lead").get(where))
    assert "Testpatient" not in page(desk.get("/iep/mine/"))
    checked = send(desk, key=WHOLE["key"], do="resume")
    assert "Check the request for images" in page(checked)
    assert "is thrown away" in page(send(desk, key=WHOLE["key"], do="drop"))
    assert "Not sent yet" not in page(desk.get(ASK))
    send(desk, **WHOLE, do="next patient")
    assert desk.post(ASK, on(checked, do="open")).status_code == 302
    assert "Not sent yet" not in page(desk.get(ASK))


def test_a_draft_stays_at_the_place_where_it_was_begun(desk):
    send(desk, **WHOLE, do="next patient")
    elsewhere = Organisation.objects.exclude(ods_code=KINGSMERE)[0]
    TicketDraft.objects.update(organisation=elsewhere)
    assert "Not sent yet" not in page(desk.get(ASK))
    assert desk.get(ASK, {"draft": WHOLE["key"], "step": "check"})["Location"] == ASK


def test_who_was_called_away_signs_in_again_and_goes_on(desk, world):
    send(desk, **WHOLE, do="next patient")
    desk.logout()
    back = world.client("mbp")
    assert "Queens Medical Centre, Nottingham, CT head. Begun" in page(back.get("/iep/mine/"))
    assert "Check the request for images" in page(send(back, key=WHOLE["key"], do="resume"))


def test_a_draft_to_which_nobody_comes_back_goes_after_three_days(desk):
    send(desk, **WHOLE, do="next patient")
    sweep_tickets()
    assert "Not sent yet" in page(desk.get(ASK))
    TicketDraft.objects.update(saved_at=timezone.now() - timedelta(days=3, minutes=1))
    assert "Not sent yet" not in page(desk.get(ASK))
    sweep_tickets()
    assert not TicketDraft.objects.exists()


def test_of_more_than_five_drafts_the_oldest_goes(desk):
    keys = [str(uuid.uuid4()) for _ in range(6)]
    for key in keys:
        send(desk, **WHOLE | {"key": key}, do="next patient")
    assert {str(each.key) for each in TicketDraft.objects.all()} == set(keys[1:])


@pytest.mark.parametrize("said", [
    {"note-exam-20": "x"}, {"picked": "nobody exam-9"}, {"rows": "x"}, {"step": "x"}, {"key": "x"},
    {"do": "next x"}, {"do": "way x"}, {"do": "change x"}, {"do": "go x"}, {"do": "remove x"},
])  # fmt: skip
def test_no_forged_page_is_an_error(desk, said):
    for verb in ("next patient", "check", "pick"):
        answer = send(desk, **{"do": verb, **WHOLE, **said})
        assert answer.status_code in (200, 422)


def test_no_address_of_the_form_says_who_the_patient_is(desk):
    for verb in ("next patient", "check", "go patient", "change nhs_number"):
        for where, _ in send(desk, **WHOLE, do=verb).redirect_chain:
            assert not any(each in where for each in ("9990000018", "Testpatient", "S1234567"))


def test_a_whole_form_is_checked_and_then_opened_once(desk, world):
    world.patient(nhs_number="9990000018", s_number="S1234567")
    response = send(desk, **WHOLE, do="check")
    assert response.status_code == 200
    text = page(response)
    assert "Check the request for images" in text
    assert "Nottingham Queens Medical Centre, Nottingham" in text
    assert "CT head (CT, code CHEAD)" in text
    assert not Ticket.objects.exists()
    fields = _unescaped(carried(response)) | {"do": "open"}
    for response in (desk.post(ASK, fields), desk.post(ASK, fields)):  # sent twice
        assert response.status_code == 302
    ticket = Ticket.objects.get()
    assert response["Location"] == f"/iep/{ticket.reference}/"
    assert ticket.exams.get().modality == "CT"
    assert ticket.patient is not None


def test_what_the_page_in_between_carries_is_what_was_typed(desk):
    response = send(desk, **WHOLE | {"do": "check", "instructions": 'Say "<b>left</b>"'})
    back = send(desk, **on(response, do="change where"))
    text = back.content.decode()
    assert "Say &#34;&lt;b&gt;left&lt;/b&gt;&#34;" in text
    for value in ("999 000 0018", "Mr A Crane", "chead", "3 11 2026"):
        assert value in text


def _unescaped(fields: dict[str, str]) -> dict[str, str]:
    from html import unescape

    return {name: unescape(value) for name, value in fields.items()}


def test_a_pasted_email_that_says_all_of_it_goes_straight_to_the_check(desk, world):
    world.patient(nhs_number="9990000018", s_number="S1234567")
    response = send(desk, do="pick", pasted=EMAIL, rows="1", priority="1")
    text = page(response)
    assert "Check the request for images" in text
    assert text.count(">Picked out<") >= 8
    fields = _unescaped(carried(response))
    assert desk.post(ASK, fields | {"do": "open"}).status_code == 302
    assert Ticket.objects.get().pasted.startswith("From: Dr Ann Bell")


@pytest.mark.parametrize(("was", "becomes", "said"), [
    ("13/10/2026", "30/02/2026", "30/02/2026 is not a date"),
    ("999 000 0018", "999 000 0019", "The NHS number in the text is not correct"),
    ("from QMC", "from QMC or from Spire", "More than one hospital"),
    ("for the MDT", "as Blue Light for the MDT", "The text says Blue Light"),
    ("Please get", "Please send all imaging, and get", "Name each scan and its date"),
])  # fmt: skip
def test_what_is_ambiguous_stays_empty_with_its_note(desk, was, becomes, said):
    asking.hospital("Spire Leicester", aliases=("Spire",))
    pasted = EMAIL.replace(was, becomes)
    response = send(desk, do="pick", pasted=pasted, rows="1", priority="1")
    assert "<h1" in response.content.decode()
    assert "Ask for images</h1>" in page(response)
    assert said in page(response)


@pytest.mark.hazard("H39")
def test_a_text_that_says_blue_light_is_never_quietly_standard(desk):
    pasted = EMAIL.replace("for the MDT", "Blue light please")
    response = send(desk, do="pick", pasted=pasted, rows="1", priority="1")
    assert steps(response) == "3. Scans and priority"
    text = page(response)
    assert not re.search(r'name="priority"[^>]*checked', text)
    response = send(desk, **WHOLE | {"priority": "", "do": "check"})
    assert "priority" in summary(response)


@pytest.mark.parametrize("name", [
    "where", "note-where", "note-kind", "note-exam-1", "pasted", "exam-1-description", "consultant",
    "picked", "key", "note-priority", "eligibility", "institution",
])  # fmt: skip
def test_nothing_that_was_posted_becomes_markup(desk, name):
    asking.hospital("Nottingham City Hospital")
    said = WHOLE | {"where": "nottingham", name: "\"'><script>alert(1)</script>"}
    for verb in ("check", "change where", "change exam-1-date", "go way"):
        assert "<script>alert" not in send(desk, **said | {"do": verb}).content.decode()


def test_a_text_of_nothing_says_so(desk):
    response = desk.post(ASK, {"do": "pick", "pasted": "Good morning", "rows": "1"})
    assert response.status_code == 422
    assert "Nothing was found in the text" in page(response)


@pytest.mark.hazard("H39")
def test_blue_light_without_its_reason_is_an_interruption(desk):
    response = send(desk, **WHOLE | {"do": "check", "priority": "0", "reason": ""})
    assert "Blue Light is for theatre or ambulance only" in page(response)
    fields = _unescaped(carried(response))
    text = page(send(desk, **fields | {"do": "blue theatre"}))
    assert "Blue Light: Due in theatre in the next few hours" in text
    response = send(desk, **fields | {"do": "blue"})
    assert summary(response) == ["reason"]  # Standard, and its reason is asked for
    desk.post(ASK, fields | {"do": "open", "eligibility": "ambulance"})
    assert Ticket.objects.get().priority == Priority.BLUE_LIGHT


def test_a_number_that_the_trust_knows_fills_the_patient_in(desk, world):
    world.patient(nhs_number="9990000018", s_number="S1234567")
    response = send(desk, do="find", s_number="S1234567", rows="1")
    text = response.content.decode()
    for value in ("Testpatient", "Agnes", "2 3 1958", "999 000 0018"):
        assert f'value="{value}"' in text
    assert AccessEvent.objects.filter(action="find_patient", outcome="ok").exists()
    response = send(desk, do="find", s_number="S7654321", rows="1")
    assert response.status_code == 422
    assert AccessEvent.objects.filter(action="find_patient", outcome="denied").exists()


def test_a_number_of_another_places_patient_fills_nothing_in(desk, world):
    world.patient(nhs_number="9990000018")
    response = send(desk, do="find", nhs_number="999 000 0018", rows="1")
    assert response.status_code == 422
    assert "Testpatient" not in page(response)


def test_a_launched_patient_is_filled_in_and_a_stranger_is_not(desk, world):
    known = world.patient(nhs_number="9990000018", s_number="S1234567")
    other = world.patient(family_name="Elsewhere")
    assert 'value="S1234567"' in page(desk.get(ASK, {"patient": known.pk}))
    assert "Elsewhere" not in page(desk.get(ASK, {"patient": other.pk}))
    assert desk.get(ASK, {"patient": "nonsense"}).status_code == 200


def test_who_asks_for_themselves_types_nothing_twice(world):
    asker = asking.requester(world)
    asking.opened(world, by=asker)
    client = world.client("asker")
    first = client.get(ASK)
    for value in ("Dr A Bell", asking.ADDRESS, "01632 960111 ext 4455", "Neurosurgery"):
        assert f'value="{value}"' in page(first)
    scans = send(client, **on(first, do="go scans"))
    text = page(scans)
    assert "Dr A Bell, 01632 960111 ext 4455" in text
    assert 'id="consultant"' in text[: text.index("part-priority")].rpartition("</details>")[2]
    assert "Change who asks" in text


def test_a_name_that_several_hospitals_have_is_chosen_by_a_person(desk):
    asking.hospital("Nottingham City Hospital")
    response = send(desk, **WHOLE | {"do": "check", "where": "nottingham"})
    text = page(response)
    assert summary(response) == ["where"]
    assert "Which of these hospitals?" in text
    chosen = asking.hospital("Nottingham City Hospital").pk
    again = send(desk, **on(response, do="next patient"))
    assert (summary(again), "Which of these hospitals?" in page(again)) == (["where"], True)
    said = asked_on("patient") | on(response, institution=str(chosen), do="next patient")
    assert "Nottingham City Hospital, Nottingham" in page(send(desk, **said))
    response = send(desk, **WHOLE | {"do": "check", "where": "", "institution": str(chosen)})
    assert "Nottingham City Hospital, Nottingham" in page(response)
    response = send(desk, **WHOLE | {"do": "check", "where": "St Elsewhere"})
    assert "No hospital is called that" in page(response)


def test_rows_are_added_and_removed_and_nothing_else_is_lost(desk):
    response = send(desk, **WHOLE | {"do": "add"})
    assert 'id="exam-2-date"' in response.content.decode()
    response = send(desk, **WHOLE | {"do": "remove 1", "rows": "2", "exam-2-date": "4 11 2026"})
    text = response.content.decode()
    assert 'id="exam-2-date"' not in text
    assert 'value="4 11 2026"' in text
    assert 'value="Mr A Crane"' in text


def test_what_is_open_already_is_said_and_opened_only_on_purpose(desk, world):
    asking.opened(world)
    known = Ticket.objects.get()
    checked = send(desk, **WHOLE | {"do": "check"})
    assert "This is asked for already" in page(checked)
    assert known.reference in page(checked)
    response = send(desk, **WHOLE | {"do": "open"})
    assert response.status_code == 409
    assert Ticket.objects.count() == 1
    fields = _unescaped(carried(response))
    assert desk.post(ASK, fields | {"do": "open"}).status_code == 302
    assert Ticket.objects.count() == 2


@pytest.mark.parametrize("family", ["TESTPATIENT", "Test-Patient", "Tést Patient", "Test’patient"])
def test_a_name_and_a_birth_date_are_a_duplicate_however_the_name_is_written(desk, world, family):
    asking.opened(world, nhs_number="9990000026", s_number="S7654321", family_name=family)
    assert "This is asked for already" in page(send(desk, **WHOLE | {"do": "check"}))


@pytest.mark.parametrize("changes", [
    {"nhs_number": "9990000026", "s_number": "S7654321", "family_name": "Another"},
    {"exams": (asking.scan(acquired_on=date(2026, 10, 1)),)},
])  # fmt: skip
def test_another_patient_or_another_day_is_no_duplicate(desk, world, changes):
    asking.opened(world, **changes)
    assert "This is asked for already" not in page(send(desk, **WHOLE | {"do": "check"}))


@pytest.mark.hazard("H41")
def test_a_record_that_contradicts_the_form_is_said_before_the_check(desk, world):
    world.patient(nhs_number="9990000018", s_number="S1234567", birth_date=date(1958, 3, 3))
    response = send(desk, **WHOLE | {"do": "check"})
    assert summary(response) == ["nhs_number"]
    assert "the birth date is different" in page(response)


def test_an_unknown_patient_may_be_asked_for_and_the_page_says_to_register_them(desk):
    text = page(send(desk, **WHOLE | {"do": "check"}))
    assert "does not know this patient yet" in text


# --- Whose ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("username", "status"), [
    ("mbp", 200), ("mbp-lead", 200), ("on-call", 200), ("radiographer", 200), ("central", 200),
    ("radiologist", 404),  # of another trust
    ("gp", 403), ("lab", 403)])  # fmt: skip
def test_a_ticket_is_its_trusts(world, username, status):
    ticket = asking.opened(world)
    assert world.client(username).get(f"/iep/{ticket.reference}/").status_code == status


def test_a_ticket_of_another_trust_and_none_at_all_look_the_same(world):
    ticket = asking.opened(world)
    stranger = world.client_elsewhere("mbp")
    theirs = stranger.get(f"/iep/{ticket.reference}/")
    none = stranger.get("/iep/IEP-010101-001/")
    assert (theirs.status_code, none.status_code) == (404, 404)
    assert stranger.post(f"/iep/{ticket.reference}/act", {"do": "take"}).status_code == 404
    ticket.refresh_from_db()
    assert ticket.assigned_to is None


def test_my_requests_are_mine(world):
    asker = asking.requester(world)
    own = asking.opened(world, by=asker)
    other = asking.opened(world, requester_email="b@kingsmere.nhs.example")
    text = page(world.client("asker").get("/iep/mine/"))
    assert own.reference in text
    assert other.reference not in text
    assert "The service desk has not looked at it yet" in text


def test_every_look_at_a_ticket_is_on_record(world):
    patient = world.patient(nhs_number="9990000018", s_number="S1234567")
    ticket = asking.opened(world)
    world.client("mbp").get(f"/iep/{ticket.reference}/")
    row = AccessEvent.objects.filter(action="view_ticket").latest("pk")
    assert (row.object_id, row.patient_id) == (str(ticket.pk), str(patient.pk))


# --- One ticket ----------------------------------------------------------------------------------


def act(client: Client, ticket: Ticket, **said: Any) -> Any:
    response = client.post(f"/iep/{ticket.reference}/act", said)
    ticket.refresh_from_db()
    return response


def test_the_checklist_shows_who_did_what_when(world, desk):
    ticket = asking.opened(world)
    text = page(desk.get(f"/iep/{ticket.reference}/"))
    titles = ["Details complete", "Requested on IEP", "Uploaded by sender", "Downloaded",
              "Matched", "In PACS and RIS", "Requester told"]  # fmt: skip
    shown = re.findall(r'app-steps__title">([^<]+)', text)
    assert shown == titles
    assert text.count('nhsuk-tag--green app-tag">Done') == 1  # the details
    tickets.record(ticket, TicketEvent.REQUESTED, by=world.acting("mbp"))
    text = page(desk.get(f"/iep/{ticket.reference}/"))
    assert text.count('nhsuk-tag--green app-tag">Done') == 2
    tickets.record(ticket, TicketEvent.DECLINED, by=world.acting("mbp"))
    text = page(desk.get(f"/iep/{ticket.reference}/"))
    assert text.count('nhsuk-tag--green app-tag">Done') == 1
    assert "The other hospital declined" in text


@pytest.mark.hazard("H41")
def test_only_what_waits_to_be_matched_is_offered_for_matching(world, desk):
    ticket = asking.opened(world)

    def shown(state: str) -> str:
        study, _ = Study.objects.update_or_create(
            study_uid="1.2.3", ticket=ticket, organisation=ticket.organisation, origin="dicom",
            defaults={"state": state, "state_since": timezone.now(), "due_at": timezone.now()},
        )  # fmt: skip
        text = page(desk.get(f"/iep/{ticket.reference}/"))
        assert (f"/iep/match/{study.pk}/" in text) == (state == "failed_verification")
        return text

    assert "Match study 1" in shown("failed_verification")
    assert "See why study 1 was stopped" in shown("stopped")
    assert "From our PACS" in shown("outgoing")


def test_a_ticket_that_is_cancelled_has_nothing_to_do_left_and_no_error(world, desk):
    ticket = asking.opened(world)
    tickets.cancel(ticket, "The clinic was moved", by=world.acting("mbp"))
    text = page(desk.get(f"/iep/{ticket.reference}/"))
    assert "To do" not in text
    assert "Error:" not in text


@pytest.mark.parametrize(("whole", "titles"), [
    (asking.export_form, ["Details complete", "Created on IEP", "Uploaded by us", "Delivered",
                          "Requester told"]),
    (asking.disc_form, ["Details complete", "Dropped off", "Collected", "Read in", "Matched",
                        "In PACS and RIS", "Requester told"])])  # fmt: skip
def test_each_kind_has_its_own_checklist(world, desk, whole, titles):
    ticket = tickets.open_ticket(whole(), by=world.acting("mbp"))
    text = page(desk.get(f"/iep/{ticket.reference}/"))
    assert re.findall(r'app-steps__title">([^<]+)', text) == titles


def test_the_desk_takes_notes_chases_corrects_and_cancels(world, desk):
    ticket = asking.opened(world)
    assert act(desk, ticket, do="take").status_code == 302
    assert ticket.assigned_to == world.user("mbp")
    assert ticket.state == TicketState.ACCEPTED
    act(desk, ticket, do="note", words="Rang the ward")
    act(desk, ticket, do="chase", whom="requester", missing=["exams", "consultant"])
    assert ticket.missing == ["exams", "consultant"]
    text = page(desk.get(f"/iep/{ticket.reference}/"))
    assert "Cancelled in 14 days without the details" in text
    assert "Missing: The scans, Consultant." in text
    act(desk, ticket, do="details", words="The left side")
    act(desk, ticket, do="correct", uploaded_by="Mr K", uploaded_at="20-Nov-2026")
    assert ticket.uploaded_by == "Mr K"
    assert timezone.localdate(ticket.uploaded_at) == date(2026, 11, 20)
    act(desk, ticket, do="priority", priority="0", why="theatre", words="Theatre at two")
    assert ticket.priority == Priority.BLUE_LIGHT
    act(desk, ticket, do="cancel", words="Asked for twice")
    assert ticket.state == TicketState.CANCELLED
    act(desk, ticket, do="acknowledge", words="Dr Bell, by telephone")
    assert ticket.state == TicketState.CLOSED
    history = page(desk.get(f"/iep/{ticket.reference}/"))
    for words in ("Rang the ward", "Asked the requester: The scans; Consultant", "The left side",
                  "Corrected: uploaded by, uploaded on", "Theatre at two"):  # fmt: skip
        assert words in history


@pytest.mark.parametrize(("said", "status", "words"), [
    ({"do": "note"}, 422, "Write the note"),
    ({"do": "cancel"}, 422, "Say why it is cancelled"),
    ({"do": "chase", "whom": "requester"}, 422, "Choose what is missing"),
    ({"do": "correct", "uploaded_at": "yesterday"}, 422, "enter a date like"),
    ({"do": "correct", "sent_at": "1-Jan-2099"}, 422, "yet to come"),
    ({"do": "priority", "priority": "0", "words": "x"}, 422, "theatre, ambulance or 12 hours"),
    ({"do": "priority", "priority": "1", "words": "x"}, 422, "Choose the reason"),
    ({"do": "priority"}, 422, "Choose the priority"),
    ({"do": "details", "words": "x"}, 409, "dealt with this ticket meanwhile"),
    ({"do": "acknowledge", "words": "x"}, 409, "dealt with this ticket meanwhile"),
    ({"do": "dance"}, 400, "Choose what to do"),
    ({}, 400, "Choose what to do"),
])  # fmt: skip
def test_what_cannot_be_done_is_said_in_words_and_changes_nothing(world, desk, said, status, words):
    ticket = asking.opened(world)
    response = act(desk, ticket, **said)
    assert response.status_code == status
    assert words in page(response)
    assert ticket.state == TicketState.NEW
    assert ticket.events.count() == 1


def test_who_may_only_look_sees_no_button(world):
    asking.opened(world)
    ticket = Ticket.objects.get()
    text = page(world.client("on-call").get(f"/iep/{ticket.reference}/"))
    main = text[text.index("<main") : text.index("</main>")]
    assert "<button" not in main
    assert world.client("on-call").post(
        f"/iep/{ticket.reference}/act", {"do": "take"}
    ).status_code == 403  # fmt: skip


def test_a_requester_answers_and_acknowledges_on_their_own_pages(world):
    asker = asking.requester(world)
    ticket = asking.opened(world, by=asker)
    client = world.client("asker")
    tickets.chase(ticket, "requester", missing=["exams"], by=world.acting("mbp"))
    text = page(client.get("/iep/mine/"))
    assert "We need details from you: the scans" in text
    assert act(client, ticket, do="details", words="The left side").status_code == 302
    assert ticket.state == TicketState.ACCEPTED
    tickets.cancel(ticket, "The other hospital has none", by=world.acting("mbp"))
    assert "I have seen it" in page(client.get("/iep/mine/"))
    act(client, ticket, do="acknowledge")
    assert ticket.state == TicketState.CLOSED
    assert "I have seen it" not in page(client.get("/iep/mine/"))


def test_an_address_that_nobody_confirmed_says_to_ring_and_a_colleague_confirms_it(world, desk):
    ticket = asking.opened(world)
    text = page(desk.get(f"/iep/{ticket.reference}/"))
    assert "Ring instead" in text
    assert "01632 960111" in text
    assert "The address is right" not in text  # who entered it does not
    lead = world.client("mbp-lead")
    assert "The address is right" in page(lead.get(f"/iep/{ticket.reference}/"))
    act(lead, ticket, do="address")
    text = page(desk.get(f"/iep/{ticket.reference}/"))
    assert "Ring instead" not in text
    assert f"{ticket.reference}: your request is open" in text


def test_no_title_and_no_address_says_who_the_patient_is(world, desk):
    ticket = asking.opened(world)
    for where in (f"/iep/{ticket.reference}/", "/iep/mine/", ASK):
        text = page(desk.get(where))
        title = text[text.index("<title>") : text.index("</title>")]
        assert not any(word in title for word in ("Testpatient", "Agnes", "9990000018"))
        assert re.findall(r'(?:href|action)="[^"]*(?:Testpatient|9990000018)', text) == []


def test_a_hospital_clinician_sees_their_own_ticket_and_no_colleagues(world: World):
    mine = asking.opened(world, by=world.acting("ward"))
    another = asking.opened(world)
    client = world.client("ward")
    assert client.get(f"/iep/{mine.reference}/").status_code == 200
    assert client.get(f"/iep/{another.reference}/").status_code == 404
    listed = client.get("/iep/mine/").content.decode()
    assert mine.reference in listed
    assert another.reference not in listed
    assert client.get("/iep/").status_code == 403
