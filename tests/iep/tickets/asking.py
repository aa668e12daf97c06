"""Tickets as a test needs them: a whole form, and people of Kingsmere who fill it in."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from accounts.policies import Acting
from iep.asking import Exam, NewTicket
from iep.models import Alias, Institution, Ticket
from iep.services.ticketing import tickets
from iep.states.priorities import Reason
from iep.states.tickets import TicketKind
from messaging.queries.own_mailboxes import own_mailbox
from messaging.services import mail
from tests.world import World

ADDRESS = "a.bell@kingsmere.nhs.example"


def hospital(name: str = "Nottingham Queens Medical Centre", **facts: Any) -> Institution:
    """The other hospital, and how people call it."""
    aliases = facts.pop("aliases", ("QMC",) if "Queens" in name else ())
    said = {"name": name, "city": "Nottingham", "phone": "01632 960900"} | facts
    found, _ = Institution.objects.get_or_create(code=facts.pop("code", name[:12]), defaults=said)
    for alias in aliases:
        Alias.objects.get_or_create(institution=found, name=alias)
    return found


def scan(**changes: Any) -> Exam:
    facts = {"description": "CT head", "acquired_on": date(2026, 11, 3), "modality": "CT",
             "code": "CHEAD"}  # fmt: skip
    return Exam(**facts | changes)


def form(**changes: Any) -> NewTicket:
    """A whole import form for Agnes; `changes` spoil or complete it."""
    facts: dict[str, Any] = {
        "kind": TicketKind.IMPORT, "family_name": "Testpatient", "given_names": "Agnes",
        "birth_date": date(1958, 3, 2), "s_number": "S1234567", "nhs_number": "9990000018",
        "exams": (scan(),), "requester_name": "Dr Ann Bell",
        "requester_phone": "01632 960111 ext 4455", "requester_email": ADDRESS,
        "consultant": "Mr A Crane", "department": "Neurosurgery", "reason": Reason.MDT,
    }  # fmt: skip
    if "institution" not in changes:
        facts["institution"] = hospital()
    return NewTicket(**facts | changes)


def export_form(**changes: Any) -> NewTicket:
    facts = {"kind": TicketKind.EXPORT, "other_name": "Sister B Lane", "other_position": "Ward 4",
             "other_phone": "01632 960901", "other_email": "b.lane@qmc.nhs.example"}  # fmt: skip
    return form(**facts | changes)


def disc_form(**changes: Any) -> NewTicket:
    facts = {"kind": TicketKind.DISC, "discs": 2, "internal_address": "Ward 12, Kingsmere"}
    return form(**facts | changes)


def opened(world: World, *, by: Acting | None = None, **changes: Any) -> Ticket:
    return tickets.open_ticket(form(**changes), by=by or world.acting("mbp"))


def a_ticket(world: World) -> Ticket:
    """The one of Kingsmere's service desk, for tests that only need an example."""
    return Ticket.objects.order_by("opened_at").first() or opened(world)


def requester(world: World, *, email: str = ADDRESS) -> Acting:
    """A clinician of Kingsmere who asks for images and sees only what they asked for."""
    user, _ = User.objects.get_or_create(
        username="asker",
        defaults={"is_demo": True, "title": "Dr", "first_name": "Ann", "last_name": "Bell",
                  "email": email},
    )  # fmt: skip
    user.memberships.get_or_create(organisation=world.place("RZ1RAD"), defaults={"role": "on-call"})
    return world.acting("asker")


def colleague(world: World) -> Acting:
    """The other person of the desk, who makes sure of addresses."""
    return world.acting("mbp-lead")


def confirmed(world: World, address: str = ADDRESS) -> None:
    """The requester's mailbox stands in the directory and somebody made sure of it."""
    trust = world.place("RZ1")
    mail.enter_own_mailbox(trust, address=address, display_name="Dr Ann Bell",
                           by=world.acting("mbp"))  # fmt: skip
    box = own_mailbox(trust, address)
    if box is not None and box.verified_on is None:
        mail.verify_mailbox(box, by=colleague(world))


def moved_back(ticket: Ticket, **passed: float) -> Ticket:
    """The ticket's clock, so much earlier: as if that time had gone by."""
    gone = timedelta(**passed)
    ticket.refresh_from_db()
    Ticket.objects.filter(pk=ticket.pk).update(
        chased_since=ticket.chased_since - gone if ticket.chased_since else None,
        due_at=ticket.due_at - gone if ticket.due_at else None,
        state_since=ticket.state_since - gone,
    )
    ticket.refresh_from_db()
    return ticket


def today() -> date:
    return timezone.localdate()
