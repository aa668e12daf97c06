"""A disc ticket of Agnes Testpatient's, and folders and ZIPs as people upload them."""

import io
import uuid
import zipfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Site
from demo.people import KINGSMERE, radiology_of
from iep import media
from iep.models import Disc, Ticket
from iep.services import arrivals, discs
from iep.services.tickets import Exam, NewTicket, open_ticket
from iep.states.priorities import Priority, Reason
from iep.states.tickets import TicketKind
from tests.iep.arrivals.conftest import Exchange, _images_dir, exchange  # noqa: F401
from tests.world import World


class Desk(Exchange):
    """The service desk with a disc ticket."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.site = Site.objects.filter(department=world.place(radiology_of(KINGSMERE)))[0]

    def ticket(self, count: int = 1, **said: Any) -> Ticket:
        facts: dict[str, Any] = {
            "kind": TicketKind.DISC, "family_name": "Testpatient", "given_names": "Agnes",
            "birth_date": date(1958, 3, 2), "no_nhs_number_reason": "Not known there",
            "address_lines": ("3 Invented Row", "Northgate"), "s_number": "S1234567", "postcode": "NG2 9ZZ", "discs": count,
            "internal_address": "Ward 9, Kingsmere", "requester_name": "Dr R Smith",
            "requester_phone": "01632 960111", "requester_email": "r.smith@kingsmere.nhs.example",
            "consultant": "Dr R Smith", "department": "Neurology", "priority": Priority.NORMAL,
            "reason": Reason.OUTPATIENT, "institution": self.them,
            "exams": (Exam("CT head", acquired_on=date(2026, 11, 3), modality="CT"),),
        }  # fmt: skip
        return open_ticket(NewTicket(**facts | said), by=self.desk)

    def disc(self, **said: Any) -> Disc:
        return self.ticket(**said).disc_set.get()

    def boxed(self, disc: Disc, **said: Any) -> Disc:
        facts = {"dropped_by": "K Porter", "labelled": True, "form_enclosed": True} | said
        return discs.drop_off(disc, site=self.site, by=self.desk, **facts)

    def upload(self, disc: Disc, *contents: bytes) -> Disc:
        """As if they had come through the page; and a worker has done its work."""
        upload_id = uuid.uuid4()
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
