"""S1 and S2: a person's own settings, and what a referrer may ask for."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts.models import AccessEvent, Entitlement
from accounts.queries import certificates_running_out, entitlement_at, entitlements_of
from demo.people import KINGSMERE, WYCHCOMBE
from tests.world import World

ON = date(2026, 11, 22)


@pytest.mark.parametrize("seconds", [10, 20, 30])
def test_the_undo_time_is_kept_and_confirmed(world: World, seconds: int) -> None:
    client = world.client("gp")
    response = client.post("/settings/", {"undo_seconds": seconds}, follow=True)
    assert world.user("gp").undo_seconds == seconds
    assert "Your settings are saved." in response.content.decode()
    assert AccessEvent.objects.filter(action="change-settings").count() == 1


@pytest.mark.parametrize("typed", ["", "0", "15", "ten", "-10", "1000000000000000000000"])
def test_any_other_undo_time_is_refused_in_words(world: World, typed: str) -> None:
    response = world.client("gp").post("/settings/", {"undo_seconds": typed})
    assert response.status_code == 422
    assert "Choose " in response.content.decode()
    assert world.user("gp").undo_seconds == 10


def test_fields_that_the_form_does_not_have_change_nothing(world: World) -> None:
    form = {"undo_seconds": 20, "is_superuser": "1", "username": "root", "is_demo": "0"}
    world.client("gp").post("/settings/", form)
    user = world.user("gp")
    assert (user.is_superuser, user.is_staff, user.is_demo) == (False, False, True)


def test_the_database_refuses_an_undo_time_that_nobody_offers(world: World) -> None:
    user = world.user("gp")
    user.undo_seconds = 11
    with pytest.raises(IntegrityError, match="undo_choices"):
        user.save()


def held(world: World, **facts: object) -> str:
    """The state, on 22-Nov-2026, of an entitlement with these facts."""
    leave = Entitlement.objects.get(user=world.user("ahp"), trust=world.place(KINGSMERE))
    vars(leave).update({"granted_on": date(2026, 1, 1)} | facts)
    leave.save()
    card = entitlement_at(world.user("ahp"), world.place(KINGSMERE), on=ON)
    return card.state


@pytest.mark.parametrize(
    ("last_day", "state"),
    [
        (ON + timedelta(days=61), "active"),
        (ON + timedelta(days=60), "soon"),
        (ON, "soon"),
        (ON - timedelta(days=1), "expired"),
    ],
)
def test_a_certificate_is_good_to_the_end_of_its_last_day(
    world: World, last_day: date, state: str
) -> None:
    assert held(world, certificate_expires_on=last_day) == state


def test_a_suspended_entitlement_is_not_in_force_whatever_its_dates(world: World) -> None:
    far = ON + timedelta(days=500)
    assert held(world, certificate_expires_on=far, suspended_at=timezone.now()) == "suspended"
    assert not entitlement_at(world.user("ahp"), world.place(KINGSMERE), on=ON).is_in_force


def test_an_entitlement_that_has_not_begun_is_not_in_force(world: World) -> None:
    far = ON + timedelta(days=500)
    assert held(world, certificate_expires_on=far, granted_on=ON + timedelta(days=1)) == "future"


def test_one_trust_s_entitlement_says_nothing_of_another_s(world: World) -> None:
    assert entitlement_at(world.user("ahp"), world.place(WYCHCOMBE)) is None
    assert entitlements_of(world.user("gp")) == []


def test_the_card_shows_scope_and_last_day_of_each_trust(world: World) -> None:
    page = world.client("ahp").get("/settings/entitlement").content.decode()
    assert page.count("X-ray of limbs and chest") == 2
    assert "Active" in page
    assert "Expires soon" in page
    expired = world.client("ahp-expired").get("/settings/entitlement").content.decode()
    assert "Expired" in expired
    assert "Imaging requests to this trust stop" in expired
    assert "need no entitlement" in world.client("gp").get("/settings/entitlement").content.decode()


def test_a_certificate_that_runs_out_soon_is_on_the_strip_of_every_page(world: World) -> None:
    words = "Your IR(ME)R certificate runs out in 25 days."
    assert certificates_running_out(world.acting("ahp")) == [(words, None)]
    assert words in world.client("ahp").get("/help/keyboard").content.decode()
    assert certificates_running_out(world.acting("gp")) == []
    assert certificates_running_out(None) == []
