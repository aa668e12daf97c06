"""The listener as its own process: it starts, shares its port, ends in order, and stays small."""

import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from demo.processes import wait_until
from iep.dicom import DicomFailure, Peer, Sender, echo
from iep.models import ReceivedFile
from iep.states.studies import FileState
from tests.iep.dicom import files
from tests.iep.dicom.nodes import node
from tests.iep.dicom.shelf import aside, stored
from tests.messaging.processes import _child, accepts_connections, free_port, running

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
LARGE = 300 * 1024 * 1024  # bytes


@contextmanager
def listener(*words: str):
    """`manage.py dicom_listen`: the peer to call, and its process."""
    port = free_port()
    argv = ("manage.py", "dicom_listen", "--port", str(port), *words)
    room = {"IMAGES_RESERVE_BYTES": "0", "IMAGES_LEAST_BYTES": "0"}
    child = _child("dicom", *argv, IMAGES_DIR=str(django_settings.IMAGES_DIR), **room)
    with running(child):
        wait_until(lambda: accepts_connections(port) or not child.is_running, seconds=60)
        assert child.is_running, child.last_lines(20)
        yield Peer("ORDERCOMMS", "FAR", "127.0.0.1", port), child


def _memory(pid: int) -> int:
    """The most that a process ever had in memory, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def _large(folder: Path) -> files.Image:
    """An image of 300 MB, mostly holes."""
    small = files.make(folder, size=2)
    data = small.path.read_bytes()
    with small.path.open("wb") as file:
        file.write(data[:-6] + LARGE.to_bytes(4, "little"))
        file.truncate(file.tell() + LARGE)
    return small


def _send(peer: Peer, image: files.Image) -> int:
    with Sender(peer, [image.kind]) as sender:
        return sender.send(
            image.path, sop_uid=image.sop_uid, sop_class=image.sop_class,
            transfer_syntax=image.transfer_syntax,
        )  # fmt: skip


def test_a_large_image_takes_no_memory_at_either_end_and_told_to_end_it_ends(tmp_path):
    node()
    small, large = files.make(tmp_path), _large(tmp_path / "large")
    with listener() as (peer, child):
        assert _send(peer, small) == 0
        theirs, ours = _memory(child.process.pid), _memory(os.getpid())
        assert _send(peer, large) == 0
        assert _memory(child.process.pid) - theirs < 32 * 1024 * 1024
        assert _memory(os.getpid()) - ours < 32 * 1024 * 1024
        file = ReceivedFile.objects.get(sop_uid=large.sop_uid)
        assert file.size > LARGE
        assert file.state == FileState.QUARANTINED
        child.process.send_signal(signal.SIGTERM)
        assert wait_until(lambda: child.exit_code == 0, seconds=60)
    assert aside() == []
    assert len(stored()) == 2
    with pytest.raises(DicomFailure) as failure:
        echo(peer)
    assert failure.value.family == "unreachable"


def test_several_processes_share_the_port_and_one_that_dies_is_started_again(tmp_path):
    node()
    with listener("--processes", "2") as (peer, child):
        pids = _children(child.process.pid)
        assert len(pids) == 2
        os.kill(pids[0], signal.SIGKILL)
        assert wait_until(
            lambda: len(now := _children(child.process.pid)) == 2 and now != pids, seconds=60
        )
        assert wait_until(lambda: _stores(peer, tmp_path), seconds=60)
        child.process.send_signal(signal.SIGTERM)
        assert wait_until(lambda: child.exit_code == 0, seconds=60)
        assert not accepts_connections(peer.port)


def _children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return sorted(map(int, told.split()))


def _stores(peer: Peer, folder: Path) -> bool:
    try:
        return _send(peer, files.make(folder)) == 0
    except DicomFailure:
        return False
