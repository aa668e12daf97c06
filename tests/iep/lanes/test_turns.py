"""The board and the sentences promise what lanes do, and say else what is waited for."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts.policies import SYSTEM
from iep.models import Lane, Node, Study, Transfer
from iep.queries.exchange import sentences
from iep.queries.lanes import queues
from iep.services.lanes import transfers
from iep.states.priorities import Priority
from tests.iep.transactions import exchange

from .images import claim, node, outgoing, send

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _lanes_work(world):
    Lane.objects.update(seen_at=timezone.now() + timedelta(hours=1))


@pytest.fixture
def by_day(settings):
    """It is day for two hours more: what the board says of the night."""
    now = timezone.localtime()
    begins, ends = (f"{now + timedelta(hours=each):%H}:00" for each in (2, 3))
    settings.LANES_NIGHT = f"{begins}-{ends}"
    return f"Waits for tonight ({begins})."


def board(world):
    """The board of the desk, its lanes by name, and the rows of what waits to go out."""
    shown = queues.board(world.acting("mbp"))
    rows = queues.waiting(world.acting("mbp"), "out", shown.rules).rows
    return {each.name: each for each in shown.lanes}, rows


def page(world):
    return " ".join(world.client("mbp").get(reverse("iep:queues")).content.decode().split())


def starts_now() -> set[str]:
    """The sentence of what is next, of this minute or the one that has just ended."""
    times = (timezone.localtime() - timedelta(seconds=ago) for ago in (0, 30))
    return {f"Queued: 1st outbound, starts about {each:%H:%M}." for each in times}


def test_what_a_lane_takes_next_is_said_to_be_next(world):
    first, second = (send(outgoing(1), node(), title=name) for name in ("First", "Second"))
    lanes, rows = board(world)
    assert [row.words for row in rows] == ["Next", "Waiting, 1 ahead"]
    assert [row.pk for row in lanes["out-2"].following] == [first.pk, second.pk]
    assert lanes["out-1"].following == ()  # it is kept
    assert page(world).count("About to begin.") == 4
    assert claim("out-2").transfer_id == first.pk


def test_batch_work_by_day_begins_in_no_lane_and_waits_for_tonight(world, by_day):
    send(outgoing(1), node(), priority=Priority.BATCH, title="MR spine")
    lanes, (row,) = board(world)
    assert (row.words, row.held) == ("Waiting", by_day)
    assert lanes["out-2"].following == ()
    assert claim("out-2") is None
    said = page(world)
    assert "About to begin." not in said
    assert f"Nothing can begin now. MR spine: {by_day}" in said
    assert ">Next<" not in said


@pytest.mark.parametrize("held_back", ["itself", "its machine", "paused", "every lane"])
def test_what_is_held_back_says_by_what(world, held_back):
    transfer = send(outgoing(1), node())
    later = timezone.now() + timedelta(minutes=7)
    words = f"Tried again at {timezone.localtime(later):%H:%M}."
    if held_back == "itself":
        Transfer.objects.filter(pk=transfer.pk).update(not_before=later)
    elif held_back == "its machine":
        Node.objects.update(retry_at=later, failures=2)
    elif held_back == "paused":
        Node.objects.update(is_paused=True)
        words = "FARPACS is paused."
    else:
        Lane.objects.filter(is_blue_only=False).update(is_paused=True)
        words = "No lane works now."
    lanes, (row,) = board(world)
    assert (row.words, row.held) == ("Waiting", words)
    assert lanes["out-2"].following == ()
    assert claim("out-2") is None
    assert "About to begin." not in page(world)
    assert words in page(world)


def test_a_blue_light_does_not_wait_for_its_machine_but_for_its_own_time(world):
    send(outgoing(1), node(), priority=Priority.BLUE_LIGHT)
    Node.objects.update(retry_at=timezone.now() + timedelta(minutes=7))
    lanes, (row,) = board(world)
    assert (row.words, row.held) == ("Next", "")
    assert [each.pk for each in lanes["out-1"].following] == [row.pk]
    assert claim("out-1") is not None


def test_what_another_trust_has_before_it_counts(world):
    theirs, ours = (send(outgoing(1), node(), title=name) for name in ("Theirs", "Ours"))
    far = world.stranger("mbp").memberships.get().organisation
    Study.objects.filter(pk=theirs.study_id).update(organisation=far.parent or far)
    _, rows = board(world)
    assert [(row.pk, row.words) for row in rows] == [(ours.pk, "Waiting, 1 ahead")]


# --- The sentence of a transaction ---------------------------------------------------------------


def queued(world, priority):
    thing = exchange.example(world)
    thing.state = "download_request"
    return thing, transfers.queue_send(
        outgoing(1), node(), priority=priority, purpose="out", title="CT head",
        transaction=thing, by=SYSTEM,
    )  # fmt: skip


def said(thing, transfer) -> str:
    """Some seconds after the last look: what was measured is remembered that long."""
    cache.clear()
    turn = sentences.turns_of([transfer])[thing.pk]
    return sentences.sentence(thing, timezone.now(), turn=turn)


def test_batch_work_by_day_has_no_start_but_tonight(world, by_day):
    assert said(*queued(world, Priority.BATCH)) == f"Queued. {by_day}"


def test_no_start_is_said_where_no_lane_works(world):
    mine = queued(world, Priority.NORMAL)
    assert said(*mine) in starts_now()
    Lane.objects.filter(is_blue_only=False).update(seen_at=timezone.now() - timedelta(minutes=1))
    assert said(*mine) == "Queued. No lane works now."


def test_standard_work_that_runs_delays_no_blue_light(world):
    send(outgoing(1), node())
    running = claim("out-2").transfer_id
    Transfer.objects.filter(pk=running).update(images=0)  # nobody knows how many
    thing, blue = queued(world, Priority.BLUE_LIGHT)
    assert said(thing, blue) in starts_now()
    Transfer.objects.filter(pk=blue.pk).update(priority=Priority.NORMAL)
    assert said(thing, blue) == "Queued: 1st outbound. No estimate yet."


def test_what_no_lane_takes_delays_nobody(world):
    held = send(outgoing(1), node(name="AWAY"))
    Transfer.objects.filter(pk=held.pk).update(images=0)
    Node.objects.filter(name="AWAY").update(is_paused=True)
    mine = queued(world, Priority.NORMAL)
    assert said(*mine) in starts_now()
