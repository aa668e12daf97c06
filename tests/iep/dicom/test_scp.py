"""What others may ask of us, asked by DCMTK and by peers that break the rules."""

import socket
import subprocess
import threading
from dataclasses import replace

import pytest

from demo.processes import wait_until
from iep.dicom import DicomFailure, Sender, calling, commands, contexts, echo
from iep.dicom.wire import NETWORK_SECONDS
from tests.iep.dicom import dcmtk, files
from tests.iep.dicom.shelf import Shelf, aside, listening, stored

needs_dcmtk = pytest.mark.needs_dcmtk


def send(peer, *images, kinds=None):
    with Sender(peer, kinds or [image.kind for image in images]) as sender:
        return [
            sender.send(
                image.path, sop_uid=image.sop_uid, sop_class=image.sop_class,
                transfer_syntax=image.transfer_syntax,
            )
            for image in images
        ]  # fmt: skip


# --- Who may call --------------------------------------------------------------------------------


@needs_dcmtk
def test_echo_is_answered(ours):
    dcmtk.run("echoscu", to=ours)


@needs_dcmtk
@pytest.mark.parametrize(
    ("called", "calling_as", "words"),
    [
        ("SOMEBODY", "FAR", "Called AE Title Not Recognized"),
        ("ORDERCOMMS", "STRANGER", "Calling AE Title Not Recognized"),
        ("ORDERCOMMS", "ELSEWHERE", "Calling AE Title Not Recognized"),
    ],
)
def test_a_wrong_title_or_a_wrong_address_is_refused(ours, shelf, called, calling_as, words):
    shelf.callers["ELSEWHERE"] = "192.0.2.7"
    with pytest.raises(subprocess.CalledProcessError) as refused:
        dcmtk.run("echoscu", to=ours, called=called, calling=calling_as)
    assert words in refused.value.stderr


@needs_dcmtk
def test_questions_are_not_offered(ours):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        dcmtk.run("findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", to=ours)
    assert "No Acceptable Presentation Contexts" in refused.value.stderr


def test_an_association_too_many_is_refused_and_the_others_stand(shelf):
    shelf.callers["OTHER"] = ""
    plain = contexts.plain(contexts.VERIFICATION)
    with listening(shelf, most=3, most_per_peer=2) as peer:
        lines = [calling.open_line(peer, plain) for _ in range(2)]
        with pytest.raises(DicomFailure) as refused:
            echo(peer)
        assert (refused.value.family, refused.value.is_permanent) == ("rejected", False)
        other = replace(peer, our_ae_title="OTHER")
        lines.append(calling.open_line(other, plain))
        with pytest.raises(DicomFailure):
            echo(other)
        assert all(line.send_c_echo().Status == 0 for line in lines)
        lines.pop().release()
        assert wait_until(lambda: _answers(other), seconds=20)
        for line in lines:
            line.release()


def _answers(peer) -> bool:
    try:
        echo(peer)
    except DicomFailure:
        return False
    return True


# --- Peers that break the rules ------------------------------------------------------------------


def _connected(peer) -> socket.socket:
    line = socket.create_connection((peer.host, peer.port), timeout=30)
    line.settimeout(30)
    return line


def _is_cut(line: socket.socket) -> bool:
    try:
        while line.recv(4096):
            pass
    except ConnectionError:
        return True
    return True


def test_who_says_nothing_is_cut(shelf):
    with listening(shelf, acse_seconds=0.3) as peer:
        with _connected(peer) as line:
            assert _is_cut(line)
        echo(peer)


def test_who_stops_in_the_middle_of_a_word_is_cut(shelf):
    with listening(shelf, acse_seconds=0.3) as peer, _connected(peer) as line:
        line.sendall(b"\x01\x00\x00")
        assert _is_cut(line)


def test_who_says_nothing_on_an_association_is_cut(shelf):
    plain = contexts.plain(contexts.VERIFICATION)
    with listening(shelf, network_seconds=0.3) as peer:
        line = calling.open_line(peer, plain)
        assert wait_until(lambda: not line.is_established, seconds=20)
        calling.end(line)


@pytest.mark.parametrize(
    "words",
    [
        b"\x01\x00\xff\xff\xff\xff",  # an association request of 4 GB
        b"\x09\x00\x00\x00\x00\x04abcd",  # no such PDU
        b"GET / HTTP/1.1\r\n\r\n" * 4,
        b"\x01\x00\x00\x00\x00\x08" + b"\xff" * 8,  # a request that is none
        b"\x04\x00\x00\x00\x00\x06\x00\x00\x00\x02\x01\x03",  # data before an association
    ],
)
def test_what_is_no_dicom_is_cut_and_the_listener_goes_on(shelf, words):
    with listening(shelf, acse_seconds=0.5) as peer:
        with _connected(peer) as line:
            line.sendall(words)
            assert _is_cut(line)
        echo(peer)


def _in_the_middle(peer, image):
    """An association on which half an image was sent."""
    line = calling.open_line(peer, contexts.to_send([image.kind]))
    request = commands.store(1, image.sop_class, image.sop_uid)
    with image.path.open("rb") as file:
        whole = file.read()
    half = image.path.with_suffix(".half")
    half.write_bytes(whole[: len(whole) // 2])
    socket_ = line.dul.socket
    pieces: list[bytes] = []
    real = socket_.send_all
    socket_.send_all = lambda data: pieces.append(bytes(data))
    with half.open("rb") as file:
        line.send_file(1, request, file)
    socket_.send_all = real
    for piece in pieces[:-1]:
        real(piece)
    return line


def test_an_image_that_breaks_off_in_the_middle_leaves_nothing(ours, shelf, tmp_path):
    image = files.make(tmp_path, size=2_000_000)
    line = _in_the_middle(ours, image)
    assert wait_until(lambda: len(aside()) == 1, seconds=20)
    calling.end(line)
    assert wait_until(lambda: aside() == [], seconds=20)
    assert stored() == []
    assert send(ours, image) == [0]
    assert shelf.digests() == {image.sop_uid: image.digest}


def test_a_listener_that_is_told_to_end_drops_what_is_half_here(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr("iep.dicom.scp.END_SECONDS", 0.2)
    image = files.make(tmp_path, size=2_000_000)
    with listening(shelf) as peer:
        line = _in_the_middle(peer, image)
        assert wait_until(lambda: len(aside()) == 1, seconds=20)
    assert wait_until(lambda: aside() == [], seconds=20)
    assert stored() == []
    calling.end(line)


def test_a_crowd_that_says_nothing_gets_no_more_than_the_seats(shelf):
    with listening(shelf, most=2, acse_seconds=30.0) as peer:
        crowd = [_connected(peer) for _ in range(4)]
        with _connected(peer) as late:
            assert _is_cut(late)
        for line in crowd:
            line.close()
        assert wait_until(lambda: _answers(peer), seconds=60)


# --- Room ----------------------------------------------------------------------------------------


def test_a_full_disk_is_said_and_nothing_is_kept(ours, tmp_path, settings):
    image = files.make(tmp_path)
    settings.IMAGES_RESERVE_BYTES = 1 << 60
    with pytest.raises(DicomFailure) as full:
        send(ours, image)
    assert (full.value.status, full.value.family) == (0xA700, "out_of_resources")
    assert aside() == stored() == []
    settings.IMAGES_RESERVE_BYTES = 0
    assert send(ours, image) == [0]


def test_a_disk_that_fills_in_the_middle_of_an_image_is_said(ours, tmp_path, settings, monkeypatch):
    monkeypatch.setattr("iep.dicom.receiving._ROOM_EVERY", 100_000)
    image = files.make(tmp_path, size=3_000_000)
    line = _in_the_middle(ours, image)
    assert wait_until(lambda: len(aside()) == 1, seconds=20)
    settings.IMAGES_RESERVE_BYTES = 1 << 60
    line.dul.socket.send_all(_data(500_000, is_last=True))
    _, answer = line.dimse.get_msg(block=True)
    assert answer.Status == 0xA700
    assert aside() == stored() == []
    calling.end(line)


def _data(size: int, *, is_last: bool) -> bytes:
    control = b"\x02" if is_last else b"\x00"
    value = (size + 2).to_bytes(4, "big") + b"\x01" + control + bytes(size)
    return b"\x04\x00" + len(value).to_bytes(4, "big") + value


def test_an_object_that_is_too_large_is_refused_and_the_next_is_taken(shelf, tmp_path):
    large, small = files.make(tmp_path, size=400_000), files.make(tmp_path, size=1000)
    with listening(shelf, most_bytes=100_000) as peer, Sender(peer, [large.kind]) as sender:
        with pytest.raises(DicomFailure) as refused:
            sender.send(
                large.path, sop_uid=large.sop_uid, sop_class=large.sop_class,
                transfer_syntax=large.transfer_syntax,
            )  # fmt: skip
        assert refused.value.status == 0xA700
        assert aside() == stored() == []
        assert sender.is_open
        assert (
            sender.send(
                small.path, sop_uid=small.sop_uid, sop_class=small.sop_class,
                transfer_syntax=small.transfer_syntax,
            )
            == 0
        )  # fmt: skip


@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2.x", "1.2/3"])
def test_an_instance_with_no_uid_is_refused(ours, tmp_path, uid):
    image = files.make(tmp_path)
    with pytest.raises(DicomFailure) as refused:
        send(ours, replace(image, sop_uid=uid))
    assert refused.value.is_permanent or refused.value.family == "aborted"
    assert aside() == stored() == []


def test_success_is_not_said_when_it_was_not_kept(tmp_path):
    class Broken(Shelf):
        def store(self, incoming):
            raise RuntimeError("no")

    with listening(Broken()) as peer:
        with pytest.raises(DicomFailure) as refused:
            send(peer, files.make(tmp_path))
        assert refused.value.family == "out_of_resources"
        assert aside() == stored() == []
        echo(peer)


# --- What is said --------------------------------------------------------------------------------


def test_no_log_says_whose_images_these_are(ours, tmp_path, caplog, capfd, settings):
    image = files.make(tmp_path)
    caplog.set_level(0)
    send(ours, image)
    settings.IMAGES_RESERVE_BYTES = 1 << 60
    with pytest.raises(DicomFailure):
        send(ours, image)
    said = caplog.text + "".join(capfd.readouterr())
    assert "dicom_object_refused" in said
    for secret in ("ZZTOP", "Secretia", files.NUMBER.replace(" ", ""), image.sop_uid):
        assert secret not in said


def test_no_thread_stays_when_the_listener_ended(shelf, tmp_path):
    before = set(threading.enumerate())
    with listening(shelf) as peer:
        send(peer, files.make(tmp_path))
    assert wait_until(lambda: set(threading.enumerate()) <= before, seconds=20)
    assert NETWORK_SECONDS == 60
