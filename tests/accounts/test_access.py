"""What the middlewares grant and refuse, on the next request and in words."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts.middleware import needed_for
from accounts.models import AccessEvent, Membership, OrganisationKind
from accounts.queries import acting_as, memberships_of
from accounts.roles import DEEDS, ROLES, Permission, deed
from demo.people import NORTHGATE, PCN
from tests.world import World


def refusals() -> list[tuple[str, str, str]]:
    rows = AccessEvent.objects.filter(action="denied").order_by("id")
    return list(rows.values_list("object_type", "username", "reason"))


def test_a_role_that_ended_is_refused_on_the_next_request(world: World) -> None:
    client = world.client("gp")
    assert client.get("/settings/").status_code == 200
    Membership.objects.filter(user__username="gp").update(ended_at=timezone.now())
    assert client.get("/settings/").status_code == 302


def test_a_role_that_changed_counts_from_the_next_request(world: World) -> None:
    client = world.client("gp")
    Membership.objects.filter(user__username="gp").update(role="practice-admin")
    page = client.get("/settings/").content.decode()
    assert "as Practice admin" in page


def test_a_role_that_nobody_knows_is_no_role(world: World) -> None:
    Membership.objects.filter(user__username="gp").update(role="emperor")
    assert not memberships_of(world.user("gp").pk).exists()


def test_an_account_that_was_closed_is_refused_on_the_next_request(world: World) -> None:
    client = world.client("gp")
    user = world.user("gp")
    user.is_active = False
    user.save()
    assert client.get("/settings/").status_code == 302


def test_a_new_password_ends_the_sessions_of_the_old_one(world: World) -> None:
    client = world.client("gp")
    user = world.user("gp")
    user.set_password("another one that is long enough")
    user.save()
    assert client.get("/settings/").status_code == 302


def test_a_stranger_is_led_to_sign_in_for_a_page_and_refused_for_a_deed(world: World) -> None:
    stranger = Client()
    assert stranger.get("/settings/")["Location"].startswith("/sign-in?next=")
    assert stranger.post("/settings/", {"undo_seconds": 30}).status_code == 403
    assert refusals() == [("accounts:settings", "", "not signed in")]


@pytest.fixture
def closed(settings: object, monkeypatch: pytest.MonkeyPatch) -> dict:
    """The access table with its first permission page turned to what a role lacks."""
    from ordercomms.access import ACCESS

    monkeypatch.setitem(ACCESS, "services", Permission.VET_REQUESTS)
    return ACCESS


def test_a_refusal_names_the_role_who_can_and_whom_to_ask_and_is_written_down(
    world: World, closed: dict
) -> None:
    response = world.client("practice-admin").get("/services/")
    page = response.content.decode()
    assert response.status_code == 403
    assert "You cannot vet requests" in page
    assert "as Practice admin" in page
    assert "Radiology vetting" in page
    assert "020 7946 0100" in page
    assert refusals() == [("services", "practice-admin", "vet_requests")]


def test_a_route_missing_from_the_table_is_refused_to_everybody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ordercomms.access import ACCESS

    monkeypatch.delitem(ACCESS, "services")
    for username in ("gp", "central", "lab"):
        assert world.client(username).get("/services/").status_code == 403
    assert Client().get("/services/").status_code == 403
    assert [reason for _, _, reason in refusals()] == ["no such grant"] * 4


@pytest.mark.parametrize(
    ("entry", "method", "needed"),
    [
        ({"a": "public"}, "GET", "public"),
        ({"a": "public"}, "DELETE", "public"),
        ({"a": {"GET": "signed_in"}}, "GET", "signed_in"),
        ({"a": {"GET": "signed_in"}}, "HEAD", "signed_in"),
        ({"a": {"GET": "signed_in"}}, "POST", None),
        ({"b": "public"}, "GET", None),
    ],
)
def test_the_table_is_read_by_route_and_method(entry: dict, method: str, needed: object) -> None:
    assert needed_for(entry, "a", method) == needed


# --- An organisation that may not request yet ----------------------------------------------------


def test_a_gp_of_a_network_that_may_not_request_keeps_every_other_permission(world: World) -> None:
    here, there = world.acting("gp2", at=NORTHGATE), world.acting("gp2", at=PCN)
    # Nor a form for a colleague: what may not be asked for is not asked for on paper (O14).
    lost = {Permission.REQUEST_TESTS, Permission.OPEN_TICKETS}
    assert here.permissions - there.permissions == lost


def test_requesting_for_such_an_organisation_is_refused_in_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ordercomms.access import ACCESS

    monkeypatch.setitem(ACCESS, "services", Permission.REQUEST_TESTS)
    page = world.client("gp2", at=PCN).get("/services/").content.decode()
    assert "Three Rivers Primary Care Network cannot request tests yet" in page
    assert "change where you are working" in page
    assert world.client("gp2", at=NORTHGATE).get("/services/").status_code == 200


def test_the_choice_of_place_says_which_one_cannot_request(world: World) -> None:
    page = world.client("gp2").get("/place").content.decode()
    assert page.count("Requests cannot be made for this organisation yet") == 1


# --- Roles as data -------------------------------------------------------------------------------


def test_every_permission_is_somebody_s_and_has_words() -> None:
    granted = frozenset().union(*(role.permissions for role in ROLES.values()))
    assert granted == set(Permission)
    assert set(DEEDS) == set(Permission)
    assert deed(None) == "do this"


def test_everybody_may_see_how_the_service_is_doing() -> None:
    assert [s for s, r in ROLES.items() if Permission.VIEW_SERVICES not in r.permissions] == []


def test_practice_admin_can_change_nothing() -> None:
    changing = {
        Permission.REQUEST_TESTS, Permission.REVIEW_RESULTS, Permission.VET_REQUESTS,
        Permission.OPERATE_MESSAGES,
    }  # fmt: skip
    assert not ROLES["practice-admin"].permissions & changing


def test_a_role_fits_its_slug_column_and_the_demo_uses_only_known_roles(world: World) -> None:
    longest = Membership._meta.get_field("role").max_length
    assert all(len(slug) <= longest for slug in ROLES)
    assert set(Membership.objects.values_list("role", flat=True)) <= set(ROLES)
    assert OrganisationKind.CENTRAL in {p.kind for p in [world.place("Y90099")]}


def test_acting_shows_the_person_as_people_know_them(world: World) -> None:
    assert world.acting("gp").label == "Dr A Patel, GP"
    assert acting_as(memberships_of(world.user("ahp").pk)[0]).supervisor.username == "gp"


# --- One of several permissions ------------------------------------------------------------------


def test_a_page_of_both_sides_opens_to_either_permission_and_to_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ordercomms.access import ACCESS

    either = (Permission.REVIEW_RESULTS, Permission.VET_REQUESTS)
    monkeypatch.setitem(ACCESS, "services", either)
    for username, status in (("gp", 200), ("radiologist", 200), ("lab", 403), ("central", 403)):
        assert world.client(username).get("/services/").status_code == status
    page = world.client("lab").get("/services/").content.decode()
    assert "You cannot review results" in page
    assert "<li>GP</li>" in page
    assert "<li>Radiology vetting</li>" in page
    assert refusals()[0] == ("services", "lab", "review_results or vet_requests")
