"""The downtime page and packs as a test needs them: a practice with results, a folder, a turn."""

import re
from datetime import timedelta
from pathlib import Path

from django.db.models import F

from accounts import services
from accounts.models import Standby
from ordercomms.standby import turn
from tests.results.clinic import Clinic
from tests.world import World


def passphrase_for(world: World, username: str = "gp") -> str:
    """Their place's pack has a passphrase from now on."""
    acting = world.acting(username)
    return services.make_pack_key(acting.organisation, by=acting)


def busy_clinic(world: World) -> Clinic:
    """A critical result that nobody has seen, a normal one, an image, and an open request."""
    clinic = Clinic(world)
    clinic.critical()
    clinic.report()
    clinic.imaging("Shadow in the right upper zone.", flag="A")
    clinic.sent("hba1c")
    return clinic


def write() -> None:
    """Now, and it succeeds."""
    assert turn.write_if_due(at_once=True)


def minutes_pass(minutes: float) -> None:
    """As if the last writing was longer ago; the database's clock is nobody's to move."""
    passed = timedelta(minutes=minutes)
    Standby.objects.update(since=F("since") - passed, as_of=F("as_of") - passed)


def current(folder: Path) -> Path:
    return (folder / "current").resolve()


def the_pack(folder: Path) -> Path:
    (path,) = (current(folder) / "packs").iterdir()
    return path


def flipped(raw: bytes, at: int) -> bytes:
    """With one bit of one byte another."""
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def inside(raw: bytes, pattern: bytes) -> range:
    """Where the first match of the pattern's group is."""
    found = re.search(pattern, raw, re.DOTALL)
    assert found
    return range(*found.span(1))
