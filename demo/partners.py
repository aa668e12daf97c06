"""The links to the trusts' systems, and what was agreed with the stand-in hospital.

Each trust has a RIS and a laboratory system; all of them are one process here. What was agreed with
each is a folder of `demo/partners`. Two laboratories like OML^O21, one OML^O33: both are seen.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.db import transaction

from accounts.models import Discipline, Organisation, OrganisationKind
from catalogue.models import ServiceCode
from demo.hospital.departments import AGREED
from demo.people import PRACTICES, TRUSTS
from messaging.agreement import BadAgreement, differences
from messaging.partner_folder import read_folder
from messaging.services import completed, standing, wrong_with
from messaging.services.partners import write_agreement

SYSTEMS = {Discipline.RADIOLOGY: "RIS", Discipline.PATHOLOGY: "LIMS"}
# What the hospital knows a synthetic order by, as the folders say: code, and nobody's number.
SYNTHETIC = ["SYNTHETIC", "9999999999"]


FOLDERS = Path(__file__).with_name("partners")


def seed_partners() -> None:
    """A partner for each folder; puts the demo's address back, and leaves what is running."""
    port = int(os.environ.get("HOSPITAL_MLLP_PORT", "2576"))
    for path in sorted(FOLDERS.glob("*/partner.toml")):
        found = read_folder(path.parent)
        wanted = completed(found.wanted, found.slug) | {"host": "127.0.0.1", "port": port}
        if problems := wrong_with(found.slug, wanted):
            raise BadAgreement(problems)
        with transaction.atomic():
            write_agreement(found.slug, differences(standing(found.slug), wanted))


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
        "synthetic": SYNTHETIC,
    }
