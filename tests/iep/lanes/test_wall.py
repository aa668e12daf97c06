"""The screen on the wall: it stays when the session ends, shows no more than it should, opens
nothing else."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as chosen
from django.core import signing
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent
from iep.models import Lane, Node
from iep.states.priorities import Priority
from tests.iep.transactions import exchange

from .images import node, outgoing, send

pytestmark = pytest.mark.django_db
WALL = "/iep/queues/?wall=1"
NOW = "/iep/queues/now?wall=1"
POLL = {"X-Background": "1", "HX-Request": "true", "HX-Current-URL": f"http://testserver{WALL}"}


@pytest.fixture
def screen(world):
    """A wall screen an hour later: the session of who put it there has ended, its token has not."""
    send(outgoing(1), node(), title="CT head")
    Lane.objects.update(seen_at=timezone.now() + timedelta(days=2))
    client = world.client("mbp")
    assert client.get(WALL).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        yield client


def test_a_wall_screen_stays_when_the_session_of_who_put_it_there_ended(screen):
    poll = screen.get(NOW, headers=POLL)
    assert poll.status_code == 200
    assert "CT head" in poll.content.decode()
    page = screen.get(WALL)  # after a power cut
    assert page.status_code == 200
    assert "CT head" in page.content.decode()


@pytest.mark.parametrize("where", [
    "/", "/iep/", "/iep/queues/", "/iep/queues/now", "/iep/queues/?wall=0", "/iep/failures/",
    "/settings/", "/iep/discs/?wall=1", "/iep/failures/?wall=1",
])  # fmt: skip
def test_its_token_opens_nothing_else(screen, where):
    response = screen.get(where)
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in?next=")


def test_its_token_does_nothing(screen):
    lane = Lane.objects.get(name="out-2")
    for where in (NOW, WALL, reverse("iep:pause-lane", args=[lane.pk]) + "?wall=1"):
        assert screen.post(where, {"because": "x"}).status_code in (403, 405)
    lane.refresh_from_db()
    assert not lane.is_paused


def test_another_trusts_titles_stay_hidden_on_it(world, screen):
    theirs = world.client_elsewhere("mbp")
    theirs.get(WALL)
    del theirs.cookies[chosen.SESSION_COOKIE_NAME]
    shown = theirs.get(NOW, headers=POLL)
    assert shown.status_code == 200
    assert "CT head" not in shown.content.decode()


def ended(client) -> None:
    response = client.get(NOW, headers=POLL)
    assert response.status_code == 401
    assert response["HX-Redirect"].startswith("/sign-in?next=%2Fiep%2Fqueues%2F%3Fwall%3D1")


def test_it_ends_after_a_day(screen):
    with time_machine.travel(timezone.now() + timedelta(hours=24)):
        ended(screen)


@pytest.mark.parametrize("what", ["role ended", "other role", "account", "password"])
def test_it_ends_with_the_role_the_account_and_the_password(world, screen, what):
    user = world.user("mbp")
    if what == "role ended":
        user.memberships.update(ended_at=timezone.now())
    elif what == "other role":
        user.memberships.update(role="gp")
        assert screen.get(NOW, headers=POLL).status_code == 401
    elif what == "account":
        type(user).objects.filter(pk=user.pk).update(is_active=False)
    else:
        user.set_password("another-one-of-their-own")
        user.save()
    ended(screen)


def test_it_ends_with_signing_out_in_that_browser(world):
    client = world.client("mbp")
    client.get(WALL)
    client.post("/sign-out")
    ended(client)


def test_a_forged_token_is_nothing(world):
    client = Client()
    membership = world.user("mbp").memberships.get()
    for token in ("", "x", signing.dumps({"membership": membership.pk, "account": ""})):
        client.cookies[chosen.WALL_COOKIE_NAME] = token
        ended(client)


def test_who_may_not_see_the_exchange_gets_no_wall(world):
    client = world.client("gp")
    assert client.get(WALL).status_code == 403
    assert chosen.WALL_COOKIE_NAME not in client.cookies


def test_the_token_is_out_of_reach_of_scripts_and_of_other_sites_and_is_written_down(world):
    client = world.client("mbp")
    client.get("/iep/queues/")
    assert chosen.WALL_COOKIE_NAME not in client.cookies
    client.get(WALL)
    cookie = client.cookies[chosen.WALL_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
    assert "mbp" not in cookie.value
    assert AccessEvent.objects.filter(action="start-wall", username="mbp").count() == 1


def test_its_polls_keep_no_session_open(world):
    client, start = world.client("mbp"), timezone.now()
    client.get(WALL)
    for minutes in (5, 10, 14):
        with time_machine.travel(start + timedelta(minutes=minutes)):
            assert client.get(NOW, headers=POLL).status_code == 200
    with time_machine.travel(start + timedelta(minutes=16)):
        assert client.get("/iep/queues/").status_code == 302


def test_nothing_on_it_can_be_pressed(screen):
    page = screen.get(WALL).content.decode()
    for control in ("<form", "<button", "<input", "<select", "<details"):
        assert control not in page
    assert page.count("<a ") == page.count('class="nhsuk-skip-link"') == 1


def test_a_late_blue_light_is_said_on_it_without_a_link(world, screen):
    thing = exchange.example(world)
    asked = timezone.now() - timedelta(minutes=70)
    rows = type(thing).objects.filter(pk=thing.pk)
    rows.update(priority=Priority.BLUE_LIGHT, eligibility="theatre", asked_at=asked)
    cache.clear()
    said = f"Blue Light is over 1 hour: Transaction {thing.number}."
    for where in (WALL, NOW):
        assert said in screen.get(where).content.decode()


def test_why_something_is_paused_is_on_the_board_and_not_on_the_wall(world):
    because = "Ring Agnes Testpatient back"
    exchange.machine(exchange.hospital())
    for each in (Lane.objects.filter(name="out-2"), Node.objects.all()):
        each.update(
            is_paused=True, paused_because=because, paused_by="Iris", paused_at=timezone.now()
        )
    client = world.client("mbp")
    board = client.get("/iep/queues/").content.decode()
    assert board.count(because) == 3  # the lane's card, and a line for each of both
    for where in (WALL, NOW):
        wall = client.get(where).content.decode()
        assert "is paused by Iris" in wall
        assert because not in wall
