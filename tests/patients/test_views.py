"""C3 through the browser's eyes: what is sent, shown, and never put into an address."""

import re
from datetime import date
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AccessEvent, Membership, User
from patients import queries, services
from patients.matching import HospitalNumber
from patients.models import Patient
from tests.patients import people

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"
FIND = "/patients"


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def practice():
    return people.place("practice", name="Northgate Surgery")


def signed_in(organisation, *, role="gp") -> Client:
    name = f"{role}-{uuid4().hex[:6]}"
    user = User.objects.create_user(username=name, password=PASSWORD)
    Membership.objects.create(user=user, organisation=organisation, role=role)
    client = Client()
    response = client.post("/sign-in", {"username": name, "password": PASSWORD})
    assert response.status_code == 302
    return client


@pytest.fixture
def gp(practice):
    return signed_in(practice)


@pytest.fixture
def chidi(practice) -> Patient:
    return people.patient(
        practice=practice, nhs_number="9990000018", family_name="Okafor-Bell",
        given_names="Chidi", title="Mr", gender="M", birth_date=date(1965, 7, 14),
        address_lines=["2 Invented Row", "Northgate"],
        hospital_numbers=(HospitalNumber("RXX", "S1234567"),),
    )  # fmt: skip


def find(client: Client, text: str):
    """Post the box and follow to the results; the answer is the page that a person sees."""
    posted = client.post(FIND, {"who": text})
    assert posted.status_code == 302
    return client.get(posted["Location"])


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_page_has_one_box_with_the_cursor_in_it(gp):
    response = gp.get(FIND)
    assert response.status_code == 200
    html = response.content.decode()
    assert "<title>Find a patient – Diagnostics ordering – NHS" in html
    assert html.count("<h1") == 1
    assert re.search(r'<input[^>]*name="who"[^>]*autofocus', html)


@pytest.mark.parametrize("text", ["9990000018", "999 000 0018", "999-000-0018\r\n"])
def test_an_nhs_number_opens_the_record(gp, chidi, text):
    response = find(gp, text)
    assert (response.status_code, response["Location"]) == (302, f"/p/{chidi.pk}/")


@pytest.mark.parametrize("text", ["okafor", "S1234567", "14 7 1965", "okafer-bell"])
def test_nothing_else_opens_a_record_even_when_one_patient_is_found(gp, chidi, text):
    response = find(gp, text)
    assert response.status_code == 200
    page = words(response)
    assert "OKAFOR-BELL, Chidi (Mr)" in page
    assert "14-Jul-1965" in page
    assert "Male" in page
    assert "999 000 0018" in page
    assert "2 Invented Row" in page
    assert f'href="/p/{chidi.pk}/"' in response.content.decode()


def test_nothing_that_was_typed_is_in_an_address(gp, chidi):
    posted = gp.post(FIND, {"who": "Okafor-Bell, Chidi 14-Jul-1965"})
    results = gp.get(posted["Location"])
    addresses = [
        posted["Location"],
        *re.findall(r'(?:href|action)="([^"]*)"', results.content.decode()),
    ]
    assert not re.search(r"okafor|chidi|1965|999000", " ".join(addresses), re.IGNORECASE)


def test_going_back_shows_the_list_again_without_sending_a_form(gp, chidi):
    address = gp.post(FIND, {"who": "okafor"})["Location"]
    first, again = gp.get(address), gp.get(address)
    assert "OKAFOR-BELL" in words(first)
    assert "OKAFOR-BELL" in words(again)


def test_the_results_of_one_person_are_not_anothers(gp, practice, chidi):
    address = gp.post(FIND, {"who": "okafor"})["Location"]
    assert "OKAFOR-BELL" not in words(signed_in(practice).get(address))
    gp.post("/sign-out")
    assert Client().get(address).status_code == 302


def test_only_the_last_searches_are_kept(gp, chidi):
    first = gp.post(FIND, {"who": "okafor"})["Location"]
    for _ in range(10):
        gp.post(FIND, {"who": "jones"})
    assert "OKAFOR-BELL" not in words(gp.get(first))


def test_a_patient_of_another_practice_is_not_found_and_not_hinted_at(chidi):
    stranger = signed_in(people.place("practice"))
    nobody = words(find(stranger, "999 000 0026")).replace("999 000 0026", "")
    somebody = words(find(stranger, "999 000 0018")).replace("999 000 0018", "")
    assert "No patient found" in somebody
    assert re.sub(r"value=.*", "", nobody) == re.sub(r"value=.*", "", somebody)


def test_no_patient_found_says_what_to_do_next(gp):
    assert "Check the number, or search by surname and date of birth." in words(
        find(gp, "Nobodyhere")
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Enter an NHS number, a hospital number, a name or a birth date"),
        ("999 000 0019", "NHS number is not correct. Check each digit, the last one too"),
        ("QQ 12 34 56 C", "That looks like a National Insurance number."),
        ("31/02/1965", "That birth date does not exist."),
    ],
)
def test_a_mistake_is_told_at_the_top_and_at_the_box(gp, text, problem):
    response = find(gp, text)
    html = response.content.decode()
    assert words(response).count(problem) == 2
    assert 'href="#who"' in html
    assert "<title>Error: Find a patient" in html


def test_the_address_of_a_restricted_patient_is_not_shown(gp, chidi):
    services.correct(chidi, details={"is_restricted": True}, by=people.SYSTEM)
    page = words(find(gp, "okafor"))
    assert "Details restricted" in page
    assert "Invented Row" not in page


def test_a_death_is_shown_in_the_list(gp, chidi):
    services.record_death(chidi, died_on=date(2026, 3, 3), by=people.SYSTEM)
    page = words(find(gp, "okafor"))
    assert "Died 03-Mar-2026" in page
    assert "(61y)" not in page


def test_names_from_messages_are_shown_as_text(gp, practice):
    people.patient(
        practice=practice, family_name="<script>alert(1)</script>", given_names="{{7*7}}"
    )
    html = find(gp, "<script>alert").content.decode()
    assert "&lt;SCRIPT&gt;ALERT(1)&lt;/SCRIPT&gt;" in html
    assert "{{7*7}}" in html
    assert "<script>alert" not in html.lower()


def test_several_patients_are_on_the_page_so_there_is_no_banner(gp, practice, chidi):
    people.patient(practice=practice, family_name="Okafor-Bell", given_names="Ada")
    html = find(gp, "okafor").content.decode()
    assert 'aria-label="Patient"' not in html
    assert "2 patients" in html


@pytest.mark.hazard("H58")
def test_nothing_is_kept_by_the_browser(gp, chidi):
    for response in (gp.get(FIND), find(gp, "okafor")):
        assert "no-store" in response["Cache-Control"]


def test_a_search_without_the_form_token_is_refused(practice, chidi):
    client = Client(enforce_csrf_checks=True)
    client.cookies = signed_in(practice).cookies
    assert client.post(FIND, {"who": "okafor"}).status_code == 403


def test_what_was_searched_is_on_record_by_its_kind(gp, chidi):
    find(gp, "okafor 14 7 1965")
    row = AccessEvent.objects.get(action="find_patients")
    assert row.reason == "by name and birth date: 1 shown"
    assert not AccessEvent.objects.filter(action=queries.VIEWED).exists()


@pytest.mark.parametrize(
    ("kind", "role", "status"),
    [
        ("practice", "gp", 200),
        ("practice", "practice-admin", 200),
        ("community", "ahp", 200),
        ("department", "radiology-vetter", 403),
        ("department", "laboratory", 403),
        ("central", "central", 403),
    ],
)
def test_only_those_who_look_patients_up_may_open_the_page(kind, role, status):
    client = signed_in(people.place(kind), role=role)
    assert client.get(FIND).status_code == status
    assert client.post(FIND, {"who": "okafor"}).status_code == (302 if status == 200 else status)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_do_nothing(gp, method):
    assert getattr(gp, method)(FIND).status_code == 405


def test_a_long_text_is_cut_before_it_is_kept(gp):
    assert "No patient found" in words(find(gp, "x" * 100_000))
