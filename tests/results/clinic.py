"""A practice that asked and a hospital that answers: requests by the services, reports by messages.

Atoms are the tests and who does them; whatever has a state got it from a service or a message.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import time_machine
from django.utils import timezone

from accounts.models import Discipline
from accounts.policies import partner_acting
from catalogue.models import Offering, Service, ServiceCode
from messaging import wire
from messaging.models import InboundMessage, Partner
from messaging.services import accept, process_waiting
from patients.hl7 import pid_segment
from patients.models import Patient
from requesting import services as requesting
from requesting.models import RequestItem
from results import services
from results.hl7 import incoming_reports
from results.models import Report
from tests.messaging.senders import make_feed
from tests.world import World

from . import letters
from .letters import obr, obx

ALWAYS = {"valid_from": date(2020, 1, 1)}
_control_ids = (f"H{number}" for number in count(1))

TESTS = {
    "fbc": ("Full blood count", "pathology", "26604007"),
    "ue": ("Urea and electrolytes", "pathology", "252167001"),
    "hba1c": ("HbA1c", "pathology", "43396009"),
    "chest-xray": ("Chest X-ray", "radiology", "XCHES"),
}


class Clinic:
    """Northgate Surgery and Kingsmere's two departments."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.partners = {
            "pathology": self._partner("LIMS", "RZ1PATH", "OML^O21"),
            "radiology": self._partner("RIS", "RZ1RAD", "OMG^O19"),
        }
        for code, (name, discipline, number) in TESTS.items():
            self._service(code, name, discipline, number)
        self.gp = world.acting("gp")

    def _partner(self, application: str, department: str, order_message: str) -> Partner:
        partner = Partner.objects.create(
            slug=application.lower(),
            name=f"Kingsmere {application}",
            their_application=application,
            their_facility="RZ1",
            order_message=order_message,
        )
        partner.departments.add(self.world.place(department))
        make_feed(partner)
        return partner

    def _service(self, code: str, name: str, discipline: str, number: str) -> None:
        is_imaging = discipline == Discipline.RADIOLOGY
        service = Service.objects.create(
            code=code, name=name, short_name=name[:40], discipline=discipline,
            modality="XR" if is_imaging else "", is_ionising=is_imaging,
            duplicate_group=code, **ALWAYS,
        )  # fmt: skip
        system = "NICIP" if is_imaging else "SNOMED"
        ServiceCode.objects.create(
            service=service, system=system, code=number, display=name, **ALWAYS
        )
        Offering.objects.create(
            service=service,
            department=self.world.place("RZ1RAD" if is_imaging else "RZ1PATH"),
            attendance="walk_in" if is_imaging else "practice",
            **ALWAYS,
        )

    # --- Asked ---

    def sent(
        self,
        service: str = "fbc",
        patient: Patient | None = None,
        *,
        by: str = "gp",
        copy_to: tuple[str, ...] = (),
    ) -> RequestItem:
        """A test that was asked for and has left us."""
        who = self.world.acting(by)
        content = {
            "items": [{"service": service, "details": "Cough for three weeks"}],
            "copy_to": [self.world.user(name).pk for name in copy_to],
        }
        request = requesting.send(
            patient or self.world.patient(), content=content, idempotency_key=uuid4(), by=who
        )
        with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False):
            requesting.release_due(request_id=request.pk)
        return request.items.get()

    # --- Answered ---

    def letter(
        self,
        item: RequestItem,
        *values: wire.Segment,
        status: str = "F",
        issued: datetime | None = None,
        sent: datetime | None = None,
        filler: str = "",
        placer: str = "",
        pid: wire.Segment | None = None,
        sender: str = "",
        code: str = "",
    ) -> wire.Message:
        """The ORU^R01 of the hospital; normal unless other values are given."""
        issued = issued or timezone.now()
        is_imaging = item.service.discipline == Discipline.RADIOLOGY
        placer = placer or item.placer_number
        filler = filler or f"F{item.placer_number[-6:]}"
        usual = text("No abnormality.", flag="N") if is_imaging else obx(status=status)
        return letters.oru(
            pid or pid_segment(item.patient),
            letters.orc(placer, filler),
            obr(placer, filler, code or item.code, item.service_name, status=status, issued=issued),
            *(values or [usual]),
            control_id=next(_control_ids),
            sent=sent or issued,
            sender=sender or ("RIS" if is_imaging else "LIMS"),
            facility="RZ1",
        )

    def arrives(self, message: wire.Message) -> InboundMessage:
        """Through the door and the worker, as bytes."""
        accept(message.raw, peer="127.0.0.1")
        process_waiting()
        return InboundMessage.objects.filter(control_id=message.control_id).latest("id")

    def files(self, item: RequestItem, *values: wire.Segment, **header: Any) -> Report:
        """A report that was filed; straight to the service, without the wire."""
        (incoming,) = incoming_reports(self.letter(item, *values, **header))
        whole = RequestItem.objects.select_related(
            "patient", "service", "department__parent", "organisation", "request__results_to"
        ).get(pk=item.pk)
        report = services.file_report(
            incoming, item=whole, message=None, by=partner_acting("Kingsmere LIMS")
        )
        return Report.objects.get(pk=report.pk)

    def report(self, *values: wire.Segment, service: str = "fbc", **header: Any) -> Report:
        """A report on a new request of a new patient."""
        return self.files(self.sent(service), *values, **header)

    def critical(self, **header: Any) -> Report:
        return self.report(potassium("6.8", "HH"), service="ue", **header)

    def abnormal(self, **header: Any) -> Report:
        return self.report(potassium("5.6", "H"), service="ue", **header)

    def imaging(self, words: str = "No abnormality.", flag: str = "N", **header: Any) -> Report:
        return self.report(text(words, flag=flag), service="chest-xray", **header)


def potassium(value: str = "4.2", flag: str = "N", **others: Any) -> wire.Segment:
    return obx("K", value, name="Potassium", units="mmol/L", limits="3.5-5.3", flag=flag, **others)


def text(words: str, *, flag: str = "", status: str = "F") -> wire.Segment:
    """The text of an imaging report."""
    return obx(
        "XCHES", wire.Text(words), name="Chest X-ray", kind="FT", units="", limits="", flag=flag,
        status=status,
    )  # fmt: skip
