"""What we ask of others: of our own listener, of DCMTK, and of machines that fail us."""

import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from demo.processes import wait_until
from iep.dicom import (
    DicomFailure,
    Peer,
    Sender,
    ask_commitment,
    echo,
    fetch,
    find_instances,
    find_studies,
)
from iep.dicom.contexts import COMMITMENT, to_send
from tests.iep.dicom import dcmtk, files
from tests.iep.dicom.shelf import Shelf, listening
from tests.messaging.processes import free_port

JPIP = "1.2.840.10008.1.2.4.94"


def _send(sender, image) -> int:
    return sender.send(
        image.path, sop_uid=image.sop_uid, sop_class=image.sop_class,
        transfer_syntax=image.transfer_syntax,
    )  # fmt: skip


@contextmanager
def _machine(answer):
    """A port on which `answer(connection)` is called for whoever comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            try:
                while True:
                    line, _ = server.accept()
                    with line:
                        line.settimeout(30)
                        answer(line)
            except OSError:
                return

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield Peer("MACHINE", "FAR", "127.0.0.1", server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join(30)


def _until_closed(line: socket.socket) -> None:
    while line.recv(65536):
        pass


# --- How it fails --------------------------------------------------------------------------------


def test_nobody_at_that_port_is_unreachable():
    with pytest.raises(DicomFailure) as failure:
        echo(Peer("NOBODY", "FAR", "127.0.0.1", free_port()))
    assert (failure.value.phase, failure.value.family) == ("connect", "unreachable")
    assert not failure.value.is_permanent


def test_a_name_that_does_not_exist_is_unreachable():
    with pytest.raises(DicomFailure) as failure:
        echo(Peer("NOBODY", "FAR", "no-such-host.invalid", 104))
    assert failure.value.family == "unreachable"


def test_who_does_not_answer_is_late(monkeypatch):
    monkeypatch.setattr("iep.dicom.line.ACSE_SECONDS", 0.3)
    with _machine(_until_closed) as machine, pytest.raises(DicomFailure) as failure:
        echo(machine)
    assert (failure.value.phase, failure.value.family) == ("associate", "timeout")


def test_who_hangs_up_has_broken_off():
    with _machine(lambda line: line.recv(10)) as machine, pytest.raises(DicomFailure) as failure:
        echo(machine)
    assert (failure.value.phase, failure.value.family) == ("associate", "aborted")


def test_what_is_no_answer_is_a_failure():
    def answer(line: socket.socket) -> None:
        line.recv(10)
        line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with _machine(answer) as machine, pytest.raises(DicomFailure) as failure:
        echo(machine)
    assert failure.value.phase == "associate"


@pytest.mark.parametrize(
    ("changes", "is_permanent"),
    [({"ae_title": "WRONG"}, True), ({"our_ae_title": "NOBODY"}, True)],
)
def test_a_refused_association_says_why(ours, changes, is_permanent):
    with pytest.raises(DicomFailure) as failure:
        echo(replace(ours, **changes))
    assert (failure.value.phase, failure.value.family) == ("associate", "rejected")
    assert failure.value.is_permanent == is_permanent
    assert "AE title" in failure.value.sentence


def test_a_title_that_cannot_be_is_a_failure_and_no_crash(ours):
    with pytest.raises(DicomFailure) as failure:
        echo(replace(ours, our_ae_title="MUCH TOO LONG A TITLE"))
    assert failure.value.is_permanent


def test_what_is_not_offered_has_no_context(ours):
    with pytest.raises(DicomFailure) as failure:
        find_instances(ours, "1.2.3")
    assert (failure.value.family, failure.value.is_permanent) == ("no_context", True)


# --- Sending -------------------------------------------------------------------------------------


def test_only_what_they_do_not_take_has_no_context(ours, shelf, tmp_path):
    first, strange, last = (files.make(tmp_path) for _ in range(3))
    strange = replace(strange, transfer_syntax=JPIP)
    with Sender(ours, [image.kind for image in (first, strange, last)]) as sender:
        assert _send(sender, first) == 0
        with pytest.raises(DicomFailure) as failure:
            _send(sender, strange)
        assert (failure.value.family, failure.value.is_permanent) == ("no_context", True)
        assert _send(sender, last) == 0
    assert set(shelf.kept) == {first.sop_uid, last.sop_uid}


def test_an_association_on_which_nothing_is_taken_stands(ours, tmp_path):
    image = replace(files.make(tmp_path), transfer_syntax=JPIP)
    with Sender(ours, [image.kind]) as sender, pytest.raises(DicomFailure) as failure:
        _send(sender, image)
    assert failure.value.family == "no_context"


@pytest.mark.parametrize("number", [127, 128])
def test_as_many_kinds_as_an_association_agrees_on_can_be_asked_for(ours, number):
    with Sender(ours, [(f"1.2.3.{each}", files.EXPLICIT) for each in range(number)]) as sender:
        assert sender.is_open


def test_more_kinds_than_an_association_agrees_on_are_refused():
    with pytest.raises(ValueError, match="128"):
        to_send((f"1.2.3.{each}", files.EXPLICIT) for each in range(129))


class Answering(Shelf):
    """Answers with a status of the test's choice."""

    status = 0x0000

    def store(self, incoming) -> int:
        super().store(incoming)
        return self.status


@pytest.mark.parametrize(
    ("status", "family", "is_permanent"),
    [
        (0xA700, "out_of_resources", False),
        (0xA701, "out_of_resources", False),
        (0xA900, "refused", True),
        (0xC000, "refused", True),
        (0x0124, "refused", True),
        (0x0110, "refused", False),
        (0x0122, "no_context", True),
    ],
)
def test_a_status_that_is_no_success_is_a_failure_of_this_image_only(
    tmp_path, status, family, is_permanent
):
    rules = Answering()
    rules.status = status
    image = files.make(tmp_path)
    with listening(rules) as peer, Sender(peer, [image.kind]) as sender:
        with pytest.raises(DicomFailure) as failure:
            _send(sender, image)
        told = failure.value
        assert (told.phase, told.family, told.is_permanent) == ("store", family, is_permanent)
        assert told.status == status
        rules.status = 0x0000
        assert _send(sender, image) == 0


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007])
def test_a_warning_is_stored(tmp_path, status):
    rules = Answering()
    rules.status = status
    image = files.make(tmp_path)
    with listening(rules) as peer, Sender(peer, [image.kind]) as sender:
        assert _send(sender, image) == status


def test_a_peer_that_breaks_off_between_two_images_ends_the_association(shelf, tmp_path):
    image = files.make(tmp_path)
    with listening(shelf) as peer, Sender(peer, [image.kind]) as sender:
        assert _send(sender, image) == 0
        _abort_all(shelf, sender)
        with pytest.raises(DicomFailure) as failure:
            _send(sender, image)
        assert failure.value.family == "aborted"


def _abort_all(shelf, sender) -> None:
    """As if their machine had been switched off."""
    sender._line.dul.socket.socket.shutdown(socket.SHUT_RD)
    assert wait_until(lambda: not sender.is_open, seconds=20)


def test_a_peer_that_takes_an_image_and_says_nothing_is_late(tmp_path, monkeypatch):
    monkeypatch.setattr("iep.dicom.line.DIMSE_SECONDS", 0.3)
    waits = threading.Event()

    class Slow(Shelf):
        def store(self, incoming) -> int:
            waits.wait(30)
            return super().store(incoming)

    image = files.make(tmp_path)
    with listening(Slow()) as peer:
        with (
            pytest.raises(DicomFailure) as failure,
            Sender(peer, [image.kind]) as sender,
        ):
            _send(sender, image)
        waits.set()
    assert (failure.value.phase, failure.value.family) == ("store", "timeout")


@pytest.mark.needs_dcmtk
def test_dcmtk_gets_what_lies_here_bit_for_bit(tmp_path):
    images = [files.make(tmp_path / "ours", size=size) for size in (0, 2, 300_000, 131_060)]
    with (
        dcmtk.storescp(tmp_path / "theirs") as peer,
        Sender(peer, [image.kind for image in images]) as sender,
    ):
        assert [_send(sender, image) for image in images] == [0, 0, 0, 0]
    came = sorted(files.digest(path) for path in (tmp_path / "theirs").iterdir())
    assert came == sorted(image.digest for image in images)


def test_a_peer_with_the_smallest_packets_gets_it_too(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr("iep.dicom.line.SEND_PDU", 1024)
    image = files.make(tmp_path, size=50_001 * 2)
    with listening(shelf) as peer, Sender(peer, [image.kind]) as sender:
        assert _send(sender, image) == 0
    assert shelf.digests() == {image.sop_uid: image.digest}


def test_a_data_set_of_odd_length_is_made_even(ours, shelf, tmp_path):
    image = files.make(tmp_path, size=1000)
    image.path.write_bytes(image.path.read_bytes() + b"x")
    with Sender(ours, [image.kind]) as sender:
        assert _send(sender, image) == 0
    (came,) = shelf.kept.values()
    assert files.data_set(came) == files.data_set(image.path) + b"\0"


# --- Questions -----------------------------------------------------------------------------------


def test_a_question_without_any_key_is_not_asked(ours):
    with pytest.raises(ValueError, match="ask for"):
        find_studies(ours, family_name=" *?\\")


def test_a_study_that_is_found_does_not_show_itself():
    from iep.dicom import FoundStudy

    assert "ZZTOP" not in repr(FoundStudy("1.2", patient_name="ZZTOP^A"))


# --- Storage commitment --------------------------------------------------------------------------


def test_commitment_is_given_for_what_is_kept_and_for_nothing_else(ours, shelf, tmp_path):
    image = files.make(tmp_path)
    with Sender(ours, [image.kind]) as sender:
        _send(sender, image)
    pairs = [(files.CT, image.sop_uid), (files.CT, "1.2.3.4")]
    answer = ask_commitment(ours, "1.2.3", pairs, wait_seconds=30)
    assert answer is not None
    assert answer.uid == "1.2.3"
    assert answer.held == {image.sop_uid}
    assert answer.failed == {"1.2.3.4": 0x0112}


def test_commitment_that_is_answered_later_comes_to_our_listener(tmp_path):
    image, far = files.make(tmp_path), Shelf()
    home = Shelf(callers={"FAR": "", "ORDERCOMMS": ""})
    with listening(home) as us, listening(far) as them:
        far.answer_to = replace(us, our_ae_title="ORDERCOMMS")
        with Sender(them, [image.kind]) as sender:
            _send(sender, image)
        asked = ask_commitment(them, "1.2.3", [(files.CT, image.sop_uid)], wait_seconds=0)
        assert asked is None
        assert wait_until(lambda: home.answers, seconds=30)
    assert home.answers[0].uid == "1.2.3"
    assert home.answers[0].held == {image.sop_uid}


def test_commitment_that_cannot_be_found_out_is_refused():
    class Away(Shelf):
        def held(self, caller, sop_uids):
            return None

    with listening(Away()) as peer, pytest.raises(DicomFailure) as failure:
        ask_commitment(peer, "1.2.3", [(files.CT, "1.2.3.4")])
    assert (failure.value.phase, failure.value.status) == ("commit", 0x0110)


def test_a_question_for_commitment_of_nothing_is_refused(ours):
    with pytest.raises(DicomFailure) as failure:
        ask_commitment(ours, "1.2.3", [])
    assert failure.value.status == 0x0115
    assert COMMITMENT == "1.2.840.10008.1.20.1"


def test_fetching_from_who_offers_nothing_is_a_failure(ours):
    with pytest.raises(DicomFailure) as failure:
        fetch(ours, "1.2.3", [], store=lambda incoming: 0)
    assert failure.value.family == "no_context"
    assert struct.calcsize("<HH") == 4
