"""The demo's service desks: which one helps the practices of each borough. All invented.

Two boroughs share a desk and a third has its own, as in the downtime plan that this answers.
"""

from __future__ import annotations

from accounts.models import Borough, Organisation, ServiceDesk
from demo.people import CLINIC, HARBOUR, LONG_DAYS, MILLBROOK, NORTHGATE, OFFICE, PCN

DESKS = (
    {
        "name": "Three Rivers ICT service desk", "phone": "020 7946 0140",
        "email": "ict@threerivers.nhs.example", "portal": "help.threerivers.nhs.example",
        "opening_hours": LONG_DAYS, "ticket_pattern": r"INC\d{7}", "ticket_example": "INC0012345",
    },
    {
        "name": "Harbour Health Care IT help desk", "phone": "020 7946 0150",
        "email": "ithelp@harbourhealth.nhs.example", "portal": "",
        "opening_hours": OFFICE, "ticket_pattern": r"HH-\d{5}", "ticket_example": "HH-40217",
    },
)  # fmt: skip
BOROUGHS = {
    "Kingsmere": ("Three Rivers ICT service desk", (NORTHGATE, CLINIC, PCN)),
    "Millbrook": ("Three Rivers ICT service desk", (MILLBROOK,)),
    "Harbour": ("Harbour Health Care IT help desk", (HARBOUR,)),
}


def seed_desks() -> None:
    """After the people. Put every desk and borough in, or back to what this page says."""
    desks = {
        facts["name"]: ServiceDesk.objects.update_or_create(name=facts["name"], defaults=facts)[0]
        for facts in DESKS
    }
    for name, (desk, places) in BOROUGHS.items():
        borough, _ = Borough.objects.update_or_create(name=name, defaults={"desk": desks[desk]})
        Organisation.objects.filter(ods_code__in=places).update(borough=borough)
