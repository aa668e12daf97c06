"""Out to a peer: image by image, resumed at the next, and delivered only when all is confirmed."""

import threading

import pytest
from django.db import connection, connections
from django.db.transaction import atomic

from accounts.policies import SYSTEM
from demo.processes import wait_until
from iep.gateway import line as gateway
from iep.models import Node, Transfer
from iep.services.lanes import claiming, confirming, transfers
from iep.services.lanes.carrier import Carrier
from iep.services.lanes.ledger import Session
from iep.states.priorities import Priority

from .images import lane, ledger, node, outgoing, run, send, state, wait_over

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_study_is_delivered_when_the_peer_lists_every_image(world, pacs):
    study = outgoing(5, series=2)
    transfer = send(study, node(pacs.port))
    run("out-2")
    assert state(transfer) == "delivered"
    assert set(pacs.kept) == set(study.files.values_list("sop_uid", flat=True))
    assert (transfer.images_done, transfer.images, pacs.associations) == (5, 5, 2)
    assert transfer.bytes_done == transfer.bytes_total > 0


def test_by_storage_commitment_where_the_node_does_it(world, pacs):
    transfer = send(outgoing(3), node(pacs.port, commits=True))
    pacs.finds = False
    run("out-2")
    assert state(transfer) == "delivered"


def test_the_association_is_kept_for_the_next_transfer_to_the_same_node(world, pacs):
    far, study = node(pacs.port), outgoing(2)
    both = [send(study, far), send(study, far)]
    run("out-2", confirm=False)
    assert [state(each) for each in both] == ["unconfirmed", "unconfirmed"]
    assert pacs.associations == 1


@pytest.mark.hazard("H40")
def test_what_the_peer_refuses_is_missing_and_goes_again_alone(world, pacs):
    study = outgoing(6)
    uids = list(study.files.order_by("instance_number").values_list("sop_uid", flat=True))
    pacs.refuses = {uids[3]}
    transfer = send(study, node(pacs.port))
    run("out-2")
    assert state(transfer) == "partial"
    assert transfer.why.startswith("5 of 6 images.")
    assert transfer.instances.get(state="refused").sop_uid == uids[3]
    pacs.refuses, before = set(), len(pacs.came)
    transfers.retry(transfer, by=SYSTEM)
    run("out-2")
    assert pacs.came[before:] == [uids[3]]
    assert state(transfer) == "delivered"


@pytest.mark.hazard("H40")
def test_what_the_peer_took_and_then_does_not_have_is_never_called_delivered(world, pacs):
    study = outgoing(4)
    lost = study.files.order_by("instance_number")[1].sop_uid
    pacs.loses = {lost}
    transfer = send(study, node(pacs.port, commits=True))
    run("out-2")
    assert ledger(transfer) == {"confirmed": 3, "waiting": 1}
    for _ in range(2):
        wait_over()
        run("out-2")
    assert state(transfer) == "partial"
    assert pacs.came.count(lost) == 3
    assert all(pacs.came.count(uid) == 1 for uid in pacs.came if uid != lost)


@pytest.mark.hazard("H40")
def test_what_is_sent_and_not_confirmed_says_so_and_is_asked_again(world, pacs):
    transfer = send(outgoing(2), node(pacs.port))
    pacs.finds = False
    run("out-2")
    assert state(transfer) == "unconfirmed"
    assert transfer.not_before is not None
    assert confirming.confirm_due() == 0  # not at once
    pacs.finds = True
    wait_over()
    assert confirming.confirm_due() == 1
    assert state(transfer) == "delivered"
    assert len(pacs.came) == 2


@pytest.mark.hazard("H40")
def test_an_answer_that_comes_later_counts_once_and_for_its_own_question(world, pacs):
    from iep.dicom import CommitmentAnswer

    transfer = send(outgoing(2), node(pacs.port))
    pacs.finds = False
    run("out-2")
    state(transfer)
    uids = frozenset(transfer.instances.values_list("sop_uid", flat=True))
    assert not confirming.record_answer(CommitmentAnswer("2.25.1", uids))
    assert confirming.record_answer(CommitmentAnswer(transfer.commitment_uid, uids))
    assert state(transfer) == "delivered"
    assert not confirming.record_answer(CommitmentAnswer(transfer.commitment_uid, uids))


def test_a_peer_that_is_away_holds_back_its_node_and_nothing_is_lost(world, pacs):
    far, study = node(1), outgoing(2)
    both = [send(study, far), send(study, far)]
    run("out-2", most=5)
    assert [state(each) for each in both] == ["waiting", "waiting"]
    far.refresh_from_db()
    assert (far.failures, both[0].family) == (1, "unreachable")
    assert far.sentence
    Node.objects.update(port=pacs.port)
    wait_over()
    run("out-2")
    assert [state(each) for each in both] == ["delivered", "delivered"]
    far.refresh_from_db()
    assert far.failures == 0


def test_a_full_peer_is_tried_again_and_nothing_is_refused(world, pacs):
    transfer = send(outgoing(3), node(pacs.port))
    pacs.full = True
    run("out-2", most=3)
    assert state(transfer) == "waiting"
    assert transfer.family == "out_of_resources"
    pacs.full = False
    wait_over()
    run("out-2")
    assert state(transfer) == "delivered"


def test_an_image_at_which_the_peer_breaks_off_stands_in_nobodys_way(world, pacs):
    study = outgoing(4)
    pacs.breaks_at = {study.files.order_by("instance_number")[0].sop_uid}
    transfer = send(study, node(pacs.port))
    for _ in range(7):
        run("out-2", most=1)
        wait_over()
    assert state(transfer) == "partial"
    assert ledger(transfer) == {"confirmed": 3, "refused": 1}


def test_after_hours_without_an_image_it_is_a_persons(world):
    transfer = send(outgoing(1), node(1))
    run("out-2", most=1)
    assert state(transfer) == "waiting"
    Transfer.objects.update(failing_since="2020-01-01T00:00Z")
    wait_over()
    run("out-2", most=1)
    assert state(transfer) == "failed"
    assert transfer.why
    transfers.retry(transfer, by=SYSTEM)
    assert state(transfer) == "waiting"


def test_a_file_that_is_gone_is_that_images_own_trouble(world, pacs):
    from iep import storage

    study = outgoing(3)
    storage.discard(study.files.first().pk)
    transfer = send(study, node(pacs.port))
    run("out-2")
    assert state(transfer) == "partial"
    assert "no longer in our own storage" in transfer.why


# --- Beside each other ---------------------------------------------------------------------------


class Beside:
    """A lane in a thread of its own."""

    def __init__(self, name):
        self.name, self.ready, self.stop = name, threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            with Session(lane(self.name)) as session:
                assert wait_until(session.open, seconds=30)
                self.ready.set()
                carrier = Carrier(session, stopping=self.stop.is_set)
                while not self.stop.is_set():
                    if not carrier.work():
                        session.wait(1.0)
                carrier.line.hang_up()
        finally:
            for _, kept in gateway._lines().values():  # a process that ends closes them
                kept.close()
            gateway._lines().clear()
            connection.close()

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(30)
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(30)


@pytest.mark.hazard("H37")
def test_a_lane_leaves_standard_work_for_blue_light_between_two_images(world, pacs):
    far = node(pacs.port)
    standard = send(outgoing(200), far)
    pacs.seconds = 0.02
    with Beside("out-2"):
        assert pacs.taking.wait(30)
        blue = send(outgoing(2), far, priority=Priority.BLUE_LIGHT)
        assert wait_until(lambda: state(blue) == "unconfirmed", seconds=30)
        done = state(standard) and standard.images_done
        assert done < 200
        pacs.seconds = 0.0
        assert wait_until(lambda: state(standard) == "unconfirmed", seconds=60)
    assert standard.continued_from > 0
    assert len(pacs.came) == 202  # each once: it went on at the next image
    events = list(standard.events.values_list("event", flat=True))
    assert events == ["queued", "claimed", "yielded", "claimed", "sent"]


@pytest.mark.hazard("H37")
def test_a_lane_that_won_a_blue_light_and_hangs_keeps_no_other_from_it(world, pacs):
    standard, urgent = send(outgoing(200), node(pacs.port)), outgoing(1)
    pacs.seconds = 0.2
    with Beside("out-2"), Elsewhere() as hangs:
        assert pacs.taking.wait(30)
        with atomic():  # nobody sees it before it is won
            blue = send(urgent, standard.node, priority=Priority.BLUE_LIGHT)
            assert hangs.wins(blue)
        assert wait_until(lambda: state(blue) == "unconfirmed", seconds=30)
        pacs.seconds = 0.0
    assert "yielded" in standard.events.values_list("event", flat=True)


class Elsewhere:
    """A lane's connection in another process, which wins a blue light and says nothing more."""

    def __enter__(self):
        self.link = connections.create_connection("default")
        return self

    def wins(self, blue):
        with self.link.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [claiming.BID_LOCK, blue.pk])
            return cursor.fetchone()[0]

    def __exit__(self, *_):
        self.link.close()


def test_a_lane_that_has_blue_light_does_not_leave_it_for_another(world, pacs):
    far = node(pacs.port)
    pacs.seconds = 0.02
    first = send(outgoing(30), far, priority=Priority.BLUE_LIGHT)
    with Beside("out-2"):
        assert pacs.taking.wait(30)
        second = send(outgoing(1), far, priority=Priority.BLUE_LIGHT)
        assert wait_until(lambda: state(second) == "unconfirmed", seconds=60)
    assert list(first.events.values_list("event", flat=True)) == ["queued", "claimed", "sent"]


@pytest.mark.parametrize("act", ["pause", "cancel"])
def test_a_person_stops_it_after_the_image_that_is_on_its_way(world, pacs, act):
    transfer = send(outgoing(100), node(pacs.port))
    pacs.seconds = 0.02
    with Beside("out-2"):
        assert pacs.taking.wait(30)
        getattr(transfers, act)(transfer, by=SYSTEM)
        other = send(outgoing(1), node(pacs.port))
        assert wait_until(lambda: state(other) == "unconfirmed", seconds=30)
    assert state(transfer) == {"pause": "paused", "cancel": "cancelled"}[act]
    assert transfer.images_done == ledger(transfer)["sent"] == len(pacs.came) - 1 < 100
    if act == "pause":
        pacs.seconds = 0.0
        transfers.resume(transfer, by=SYSTEM)
        run("out-2")
        assert state(transfer) == "delivered"
        assert len(pacs.came) == 101


def test_a_lane_that_is_told_to_stop_puts_its_work_back(world, pacs):
    transfer = send(outgoing(200), node(pacs.port))
    pacs.seconds = 0.02
    with Beside("out-2"):
        assert pacs.taking.wait(30)
    assert state(transfer) == "waiting"
    assert 0 < transfer.images_done < 200


def test_batch_work_stops_when_the_night_is_over(world, pacs, settings):
    transfer = send(outgoing(200), node(pacs.port), priority=Priority.BATCH)
    pacs.seconds = 0.02
    with Beside("out-2"):
        assert pacs.taking.wait(30)
        settings.LANES_NIGHT = "00:00-00:00"
        assert wait_until(lambda: state(transfer) == "waiting", seconds=30)
    assert transfer.events.latest("pk").words == "The night is over."


def test_who_is_fenced_off_in_the_middle_sends_no_more(world, pacs):
    transfer = send(outgoing(100), node(pacs.port))
    pacs.seconds = 0.02
    with Beside("out-2"):
        assert pacs.taking.wait(30)
        Transfer.objects.update(lease_until="2020-01-01T00:00Z")
        with Session(lane("out-3")) as heir:
            assert wait_until(heir.open, seconds=30)
            held = claiming.claim(lane("out-3"))
            assert held.transfer_id == transfer.pk
            came = len(pacs.came)
            Beside("out-4").stop.wait(1.0)
            assert len(pacs.came) <= came + 1
    transfer.refresh_from_db()
    assert (transfer.lane.name, transfer.fence) == ("out-3", 2)
