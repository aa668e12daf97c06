"""Two records that a hospital says are one, with what hangs on each; for the tests of merging."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.utils import timezone

from messaging.models import InboundMessage, Partner
from patients import queries
from patients.hl7 import pid_segment
from patients.models import Identifier, Merge, Patient
from requesting.models import Draft, PreviousResult, Request, RequestItem
from results.models import Observation, Report
from tests.requesting.surgery import KINGSMERE, Surgery, line
from tests.results import letters

_controls = count(1)


def pas() -> Partner:
    return Partner.objects.get_or_create(
        slug="pas",
        defaults={"name": "Kingsmere PAS", "their_application": "PAS", "their_facility": KINGSMERE},
    )[0]


def number_of(patient: Patient) -> str:
    return patient.identifiers.order_by("pk").first().value


def two(surgery: Surgery, **retired: Any) -> tuple[Patient, Patient]:
    """The record that stays, and its duplicate, which has no NHS number unless it is given."""
    return surgery.patient(), surgery.patient(
        **{"nhs_number": None, "nhs_number_verified": False} | retired
    )


def a40(
    survivor: Patient, retired: Patient, *, trigger: str = "A40", mrg: str = "", pid: str = ""
) -> bytes:
    """A merge by hospital numbers, as a PAS sends it; `mrg` and `pid` replace MRG-1 and PID-3."""
    kept = pid or f"{number_of(survivor)}^^^{KINGSMERE}^MR"
    gone = mrg or f"{number_of(retired)}^^^{KINGSMERE}^MR"
    born = f"{survivor.birth_date:%Y%m%d}"
    name = f"{survivor.family_name}^{survivor.given_names}"
    return (
        f"MSH|^~\\&|PAS|{KINGSMERE}|ORDERCOMMS|OC1|20261122090000+0000||ADT^{trigger}^ADT_A39|"
        f"M{next(_controls)}|T|2.4||||||UTF-8\r"
        f"EVN|{trigger}|20261122090000+0000\rPID|1||{kept}||{name}||{born}|F\rMRG|{gone}\r"
    ).encode()


def merged(surgery: Surgery, survivor: Patient, retired: Patient, **others: Any) -> Merge:
    surgery.hear(a40(survivor, retired, **others), pas())
    return Merge.objects.get(retired=retired, state__in=["held", "applied"])


def reported(
    surgery: Surgery, item: RequestItem, patient: Patient, *, filler: str = "F-1"
) -> Report:
    """The laboratory's report of the item, under this patient's name and numbers."""
    hear_report(surgery, item, patient)
    return Report.objects.get(item=item)


def hear_report(surgery: Surgery, item: RequestItem, patient: Patient) -> InboundMessage:
    now = timezone.now()
    message = letters.oru(
        pid_segment(patient),
        letters.orc(item.placer_number, "F-1"),
        letters.obr(item.placer_number, "F-1", item.code, item.service_name, issued=now),
        letters.obx(),
        control_id=f"R{next(_controls)}",
        sent=now,
        facility=KINGSMERE,
    )
    return surgery.hear(message.raw, Partner.objects.get(departments=item.department))


def asked_and_answered(surgery: Surgery, patient: Patient, code: str = "fbc") -> Report:
    item = surgery.delivered(line(code), patient=patient)
    return reported(surgery, item, patient)


def whole(patient: Patient) -> dict[str, list[str]]:
    """Every row that is of this record now, by table: to compare before and after."""
    tables = (Request, RequestItem, Draft, PreviousResult, Report, Observation, Identifier)
    found = {
        table.__name__: sorted(
            str(pk) for pk in table.objects.filter(patient=patient).values_list("pk", flat=True)
        )
        for table in tables
    }
    reach = patient.relationships.values_list("organisation__ods_code", "kind")
    return found | {"Relationship": sorted(" ".join(each) for each in reach)}


def refreshed(patient: Patient) -> Patient:
    return Patient.objects.get(pk=patient.pk)


def choose_all(merge: Merge, whose: str) -> dict[str, str]:
    return {row.key: whose for row in queries.rows_to_place(Merge.objects.get(pk=merge.pk))}
