"""Where bytes lie: whole or not at all, under names of ours, and with room for blue light."""

import hashlib
import os
import time
import uuid

import pytest

from iep import storage
from tests.iep.dicom.shelf import aside, stored

EXECUTABLE = b"MZ\x90\0" + bytes(124)


def test_a_file_is_there_only_when_it_is_kept():
    writing = storage.writer()
    writing.write(b"x" * 1000)
    assert stored() == []
    file_id = uuid.uuid4()
    writing.keep(file_id)
    assert storage.path_of(file_id).read_bytes() == b"x" * 1000
    assert aside() == []
    assert writing.size == 1000


def test_what_is_dropped_leaves_nothing():
    writing = storage.writer()
    writing.write(b"x" * 1000)
    writing.drop()
    assert aside() == stored() == []


def test_dropping_what_was_kept_takes_nothing_away():
    writing = storage.writer()
    writing.write(b"x")
    place = writing.keep(uuid.uuid4())
    writing.drop()
    assert place.read_bytes() == b"x"


@pytest.mark.hazard("H48")
@pytest.mark.parametrize("piece", [1, 7, 128, 131, 132, 133, 4096])
def test_an_executable_before_an_image_is_zeroed_however_it_comes_in_pieces(piece):
    data = EXECUTABLE + b"DICM" + b"rest of it" * 100
    writing = storage.writer()
    for first in range(0, len(data), piece):
        writing.write(data[first : first + piece])
    kept = writing.keep(uuid.uuid4()).read_bytes()
    assert kept == bytes(128) + data[128:]
    assert writing.preamble_zeroed
    assert writing.sha256 == hashlib.sha256(kept).hexdigest()


def test_a_file_without_a_preamble_is_kept_as_it_is():
    writing = storage.writer()
    writing.write(b"\x08\x00\x05\x00CS" + b"y" * 500)
    kept = writing.keep(uuid.uuid4()).read_bytes()
    assert kept == b"\x08\x00\x05\x00CS" + b"y" * 500
    assert not writing.preamble_zeroed


def test_a_file_shorter_than_a_preamble_is_kept_as_it_is():
    writing = storage.writer()
    writing.write(b"short")
    assert writing.sha256 == hashlib.sha256(b"short").hexdigest()
    assert writing.keep(uuid.uuid4()).read_bytes() == b"short"
    assert writing.sha256 == hashlib.sha256(b"short").hexdigest()


@pytest.mark.hazard("H48")
@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "1.2.840", "", "con", "\0", "ZZTOP"]
)
def test_no_name_but_a_uuid_is_a_place_in_storage(name):
    with pytest.raises(ValueError, match=r".+"):
        storage.path_of(name)


def test_the_reserve_is_for_blue_light_alone(settings):
    free = os.statvfs(storage._root()).f_bavail * os.statvfs(storage._root()).f_frsize
    settings.IMAGES_RESERVE_BYTES = free * 2
    assert not storage.room(for_blue_light=False)
    assert storage.room(for_blue_light=True)
    settings.IMAGES_LEAST_BYTES = free * 2
    assert not storage.room(for_blue_light=True)


def test_what_a_dead_process_left_is_cleared_and_what_is_being_written_is_not():
    old, new = storage.writer(), storage.writer()
    day_before = time.time() - 2 * 24 * 3600
    os.utime(old.path, (day_before, day_before))
    assert storage.clear_aside() == 1
    assert aside() == [new.path]
    old.drop()
    new.drop()


def test_files_that_no_row_may_know_of_can_be_found():
    writing = storage.writer()
    writing.write(b"x")
    file_id = uuid.uuid4()
    writing.keep(file_id)
    assert list(storage.kept_ids(older_than=3600)) == []
    assert list(storage.kept_ids(older_than=-1)) == [file_id]
    storage.discard(file_id)
    storage.discard(file_id)  # and once more does nothing
    assert list(storage.kept_ids(older_than=-1)) == []
