"""Two writers at once, and a writer that is killed: processes and threads on a real database."""

import threading
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from accounts import sealing
from accounts.models import Standby
from demo.processes import Child, wait_until
from ordercomms.standby import turn, writing
from tests.messaging.processes import _child
from tests.world import World

from .standbys import busy_clinic, passphrase_for, the_pack, write

pytestmark = pytest.mark.hazard("H62")


@pytest.fixture
def open_world(transactional_db: None, tmp_path: Path, settings) -> World:
    """A cast that other connections see, and a folder."""
    settings.STANDBY_DIR = tmp_path / "standby"
    cache.clear()
    return World()


def test_of_two_workers_at_the_same_moment_one_writes(open_world: World) -> None:
    busy_clinic(open_world)
    passphrase_for(open_world)
    gate, wrote = threading.Barrier(2), []

    def work() -> None:
        gate.wait()
        try:
            wrote.append(turn.write_if_due())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(wrote) == [False, True]
    assert len(writing.generations()) == 1


def killed_at(place: str, folder: Path) -> Child:
    """A writer that dies there as by kill -9."""
    words = ("manage.py", "write_standby")
    child = _child("writer", *words, CRASH_AT=place, STANDBY_DIR=str(folder))
    child.start()
    assert wait_until(lambda: not child.is_running, seconds=60)
    child.stop()
    return child


@pytest.mark.parametrize("place", ["standby.pack", "standby.written"])
def test_a_writer_killed_in_the_middle_leaves_the_old_generation_whole(
    open_world: World, settings, place: str
) -> None:
    busy_clinic(open_world)
    words = passphrase_for(open_world)
    write()
    folder, before = settings.STANDBY_DIR, the_pack(settings.STANDBY_DIR)
    kept = before.read_bytes()
    child = killed_at(place, folder)
    assert child.exit_code == 137, child.last_lines(20)
    assert the_pack(folder) == before
    assert sealing.opened(before.read_bytes(), words)
    assert before.read_bytes() == kept
    (left,) = folder.glob(".writing-*")
    assert b"Testpatient" not in b"".join(p.read_bytes() for p in left.rglob("*") if p.is_file())
    Standby.objects.update(lease_until=timezone.now())
    assert turn.write_if_due(at_once=True)
    assert list(folder.glob(".writing-*")) == []
