"""What is fetched comes in a few images at a time: the ledger says it last, and never too early."""

import errno
import uuid

import pytest

from accounts.policies import SYSTEM
from demo.processes import wait_until
from iep import storage
from iep.dicom import Caller, FoundInstance, Incoming
from iep.models import ReceivedFile
from iep.services.lanes import claiming, landing, transfers
from iep.services.lanes.ledger import Session
from iep.states.priorities import Priority

from .images import CT, EXPLICIT, image, lane, ledger, new_uid, node, state
from .test_fetching import far_study, fetch  # noqa: F401 - a fixture
from .test_sending import Beside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def coming(world):
    """A landing of a transfer of ten images, of which so many came: (landing, transfer)."""
    study_uid, series_uid = new_uid(), new_uid()
    images = [image(study_uid, series_uid, number) for number in range(10)]
    transfer = transfers.queue_fetch(
        node(), study_uid, priority=Priority.NORMAL, purpose="in", title="CT", by=SYSTEM,
        expected=[FoundInstance(uid, CT, series_uid) for uid, _ in images],
    )  # fmt: skip
    with Session(lane("in-1")) as session:
        assert session.open()
        held = claiming.claim(lane("in-1"))
        lines = dict(transfer.instances.values_list("sop_uid", "pk"))
        group = landing.Landing(transfer, held, session, lines)

        def come(count):
            for _ in range(count):
                group.add(_incoming(*images.pop()))
            return group, transfer

        yield come


def _incoming(sop_uid, raw):
    written = storage.writer()
    written.write(raw)
    caller = Caller("FARPACS", "ORDERCOMMS", "127.0.0.1", uuid.uuid4())
    return Incoming(written, sop_uid, CT, EXPLICIT, caller)


def _kept():
    return list(storage.kept_ids(older_than=-60))


@pytest.mark.hazard("H40")
def test_what_came_and_is_not_safe_yet_is_not_in_the_ledger(coming):
    group, transfer = coming(3)
    assert ledger(transfer) == {"waiting": 10}
    assert (ReceivedFile.objects.count(), _kept()) == (0, [])
    assert group.bring_in()
    assert ledger(transfer) == {"confirmed": 3, "waiting": 7}
    files = ReceivedFile.objects.filter(transfer_id=transfer.pk)
    assert {each.pk for each in files} == set(_kept())
    transfer.refresh_from_db()
    assert transfer.images_done == 3
    assert transfer.bytes_done == sum(each.size for each in files)


def test_a_group_is_brought_in_when_it_is_full_or_has_waited(coming, monkeypatch):
    group, _ = coming(landing.MOST - 1)
    monkeypatch.setattr(landing, "LONGEST", 3600.0)
    assert not group.is_due
    coming(1)
    assert group.is_due
    group.bring_in()
    assert not group.is_due
    coming(1)
    monkeypatch.setattr(landing, "LONGEST", 0.0)
    assert group.is_due


@pytest.mark.parametrize("fails_at", [1, 2, 5])
def test_a_disk_that_refuses_one_of_a_group_keeps_none_of_it(coming, monkeypatch, fails_at):
    group, transfer = coming(4)
    real, calls = storage.os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == fails_at:
            raise OSError(errno.ENOSPC, "full")
        real(descriptor)

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        group.bring_in()
    assert ledger(transfer) == {"waiting": 10}
    assert (ReceivedFile.objects.count(), _kept()) == (0, [])
    assert list((storage._root() / "aside").iterdir()) == []


def test_who_was_fenced_off_learns_it_when_the_group_comes_in(coming):
    group, transfer = coming(2)
    transfer.refresh_from_db()
    transfer.fence += 1
    transfer.save()
    assert not group.bring_in()
    assert ledger(transfer) == {"waiting": 10}


@pytest.mark.hazard("H38")
def test_an_archive_that_says_nothing_holds_up_no_blue_light(world, pacs, far_study):  # noqa: F811
    far, silent = node(pacs.port), far_study(3)
    pacs.silent = {silent}
    standard, blue_uid = fetch(far, silent), far_study(2)
    with Beside("in-1"):
        assert pacs.keeps_silent.wait(30)
        blue = fetch(far, blue_uid, Priority.BLUE_LIGHT)
        assert wait_until(lambda: state(blue) == "delivered", seconds=40)
        standard.refresh_from_db()
        assert (standard.images_done, standard.failures) == (0, 0)  # it left, not timed out
        assert "yielded" in standard.events.values_list("event", flat=True)
        pacs.speaks.set()
        assert wait_until(lambda: state(standard) == "delivered", seconds=60)
    assert ReceivedFile.objects.filter(transfer_id=standard.pk).count() == 3
