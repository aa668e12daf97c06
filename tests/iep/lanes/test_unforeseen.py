"""What nobody foresaw: it is tried a few times, is then a person's, and stands in nobody's way."""

import errno
from pathlib import Path

import pytest
from django.db import OperationalError
from django.urls import reverse

from accounts.policies import SYSTEM
from demo.processes import wait_until
from iep import dicom, storage
from iep.dicom import DicomFailure, commands, finding
from iep.models import Transfer
from iep.services.lanes import carrier, confirming, transfers
from iep.services.lanes.lines import peer_of
from iep.services.lanes.retrying import MOST_OF_OURS
from iep.states.priorities import Priority
from iep.states.transfers import TransferKind

from .images import image, ledger, new_uid, node, outgoing, run, send, state, wait_over

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def breaks(monkeypatch):
    """Sending of one transfer ends in what nobody foresaw; of the others it does not."""
    as_it_is, odd = carrier.CARRIERS[TransferKind.SEND], set()

    def send_or_break(between, transfer):
        if transfer.pk in odd:
            raise ZeroDivisionError
        as_it_is(between, transfer)

    monkeypatch.setitem(carrier.CARRIERS, TransferKind.SEND, send_or_break)
    return odd


def fetched(far, study_uid) -> Transfer:
    return transfers.queue_fetch(
        far, study_uid, priority=Priority.NORMAL, purpose="in", title="CT head", by=SYSTEM
    )


# --- By a lane ------------------------------------------------------------------------------------


def test_it_is_tried_later_and_the_next_transfer_goes(world, pacs, breaks):
    far = node(pacs.port)
    odd, fine = send(outgoing(1), far), send(outgoing(1), far)
    breaks.add(odd.pk)
    assert run("out-2", most=20) == 2  # one each: a lane that fails does not take it again
    assert (state(odd), odd.family, odd.failures) == ("waiting", "ours", 1)
    assert odd.why == "Something went wrong in our own system, not in theirs."
    assert odd.not_before is not None
    assert state(fine) == "delivered"
    far.refresh_from_db()
    assert far.failures == 0, "theirs is not to blame"


def test_after_a_few_tries_it_is_a_persons_who_reads_why(world, pacs, breaks):
    odd = send(outgoing(1), node(pacs.port))
    breaks.add(odd.pk)
    for _ in range(MOST_OF_OURS - 1):
        run("out-2", most=2)
        wait_over()
    assert state(odd) == "waiting"
    run("out-2", most=2)
    assert (state(odd), odd.family) == ("failed", "ours")
    page = world.client("mbp").get(reverse("iep:failures")).content.decode()
    assert "Something went wrong in our own system" in page
    assert "tell our system administrators" in page
    breaks.clear()
    transfers.retry(odd, by=SYSTEM)
    run("out-2")
    assert state(odd) == "delivered"


def test_failures_of_theirs_before_it_do_not_count(world, pacs, breaks):
    odd = send(outgoing(1), node(pacs.port))
    Transfer.objects.update(failures=40, family="unreachable")
    breaks.add(odd.pk)
    run("out-2", most=2)
    assert (state(odd), odd.failures) == ("waiting", 1)


def test_the_databases_trouble_is_nobodys_failure(world, pacs, monkeypatch):
    def away(between, transfer):
        raise OperationalError

    monkeypatch.setitem(carrier.CARRIERS, TransferKind.SEND, away)
    transfer = send(outgoing(1), node(pacs.port))
    with pytest.raises(OperationalError):
        run("out-2", most=2)
    assert (state(transfer), transfer.failures, transfer.family) == ("running", 0, "")


def test_one_image_at_which_it_breaks_stands_in_nobodys_way(world, pacs, monkeypatch):
    study = outgoing(4)
    odd = study.files.order_by("instance_number")[1].sop_uid
    as_it_was = commands.store

    def store(number, sop_class, sop_uid):
        assert sop_uid != odd
        return as_it_was(number, sop_class, sop_uid)

    monkeypatch.setattr(commands, "store", store)
    transfer = send(study, node(pacs.port))
    run("out-2", most=2)
    assert transfer.instances.get(sop_uid=odd).attempts == 1
    for _ in range(7):
        wait_over()
        run("out-2", most=2)
    assert state(transfer) == "partial"
    assert ledger(transfer) == {"confirmed": 3, "refused": 1}
    assert "in our own system" in transfer.why


@pytest.mark.parametrize(
    ("trouble", "is_full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EIO, False)]
)
def test_a_disk_that_is_broken_is_not_called_full_for_ever(
    world, pacs, monkeypatch, trouble, is_full
):
    study_uid = new_uid()
    _, raw = image(study_uid, new_uid(), 1)
    pacs.has(raw)
    transfer = fetched(node(pacs.port), study_uid)

    def breaks(*_):
        raise OSError(trouble, "no")

    monkeypatch.setattr(storage, "keep_all", breaks)
    run("in-1", most=1)
    assert state(transfer) == "waiting"
    assert transfer.family == ("" if is_full else "ours")
    assert transfer.failures == (0 if is_full else 1)


# --- What the network brings ----------------------------------------------------------------------


def test_a_peer_that_aborts_just_after_it_accepted_is_tried_again(world, pacs, monkeypatch):
    study_uid = new_uid()
    _, raw = image(study_uid, new_uid(), 1)
    pacs.has(raw)
    pacs.aborts, as_it_is = True, finding._listed

    def when_they_have_aborted(line, *args):
        pacs.aborts_now.set()
        assert wait_until(lambda: not line.is_established, seconds=30)
        return as_it_is(line, *args)

    transfer = fetched(node(pacs.port), study_uid)
    monkeypatch.setattr(finding, "_listed", when_they_have_aborted)
    run("in-1", most=3)
    assert (state(transfer), transfer.family, transfer.failures) == ("waiting", "aborted", 1)
    assert "ended the association" in transfer.why
    assert transfer.node.failures == 1
    pacs.aborts = False
    monkeypatch.setattr(finding, "_listed", as_it_is)
    wait_over()
    run("in-1")
    assert state(transfer) == "delivered"


@pytest.mark.parametrize("ask", ["echo", "find", "commit"])
def test_whenever_a_peer_aborts_it_is_a_failure_with_a_family(world, pacs, ask):
    pacs.aborts = True
    pacs.aborts_now.set()
    peer = peer_of(node(pacs.port))
    asks = {
        "echo": lambda: dicom.echo(peer),
        "find": lambda: dicom.find_instances(peer, "1.2.3"),
        "commit": lambda: dicom.ask_commitment(peer, "2.25.1", [("1.2", "1.2.3")]),
    }
    for _ in range(8):
        with pytest.raises(DicomFailure) as failure:
            asks[ask]()
        assert failure.value.family in ("aborted", "timeout")


@pytest.fixture
def unreadable(monkeypatch):
    """Paths that cannot be opened, and why."""
    as_it_was, why = Path.open, {}

    def opened(self, *args, **more):
        if self in why:
            raise OSError(why[self], "no")
        return as_it_was(self, *args, **more)

    monkeypatch.setattr(Path, "open", opened)
    return why


def test_an_image_that_our_disk_does_not_give_is_missing_and_the_others_go(world, pacs, unreadable):
    study = outgoing(3)
    bad = study.files.order_by("instance_number")[1]
    unreadable[storage.path_of(bad.pk)] = errno.EIO
    transfer = send(study, node(pacs.port))
    run("out-2")
    assert state(transfer) == "partial"
    assert ledger(transfer) == {"confirmed": 2, "refused": 1}
    assert "cannot be read from our own storage" in transfer.why
    assert transfer.node.failures == 0


def test_too_many_open_files_are_no_images_fault(world, pacs, unreadable):
    study = outgoing(2)
    path = storage.path_of(study.files.first().pk)
    unreadable[path] = errno.EMFILE
    transfer = send(study, node(pacs.port))
    run("out-2", most=3)
    assert (state(transfer), transfer.family) == ("waiting", "ours")
    assert "refused" not in ledger(transfer)


# --- When it is asked whether they have it --------------------------------------------------------


def test_asking_that_breaks_is_a_persons_after_a_few_tries(world, pacs, monkeypatch):
    transfer = send(outgoing(1), node(pacs.port))
    run("out-2", confirm=False)
    as_it_was = dicom.find_instances
    monkeypatch.setattr(dicom, "find_instances", lambda *_: 1 // 0, raising=False)
    for number in range(1, MOST_OF_OURS):
        assert confirming.confirm_due() == 1
        assert (state(transfer), transfer.family, transfer.failures) == (
            "unconfirmed", "ours", number,
        )  # fmt: skip
        wait_over()
    confirming.confirm_due()
    assert (state(transfer), transfer.family) == ("failed", "ours")
    assert "we cannot ask whether they have it" in transfer.why
    monkeypatch.setattr(dicom, "find_instances", as_it_was)
    transfers.retry(transfer, by=SYSTEM)
    run("out-2")
    assert state(transfer) == "delivered"
