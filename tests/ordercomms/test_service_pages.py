"""S9 and the notice at the top: what does not work, since when, and the central team's word."""

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent
from messaging import services
from messaging.models import Link, QueueAlert
from messaging.queries import links_not_working, queues_backing_up
from messaging.queries.links import is_down, link_of
from requesting.models import Rule
from tests.house.routes import Cast, routes
from tests.house.who import ROLES
from tests.messaging.senders import make_partner
from tests.world import World

PAGES = ("/settings/", "/help/keyboard", "/services/")


@pytest.fixture(autouse=True)
def _fresh():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ris(world: World):
    partner = make_partner("ris", name="Eastmarsh Radiology (RIS)")
    partner.departments.add(world.place("RZ2RAD"))
    return partner


def page(world: World, username: str, address: str = "/services/") -> str:
    return world.client(username).get(address).content.decode()


def declare(world: World, partner, **fields: str):
    address = reverse("declare-down", args=[partner.pk])
    return world.client("central").post(address, {"reason": "They move house."} | fields)


def test_checks_of_requests_are_parts_of_the_service_with_their_true_state(world: World) -> None:
    Rule.objects.all().delete()
    html = page(world, "gp")
    assert "Not running (0 rules in force). Compare each test with earlier and open" in html
    for key, kind in (("dup", "duplicate_open"), ("age", "min_age"), ("sex", "side_words")):
        Rule.objects.create(key=key, version=1, kind=kind, level="L1", source="Here")
    html = page(world, "gp")
    assert "Duplicate checks" in html
    assert "open requests as it is chosen: 1 rule in force." in html
    assert "the patient as it is chosen: 2 rules in force." in html
    Rule.objects.create(key="new", version=1, kind="not_known_here", level="L1", source="Here")
    assert page(world, "gp").count("Not running (") == 2


@pytest.mark.hazard("H49")
def test_a_link_that_is_down_is_on_every_page_of_everybody_at_once(
    world: World, ris, django_capture_on_commit_callbacks
) -> None:
    for username in ("gp", "practice-admin", "radiologist", "lab", "central"):
        for address in PAGES:
            assert "not getting through" not in page(world, username, address)
    with django_capture_on_commit_callbacks(execute=True):
        declare(world, ris)
    for username in ("gp", "practice-admin", "radiologist", "lab", "central"):
        for address in PAGES:
            html = page(world, username, address)
            assert "Requests to Eastmarsh Radiology are not getting through. Since" in html
            assert "Requests are saved and will be sent." in html


@pytest.mark.hazard("H49")
@pytest.mark.slow
def test_the_notice_is_on_every_page_that_there_is(db: None) -> None:
    """Each address that answers with a page in the frame, for each of six roles."""
    cast = Cast()
    partner = cast.message_in.partner
    services.declare_down(partner, reason="x", by=cast.acting("central"))
    seen, bare = set(), []
    for username in ROLES:
        client = cast.client(username)
        for route in routes():
            arguments = cast.arguments(route)
            if not route.name or arguments is None:
                continue
            html = _html(client.get(reverse(route.name, kwargs=arguments)))
            if 'class="app-status-strip-place"' in html:
                seen.add(route.name)
                if "are not getting through" not in html:
                    bare.append((username, route.name))
    assert not bare
    assert len(seen) >= 35


def _html(response) -> str:
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    if response.streaming:
        list(response.streaming_content)  # to its end, which closes the file
        return ""
    return response.content.decode() if is_page else ""


def test_all_services_says_what_that_means_to_a_gp_and_why_to_an_operator(
    world: World, ris
) -> None:
    Link.objects.create(partner=ris)
    assert "Requests get through." in page(world, "gp")
    ris.failing_phase, ris.failing_since = "resolve", timezone.now()
    ris.save()
    Link.objects.update(state="down", since=timezone.now(), cause="Its address cannot be found.")
    cache.clear()
    gp, central = page(world, "gp"), page(world, "central")
    assert "Resolve: its address cannot be found." in central
    assert "Resolve:" not in gp
    assert "Not agreed. While nothing is sent to it, nobody sees whether it works." in central
    for html in (gp, central):
        assert "Not working" in html


def test_a_suspicion_is_shown_to_operators_alone(world: World, ris) -> None:
    Link.objects.create(partner=ris, state="suspect", since=timezone.now())
    assert "Being watched" in page(world, "central")
    assert "Being watched" not in page(world, "gp")
    assert "may not be" not in page(world, "gp")


def test_the_last_synthetic_order_and_its_time_are_shown(world: World, ris) -> None:
    from datetime import timedelta

    from messaging.models import SyntheticOrder

    now = timezone.now()
    Link.objects.create(
        partner=ris, synthetic_seconds=60, synthetic_patient="9990000018", synthetic_code="SYN"
    )
    SyntheticOrder.objects.create(
        partner=ris, control_id="OC1X", sent_at=now - timedelta(seconds=2.4), answered_at=now,
        acknowledgement="AA",
    )  # fmt: skip
    assert "2.4 s" in page(world, "central")
    html = page(world, "central", reverse("link", args=[ris.pk]))
    assert "there and back in 2.4 s" in html
    assert "Every 60 seconds." in html


def test_the_central_team_declares_down_and_over_with_a_reason(world: World, ris) -> None:
    client, address = world.client("central"), reverse("link", args=[ris.pk])
    refused = client.post(reverse("declare-down", args=[ris.pk]), {"reason": " "})
    assert refused.status_code == 422
    assert "Enter a reason" in refused.content.decode()
    assert not is_down(ris.pk)
    assert declare(world, ris, hours="4")["Location"] == address
    state = link_of(ris.pk)
    assert state.is_down
    assert 3.9 < (state.declared_until - timezone.now()).total_seconds() / 3600 <= 4
    html = client.get(address).content.decode()
    assert "They move house." in html
    assert "Declare over" in html
    assert "They move house." not in page(world, "gp"), "a person's words are for operators"
    over = client.post(reverse("declare-over", args=[ris.pk]), {"reason": "They rang."})
    assert over["Location"] == address
    assert link_of(ris.pk).state == "recovering"
    cache.clear()
    assert "getting through again" in page(world, "gp")
    acted = AccessEvent.objects.filter(username="central", object_type="messaging.Link")
    assert list(acted.order_by("id").values_list("action", flat=True)) == [
        "link_down", "link_recovering",
    ]  # fmt: skip
    again = client.post(reverse("declare-over", args=[ris.pk]), {"reason": "Twice."}, follow=True)
    assert "It was over already." in again.content.decode()


@pytest.mark.parametrize("username", ["gp", "lab", "radiologist", "practice-admin"])
def test_nobody_else_declares_and_nobody_else_sees_the_button(
    world: World, ris, username: str
) -> None:
    ris.departments.add(world.acting("lab").organisation)
    client = world.client(username)
    for name in ("declare-down", "declare-over"):
        assert client.post(reverse(name, args=[ris.pk]), {"reason": "x"}).status_code == 403
    answer = client.get(reverse("link", args=[ris.pk]))
    assert answer.status_code == (200 if username == "lab" else 403)
    assert "Declare down" not in answer.content.decode()
    assert not is_down(ris.pk)


def test_an_operator_sees_no_link_that_is_not_theirs(world: World, ris) -> None:
    assert world.client("lab").get(reverse("link", args=[ris.pk])).status_code == 404


def test_a_queue_that_backs_up_is_at_the_top_of_the_operators_pages_alone(
    world: World, ris
) -> None:
    now = timezone.now()
    alert = QueueAlert.objects.create(
        partner=ris, kind="dead", owner="operators", raised_at=now, oldest_at=now, waiting=3
    )
    words = "Messages to Eastmarsh Radiology (RIS) were given up."
    html = page(world, "central", "/settings/")
    assert words in html
    assert "The operators look after them." in html
    assert words not in page(world, "gp", "/settings/")
    assert "Not yet" in page(world, "central")
    QueueAlert.objects.filter(pk=alert.pk).update(cleared_at=timezone.now())
    assert words not in page(world, "central", "/settings/")
    assert words in page(world, "central"), "the history is kept"


def test_the_frame_asks_little_while_something_is_down(
    world: World, ris, django_assert_max_num_queries
) -> None:
    services.declare_down(ris, reason="x", by=world.acting("central"))
    acting = world.acting("central")
    cache.clear()
    with django_assert_max_num_queries(4):  # who looks, which links, their departments, alerts
        assert len([*links_not_working(acting), *queues_backing_up(acting)]) == 1
    with django_assert_max_num_queries(1):
        assert len([*links_not_working(acting), *queues_backing_up(acting)]) == 1
