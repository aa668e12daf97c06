"""What stands around every page, by role."""

from functools import partial

import pytest
from django.urls import reverse

from accounts.models import Organisation
from demo.people import PEOPLE
from ordercomms import frame
from ordercomms.access import ACCESS
from tests.counting import cost_of
from tests.world import World

USERNAMES = [person.username for person in PEOPLE]
MENUS = {
    "gp": ["Find a patient", "My requests", "Practice requests", "Results"],
    "ahp": ["Find a patient", "My requests", "Practice requests", "Results"],
    "practice-admin": ["Find a patient", "Practice requests", "Results"],
    "radiologist": ["Vetting", "Requests", "My image requests"],
    "lab": ["Requests", "Messages", "Merges", "Downtime forms"],
    "central": ["Messages", "Merges", "Downtime forms", "All services", "Image exchange"],
    "mbp": ["Image exchange", "Queues", "Arrivals", "Discs", "On call"],
    "mbp-lead": ["Image exchange", "Queues", "Arrivals", "Discs", "Figures"],
    "ward": ["Ask for images", "My image requests"],
    "on-call": ["Send trauma images", "Image exchange", "On call", "My image requests"],
}


def page(world: World, username: str, address: str = "/settings/") -> str:
    return world.client(username).get(address).content.decode()


def menu(world: World, username: str) -> list[str]:
    acting = world.acting(username)
    return [item["text"] for item in frame._navigation(acting, "/")]


def test_every_line_of_the_menu_is_a_page_that_is_there() -> None:
    for item in frame.NAVIGATION:
        assert reverse(item.url_name)
        assert item.url_name in ACCESS


@pytest.mark.parametrize("username", MENUS)
def test_a_role_sees_the_pages_that_it_may_open_and_at_most_five(
    world: World, username: str
) -> None:
    assert menu(world, username) == MENUS[username]
    assert len(MENUS[username]) <= frame.MOST_ITEMS


@pytest.mark.parametrize("username", MENUS)
def test_every_page_of_the_menu_opens_for_the_role_that_sees_it(
    world: World, username: str
) -> None:
    client = world.client(username)
    items = frame._navigation(world.acting(username), "/")
    assert {client.get(item["href"]).status_code for item in items} <= {200}


@pytest.mark.parametrize("username", MENUS)
def test_the_start_page_is_the_first_of_the_menu(world: World, username: str) -> None:
    response = world.client(username).get("/")
    first = next(iter(frame._navigation(world.acting(username), "/")))
    assert response["Location"] == first["href"]


def test_the_page_that_one_is_on_is_marked_in_the_menu(world: World) -> None:
    html = page(world, "gp", reverse("results:inbox"))
    assert html.count('aria-current="true"') == 1


def test_the_header_says_who_where_and_for_whom(world: World) -> None:
    html = page(world, "radiologist")
    assert "Dr H Marsh, Consultant radiologist" in html
    assert "Eastmarsh Radiology" in html
    assert "Eastmarsh NHS Foundation Trust" in html, "the organisation of the department"


def test_help_is_the_person_s_own_service_desk(world: World, settings: object) -> None:
    settings.HELP_PHONE = "020 7946 0999"
    Organisation.objects.filter(ods_code="Y90001").update(help_phone="020 7946 0111")
    Organisation.objects.filter(ods_code="RZ2RAD").update(help_phone="")
    Organisation.objects.filter(ods_code="RZ2").update(help_phone="020 7946 0222")
    Organisation.objects.filter(ods_code="Y90099").update(help_phone="")
    for username, phone in (("gp", "0111"), ("radiologist", "0222"), ("central", "0999")):
        assert f"020 7946 {phone}" in page(world, username)


def test_the_ribbon_says_that_it_is_not_live_and_live_has_none(
    world: World, settings: object
) -> None:
    settings.ENVIRONMENT_RIBBON = "Test"
    html = page(world, "gp")
    assert "Test: not for real patients" in html
    assert "– NHS – Test</title>" in html
    settings.ENVIRONMENT_RIBBON = ""
    html = page(world, "gp")
    assert "app-ribbon" not in html
    assert "– NHS</title>" in html


@pytest.mark.parametrize(("who", "most"), [("central", 4), ("lab", 4), ("gp", 3), ("ahp", 3)])
def test_the_frame_costs_three_questions_to_the_database_and_one_of_the_queues_for_operators(
    world: World, who: str, most: int
) -> None:
    """Session, person, places; what else the strip tells is read once in some seconds for all."""
    client = world.client(who)
    assert cost_of(partial(client.get, "/help/keyboard")) <= most
