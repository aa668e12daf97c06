"""A lane or a machine is paused by a person who says why, and nobody forgets it."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent
from iep.errors import NotAccepted
from iep.models import Lane, Node, PauseEventRow
from iep.queries.lanes import pauses
from iep.services.lanes import claiming, pausing
from tests.iep.transactions import exchange

from .images import lane, node, outgoing, run, send, state

pytestmark = pytest.mark.django_db


def text(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def open_page(who, thing, **said):
    name = "pause-lane" if isinstance(thing, Lane) else "pause-node"
    address = reverse(f"iep:{name}", args=[thing.pk])
    return who.post(address, said) if said else who.get(address)


def test_a_paused_lane_takes_nothing_and_says_who_paused_it_and_why(world):
    desk = world.client("mbp")
    send(outgoing(1), node())
    done = open_page(desk, lane("out-2"), do="pause", because="New cable")
    assert done.status_code == 302
    assert claiming.claim(lane("out-2")) is None
    page = text(desk.get(reverse("iep:queues")))
    who = world.acting("mbp").label
    assert f"Lane Out 2 is paused by {who} since" in page
    assert "New cable" in page
    row = PauseEventRow.objects.get()
    assert (row.lane, row.event, row.by_name, row.words) == (
        lane("out-2"), "paused", who, "New cable",
    )  # fmt: skip
    assert AccessEvent.objects.filter(action="lane_paused").count() == 1


def test_a_lane_that_is_started_again_takes_what_waits(world):
    desk, waiting = world.client("mbp"), send(outgoing(1), node())
    open_page(desk, lane("out-2"), do="pause", because="New cable")
    open_page(desk, lane("out-2"), do="resume")
    assert claiming.claim(lane("out-2")).transfer_id == waiting.pk
    held = lane("out-2")
    assert (held.is_paused, held.paused_by, held.paused_at) == (False, "", None)
    page = text(open_page(desk, held))
    assert "paused by" in page
    assert "started again by" in page
    assert list(PauseEventRow.objects.values_list("event", flat=True)) == ["paused", "resumed"]


def test_nothing_is_paused_without_a_reason(world):
    answer = open_page(world.client("mbp"), lane("out-2"), do="pause", because=" ")
    assert answer.status_code == 422
    assert "Say why it is paused." in text(answer)
    assert not lane("out-2").is_paused


@pytest.mark.hazard("H37")
def test_the_lane_that_is_kept_for_blue_light_stops_only_for_who_says_it_twice(world):
    desk = world.client("mbp")
    answer = open_page(desk, lane("out-1"), do="pause", because="New cable")
    assert answer.status_code == 422
    assert "a Blue Light has to wait" in text(answer)
    assert not lane("out-1").is_paused
    open_page(desk, lane("out-1"), do="pause", because="New cable", sure="yes")
    assert lane("out-1").is_paused
    assert "No lane is kept for Blue Light." in text(desk.get(reverse("iep:queues")))


def test_what_is_paused_for_an_hour_is_said_to_everybody_of_the_desk(world):
    pausing.pause_lane(lane("in-2"), "New cable", by=world.acting("mbp"))
    strip = lambda role: list(pauses.paused_strip(world.acting(role)))  # noqa: E731
    assert strip("mbp-lead") == []
    Lane.objects.filter(name="in-2").update(paused_at=timezone.now() - timedelta(minutes=61))
    cache.clear()
    ((sentence, since, _, href, _),) = strip("mbp-lead")
    assert sentence.startswith("Lane In 2 is paused by ")
    assert since is not None
    assert href == reverse("iep:pause-lane", args=[lane("in-2").pk])
    assert strip("gp") == []
    cache.clear()
    assert sentence in text(world.client("mbp").get(reverse("iep:home")))


def test_two_people_do_not_pause_the_same_lane(world):
    pausing.pause_lane(lane("out-2"), "New cable", by=world.acting("mbp"))
    with pytest.raises(NotAccepted) as refused:
        pausing.pause_lane(lane("out-2"), "Other words", by=world.acting("mbp-lead"))
    assert world.acting("mbp").label in refused.value.sentence
    assert lane("out-2").paused_because == "New cable"


def test_nothing_goes_to_a_paused_machine_and_it_goes_on_when_it_is_started(world):
    far, desk = node(), world.client("mbp")
    waiting = send(outgoing(1), far)
    open_page(desk, far, do="pause", because="They move house")
    assert claiming.claim(lane("out-2")) is None
    page = text(desk.get(reverse("iep:institution", args=[far.institution_id])))
    assert "They move house" in page
    assert reverse("iep:pause-node", args=[far.pk]) in page
    open_page(desk, far, do="resume")
    assert claiming.claim(lane("out-2")).transfer_id == waiting.pk
    assert AccessEvent.objects.filter(action__in=("node_paused", "node_resumed")).count() == 2


def test_the_own_machine_of_another_trust_is_not_found(world):
    far = node()
    ours = exchange.example(world).organisation
    far.institution.organisation = (
        type(ours).objects.filter(parent=None).exclude(pk=ours.pk).order_by("pk").first()
    )
    far.institution.save()
    assert open_page(world.client("mbp"), far).status_code == 404
    with pytest.raises(NotAccepted):
        pausing.pause_node(far, "New cable", by=world.acting("mbp"))


def test_a_gateway_whose_agreement_was_withdrawn_is_not_started_by_a_button(world):
    far = node(kind="gateway")
    Node.objects.filter(pk=far.pk).update(is_paused=True, their_key_sha256="")
    answer = open_page(world.client("mbp"), far, do="resume")
    assert answer.status_code == 422
    assert "agreement with them was withdrawn" in text(answer)
    assert Node.objects.get(pk=far.pk).is_paused


def test_who_only_looks_has_no_button(world):
    address = reverse("iep:pause-lane", args=[lane("out-2").pk])
    assert address not in text(world.client("radiologist").get(reverse("iep:queues")))
    assert address in text(world.client("mbp").get(reverse("iep:queues")))


@pytest.mark.django_db(transaction=True)
def test_a_lane_that_is_paused_in_the_middle_gives_its_work_to_another(world, pacs):
    from .test_sending import Beside, wait_until

    transfer = send(outgoing(100), node(pacs.port))
    pacs.seconds = 0.02
    with Beside("out-2"):
        assert pacs.taking.wait(30)
        pausing.pause_lane(lane("out-2"), "New cable", by=world.acting("mbp"))
        assert wait_until(lambda: state(transfer) == "waiting", seconds=60)
        assert 0 < transfer.images_done < 100
    pacs.seconds = 0.0
    run("out-3")
    assert state(transfer) == "delivered"
    assert len(pacs.came) == 100
