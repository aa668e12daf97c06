"""From matched to filed, over a real association to a PACS of its own process's making."""

import pytest
from django.utils import timezone
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from demo.processes import wait_until
from iep import storage
from iep.errors import NotAccepted
from iep.models import Lane, Node, ReceivedFile, Study, Transfer
from iep.services.lanes import transfers
from iep.services.registration import filing, matching
from iep.states.priorities import Priority
from tests.iep.lanes import peer
from tests.iep.lanes.images import run
from tests.iep.lanes.test_sending import Beside
from tests.iep.matching.room import OUR_NUMBER, Desk, fresh, history

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pacs():
    with peer.listening() as far:
        yield far


@pytest.fixture
def desk(world, pacs, settings):
    settings.LANES_NIGHT = "00:00-23:59"
    for number in range(9):
        direction, at = ("out", number + 1) if number < 5 else ("in", number - 4)
        Lane.objects.get_or_create(
            name=f"{direction}-{at}", direction=direction, is_blue_only=number == 0
        )
    made = Desk(world)
    Node.objects.filter(pk=made.pacs.pk).update(
        host="127.0.0.1", port=pacs.port, ae_title="FARPACS", commits=True
    )
    return made


def to_pacs(study) -> Transfer:
    return Transfer.objects.get(study=study, purpose="to_pacs")


def test_matched_copied_sent_confirmed_registered_filed(desk, pacs):
    study = desk.match(desk.arrived(3))
    filing.file_waiting()
    run("out-2")
    filing.file_waiting()
    stored = fresh(study)
    assert stored.in_pacs_at
    assert stored.state == "matched"  # not in the RIS yet
    assert stored.is_unverified
    desk.answers(stored)
    done = fresh(study)
    assert (done.state, done.due_at, done.is_unverified) == ("filed", None, False)
    assert len(pacs.kept) == 3
    for raw in pacs.kept.values():
        read = dcmread(DicomBytesIO(raw), force=True)
        assert (read.PatientID, read.AccessionNumber) == (OUR_NUMBER, study.our_accession)
    assert "3 images are in PACS." in history(study)


def test_the_ris_may_answer_before_pacs_has_it(desk, pacs):
    study = desk.match(desk.arrived())
    desk.answers(study)
    assert fresh(study).state == "matched"
    filing.file_waiting()
    run("out-2")
    filing.file_waiting()
    assert fresh(study).state == "filed"


def test_copies_go_when_pacs_has_confirmed_and_the_originals_stay(desk, pacs):
    study = desk.match(desk.arrived())
    filing.file_waiting()
    copies = list(ReceivedFile.objects.filter(study=study, state="copy"))
    assert all(storage.path_of(each.pk).exists() for each in copies)
    run("out-2")
    filing.file_waiting()
    assert not any(storage.path_of(each.pk).exists() for each in copies)
    kept = ReceivedFile.objects.filter(study=study, state="kept")
    assert all(storage.path_of(each.pk).exists() for each in kept)


@pytest.mark.hazard("H40")
def test_one_image_that_pacs_refuses_and_the_study_is_never_filed(desk, pacs):
    study = desk.match(desk.arrived(3))
    desk.answers(study)
    filing.file_waiting()
    refused = to_pacs(study).instances.get(position=2).sop_uid
    pacs.refuses = {refused}
    run("out-2")
    filing.file_waiting()
    assert (fresh(study).state, fresh(study).in_pacs_at) == ("matched", None)
    assert to_pacs(study).state == "partial"
    pacs.refuses = set()
    transfers.retry(to_pacs(study), by=desk.desk)
    run("out-2")
    filing.file_waiting()
    assert fresh(study).state == "filed"


@pytest.mark.hazard("H37")
def test_a_blue_light_study_is_blue_light_on_its_way_to_pacs_too(desk):
    ticket = desk.ticket(priority=Priority.BLUE_LIGHT, eligibility="theatre", reason="blue_light")
    study = desk.arrived(ticket=ticket)
    study.transaction = None
    study.save()
    desk.match(study)
    filing.file_waiting()
    assert to_pacs(study).priority == Priority.BLUE_LIGHT


def test_the_title_on_the_queue_board_names_nobody(desk):
    study = desk.match(desk.arrived(study_description="CT head of Agnes"))
    filing.file_waiting()
    assert to_pacs(study).title == "CT head to our PACS"


def test_a_trust_without_a_pacs_says_so_to_a_person(desk):
    study = desk.match(desk.arrived())
    Node.objects.filter(is_our_pacs=True).update(is_our_pacs=False)
    filing.file_waiting()
    assert "has no PACS" in fresh(study).filing_why
    assert not ReceivedFile.objects.filter(state="copy").exclude(study=study).exists()


def test_what_cannot_be_copied_stops_the_study_and_leaves_no_half(desk):
    study = desk.match(desk.arrived(3))
    last = ReceivedFile.objects.filter(study=study, state="kept").order_by("pk").last()
    storage.path_of(last.pk).write_bytes(b"no more an image")
    filing.file_waiting()
    assert fresh(study).filing_why
    assert not ReceivedFile.objects.filter(study=study, state="copy").exists()
    assert not Transfer.objects.filter(study=study).exists()


@pytest.mark.hazard("H40")
def test_an_original_that_is_gone_stops_its_own_study_and_no_other(desk, pacs):
    gone, healthy = desk.match(desk.arrived()), desk.match(desk.arrived())
    storage.discard(ReceivedFile.objects.filter(study=gone, state="kept").first().pk)
    filing.file_waiting()
    assert "cannot be read from our own storage" in fresh(gone).filing_why
    assert "Not sent to PACS: An image cannot be read" in " ".join(history(gone))
    assert not ReceivedFile.objects.filter(study=gone, state="copy").exists()
    assert fresh(healthy).filing_why == ""
    assert to_pacs(healthy).images == 2


class Disk:
    """A disk on which so many bytes are free, for whom it is asked."""

    def __init__(self, monkeypatch):
        self.free, self.of_reserve, self.asked = 10**12, 0, []
        monkeypatch.setattr(storage, "room", self.room)

    def room(self, *, for_blue_light, size=0):
        self.asked.append(size)
        return size < self.free + (self.of_reserve if for_blue_light else 0)


def size_of(study) -> int:
    return sum(
        ReceivedFile.objects.filter(study=study, state="kept").values_list("size", flat=True)
    )


def test_a_study_too_big_for_the_disk_waits_says_so_and_keeps_nothing_of_it(
    desk, pacs, monkeypatch
):
    big, small = desk.match(desk.arrived(6)), desk.match(desk.arrived(1))
    disk = Disk(monkeypatch)
    disk.free = size_of(big) - 1
    for _ in range(3):
        filing.file_waiting()
    assert fresh(big).filing_why == filing.NO_ROOM
    assert not ReceivedFile.objects.filter(study=big, state="copy").exists()
    assert history(big).count(f"Not sent to PACS yet: {filing.NO_ROOM}") == 1
    assert to_pacs(small).images == 1
    disk.free = 10**12
    filing.file_waiting()
    assert fresh(big).filing_why == ""
    assert to_pacs(big).images == 6
    assert ReceivedFile.objects.get(study=small, state="kept").size in disk.asked  # each file


def test_a_disk_that_is_full_in_the_middle_leaves_no_half_there(desk, monkeypatch):
    monkeypatch.setattr(filing, "AT_ONCE", 2)
    study = desk.match(desk.arrived(4))
    with filing.Errands() as errands:
        assert filing.prepare(study.pk, errands)
    Disk(monkeypatch).free = 1
    filing.file_waiting()
    assert fresh(study).filing_why == filing.NO_ROOM
    copies = ReceivedFile.objects.filter(original__study=study)
    assert {each.state for each in copies} == {"discarded"}
    assert not any(storage.path_of(each.pk).exists() for each in copies)


@pytest.mark.hazard("H37")
def test_a_blue_light_study_has_the_reserve_of_the_disk_for_its_copies(desk, monkeypatch):
    ticket = desk.ticket(priority=Priority.BLUE_LIGHT, eligibility="theatre", reason="blue_light")
    study = desk.arrived(ticket=ticket)
    study.transaction = None
    study.save()
    desk.match(study)
    disk = Disk(monkeypatch)
    disk.free, disk.of_reserve = 1, 10**12
    filing.file_waiting()
    assert to_pacs(study).priority == Priority.BLUE_LIGHT


def test_what_nobody_foresaw_is_said_and_tried_again_and_holds_up_no_other(desk, monkeypatch):
    odd, healthy = desk.match(desk.arrived()), desk.match(desk.arrived())
    as_it_is = filing.identity_of

    def breaks(study):
        if study.pk == odd.pk:
            raise ZeroDivisionError
        return as_it_is(study)

    monkeypatch.setattr(filing, "identity_of", breaks)
    for _ in range(2):
        filing.file_waiting()
    assert fresh(odd).filing_why == filing.OUR_FAULT
    assert history(odd).count(f"Not sent to PACS yet: {filing.OUR_FAULT}") == 1
    assert to_pacs(healthy).images == 2
    monkeypatch.setattr(filing, "identity_of", as_it_is)
    filing.file_waiting()
    assert fresh(odd).filing_why == ""
    assert to_pacs(odd).images == 2


def test_what_waits_for_the_ris_alone_stands_behind_what_waits_for_pacs(desk):
    first, second = desk.match(desk.arrived()), desk.match(desk.arrived())
    Study.objects.filter(pk=first.pk).update(in_pacs_at=timezone.now())
    assert filing._to_do() == [second.pk, first.pk]


def test_whoever_died_in_the_middle_leaves_the_rest_to_the_next(desk, monkeypatch):
    monkeypatch.setattr(filing, "AT_ONCE", 2)
    study = desk.match(desk.arrived(5))
    with filing.Errands() as errands:
        assert filing.prepare(study.pk, errands)  # two of five, and then nobody goes on
    assert ReceivedFile.objects.filter(study=study, state="copy").count() == 2
    filing.file_waiting()
    assert ReceivedFile.objects.filter(study=study, state="copy").count() == 5
    assert to_pacs(study).images == 5


def test_it_is_queued_once_however_often_the_sweep_comes(desk):
    study = desk.match(desk.arrived())
    for _ in range(3):
        filing.file_waiting()
    assert Transfer.objects.filter(study=study).count() == 1


# --- Taken back while a lane has it ---------------------------------------------------------------


@pytest.fixture
def going(desk):
    """A matched study that waits for a lane to PACS."""
    study = desk.match(desk.arrived(12))
    filing.file_waiting()
    return study


def _not_taken_back(desk, study) -> str:
    with pytest.raises(NotAccepted) as refused:
        matching.unmatch(study, why="It was her sister.", by=desk.lead)
    assert fresh(study).state == "matched"
    return refused.value.code


@pytest.mark.hazard("H41")
def test_a_match_stays_while_a_lane_sends_its_images(desk, pacs, going):
    pacs.seconds = 0.3
    with Beside("out-2"):
        assert pacs.taking.wait(30)
        assert _not_taken_back(desk, going) == "sending"
        pacs.seconds = 0.0
        assert wait_until(lambda: to_pacs(going).state == "unconfirmed", seconds=60)
    assert _not_taken_back(desk, going) == "left"
    filing.file_waiting()
    assert len(pacs.kept) == 12


@pytest.mark.hazard("H41")
@pytest.mark.parametrize("act", [transfers.pause, transfers.cancel])
def test_what_was_stopped_while_its_first_image_was_on_its_way_may_be_in_pacs(
    desk, pacs, going, act
):
    """The ledger says that none has gone: the answer is not here yet."""
    pacs.seconds = 2.0
    with Beside("out-2"):
        assert pacs.taking.wait(30)
        act(to_pacs(going), by=desk.desk)
        assert to_pacs(going).images_done == 0
        assert _not_taken_back(desk, going) == "left"
        pacs.seconds = 0.0
    assert len(pacs.kept) >= 1


@pytest.mark.hazard("H41")
def test_what_a_lane_could_not_begin_with_can_be_taken_back(desk, pacs, going):
    """PACS does not answer: no image can be there, and nobody has to ring."""
    Node.objects.filter(pk=desk.pacs.pk).update(port=1)
    run("out-2", most=1)
    assert to_pacs(going).state == "waiting"
    back = matching.unmatch(going, why="It was her sister.", by=desk.lead)
    assert (back.state, back.patient) == ("failed_verification", None)
    assert to_pacs(going).state == "cancelled"
    Node.objects.filter(pk=desk.pacs.pk).update(port=pacs.port, retry_at=None)
    run("out-2", most=1)
    assert pacs.came == []


@pytest.mark.hazard("H41")
def test_an_image_whose_answer_was_lost_may_be_in_pacs(desk, pacs, going):
    first = to_pacs(going).instances.order_by("position").first()
    pacs.breaks_at = {first.sop_uid}
    run("out-2", most=1)
    transfer = to_pacs(going)
    assert (transfer.state, transfer.images_done) == ("waiting", 0)
    assert _not_taken_back(desk, going) == "left"
