"""What has happened in the demo's image exchange, lived through its own services.

Some of it is weeks old, for the figures; some waits for somebody today; and some was queued and
begins when the demo's lanes do, so that real images move. Nothing is written past the services.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.policies import SYSTEM, Acting
from accounts.queries import acting_at, memberships_of
from demo.exchange import (
    ASKERS,
    OUR_PACS,
    STORIES,
    WESTHAVEN_PACS,
    agreed_studies,
    people_with_images,
)
from demo.history.clock import Clock, lived_by
from demo.pacs.agreed import Held
from demo.people import KINGSMERE
from iep import hours
from iep.asking import Exam, NewTicket
from iep.models import Institution, Ticket, Transaction
from iep.policies import trust_of
from iep.services import on_call
from iep.services.exchange import sending, transactions
from iep.services.lanes import transfers
from iep.services.moving import locked
from iep.services.ticketing import ticket_mail, tickets
from iep.states.priorities import Eligibility, Priority, Reason
from iep.states.tickets import TicketKind
from iep.states.transactions import DeclineReason, Direction, TransactionEvent, TransactionKind
from messaging.policies import may_enter_own_mailbox
from messaging.queries.own_mailboxes import own_mailbox
from messaging.services import mail
from patients.models import Patient

SEED = 20261122
MONTHS_BACK = 150  # days
ON_CALL = (("on-call", "07700 900311"),)
CLINICIANS = (
    ("Dr Ann Bell", "ann.bell", "Mr A Crane", "Neurosurgery"),
    ("Dr Yusuf Demir", "yusuf.demir", "Dr S Holt", "Respiratory medicine"),
    ("Ms Carys Morgan", "carys.morgan", "Miss L Okoye", "Orthopaedics"),
)


def seed_past(folder: Path) -> None:
    """Once: what is there stays as it is. Needs people, institutions, patients, and in `folder`
    what the archive was told that it holds."""
    people = people_with_images()
    if Transaction.objects.exists() or Ticket.objects.exists() or len(people) < len(STORIES) // 2:
        return
    desk, lead = _acting("mbp"), _acting("mbp-lead")
    for username, phone in ON_CALL:
        on_call.enter(User.objects.get(username=username), phone, by=lead)
    clock = Clock(timezone.now())
    with lived_by(clock), transaction.atomic():
        story = Lived(clock, desk, people)
        story.months()
        story.weeks()
    with transaction.atomic():
        addresses(desk, lead)
        today(desk, people, agreed_studies(folder))


def _acting(username: str) -> Acting:
    found = acting_at(User.objects.get(username=username), KINGSMERE)
    if found is None:
        raise LookupError(f"{username} has no role at {KINGSMERE}")
    return found


def institution(code: str) -> Institution:
    return Institution.objects.get(code=code)


def form(patient: Patient, other: str, who: int = 0, **facts: Any) -> NewTicket:
    """A whole form of a clinician for a patient."""
    name, mailbox, consultant, department = CLINICIANS[who]
    number = next(one.value for one in patient.identifiers.all() if one.issuer == KINGSMERE)
    said: dict[str, Any] = {
        "kind": TicketKind.IMPORT, "patient": patient, "family_name": patient.family_name,
        "given_names": patient.given_names, "birth_date": patient.birth_date, "s_number": number,
        "nhs_number": patient.nhs_number, "institution": institution(other),
        "requester_name": name, "requester_email": f"{mailbox}@kingsmere.nhs.example",
        "requester_phone": "01632 960100 ext 4455", "consultant": consultant,
        "department": department, "reason": Reason.MDT,
    }  # fmt: skip
    if facts.get("kind") is TicketKind.EXPORT:
        said |= {"other_name": "Sister Bea Lane", "other_phone": "01632 960601",
                 "other_email": "b.lane@westhaven.nhs.example"}  # fmt: skip
    return NewTicket(**said | facts)


def exam(description: str, modality: str, on: date, code: str = "") -> Exam:
    return Exam(description=description, modality=modality, acquired_on=on, code=code)


@dataclass
class Lived:
    """The weeks before today, with a clock of their own."""

    clock: Clock
    desk: Acting
    people: list[Patient]

    def __post_init__(self) -> None:
        self.today = self.clock.at
        self.chance = random.Random(SEED)

    def at(self, days: float, hour: int = 10) -> datetime:
        """So many days ago, in the desk's hours."""
        self.clock.at = (self.today - timedelta(days=days)).replace(hour=hour, minute=12)
        if not hours.is_open(self.clock.at):
            self.clock.at = hours.next_open(self.clock.at) or self.clock.at
        return self.clock.at

    def months(self) -> None:
        """What the figures count: in and out, quick and slow, declined and purged."""
        for number, days in enumerate(range(MONTHS_BACK, 17, -4)):
            self.at(days, hour=9 + number % 8)
            thing = self._asked(number)
            if number % 9 == 4:
                self.clock.pass_by(hours=5)
                reason = (DeclineReason.NO_SUCH_STUDY, DeclineReason.INAPPROPRIATE)[number % 2]
                transactions.decline(thing, reason, by=self.desk)
                self.clock.pass_by(hours=20)
                transactions.cancel(thing, "The requester will ask elsewhere", by=self.desk)
            elif number % 13 == 6:
                self._purged(thing)
            else:
                self._delivered(thing)

    def _asked(self, number: int) -> Transaction:
        patient = self.people[number % len(self.people)]
        other = ("RY801", "RY901", "RY701", "RY802", "RY702")[number % 5]
        is_blue = number % 6 == 2
        taken = (self.clock.at - timedelta(days=1)).date()
        kind = TransactionKind.TRANSFER if number % 3 == 1 else TransactionKind.REQUEST
        told = form(patient, other, number % 3)
        return transactions.create(
            kind=kind, institution=institution(other), by=self.desk,
            priority=Priority.BLUE_LIGHT if is_blue else Priority.NORMAL,
            eligibility=Eligibility.THEATRE.value if is_blue else "",
            reason=Reason.BLUE_LIGHT if is_blue else Reason.MDT, patient=patient,
            family_name=patient.family_name, given_names=patient.given_names,
            birth_date=patient.birth_date, nhs_number=patient.nhs_number or "",
            local_number=told.s_number, requester_name=told.requester_name,
            consultant=told.consultant, department=told.department,
            exams=[{"description": "CT chest", "modality": "CT",
                    "acquired_on": taken.isoformat(), "code": ""}],
        )  # fmt: skip

    def _delivered(self, thing: Transaction) -> None:
        is_blue = thing.priority == Priority.BLUE_LIGHT
        self.clock.pass_by(minutes=self.chance.randint(20, 250 if is_blue else 2_400))
        done = transactions.record(thing, TransactionEvent.DELIVERED, by=SYSTEM)
        transactions.record(done, TransactionEvent.FIXED_UP, by=self.desk)

    def _purged(self, thing: Transaction) -> None:
        sending.put_on_exchange(locked(thing), by=SYSTEM)
        self.clock.pass_by(days=15, minutes=1)
        transactions.record(thing, TransactionEvent.PURGED, by=SYSTEM)

    def weeks(self) -> None:
        """What waits since then."""
        self.at(8, hour=11)
        asked = tickets.open_ticket(
            form(self.people[3], "RY801", 1,
                 exams=(exam("XR chest", "XR", (self.today - timedelta(days=60)).date()),)),
            by=self.desk,
        )  # fmt: skip
        tickets.chase(asked, "requester", missing=["instructions"],
                      words="Which of the two chest films?", by=self.desk)  # fmt: skip
        self.at(3, hour=14)
        gone = tickets.open_ticket(
            form(self.people[5], "RY802", 2,
                 exams=(exam("MRI shoulder", "MR", (self.today - timedelta(days=20)).date()),)),
            by=self.desk,
        )  # fmt: skip
        tickets.cancel(gone, "The clinic was moved to the other hospital", by=self.desk)
        self.at(1, hour=14)
        transactions.decline(self._asked(3), DeclineReason.NO_SUCH_STUDY, by=self.desk)


def addresses(desk: Acting, lead: Acting) -> None:
    """Who asks for images can be written to: the lead has made sure of what the desk entered, and
    what was held back for that goes out now; an account's own address needs nobody else."""
    for ticket in Ticket.objects.order_by("opened_at"):
        box = own_mailbox(ticket.organisation, ticket.requester_email)
        if box is not None and box.verified_on is None:
            ticket_mail.confirm_address(ticket, by=lead)
    trust = desk.organisation
    if trust is None:
        raise LookupError("the desk is of no trust")
    for name, mailbox, _, _ in CLINICIANS:
        address = f"{mailbox}@kingsmere.nhs.example"
        box = mail.enter_own_mailbox(trust, address=address, display_name=name, by=desk)
        if box.verified_on is None:
            mail.verify_mailbox(box, by=lead)
    _own_addresses()


def _own_addresses() -> None:
    for user in User.objects.filter(username__in=ASKERS).exclude(email=""):
        for membership in memberships_of(user.pk):
            acting = acting_at(user, membership.organisation.ods_code)
            place = trust_of(acting) if acting else None
            if acting and place and may_enter_own_mailbox(acting, place):
                mail.enter_own_mailbox(
                    place, address=user.email, display_name=user.display_name, by=acting
                )


def today(desk: Acting, people: list[Patient], held: tuple[Held, ...]) -> None:
    """What is new today; some of it starts by itself when the lanes run."""
    now = timezone.localdate()
    tickets.open_ticket(
        form(people[2], "RY901", 2,
             exams=(exam("MRI knee right", "MR", now - timedelta(days=33), "MKNER"),)),
        by=desk,
    )  # fmt: skip
    tickets.open_ticket(
        form(people[4], "RY902", 0, kind=TicketKind.DISC, discs=2, reason=Reason.OUTPATIENT,
             internal_address="Orthopaedic secretaries, level 3, Kingsmere Hospital",
             exams=(exam("CT thorax", "CT", now - timedelta(days=9)),)),
        by=desk,
    )  # fmt: skip
    _comes(desk, people[0], now, _study(held, WESTHAVEN_PACS, people[0], "MRI brain"))
    _goes(desk, people[3], now, _study(held, OUR_PACS, people[3], "CT chest abdomen pelvis"))
    _asked_of_us(people[1], now)


def _study(held: tuple[Held, ...], ae_title: str, patient: Patient, description: str) -> str:
    return next(
        each.study_uid for each in held
        if (each.ae_title, each.nhs_number, each.description)
        == (ae_title, patient.nhs_number, description)
    )  # fmt: skip


def _comes(desk: Acting, patient: Patient, now: date, study_uid: str) -> None:
    """An import that a lane fetches as soon as there is one: then it waits to be matched."""
    ticket = tickets.open_ticket(
        form(patient, "RY801", 0,
             exams=(exam("MRI brain", "MR", now - timedelta(days=95), "MSKUH"),)),
        by=desk,
    )  # fmt: skip
    thing = transactions.create(
        kind=TransactionKind.REQUEST, institution=institution("RY801"), ticket=ticket, by=desk
    )
    transactions.accept(thing, by=desk)
    transactions.record(thing, TransactionEvent.STARTED, by=desk)
    transfers.queue_fetch(
        institution("RY801").nodes.get(), study_uid,
        priority=Priority.NORMAL, purpose="in", title="MR MRI brain from Westhaven",
        transaction=thing, by=desk,
    )  # fmt: skip


def _goes(desk: Acting, patient: Patient, now: date, study_uid: str) -> None:
    """An export: out of our PACS, onto the exchange, to the other side."""
    taken = now - timedelta(days=3)
    ticket = tickets.open_ticket(
        form(patient, "RY801", 1, kind=TicketKind.EXPORT,
             exams=(exam("CT chest abdomen pelvis", "CT", taken, "CCHAPC"),)),
        by=desk,
    )  # fmt: skip
    thing = transactions.create(
        kind=TransactionKind.TRANSFER, institution=institution("RY801"), ticket=ticket, by=desk
    )
    transactions.record(thing, TransactionEvent.STARTED, by=desk)
    transfers.queue_fetch(
        sending.our_pacs(thing), study_uid,
        priority=Priority.NORMAL, purpose="from_pacs",
        title="CT chest abdomen pelvis to Westhaven", transaction=thing, by=desk,
    )  # fmt: skip


def _asked_of_us(patient: Patient, now: date) -> None:
    """Westhaven asks for an MRI of ours: it waits for the desk."""
    transactions.create(
        kind=TransactionKind.REQUEST, direction=Direction.IN, institution=institution("RY801"),
        organisation=institution("RZ1").organisation, by=SYSTEM, patient=patient,
        family_name=patient.family_name, given_names=patient.given_names,
        birth_date=patient.birth_date, nhs_number=patient.nhs_number or "",
        requester_name="Dr Ola Berg", consultant="Dr F Winter", department="Rheumatology",
        reason=Reason.OUTPATIENT,
        exams=[{"description": "MRI lumbar spine", "modality": "MR",
                "acquired_on": (now - timedelta(days=40)).isoformat(), "code": "MLUMB"}],
    )  # fmt: skip
