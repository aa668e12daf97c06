"""In from a peer: what it says it has is what must come, and what came is never asked for again."""

import pytest

from accounts.policies import SYSTEM
from demo.processes import wait_until
from iep import storage
from iep.models import ReceivedFile
from iep.services.arrival import arrivals
from iep.services.lanes import transfers
from iep.states.priorities import Priority
from tests.iep.transactions import exchange

from .images import image, ledger, new_uid, node, run, state, wait_over
from .test_sending import Beside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def far_study(pacs):
    """A study of so many images at the peer: its UID."""

    def made(count, pixels=0):
        study_uid, series_uid = new_uid(), new_uid()
        for number in range(count):
            pacs.has(image(study_uid, series_uid, number, pixels=pixels)[1])
        return study_uid

    return made


def fetch(far, study_uid, priority=Priority.NORMAL, **more):
    return transfers.queue_fetch(
        far, study_uid, priority=priority, purpose="in", title="CT head", by=SYSTEM, **more
    )


def test_a_study_is_here_when_every_image_that_they_list_is_here(world, pacs, far_study):
    study_uid = far_study(5)
    transfer = fetch(node(pacs.port), study_uid)
    run("in-1")
    assert state(transfer) == "delivered"
    assert (transfer.images, transfer.images_done) == (5, 5)
    files = ReceivedFile.objects.filter(transfer_id=transfer.pk)
    assert set(files.values_list("sop_uid", flat=True)) == set(pacs.kept)
    assert all(storage.path_of(each.pk).is_file() for each in files)


@pytest.mark.hazard("H40")
def test_what_they_list_and_do_not_give_is_missing_and_asked_for_alone(world, pacs, far_study):
    study_uid = far_study(4)
    kept_back = next(iter(pacs.kept))
    pacs.withholds = {kept_back}
    transfer = fetch(node(pacs.port), study_uid)
    for _ in range(6):
        run("in-1", most=1)
        wait_over()
    assert state(transfer) == "partial"
    assert transfer.why.startswith("3 of 4 images.")
    pacs.withholds, before = set(), len(pacs.came)
    transfers.retry(transfer, by=SYSTEM)
    run("in-1")
    assert pacs.came[before:] == [kept_back]
    assert state(transfer) == "delivered"


@pytest.mark.hazard("H40")
def test_what_is_taken_as_it_is_has_failed_no_more_and_says_how_much_is_missing(
    world, pacs, far_study
):
    ticket = exchange.import_ticket(world)
    thing = exchange.request(world, ticket=ticket)
    transfer = fetch(node(pacs.port), far_study(4), transaction=thing)
    pacs.counts, pacs.unlisted = True, {next(iter(pacs.kept))}
    run("in-1")
    arrivals.read_waiting(patience=60.0)
    thing.refresh_from_db()
    assert (thing.state, thing.why[:14]) == ("failed", "3 of 4 images.")
    study = thing.studies.get()
    assert (study.state, study.received, study.expected) == ("arriving", 3, 4)
    arrivals.take_as_it_is(study, why="They have lost one", by=world.acting("mbp"))
    thing.refresh_from_db()
    assert (thing.state, thing.images, thing.why) == (
        "delivered", 3, "3 of 4 images, taken as it is.",
    )  # fmt: skip
    assert state(transfer) == "cancelled"
    last = transfer.events.last().words
    assert last == "3 of 4 images had moved. It was taken as it is."
    assert ticket.mails.filter(occasion__startswith="short").count() == 1


@pytest.mark.hazard("H40")
def test_a_study_of_which_they_count_more_than_they_list_is_n_of_m_until_they_list_it(
    world, pacs, far_study
):
    transfer = fetch(node(pacs.port), far_study(4))
    pacs.counts, pacs.unlisted = True, {next(iter(pacs.kept))}
    run("in-1")
    assert state(transfer) == "partial"
    assert transfer.why == ("3 of 4 images. They say that the study has 4 images, and list 3.")
    pacs.unlisted, before = set(), len(pacs.came)
    transfers.retry(transfer, by=SYSTEM)
    run("in-1")
    assert state(transfer) == "delivered"
    assert len(pacs.came) == before + 1


def test_a_study_of_which_they_do_not_say_the_number_is_what_they_list(world, pacs, far_study):
    transfer = fetch(node(pacs.port), far_study(4))
    pacs.unlisted = {next(iter(pacs.kept))}
    run("in-1")
    assert (state(transfer), transfer.images) == ("delivered", 3)


def test_a_study_that_they_do_not_have_is_a_persons_at_once(world, pacs):
    transfer = fetch(node(pacs.port), new_uid())
    run("in-1", most=2)
    assert state(transfer) == "failed"
    assert transfer.family == "not_found"


def test_an_image_at_which_they_break_off_stands_in_nobodys_way(world, pacs, far_study):
    study_uid = far_study(4)
    pacs.breaks_at = {next(iter(pacs.kept))}
    transfer = fetch(node(pacs.port), study_uid)
    for _ in range(12):
        run("in-1", most=1)
        wait_over()
    assert state(transfer) == "partial"
    assert ledger(transfer) == {"confirmed": 3, "refused": 1}


@pytest.mark.hazard("H38")
def test_an_inbound_lane_leaves_standard_work_for_blue_light_too(world, pacs, far_study):
    far = node(pacs.port)
    standard, blue_uid = fetch(far, far_study(100)), far_study(2)
    pacs.seconds = 0.03
    with Beside("in-1"):
        assert pacs.taking.wait(30)
        blue = fetch(far, blue_uid, Priority.BLUE_LIGHT)
        assert wait_until(lambda: state(blue) == "delivered", seconds=60)
        assert state(standard) in ("running", "waiting")
        assert standard.images_done < 100
        pacs.seconds = 0.0
        assert wait_until(lambda: state(standard) == "delivered", seconds=60)
    assert ReceivedFile.objects.filter(transfer_id=standard.pk).count() == 100
    assert "yielded" in standard.events.values_list("event", flat=True)


@pytest.mark.hazard("H38")
def test_when_the_disk_is_full_standard_work_waits_and_goes_on_by_itself(
    world, pacs, far_study, settings
):
    far = node(pacs.port)
    standard, blue = fetch(far, far_study(3)), fetch(far, far_study(2), Priority.BLUE_LIGHT)
    settings.IMAGES_RESERVE_BYTES = 10**18
    run("in-1")
    assert (state(standard), state(blue)) == ("waiting", "delivered")
    settings.IMAGES_RESERVE_BYTES = 0
    run("in-1")
    assert state(standard) == "delivered"


def test_a_disk_that_fills_in_the_middle_loses_nothing(world, pacs, far_study, settings):
    transfer = fetch(node(pacs.port), far_study(60))
    pacs.seconds = 0.02
    with Beside("in-1"):
        assert wait_until(lambda: state(transfer) and transfer.images_done > 3, seconds=30)
        settings.IMAGES_RESERVE_BYTES = 10**18
        assert wait_until(lambda: state(transfer) == "waiting", seconds=30)
        assert "no room" in transfer.events.latest("pk").words
        done = transfer.images_done
        settings.IMAGES_RESERVE_BYTES, pacs.seconds = 0, 0.0
        wait_over()
        assert wait_until(lambda: state(transfer) == "delivered", seconds=60)
    assert 3 < done < 60
    assert ReceivedFile.objects.filter(transfer_id=transfer.pk).count() == 60
