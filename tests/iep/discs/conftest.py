"""A disc ticket of Agnes Testpatient's, and folders and ZIPs as people upload them."""

import io
import uuid
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Site
from demo.people import KINGSMERE, radiology_of
from iep import media
from iep.models import Disc, Ticket
from iep.services.arrival import arrivals, discs
from iep.services.ticketing.tickets import open_ticket
from tests.iep.arrivals.conftest import Exchange, _images_dir, exchange  # noqa: F401
from tests.iep.discs.example import new_ticket
from tests.world import World


class Desk(Exchange):
    """The service desk with a disc ticket."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.site = Site.objects.filter(department=world.place(radiology_of(KINGSMERE)))[0]

    def ticket(self, count: int = 1, **said: Any) -> Ticket:
        new = new_ticket(discs=count, institution=self.them, **said)
        return open_ticket(new, by=self.desk)

    def disc(self, **said: Any) -> Disc:
        return self.ticket(**said).disc_set.get()

    def boxed(self, disc: Disc, **said: Any) -> Disc:
        facts = {"dropped_by": "K Porter", "labelled": True, "form_enclosed": True} | said
        return discs.drop_off(disc, site=self.site, by=self.desk, **facts)

    def collected(self, disc: Disc | None = None) -> Disc:
        """Labelled, with its form, and at the desk; nothing happens to one that is."""
        disc = disc or self.disc()
        return discs.collect(self.boxed(disc), by=self.desk) if disc.state == "expected" else disc

    def upload(self, disc: Disc, *contents: bytes) -> Disc:
        """As if they had come through the page; and a worker has done its work."""
        disc, upload_id = self.collected(disc), uuid.uuid4()
        for content in contents:
            media.new_file(upload_id).write_bytes(content)
        media.spool(upload_id).mkdir(parents=True, exist_ok=True)
        size = sum(map(len, contents))
        discs.uploaded(disc, upload_id=upload_id, size=size, by=self.desk)
        return self.work(disc)

    def work(self, disc: Disc) -> Disc:
        discs.read_discs()
        arrivals.read_waiting()
        discs.finish_read()
        return Disc.objects.get(pk=disc.pk)


def zipped(members: Iterable[tuple[str, bytes]], *, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", packing) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return made.getvalue()


def folder(path: Path) -> list[bytes]:
    return [each.read_bytes() for each in sorted(path.rglob("*")) if each.is_file()]


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)
