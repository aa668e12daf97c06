"""C1: signing in, choosing a place, signing out, and how long it lasts."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent, Membership, User
from demo.people import NORTHGATE, PCN, seed_people
from tests.world import World

PASSWORD = "correct horse battery staple"
SIGN_IN = "/sign-in"


@pytest.fixture
def people(db: None, settings: object) -> None:
    """The cast with a password. A quick hash, since these tests guess a lot; the true one below."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.DEMO_PASSWORD = PASSWORD
    seed_people()


def test_passwords_are_kept_by_argon2_and_open_the_door(
    db: None, client: Client, settings: object
) -> None:
    settings.DEMO_PASSWORD = PASSWORD
    seed_people()
    assert User.objects.get(username="gp").password.startswith("argon2$argon2id$")
    assert give(client, "gp", PASSWORD).status_code == 302


def give(client: Client, username: str, password: str, **more: str) -> object:
    return client.post(SIGN_IN, {"username": username, "password": password} | more)


def events(**facts: object) -> int:
    return AccessEvent.objects.filter(**facts).count()


def test_the_right_password_opens_the_start_page(people: None, client: Client) -> None:
    response = give(client, "gp", PASSWORD)
    assert (response.status_code, response["Location"]) == (302, reverse("home"))
    assert events(action="sign-in", outcome="ok", username="gp") == 1


@pytest.mark.parametrize(
    ("username", "password"), [("gp", "wrong"), ("nobody", PASSWORD), ("nobody", "wrong")]
)
def test_the_error_is_the_same_whichever_part_was_wrong(
    people: None, client: Client, username: str, password: str
) -> None:
    response = give(client, username, password)
    assert response.status_code == 422
    assert "Enter a username and password that match" in response.content.decode()
    assert "_auth_user_id" not in client.session
    assert events(action="sign-in", outcome="refused") == 1


def test_a_wrong_password_is_not_shown_again(people: None, client: Client) -> None:
    assert "hunter2hunter2" not in give(client, "gp", "hunter2hunter2").content.decode()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"username": "", "password": "x"}, "Enter your username"),
        ({"username": "gp", "password": ""}, "Enter your password"),
    ],
)
def test_an_empty_field_is_named_and_linked(
    people: None, client: Client, form: dict[str, str], words: str
) -> None:
    page = client.post(SIGN_IN, form).content.decode()
    field = "username" if not form["username"] else "password"
    assert f'<a href="#{field}">' in page
    assert words in page
    assert "<title>Error: Sign in" in page


def test_both_fields_can_be_pasted_into(client: Client, db: None) -> None:
    page = client.get(SIGN_IN).content.decode()
    assert "onpaste" not in page
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page


def test_a_person_who_left_cannot_sign_in(people: None, client: Client) -> None:
    User.objects.filter(username="gp").update(is_active=False)
    assert give(client, "gp", PASSWORD).status_code == 422


def test_demo_people_are_refused_where_the_demo_does_not_run(
    people: None, client: Client, settings: object
) -> None:
    assert give(client, "gp", PASSWORD).status_code == 302
    settings.DEMO_ALLOWED = False
    assert give(Client(), "gp", PASSWORD).status_code == 422
    assert client.get(reverse("accounts:settings")).status_code == 302, "their sessions end too"


def test_the_session_has_a_new_key_after_signing_in(people: None, client: Client) -> None:
    client.get(SIGN_IN)
    session = client.session
    session["planted"] = "by an attacker"
    session.save()
    before = session.session_key
    give(client, "gp", PASSWORD)
    assert client.session.session_key != before


def test_another_person_at_the_same_browser_finds_nothing_of_the_first(
    people: None, client: Client
) -> None:
    give(client, "gp", PASSWORD)
    session = client.session
    session["context_patient"] = "of the first"
    session.save()
    give(client, "practice-admin", PASSWORD)
    assert "context_patient" not in client.session


@pytest.mark.parametrize(
    ("wanted", "went"),
    [
        ("/settings/", "/settings/"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("http:///elsewhere.example", "/"),
        ("\\\\elsewhere.example", "/"),
    ],
)
def test_after_signing_in_one_is_never_sent_to_another_site(
    people: None, client: Client, wanted: str, went: str
) -> None:
    assert give(client, "gp", PASSWORD, next=wanted)["Location"] == went


# --- Guessing ------------------------------------------------------------------------------------


def guess(client: Client, username: str, times: int, source: str) -> int:
    """The status of the last of so many wrong guesses from an address."""
    for number in range(times):
        response = client.post(
            SIGN_IN, {"username": username, "password": f"guess {number}"}, REMOTE_ADDR=source
        )
    return response.status_code


def right(username: str, source: str) -> int:
    form = {"username": username, "password": PASSWORD}
    return Client().post(SIGN_IN, form, REMOTE_ADDR=source).status_code


def test_ten_wrong_guesses_pause_sign_in_for_that_account_from_that_source(
    people: None, client: Client
) -> None:
    assert guess(client, "gp", 9, "10.0.0.1") == 422
    assert guess(client, "gp", 1, "10.0.0.1") == 429
    assert right("gp", "10.0.0.1") == 429, "even the right password waits"


@pytest.mark.hazard("H56")
def test_an_attacker_elsewhere_cannot_lock_the_owner_out(people: None, client: Client) -> None:
    guess(client, "gp", 12, "10.0.0.1")
    assert right("gp", "10.0.0.2") == 302


@pytest.mark.hazard("H56")
def test_a_locked_account_does_not_pause_its_neighbour(people: None, client: Client) -> None:
    guess(client, "gp", 12, "10.0.0.1")
    assert right("practice-admin", "10.0.0.1") == 302


def test_the_pause_ends_after_fifteen_minutes(people: None, client: Client) -> None:
    guess(client, "gp", 12, "10.0.0.1")
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert right("gp", "10.0.0.1") == 302


def test_one_guess_at_each_of_many_accounts_is_paused_too(
    people: None, client: Client, settings: object
) -> None:
    settings.SIGN_IN_FAILURES_PER_SOURCE = 5
    for number in range(5):
        assert guess(client, f"user{number}", 1, "10.0.0.1") == 422
    assert right("gp", "10.0.0.1") == 429
    assert right("gp", "10.0.0.2") == 302


def test_the_paused_page_says_when_and_whom_to_ring(people: None, client: Client) -> None:
    guess(client, "gp", 10, "10.0.0.1")
    page = client.post(SIGN_IN, {"username": "gp", "password": "x"}, REMOTE_ADDR="10.0.0.1")
    assert "15 minutes" in page.content.decode()
    assert "service desk" in page.content.decode()


# --- Places --------------------------------------------------------------------------------------


def test_one_place_is_taken_without_asking(people: None, client: Client) -> None:
    give(client, "gp", PASSWORD)
    assert client.get(reverse("accounts:settings")).status_code == 200


def test_several_places_are_asked_about_first_and_the_page_asked_for_comes_after(
    people: None, client: Client
) -> None:
    response = give(client, "gp2", PASSWORD, next="/settings/")
    assert response["Location"] == "/place?next=%2Fsettings%2F"
    assert client.get("/settings/")["Location"] == "/place?next=%2Fsettings%2F"
    here = Membership.objects.get(user__username="gp2", organisation__ods_code=NORTHGATE)
    chosen = client.post("/place", {"membership": here.pk, "next": "/settings/"})
    assert chosen["Location"] == "/settings/"
    assert "Northgate Surgery" in client.get("/settings/").content.decode()


def test_a_place_of_somebody_else_cannot_be_chosen(world: World) -> None:
    client = world.client("gp2", at=NORTHGATE)
    foreign = Membership.objects.get(user__username="lab")
    assert client.post("/place", {"membership": foreign.pk}).status_code == 422
    assert "Northgate" in client.get("/settings/").content.decode()


def test_changing_place_changes_the_session_key(world: World) -> None:
    client = world.client("gp2", at=NORTHGATE)
    before = client.session.session_key
    there = Membership.objects.get(user__username="gp2", organisation__ods_code=PCN)
    client.post("/place", {"membership": there.pk})
    assert client.session.session_key != before
    assert events(action="choose-place", organisation_code=PCN) == 1


def test_change_is_offered_only_to_who_has_more_than_one_place(world: World) -> None:
    change = f'href="{reverse("accounts:place")}"'
    assert change in world.client("gp2").get("/settings/").content.decode()
    assert change not in world.client("gp").get("/settings/").content.decode()


def test_a_person_without_a_place_is_told_so_and_can_only_sign_out(
    people: None, client: Client
) -> None:
    Membership.objects.filter(user__username="gp").update(ended_at=timezone.now())
    give(client, "gp", PASSWORD)
    assert client.get("/settings/").status_code == 302
    assert "no place of work" in client.get("/place").content.decode()


# --- Signing out, and how long it lasts ----------------------------------------------------------


def test_signing_out_empties_the_session_and_takes_a_post(world: World) -> None:
    client = world.client("gp")
    assert client.get("/sign-out").status_code == 403
    assert client.get("/settings/").status_code == 200
    assert client.post("/sign-out")["Location"] == "/signed-out"
    assert client.get("/settings/").status_code == 302
    assert events(action="sign-out", username="gp") == 1


def test_a_session_in_use_stays_open_past_the_idle_time(world: World) -> None:
    client = world.client("gp")
    start = timezone.now()
    for minutes in (10, 20, 30):
        with time_machine.travel(start + timedelta(minutes=minutes)):
            assert client.get("/settings/").status_code == 200


def test_fifteen_idle_minutes_end_the_session_and_signing_in_returns_there(world: World) -> None:
    client = world.client("gp")
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        response = client.get("/settings/")
        assert response["Location"] == "/sign-in?next=%2Fsettings%2F&ended=idle"
        page = client.get(response["Location"]).content.decode()
    assert "nothing happened for a while" in page
    assert 'value="/settings/"' in page


def test_what_a_page_asks_by_itself_does_not_keep_the_session_open(world: World) -> None:
    client = world.client("gp")
    start = timezone.now()
    with time_machine.travel(start + timedelta(minutes=10)):
        client.get("/settings/", headers={"X-Background": "1"})
    with time_machine.travel(start + timedelta(minutes=16)):
        assert client.get("/settings/").status_code == 302


def test_twelve_hours_end_the_session_however_busy_it_was(world: World) -> None:
    client = world.client("gp")
    start = timezone.now()
    for minutes in range(10, 12 * 60, 10):
        with time_machine.travel(start + timedelta(minutes=minutes)):
            assert client.get("/settings/").status_code == 200
    with time_machine.travel(start + timedelta(hours=12, minutes=5)):
        assert client.get("/settings/").status_code == 302


def test_a_form_sent_after_the_session_ended_is_not_done_and_says_so(world: World) -> None:
    client = world.client("gp")
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        response = client.post("/settings/", {"undo_seconds": "30"})
    assert response.status_code == 403
    assert "was not done" in response.content.decode()
    assert world.user("gp").undo_seconds == 10


def test_a_live_fragment_of_a_session_that_ended_leads_to_the_sign_in_page(world: World) -> None:
    response = Client().get(
        "/settings/",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/settings/"},
    )
    assert response.status_code == 401
    assert response["HX-Redirect"] == "/sign-in?next=%2Fsettings%2F"
