"""A disc, and a refused file, for whoever needs one that exists."""

from datetime import date
from typing import Any

from demo.people import KINGSMERE
from iep import storage
from iep.models import Disc, Institution, ReceivedFile
from iep.services.arrival import arrivals
from iep.services.ticketing import tickets
from iep.states.priorities import Priority, Reason
from iep.states.studies import FileState, Origin
from iep.states.tickets import TicketKind
from tests.world import World


def new_ticket(**said: Any) -> tickets.NewTicket:
    """A disc ticket's form, complete: the invented Agnes Testpatient's."""
    facts: dict[str, Any] = {
        "kind": TicketKind.DISC, "family_name": "Testpatient", "given_names": "Agnes",
        "birth_date": date(1958, 3, 2), "no_nhs_number_reason": "Not known there",
        "address_lines": ("3 Invented Row", "Northgate"), "postcode": "NG2 9ZZ",
        "s_number": "S1234567", "discs": 1, "internal_address": "Ward 9, Kingsmere",
        "requester_name": "Dr R Smith", "requester_phone": "01632 960111",
        "requester_email": "r.smith@kingsmere.nhs.example", "consultant": "Dr R Smith",
        "department": "Neurology", "priority": Priority.NORMAL, "reason": Reason.OUTPATIENT,
        "exams": (tickets.Exam("CT head", acquired_on=date(2026, 11, 3), modality="CT"),),
    }  # fmt: skip
    return tickets.NewTicket(**facts | said)


def a_disc(world: World) -> Disc:
    """One of Kingsmere's."""
    found = Disc.objects.filter(ticket__organisation__ods_code=KINGSMERE).first()
    if found is None:
        them, _ = Institution.objects.get_or_create(code="RZM", defaults={"name": "St Mary’s"})
        ticket = tickets.open_ticket(new_ticket(institution=them), by=world.acting("mbp"))
        found = ticket.disc_set.get()
    return found


def a_refused_file(world: World) -> ReceivedFile:
    """No DICOM, from one of Kingsmere's discs."""
    found = ReceivedFile.objects.filter(state=FileState.REFUSED.value).first()
    if found is not None:
        return found
    written = storage.writer()
    written.write(b"no image")
    file = arrivals.receive(written, origin=Origin.DISC, disc=a_disc(world))
    arrivals.read_waiting()
    file.refresh_from_db()
    return file
