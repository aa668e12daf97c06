"""Whose turn it is: blue light first everywhere, a lane kept for it, and one right to write."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection

from accounts.policies import SYSTEM
from demo.processes import wait_until
from iep.errors import NotAccepted
from iep.models import Lane, Node, Transfer
from iep.services.lanes import claiming, transfers
from iep.services.lanes.ledger import Session
from iep.states.nights import is_night
from iep.states.priorities import Priority

from .images import claim, lane, node, outgoing, send, state

pytestmark = pytest.mark.django_db(transaction=True)
BLUE, NORMAL, BATCH = Priority.BLUE_LIGHT, Priority.NORMAL, Priority.BATCH


@pytest.fixture
def alive(world):
    """Every lane has its holder: their sessions, by name."""
    held = {row.name: Session(row) for row in Lane.objects.all()}
    assert all(session.open() for session in held.values())
    yield held
    for session in held.values():
        session.close()


@pytest.fixture
def queue(alive):
    """Queue small studies by priority; the transfers in that order."""
    study, far = outgoing(2), node()

    def queued(*priorities):
        return [send(study, far, priority=each) for each in priorities]

    return queued


def taken(name):
    held = claim(name)
    return held.transfer_id if held else None


@pytest.mark.hazard("H37")
def test_blue_light_is_first_in_every_lane_and_then_who_came_first(queue):
    first, second, blue = queue(NORMAL, NORMAL, BLUE)
    assert [taken(f"out-{n}") for n in (2, 3, 4, 5)] == [blue.pk, first.pk, second.pk, None]


@pytest.mark.hazard("H37")
def test_of_the_lanes_that_hear_of_a_blue_light_as_many_leave_their_work_as_there_are(queue):
    queue(NORMAL, BLUE, BLUE)
    won, gone_on = [], threading.Barrier(4)

    def hear():
        try:
            with claiming.bid("out") as is_mine:
                won.append(is_mine)
                gone_on.wait(30)
        finally:
            connection.close()

    threads = [threading.Thread(target=hear) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False, False, True, True]
    with claiming.bid("out") as is_mine, claiming.bid("in") as is_theirs:
        assert (is_mine, is_theirs) == (True, False)  # let go of; and the other direction has none


@pytest.mark.hazard("H37")
def test_the_reserved_lane_takes_nothing_but_blue_light(queue):
    queue(NORMAL, BATCH)
    assert taken("out-1") is None
    (blue,) = queue(BLUE)
    assert taken("out-1") == blue.pk


def test_no_transfer_is_taken_by_two_lanes(queue):
    everything = {each.pk for each in queue(*[NORMAL] * 12)}
    found, lock = [], threading.Lock()

    def take_all(name):
        try:
            while (pk := taken(name)) is not None:
                transfers.pause(Transfer.objects.get(pk=pk), by=SYSTEM)  # as if it were done
                with lock:
                    found.append(pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=take_all, args=(f"out-{n}",)) for n in (2, 3, 4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(everything)


def test_a_lane_is_run_by_one_process_at_a_time(world):
    with Session(lane("out-2")) as first, Session(lane("out-2")) as second:
        assert first.open()
        assert not second.open()
        first.close()
        assert wait_until(second.open, seconds=30)


def test_batch_goes_at_night_only(queue, settings):
    (batch,) = queue(BATCH)
    settings.LANES_NIGHT = "00:00-00:00"  # no night at all
    assert taken("out-2") is None
    settings.LANES_NIGHT = "00:00-23:59:59.999999"
    assert taken("out-2") == batch.pk


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-07-01T18:59", False), ("2026-07-01T19:00", True),  # 20:00 in summer time
        ("2026-07-02T04:59", True), ("2026-07-02T05:00", False),
        ("2026-12-01T19:59", False), ("2026-12-01T20:00", True),
        ("2026-12-02T05:59", True), ("2026-12-02T06:00", False),
        # The clock goes forward at 01:00 UTC on 29-Mar-2026: the night ends an hour sooner.
        ("2026-03-28T20:00", True), ("2026-03-29T04:59", True), ("2026-03-29T05:00", False),
        # It goes back at 01:00 UTC on 25-Oct-2026: the night is an hour longer.
        ("2026-10-24T19:00", True), ("2026-10-25T00:30", True), ("2026-10-25T01:30", True),
        ("2026-10-25T05:59", True), ("2026-10-25T06:00", False),
    ],
)  # fmt: skip
def test_the_night_is_by_the_clock_in_london_also_when_it_changes(at, expected):
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert is_night(moment, "20:00-06:00") is expected


@pytest.mark.hazard("H38")
def test_inbound_blue_light_uses_the_reserve_of_the_disk_and_standard_waits(alive, settings):
    far = node()
    standard, blue = (
        transfers.queue_fetch(
            far, f"1.2.{number}", priority=priority, purpose="in", title="CT", by=SYSTEM
        )
        for number, priority in enumerate((NORMAL, BLUE))
    )
    settings.IMAGES_RESERVE_BYTES = 10**18
    claiming.say_whether_full(lane("in-1"))
    assert lane("in-1").said_full_at is not None
    assert taken("in-1") == blue.pk
    assert taken("in-2") is None
    settings.IMAGES_RESERVE_BYTES = 0
    claiming.say_whether_full(lane("in-1"))
    assert lane("in-1").said_full_at is None
    assert taken("in-2") == standard.pk


def test_a_node_that_is_paused_or_fails_is_left_alone_but_for_blue_light(queue):
    normal, blue = queue(NORMAL, BLUE)
    Node.objects.update(is_paused=True)
    assert taken("out-2") is None
    Node.objects.update(is_paused=False, failures=3, retry_at=datetime(2100, 1, 1, tzinfo=UTC))
    assert taken("out-2") == blue.pk
    assert taken("out-3") is None
    Node.objects.update(retry_at=None)
    assert taken("out-3") == normal.pk


def test_while_a_node_fails_one_lane_asks_it_and_the_others_wait(queue):
    queue(NORMAL, NORMAL)
    Node.objects.update(failures=3)
    assert taken("out-2") is not None
    assert taken("out-3") is None


def test_a_paused_lane_takes_nothing(queue):
    queue(BLUE)
    Lane.objects.filter(name="out-1").update(is_paused=True)
    assert taken("out-1") is None


@pytest.mark.hazard("H37")
def test_blue_light_goes_before_standard_work_that_a_dead_lane_has_left(queue):
    (standard,) = queue(NORMAL)
    assert taken("out-2") == standard.pk
    Transfer.objects.update(lease_until=datetime(2020, 1, 1, tzinfo=UTC))
    (blue,) = queue(BLUE)
    assert [taken("out-3"), taken("out-4")] == [blue.pk, standard.pk]


def test_a_paused_lane_takes_nothing_over_either(queue):
    (transfer,) = queue(NORMAL)
    assert taken("out-2") == transfer.pk
    Transfer.objects.update(lease_until=datetime(2020, 1, 1, tzinfo=UTC))
    Lane.objects.filter(name="out-3").update(is_paused=True)
    assert taken("out-3") is None
    assert taken("out-4") == transfer.pk


# --- What people do ---


def test_people_move_transfers_among_equals(queue):
    first, second, third, blue = queue(NORMAL, NORMAL, NORMAL, BLUE)
    transfers.move_up(third, by=SYSTEM)
    transfers.move_down(first, by=SYSTEM)
    order = list(claiming.ready("out").values_list("pk", flat=True))
    assert order == [blue.pk, third.pk, first.pk, second.pk]
    transfers.move_first(second, by=SYSTEM)
    assert claiming.ready("out")[1].pk == second.pk
    with pytest.raises(NotAccepted):
        transfers.move_up(blue, by=SYSTEM)


@pytest.mark.hazard("H39")
def test_blue_light_needs_one_of_the_three_reasons_and_is_written_down(queue):
    (transfer,) = queue(NORMAL)
    for why in ("", "the consultant is in a hurry"):
        with pytest.raises(NotAccepted):
            transfers.change_priority(transfer, BLUE, by=SYSTEM, why=why)
    transfers.change_priority(transfer, BLUE, by=SYSTEM, why="theatre")
    assert taken("out-1") == transfer.pk
    words = transfer.events.filter(event="noted").get().words
    assert words == "Blue Light: Due in theatre in the next few hours"


def test_a_paused_transfer_is_not_taken_and_goes_on_when_it_is_resumed(queue):
    (transfer,) = queue(NORMAL)
    transfers.pause(transfer, by=SYSTEM)
    assert taken("out-2") is None
    transfers.resume(transfer, by=SYSTEM)
    assert taken("out-2") == transfer.pk


def test_a_cancelled_transfer_says_how_much_had_moved(queue):
    (transfer,) = queue(NORMAL)
    transfers.cancel(transfer, by=SYSTEM)
    assert state(transfer) == "cancelled"
    assert transfer.why.startswith("0 of 2 images had moved.")
    assert taken("out-2") is None


# --- The fence ---


def test_a_lane_that_was_frozen_wakes_late_and_changes_nothing(queue, alive):
    (transfer,) = queue(NORMAL)
    late = claim("out-2")
    Transfer.objects.update(lease_until=datetime(2020, 1, 1, tzinfo=UTC))
    heir = claim("out-3")
    assert heir.transfer_id == transfer.pk
    assert heir.fence == late.fence + 1
    line = transfer.instances.first()
    assert not alive["out-2"].done(late, line.pk, size=10)
    assert not alive["out-2"].refused(late, line.pk, "too late")
    claiming.put_back(late, "too late")
    claiming.renew([late])
    line.refresh_from_db()
    assert state(transfer) == "running"
    assert (line.state, transfer.images_done, transfer.lane.name) == ("waiting", 0, "out-3")
    assert alive["out-3"].done(heir, line.pk, size=10)


def test_what_a_dead_lane_had_is_taken_over_at_once_and_what_lives_is_not(queue, alive):
    (transfer,) = queue(NORMAL)
    assert claim("out-2").transfer_id == transfer.pk
    assert claim("out-3") is None  # the holder of out-2 lives, and its lease is new
    alive["out-2"].close()  # as when its process dies
    assert claim("out-1") is None  # nothing but blue light there, whoever died
    assert wait_until(lambda: taken("out-3") == transfer.pk, seconds=30)
