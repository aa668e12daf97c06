"""The links to the trusts' systems, and what was agreed with the stand-in hospital.

Each trust has a RIS and a laboratory system; all of them are one process here. Two laboratories
like OML^O21, one OML^O33, so that both are seen.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from accounts.models import Discipline, Organisation, OrganisationKind
from catalogue.models import ServiceCode
from demo.hospital.departments import AGREED
from demo.people import PRACTICES, TRUSTS, WYCHCOMBE
from messaging.models import Feed, Partner

SYSTEMS = {Discipline.RADIOLOGY: "RIS", Discipline.PATHOLOGY: "LIMS"}


def _how(trust: str, discipline: str) -> dict[str, str]:
    """The order message that a system likes, and the version of HL7 that it is of."""
    if discipline == Discipline.RADIOLOGY:
        return {"order_message": "OMG^O19", "version": "2.4"}
    if trust == WYCHCOMBE:
        return {"order_message": "OML^O33", "version": "2.5"}
    return {"order_message": "OML^O21", "version": "2.5.1"}


def seed_partners() -> None:
    """A partner for each department; puts the demo's address back, and leaves what is running."""
    port = int(os.environ.get("HOSPITAL_MLLP_PORT", "2576"))
    for department in _departments():
        trust = str(department.parent and department.parent.ods_code)
        system = SYSTEMS[Discipline(department.discipline)]
        partner, _ = Partner.objects.update_or_create(
            slug=f"{trust}-{system}".lower(),
            defaults={
                "name": f"{department.name} ({system})",
                "host": "127.0.0.1",
                "port": port,
                "processing_id": "T",
                "their_application": system,
                "their_facility": trust,
                **_in_clear(),
                **_how(trust, department.discipline),
            },
        )
        partner.departments.set([department])
        seed_feed(partner)


def seed_feed(partner: Partner) -> None:
    """What the stand-in hospital sends: in clear text, which never leaves this machine."""
    Feed.objects.update_or_create(
        partner=partner,
        slug="all",
        defaults={
            "name": f"All that {partner.name} sends",
            "application": partner.their_application,
            "facility": partner.their_facility,
            "most_connections": 32,
            **_in_clear(),
        },
    )


def _in_clear() -> dict[str, Any]:
    until = timezone.now() + timedelta(days=90)
    return {"cleartext_until": until, "cleartext_because": "The demo’s hospital is this machine."}


def _departments() -> list[Organisation]:
    found = Organisation.objects.filter(
        kind=OrganisationKind.DEPARTMENT, parent__ods_code__in=TRUSTS
    )
    return list(found.select_related("parent").prefetch_related("sites").order_by("ods_code"))


def agree_with_hospital(folder: Path) -> None:
    """Give the hospital its list of codes, sites and practices, as a RIS is loaded with one."""
    codes = {
        discipline: sorted(
            set(
                ServiceCode.objects.filter(service__discipline=discipline).values_list(
                    "code", flat=True
                )
            )
        )
        for discipline in SYSTEMS
    }
    practices = Organisation.objects.filter(ods_code__in=PRACTICES).order_by("ods_code")
    agreed = {
        "departments": [_agreed(each, codes) for each in _departments()],
        "practices": [[each.ods_code, each.name] for each in practices],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / AGREED).write_text(json.dumps(agreed, indent=1), encoding="utf-8")


def _agreed(department: Organisation, codes: dict[Any, list[str]]) -> dict[str, Any]:
    discipline = Discipline(department.discipline)
    return {
        "application": SYSTEMS[discipline],
        "facility": department.parent.ods_code if department.parent else "",
        "name": department.name,
        "codes": codes[discipline],
        "sites": [[site.ods_code, site.name] for site in department.sites.order_by("ods_code")],
    }
