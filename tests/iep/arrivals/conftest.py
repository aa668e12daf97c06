"""A trust with its PACS, another hospital's machine, and images that come from it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from demo.people import KINGSMERE
from iep import storage
from iep.models import Institution, Node, ReceivedFile, Study
from iep.models.directory import NodeKind
from iep.services.arrival import arrivals
from iep.states.studies import Origin
from tests.world import World

from . import bytes as files


class Exchange:
    """Kingsmere's side of the exchange, and what St Mary's sends it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.trust = world.place(KINGSMERE)
        self.us = Institution.objects.create(code="RZ1", name="Kingsmere", organisation=self.trust)
        self.them = Institution.objects.create(code="RZM", name="St Mary’s", city="Invention")
        self.pacs = self._node(self.us, "HOSPITALPACS", is_our_pacs=True)
        self.node = self._node(self.them, "STMARY", may_call=True)
        self.desk = world.acting("mbp")

    def _node(self, institution: Institution, name: str, **more: Any) -> Node:
        return Node.objects.create(
            institution=institution, name=name, ae_title=name, kind=NodeKind.DIMSE, **more
        )

    def comes(self, content: bytes, **more: Any) -> ReceivedFile:
        """A file came whole from St Mary's machine."""
        written = storage.writer()
        written.write(content)
        facts = {"origin": Origin.DICOM, "node": self.node, "calling": "STMARY"} | more
        return arrivals.receive(written, **facts)

    def came(self, *contents: bytes, **more: Any) -> list[ReceivedFile]:
        """Files came, and were read."""
        rows = [self.comes(content, **more) for content in contents]
        arrivals.read_waiting()
        for row in rows:
            row.refresh_from_db()
        return rows

    def goes_quiet(self) -> None:
        """Nothing comes for a while."""
        Study.objects.update(last_file_at=F("last_file_at") - timedelta(minutes=5))
        arrivals.read_waiting()

    def images(self, count: int, **said: Any) -> list[bytes]:
        return [files.image(instance_number=str(each + 1), **said) for each in range(count)]


@pytest.fixture(autouse=True)
def _images_dir(settings: Any, tmp_path: Any) -> None:
    settings.IMAGES_DIR = tmp_path / "images"
    settings.IMAGES_RESERVE_BYTES = settings.IMAGES_LEAST_BYTES = 0


@pytest.fixture
def exchange(world: World) -> Exchange:
    return Exchange(world)
