"""The other host has it whole, page last; what fails there is told, and changes nothing here."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache

from accounts import services
from accounts.models import Standby
from ordercomms.standby import copying, turn, writing
from ordercomms.standby.state import pack_is_old, standing
from tests.world import World

from .standbys import minutes_pass, other_host, passphrase_for, the_pack, write

pytestmark = pytest.mark.hazard("H62")


@pytest.fixture
def folder(tmp_path: Path, settings) -> Path:
    settings.STANDBY_DIR = tmp_path / "standby"
    settings.DEBUG = True  # http:// to this machine only
    cache.clear()
    return settings.STANDBY_DIR


@pytest.fixture
def host(folder, settings):
    with other_host() as (address, held):
        settings.STANDBY_URL = address
        yield held


def write_later(minutes: int) -> None:
    """A turn of the clock's, that many minutes after now."""
    claimed = services.claim_standby(at_once=True)
    assert claimed
    assert turn.take(type(claimed)(claimed.token, claimed.as_of + timedelta(minutes=minutes)))


def test_every_file_is_there_byte_for_byte_and_the_page_goes_last(world: World, host, folder):
    passphrase_for(world)
    write()
    pack = the_pack(folder)
    assert host.files[f"/ours/packs/{pack.name}"] == pack.read_bytes()
    puts = [path for what, path in host.asked if what == "PUT"]
    assert puts[0] == "/ours/written.json"
    assert puts[-1] == "/ours/page/index.html"
    assert Standby.objects.get().copied_as_of


def test_old_packs_are_deleted_there_and_nothing_else_is(world: World, host, folder, settings):
    settings.STANDBY_KEEP = 2
    passphrase_for(world)
    host.files["/ours/somebody-else.txt"] = b"keep"
    for minutes in (0, 15, 30):
        write_later(minutes)
    packs = [path for path in host.files if "/packs/" in path]
    assert len(packs) == 2
    assert host.files["/ours/somebody-else.txt"] == b"keep"
    assert "/ours/page/index.html" in host.files


def test_a_host_that_refuses_is_told_while_the_folder_here_is_whole(world: World, host, folder):
    passphrase_for(world)
    host.broken = "/packs/"
    write()
    assert the_pack(folder).is_file()
    assert Standby.objects.get().copied_as_of is None
    assert "500" in standing().copy_sentence
    assert standing().copy_tag == "failing"
    minutes_pass(45)
    cache.clear()
    words = " ".join(line[0] for line in pack_is_old(world.acting("central")))
    assert re.search(r"Downtime pack on the other host is \d+ min old\.", words)
    assert "other host" not in str(pack_is_old(world.acting("gp")))
    host.broken = ""
    write_later(15)
    assert standing().copy_sentence == ""


def test_a_list_that_names_other_folders_deletes_nothing_there(world: World, host, settings):
    settings.STANDBY_KEEP = 1
    host.files["/ours/written.json"] = (
        b'{"generations": [{"name": "x", "files": ["../secret", "etc/passwd", "packs/../../a"]}]}'
    )
    write()
    assert [path for what, path in host.asked if what == "DELETE"] == []


@pytest.mark.parametrize("address", ["http://example.nhs.example/x", "ftp://127.0.0.1/x"])
def test_nothing_goes_out_without_tls(folder, settings, address: str):
    settings.STANDBY_URL = address
    written = writing.Written("x", folder, 0, 0)
    with pytest.raises(copying.NotCopied, match="https"):
        copying.copy(written, still_mine=lambda: True)
