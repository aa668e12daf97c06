"""The verbs of these tests: ask, let the undo time pass, let the hospital answer."""

import hashlib
import uuid
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import time_machine
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.policies import SYSTEM, Acting
from accounts.queries import acting_at
from catalogue import queries as catalogue
from messaging import wire
from messaging.models import InboundMessage, OutboundMessage, Partner
from ordercomms.routing import ROUTES
from patients import services as patient_services
from patients.hl7 import pid_segment
from patients.matching import HospitalNumber
from patients.models import Patient
from patients.nhs_number import check_digit
from requesting import services
from requesting.models import Draft, OrderMessage, Request, RequestItem

NORTHGATE, KINGSMERE, EASTMARSH = "Y90001", "RZ1", "RZ2"
PLACES = {
    "gp": NORTHGATE, "gp2": NORTHGATE, "ahp": "Y90010", "ahp-expired": NORTHGATE,
    "practice-admin": NORTHGATE, "radiologist": "RZ2RAD", "radiology-admin": "RZ2RAD",
    "lab": "RZ1PATH", "central": "Y90099",
}  # fmt: skip
_controls = count(1)
_numbers = count(1000)


def seed_partners() -> None:
    """The systems of two trusts: a RIS that takes OMG^O19, a LIMS that takes OML^O21 or O33."""
    for trust, laboratory in ((KINGSMERE, "OML^O21"), (EASTMARSH, "OML^O33")):
        for application, part, kind in (
            ("RIS", "RAD", "OMG^O19"), ("LIMS", "PATH", laboratory),
        ):  # fmt: skip
            version = "2.5.1" if kind == "OML^O33" else "2.4"
            partner, _ = Partner.objects.update_or_create(
                slug=f"{application}-{trust}".lower(),
                defaults={
                    "name": f"{trust} {application}", "their_application": application,
                    "their_facility": trust, "order_message": kind, "version": version,
                },
            )  # fmt: skip
            partner.departments.set([Organisation.objects.get(ods_code=f"{trust}{part}")])


def next_number() -> str:
    """An NHS number of the test range that no other test has."""
    for counter in _numbers:
        nine = f"999{counter:06d}"
        if check := check_digit(nine):
            return nine + check
    raise AssertionError


def line(service: str, **fields: Any) -> dict[str, Any]:
    """A line of a draft."""
    return {"service": service, **fields}


CHEST = line("chest-xray", reasons=["cough-for-more-than-3-weeks"])
FBC = line("fbc")


class Surgery:
    """Northgate Surgery, Kingsmere's RIS and LIMS, Eastmarsh that vets here."""

    def acting(self, username: str = "gp") -> Acting:
        acting = acting_at(self.user(username), PLACES[username])
        assert acting is not None
        return acting

    def user(self, username: str) -> User:
        return User.objects.get(username=username)

    def patient(self, **details: Any) -> Patient:
        facts = {
            "nhs_number": next_number(), "nhs_number_verified": True,
            "family_name": "Testpatient", "given_names": "Agnes", "title": "Mrs",
            "birth_date": date(1958, 3, 2), "gender": "F",
            "practice": Organisation.objects.get(ods_code=NORTHGATE),
        }  # fmt: skip
        number = HospitalNumber(KINGSMERE, f"S{next(_numbers):07d}")
        return patient_services.register(facts | details, hospital_numbers=[number], by=SYSTEM)

    # --- Asking ---

    def content(self, *lines: dict[str, Any], **others: Any) -> dict[str, Any]:
        return {"items": list(lines or (CHEST,)), **others}

    def draft(
        self, patient: Patient, *lines: dict[str, Any], by: str = "gp", **others: Any
    ) -> Draft:
        content = self.content(*lines, **others)
        return services.save_draft(patient, content=content, by=self.acting(by))

    def ask(
        self,
        *lines: dict[str, Any],
        patient: Patient | None = None,
        by: str = "gp",
        key: uuid.UUID | None = None,
        **others: Any,
    ) -> Request:
        """Sent by a person, and held."""
        patient = patient or self.patient()
        return services.send(
            patient, content=self.content(*lines, **others),
            idempotency_key=key or uuid.uuid4(), by=self.acting(by),
        )  # fmt: skip

    def item(self, *lines: dict[str, Any], **others: Any) -> RequestItem:
        """The first test of a held request."""
        return self.ask(*lines, **others).items.order_by("position").first()

    def released(self, *lines: dict[str, Any], **others: Any) -> RequestItem:
        """The first test of a request whose undo time is over."""
        return self.release(self.item(*lines, **others))

    def release(self, item: RequestItem) -> RequestItem:
        with self.after_undo(item.request):
            services.release_due(request_id=item.request_id)
        return self.fresh(item)

    def after_undo(self, request: Request) -> time_machine.travel:
        return time_machine.travel(request.release_at + timedelta(seconds=1), tick=False)

    def delivered(self, *lines: dict[str, Any], **others: Any) -> RequestItem:
        """The first test of a request that the department's system has taken."""
        item = self.released(*lines, **others)
        self.acknowledge(item)
        return self.fresh(item)

    def vetting(self, *lines: dict[str, Any], **others: Any) -> RequestItem:
        """A test on the vetting list of the department that vets here."""
        return self.released(*lines, hospital=EASTMARSH, **others)

    def acknowledge(self, item: RequestItem, outcome: str = "delivered", text: str = "") -> None:
        """What messaging tells us of the last order message of this item."""
        order = item.order_messages.order_by("-pk").first()
        services.record_delivery(str(order.pk), outcome, text)

    def fresh(self, item: RequestItem) -> RequestItem:
        return RequestItem.objects.select_related("request", "department", "service").get(
            pk=item.pk
        )

    # --- What went out ---

    def orders(self, item: RequestItem) -> list[wire.Message]:
        """The messages about this item, as they are in the outbox."""
        sent = OrderMessage.objects.filter(items=item).order_by("pk")
        rows = [OutboundMessage.objects.get(control_id=each.control_id) for each in sent]
        return [wire.parse(bytes(row.raw)) for row in rows]

    # --- What the hospital says ---

    def says(
        self,
        item: RequestItem,
        control: str,
        *,
        status: str = "",
        reason: list[str] | None = None,
        at: datetime | None = None,
        kind: tuple[str, str, str] = ("ORG", "O20", "ORG_O20"),
        obr: dict[int, Any] | None = None,
        extra: list[wire.Segment] | None = None,
        patient: Patient | None = None,
        placer: str | None = None,
        filler: str = "F-1",
        partner: Partner | None = None,
        happened: datetime | None = None,
    ) -> InboundMessage:
        """A reply or status message about the item, processed as the worker would."""
        partner = partner or Partner.objects.get(departments=item.department)
        number = item.placer_number if placer is None else placer
        segments = [
            wire.header(
                sender=(partner.their_application, partner.their_facility),
                receiver=("ORDERCOMMS", "OC1"), at=at or timezone.now(), message_type=kind,
                control_id=f"H{next(_controls)}",
            ),
            pid_segment(patient or item.patient),
            *(extra or []),
            wire.segment("ORC", {
                1: control, 2: number, 3: filler, 5: status,
                9: wire.timestamp(happened) if happened else None, 16: reason,
            }),
            wire.segment(
                "OBR", {1: "1", 2: number, 3: filler, 4: [item.code, "", "NICIP"], **(obr or {})}
            ),
        ]  # fmt: skip
        return self.hear(wire.build(segments).raw, partner)

    def hear(self, raw: bytes, partner: Partner | None) -> InboundMessage:
        message = wire.parse(raw)
        row = InboundMessage.objects.create(
            partner=partner, control_id=message.control_id, message_type=message.type, raw=raw,
            sha256=hashlib.sha256(raw).hexdigest(), acknowledgement="AA",
        )  # fmt: skip
        ROUTES[message.code, message.trigger](message, row)
        return row

    def report(self, item: RequestItem, **fields: Any) -> RequestItem:
        """A report of the item was filed."""
        facts = {
            "significance": "normal", "report_id": uuid.uuid4(), "observed_at": timezone.now(),
            "value": "", "units": "", "headline": "No abnormality.", "place": "Kingsmere",
        }  # fmt: skip
        return services.mark_resulted(item, **facts | fields, by=SYSTEM)


def service(code: str):
    return catalogue.service(code)
