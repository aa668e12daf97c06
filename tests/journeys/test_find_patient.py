"""Find a patient by what is in the hand: a card, a letter, a name said at the desk."""

from datetime import date

import pytest
from playwright.sync_api import expect

from accounts.policies import SYSTEM
from patients import services
from tests.journeys.browser import Counter, assert_accessible

BOX = "NHS number, hospital number, name or birth date"


@pytest.fixture
def people(world):
    """Four at Northgate: two of one name, one who died, one whose address may not be shown."""
    first = world.patient(s_number="S1234567", birth_date=date(1965, 7, 14))
    world.patient(given_names="Agnes", birth_date=date(1991, 1, 2))
    dead = world.patient(family_name="Testpatient-Nwosu", given_names="Ángel", title="Mr")
    services.record_death(dead, died_on=None, by=SYSTEM)
    world.patient(family_name="Testpatient", given_names="Zoë", is_restricted=True)
    return first


def search(page, text: str):
    page.goto("/patients")
    expect(page.get_by_label(BOX)).to_be_focused()
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_load_state()


def test_a_scanned_nhs_number_opens_the_record_in_two_interactions(visit, people):
    page = visit("gp", "/patients")
    counter = Counter(page)
    counter.type("999 000 0018")
    counter.press("Enter")
    page.wait_for_url(f"**/p/{people.pk}/")
    expect(page.get_by_role("region", name="Patient")).to_contain_text("TESTPATIENT, Agnes (Mrs)")
    assert counter.interactions == 2


def test_a_name_shows_a_list_that_is_there_again_after_going_back(visit, people):
    page = visit("gp")
    search(page, "testpatient")
    expect(page.get_by_role("heading", level=2)).to_have_text("4 patients")
    page.get_by_role("link", name="TESTPATIENT, Agnes (Mrs) born 14-Jul-1965").click()
    page.wait_for_url(f"**/p/{people.pk}/")
    page.go_back()
    expect(page.get_by_role("heading", level=2)).to_have_text("4 patients")


def test_a_patient_is_found_without_javascript(visit, people):
    page = visit("practice-admin", "/patients", javascript=False)
    page.get_by_label(BOX).fill("Testpatient, Agnes 14/07/1965")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("1 patient")


STATES = {
    "": "Enter an NHS number, a hospital number, a name or a birth date",
    "testpatient": "4 patients",
    "testpatiemt": "Nobody has that name. 4 similar names",
    "S1234567": "1 patient",
    "zzzz": "No patient found",
    "999 000 0019": "NHS number is not correct.",
}


def test_every_state_of_the_page_is_accessible_at_both_widths(visit, people, shoot):
    page = visit("gp", "/patients")
    assert_accessible(page)
    for text, words in STATES.items():
        search(page, text)
        expect(page.get_by_role("main")).to_contain_text(words)
        assert_accessible(page)
        if text == "testpatient":
            shoot(page, "find")
