"""In by C-MOVE: they open associations of their own to our listener, and the lane counts."""

import pytest

from accounts.policies import SYSTEM
from demo.processes import wait_until
from iep import storage
from iep.dicom import Peer, Sender
from iep.models import Node, ReceivedFile
from iep.services.lanes import transfers
from iep.states.priorities import Priority
from tests.iep.dicom import orthanc
from tests.iep.dicom.files import make
from tests.iep.dicom.test_listening import house
from tests.messaging import processes

from .images import image, ledger, new_uid, node, run, state, wait_over
from .test_fetching import fetch
from .test_processes import worker
from .test_sending import Beside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def far_study(pacs):
    """A study of so many images at the peer: its UID."""

    def made(count):
        study_uid, series_uid = new_uid(), new_uid()
        for number in range(count):
            pacs.has(image(study_uid, series_uid, number)[1])
        return study_uid

    return made


@pytest.fixture
def far(pacs) -> Node:
    return node(pacs.port, fetches_by_move=True, may_call=True)


@pytest.fixture
def listener(far, pacs):
    """Our own, which the peer knows."""
    with house() as ours:
        pacs.sends_to["ORDERCOMMS"] = ours.port
        yield ours


def kept(transfer) -> list[str]:
    """The images in our storage that came for it, each as often as it came."""
    files = ReceivedFile.objects.filter(transfer_id=transfer.pk)
    assert all(storage.path_of(each.pk).is_file() for each in files)
    return sorted(files.values_list("sop_uid", flat=True))


def test_a_study_that_they_send_by_themselves_is_here_when_all_of_it_is(
    world, pacs, far, listener, far_study
):
    transfer = fetch(far, far_study(5))
    run("in-1")
    assert state(transfer) == "delivered"
    assert (transfer.images, transfer.images_done) == (5, 5)
    assert kept(transfer) == sorted(pacs.kept)
    assert ledger(transfer) == {"confirmed": 5}


@pytest.mark.hazard("H40")
def test_an_image_that_they_list_and_do_not_send_is_n_of_m(world, pacs, far, listener, far_study):
    transfer = fetch(far, far_study(4))
    held_back = next(iter(pacs.kept))
    pacs.withholds = {held_back}
    for _ in range(6):
        run("in-1", most=1)
        assert state(transfer) != "delivered"
        wait_over()
    assert state(transfer) == "partial"
    assert transfer.why.startswith("3 of 4 images.")
    assert held_back not in kept(transfer)
    pacs.withholds, before = set(), len(pacs.came)
    transfers.retry(transfer, by=SYSTEM)
    run("in-1")
    assert state(transfer) == "delivered"
    assert pacs.came[before:] == [held_back]


def test_a_listener_that_they_do_not_know_is_waited_for(world, pacs, far, far_study):
    """Many archives say so of one that they do not reach: ours, while it is started anew."""
    transfer = fetch(far, far_study(2))
    run("in-1", most=1)
    assert state(transfer) == "waiting"
    assert transfer.why
    with house() as ours:
        pacs.sends_to["ORDERCOMMS"] = ours.port
        wait_over()
        run("in-1")
    assert state(transfer) == "delivered"


@pytest.mark.hazard("H38")
def test_blue_light_does_not_wait_until_they_have_sent_a_standard_study(
    world, pacs, far, listener, far_study
):
    standard, blue_uid = fetch(far, far_study(100)), far_study(2)
    pacs.seconds = 0.05
    with Beside("in-1"):
        assert wait_until(lambda: state(standard) and standard.images_done > 2, seconds=60)
        blue = fetch(far, blue_uid, Priority.BLUE_LIGHT)
        assert wait_until(lambda: state(blue) == "delivered", seconds=60)
        assert state(standard) in ("running", "waiting")
        assert standard.images_done < 100
        pacs.seconds = 0.0
        assert wait_until(lambda: state(standard) == "delivered", seconds=60)
    assert set(kept(standard)) | set(kept(blue)) == set(pacs.kept)
    assert "yielded" in standard.events.values_list("event", flat=True)


def test_what_comes_after_a_lane_has_left_belongs_to_the_transfer_that_asked_for_it(
    world, pacs, far, listener, far_study
):
    transfer = fetch(far, far_study(40))
    pacs.seconds = 0.05
    with Beside("in-1"):
        assert wait_until(lambda: state(transfer) and transfer.images_done > 2, seconds=60)
        transfers.pause(transfer, by=SYSTEM)
        assert wait_until(lambda: state(transfer) == "paused", seconds=60)
        assert wait_until(lambda: len(set(kept(transfer))) == 40, seconds=60)
    assert not ReceivedFile.objects.filter(transfer_id=None).exists()
    transfers.resume(transfer, by=SYSTEM)
    run("in-1")
    assert state(transfer) == "delivered"
    assert len(kept(transfer)) == 40  # nothing was asked for again


@pytest.mark.hazard("H38")
def test_our_own_full_disk_is_nobodys_refusal(world, pacs, far, listener, far_study, settings):
    transfer = fetch(far, far_study(60))
    pacs.seconds = 0.05
    with Beside("in-1"):
        assert wait_until(lambda: state(transfer) and transfer.images_done > 2, seconds=60)
        settings.IMAGES_RESERVE_BYTES = 10**18
        assert wait_until(lambda: state(transfer) == "waiting", seconds=60)
    assert "no room" in transfer.events.latest("pk").words
    assert set(ledger(transfer)) == {"confirmed", "waiting"}
    assert set(transfer.instances.values_list("attempts", flat=True)) == {0, 1}
    settings.IMAGES_RESERVE_BYTES, pacs.seconds = 0, 0.0
    wait_over()
    run("in-1")
    assert state(transfer) == "delivered"


def test_a_lane_that_is_killed_is_followed_by_one_that_goes_on(
    world, pacs, far, listener, far_study, settings
):
    transfer = fetch(far, far_study(120))
    pacs.seconds = 0.05
    first = worker(settings, "lanes_in", LANES="in-1")
    with processes.running(first):
        assert wait_until(lambda: state(transfer) and transfer.images_done >= 3, seconds=240)
        processes.kill(first)
    before = state(transfer) and transfer.images_done
    assert 3 <= before < 120
    second = worker(settings, "lanes_in", LANES="in-2")
    with processes.running(second):
        assert wait_until(lambda: state(transfer) == "delivered", seconds=240)
    assert set(kept(transfer)) == set(pacs.kept)
    assert transfer.fence == 2
    assert transfer.continued_from >= before


@pytest.mark.needs_orthanc
def test_an_archive_that_others_wrote_sends_a_study_to_our_listener(world, tmp_path):
    """Orthanc, which is asked image by image (PS3.4 C.4.2.1.4) and opens associations to us."""
    study_uid, series = new_uid(), [new_uid(), new_uid()]
    made = [
        make(tmp_path / "made", study=study_uid, series=series[number % 2]) for number in range(7)
    ]
    far = node(name="ORTHANC", fetches_by_move=True, may_call=True)
    with (
        house() as ours,
        orthanc.running(
            tmp_path, us=Peer("ORDERCOMMS", "ORTHANC", "127.0.0.1", ours.port), get=False
        ) as archive,
    ):
        with Sender(archive.peer, [each.kind for each in made]) as sender:
            for each in made:
                sender.send(
                    each.path, sop_uid=each.sop_uid, sop_class=each.sop_class,
                    transfer_syntax=each.transfer_syntax,
                )  # fmt: skip
        Node.objects.filter(pk=far.pk).update(port=archive.peer.port)
        transfer = fetch(far, study_uid)
        run("in-1")
    assert state(transfer) == "delivered"
    assert kept(transfer) == sorted(each.sop_uid for each in made)
