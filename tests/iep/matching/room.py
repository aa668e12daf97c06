"""The verbs of these tests: a study arrives, the desk matches it, the RIS answers."""

import hashlib
from datetime import date
from typing import Any

from django.utils import timezone

from accounts.policies import Acting
from iep.models import Study, Ticket, TicketExam
from iep.services.registration import matching
from messaging import wire
from messaging.models import InboundMessage, OutboundMessage, Partner
from ordercomms.routing import ROUTES
from patients.hl7 import pid_segment
from patients.models import Patient
from tests.iep.arrivals import bytes as files
from tests.iep.arrivals.conftest import Exchange
from tests.requesting.surgery import seed_partners
from tests.world import World

OUR_NUMBER = "S1234567"


class Desk(Exchange):
    """The image exchange service desk at Kingsmere, with a RIS and a patient who is registered."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        seed_partners()
        self.lead = world.acting("mbp-lead")
        self.ris = Partner.objects.get(slug="ris-rz1")
        self.agnes = world.patient(s_number=OUR_NUMBER)
        self.them.phone = "01632 960777"
        self.them.save()

    # --- What arrives ---

    def arrived(self, images: int = 2, ticket: Ticket | None = None, **said: Any) -> Study:
        """A study of Agnes' that is whole and nobody's yet; `said` changes its headers."""
        said.setdefault("other_ids", self.their_nhs_number())
        self.came(*self.images(images, **said))
        self.goes_quiet()
        study = Study.objects.latest("state_since")
        if ticket is not None:
            Study.objects.filter(pk=study.pk).update(ticket=ticket)
        return Study.objects.get(pk=study.pk)

    def their_nhs_number(self, number: str = "") -> bytes:
        """Other Patient IDs Sequence with an NHS number; Agnes' unless told."""
        return files.item(
            files.element(0x00100020, "LO", number or self.agnes.nhs_number),
            files.element(0x00100021, "LO", "NHS"),
        )

    def ticket(self, **facts: Any) -> Ticket:
        """A ticket for Agnes' CT head, as the service desk has them."""
        said = {
            "reference": f"IEP-261122-{Ticket.objects.count() + 1:03d}", "kind": "import",
            "state": "arrived", "state_since": timezone.now(), "due_at": timezone.now(),
            "patient": self.agnes, "family_name": "Testpatient", "given_names": "Agnes",
            "birth_date": date(1958, 3, 2), "s_number": OUR_NUMBER,
            "nhs_number": self.agnes.nhs_number, "institution": self.them,
            "other_name": "Pat Record", "other_phone": "01632 960123",
            "organisation": self.trust, "requester_name": "Dr Asker", "consultant": "Mr Bone",
            "department": "Orthopaedics", "reason": "mdt", "opened_by": "Imran Aziz",
        } | facts  # fmt: skip
        ticket = Ticket.objects.create(**said)
        TicketExam.objects.create(
            ticket=ticket, position=1, acquired_on=date(2026, 11, 3), modality="CT",
            description="CT head", code="CSKUH",
        )  # fmt: skip
        return ticket

    # --- What people do ---

    def match(self, study: Study, *, by: Acting | None = None, **facts: Any) -> Study:
        said = {"patient": self.agnes, "exam": None, "exam_code": study.code or "CSKUH"} | facts
        return matching.match(study, by=by or self.desk, **said)

    # --- What the RIS says ---

    def sent(self) -> wire.Message:
        """The last message to the RIS."""
        return wire.parse(bytes(OutboundMessage.objects.latest("pk").raw))

    def answers(
        self,
        study: Study,
        control: str = "OK",
        *,
        filler: str = "RIS-IMP-1",
        partner: Partner | None = None,
        patient: Patient | None = None,
        placer: str = "",
        kind: tuple[str, str, str] = ("ORG", "O20", "ORG_O20"),
        status: str = "",
        reason: str = "",
        acknowledgement: str = "AA",
    ) -> InboundMessage:
        """The RIS answers, and the worker processes it."""
        partner = partner or self.ris
        number = placer or study.placer_number
        message = wire.build([
            wire.header(
                sender=(partner.their_application, partner.their_facility),
                receiver=("ORDERCOMMS", "OC1"), at=timezone.now(), message_type=kind,
                control_id=f"R{InboundMessage.objects.count()}",
            ),
            wire.segment("MSA", {1: acknowledgement, 2: "OC10000000001"}),
            pid_segment(patient or self.agnes),
            wire.segment("ORC", {
                1: control, 2: number, 3: filler, 5: status, 16: ["", reason] if reason else None,
            }),
            wire.segment("OBR", {1: "1", 2: number, 3: filler, 4: ["CSKUH", "CT head", "L"]}),
        ])  # fmt: skip
        row = InboundMessage.objects.create(
            partner=partner, control_id=message.control_id, message_type=message.type,
            raw=message.raw, sha256=hashlib.sha256(message.raw).hexdigest(), acknowledgement="AA",
        )  # fmt: skip
        ROUTES[message.code, message.trigger](message, row)
        return row


def fresh(study: Study) -> Study:
    return Study.objects.get(pk=study.pk)


def history(study: Study) -> list[str]:
    return list(study.events.order_by("pk").values_list("words", flat=True))
