"""Many messages sent back: counted first, at a rate, in order, each once."""

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent
from messaging import queries, services
from messaging.errors import NoSuchMove, NothingToReplay
from messaging.models import InboundMessage, Replay
from messaging.queries import Chosen
from tests.messaging import operating
from tests.messaging.senders import taken

pytestmark = pytest.mark.django_db
MENDED = "tests.messaging.test_replays.ROUTES"


def take(message, inbound):
    from accounts.audit import record
    from accounts.policies import SYSTEM

    record(acting=SYSTEM, action="taken", object_id=message.control_id)


ROUTES = {("ORU", "R01"): take}


@pytest.fixture
def partner(world):
    return operating.laboratory(world)


@pytest.fixture
def parked(partner):
    """Six, of two patients in turn."""
    return [operating.park(f"P{n}", number=str(n % 2)) for n in range(6)]


CHOSEN = Chosen("in", "unknown_request")


def start(world, chosen=CHOSEN, *, by="lab", per_minute=300, highest=None):
    acting = world.acting(by)
    highest = queries.preview_for(acting, chosen).highest if highest is None else highest
    return services.start_replay(chosen, highest=highest, per_minute=per_minute, by=acting)


def run(replay, *, until="done"):
    """A sweep after a sweep, each a minute later by the replay's own clock."""
    for _ in range(20):
        services.run_replays()
        Replay.objects.filter(paced_at__isnull=False).update(
            paced_at=timezone.now() - timezone.timedelta(minutes=1)
        )
        replay.refresh_from_db()
        if replay.state == until:
            return
    pytest.fail(f"the replay is {replay.state} after 20 sweeps")


def test_a_replay_processes_each_once_in_the_order_they_came(world, parked, settings):
    settings.HL7_ROUTING = MENDED
    replay = start(world)
    run(replay)
    services.process_waiting()
    assert taken() == [f"P{n}" for n in range(6)]
    assert (replay.total, replay.released) == (6, 6)
    page = queries.page_of_replay(replay)
    assert (page.went_well, page.came_back, page.percent) == (6, 0, 100)


@pytest.mark.hazard("H16")
def test_a_replay_sends_no_faster_than_was_chosen(world, parked):
    replay = start(world, per_minute=10)
    assert services.run_replays() == 1
    assert services.run_replays() == 0  # the next in six seconds
    Replay.objects.update(paced_at=timezone.now() - timezone.timedelta(seconds=13))
    assert services.run_replays() == 2
    Replay.objects.update(paced_at=timezone.now() - timezone.timedelta(hours=8))
    services.run_replays()
    replay.refresh_from_db()
    assert replay.released <= 13  # a night without a worker is not made up for at once


@pytest.mark.hazard("H17")
def test_what_fails_again_goes_round_once_and_is_counted(world, parked):
    replay = start(world)
    run(replay)
    services.process_waiting()
    assert set(InboundMessage.objects.values_list("state", "retries")) == {("parked", 1)}
    assert queries.page_of_replay(replay).came_back == 6
    for _ in range(2):
        run(start(world))
        services.process_waiting()
    preview = queries.preview_for(world.acting("lab"), CHOSEN)
    assert (preview.count, preview.left_out) == (0, 6)
    with pytest.raises(NothingToReplay):
        start(world)


def test_what_arrives_after_the_count_is_left_alone(world, parked):
    acting = world.acting("lab")
    highest = queries.preview_for(acting, CHOSEN).highest
    late = operating.park("LATE")
    replay = start(world, highest=highest)
    run(replay)
    late.refresh_from_db()
    assert (replay.total, late.state) == (6, "parked")


def test_what_somebody_dealt_with_meanwhile_is_not_sent_back(world, parked):
    replay = start(world)
    services.handle_inbound(parked[2], reason="Rang them.", by=world.acting("central"))
    run(replay)
    parked[2].refresh_from_db()
    assert (parked[2].state, parked[2].handled_how, replay.released) == ("handled", "Rang them.", 5)


def test_a_stopped_replay_sends_no_more(world, parked):
    replay = start(world, per_minute=10)
    services.run_replays()
    services.stop_replay(replay, by=world.acting("lab"))
    Replay.objects.update(paced_at=timezone.now() - timezone.timedelta(minutes=5))
    assert services.run_replays() == 0
    assert InboundMessage.objects.filter(state="parked").count() == 5
    with pytest.raises(NoSuchMove):
        services.stop_replay(replay, by=world.acting("lab"))


@pytest.mark.hazard("H18")
def test_dead_letters_go_again_with_the_same_control_ids(world, partner):
    dead = operating.bury(partner, "a", "b", "c")
    replay = start(world, Chosen("out", "rejected"))
    run(replay)
    received = operating.deliver(partner)
    assert received == [bytes(message.raw) for message in dead]


def test_a_partner_and_a_time_narrow_it(world, partner, parked):
    acting = world.acting("central")
    middle = parked[3].received_at
    by_time = queries.preview_for(acting, Chosen("in", "unknown_request", None, middle, None))
    before = queries.preview_for(acting, Chosen("in", "unknown_request", None, None, middle))
    other = operating.make_partner("pacs")
    assert (by_time.count, before.count) == (3, 3)
    assert queries.preview_for(acting, Chosen("in", "unknown_request", other)).count == 0
    assert queries.preview_for(acting, Chosen("in", "unknown_request", partner)).count == 6
    assert queries.preview_for(acting, Chosen("in", "another_cause")).count == 0


def test_a_laboratory_replays_its_own_alone(world, parked):
    stranger = world.acting(world.stranger("lab").username)
    assert queries.preview_for(stranger, CHOSEN).count == 0
    with pytest.raises(NothingToReplay):
        services.start_replay(CHOSEN, highest=10**9, per_minute=60, by=stranger)
    replay = start(world)
    with pytest.raises(PermissionDenied):
        services.stop_replay(replay, by=stranger)
    with pytest.raises(PermissionDenied):
        start(world, by="gp", highest=10**9)
    assert world.client_elsewhere("lab").get(address(replay)).status_code == 404


def test_a_partner_that_left_the_laboratory_is_not_sent_to_by_its_replay(world, parked, partner):
    replay = start(world)
    partner.departments.clear()
    run(replay)
    assert (replay.released, InboundMessage.objects.filter(state="parked").count()) == (0, 6)


def address(replay) -> str:
    return reverse("messaging:replay", args=[replay.pk])


def test_every_message_of_a_replay_is_in_the_audit_trail(world, parked):
    replay = start(world)
    run(replay)
    rows = AccessEvent.objects.filter(action="replay_message_in")
    assert rows.count() == 6
    assert set(rows.values_list("username", "reason")) == {("ordercomms", f"replay {replay.pk}")}
    started = AccessEvent.objects.get(action="start_replay")
    assert (started.username, started.object_id) == ("lab", str(replay.pk))


# --- The pages -----------------------------------------------------------------------------------


def test_the_count_comes_first_and_the_button_says_it(world, parked):
    client = world.client("lab")
    where = reverse("messaging:replay-in", args=["unknown_request"])
    page = client.get(where).content.decode()
    assert "6 messages" in page
    assert "Process 6 messages again" in page
    assert Replay.objects.count() == 0
    highest = queries.preview_for(world.acting("lab"), CHOSEN).highest
    answer = client.post(where, {"highest": highest, "per_minute": "60"})
    replay = Replay.objects.get()
    assert answer["Location"] == address(replay)
    services.run_replays()
    page = client.get(answer["Location"]).content.decode()
    assert "1 of 6 messages" in page
    assert "<progress" in page
    assert client.post(reverse("messaging:stop-replay", args=[replay.pk])).status_code == 302
    assert "Stopped" in client.get(address(replay)).content.decode()
    assert address(replay) in client.get(reverse("messaging:replays")).content.decode()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"after": "yesterday"}, "from which to send back"),
        ({"after": "2026-11-22T10:00", "before": "2026-11-22T09:00"}, "after the beginning"),
    ],
)
def test_a_time_that_makes_no_sense_is_asked_for_again(world, parked, query, words):
    answer = world.client("lab").get(
        reverse("messaging:replay-in", args=["unknown_request"]), query
    )
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_replay_without_a_rate_does_not_start(world, parked):
    where = reverse("messaging:replay-in", args=["unknown_request"])
    answer = world.client("lab").post(where, {"highest": "10", "per_minute": "99999"})
    assert answer.status_code == 422
    assert Replay.objects.count() == 0


def test_nothing_left_to_send_back_is_said(world, parked):
    for message in parked:
        services.handle_inbound(message, reason="Rang them.", by=world.acting("lab"))
    where = reverse("messaging:replay-in", args=["unknown_request"])
    answer = world.client("lab").post(where, {"highest": "10", "per_minute": "60"})
    assert answer.status_code == 409
    assert "nothing left to send back" in answer.content.decode()
