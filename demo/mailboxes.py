"""The demo's directory of mailboxes: invented addresses, as two kinds of trust really do it.

One trust takes downtime requests of its radiology in one mailbox, another in one for each
modality; practices have a mailbox for what needs them, for routine results and for alerted ones.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from accounts.models import Organisation
from demo.people import (
    CENTRE,
    EASTMARSH,
    HARBOUR,
    KINGSMERE,
    MILLBROOK,
    NORTHGATE,
    TRUSTS,
    WYCHCOMBE,
    pathology_of,
    radiology_of,
)
from messaging.mail_states import MailPurpose
from messaging.models import Mailbox

VERIFIED = timedelta(days=40)  # before the day of seeding; one is overdue, so that it is seen
OVERDUE = timedelta(days=120)
DOMAINS = {KINGSMERE: "kingsmere", EASTMARSH: "eastmarsh", WYCHCOMBE: "wychcombe"}
_BY_MODALITY = {"XR": "xray.reception", "US": "ultrasound.reception", "RF": "fluoroscopy.reception"}
_PRACTICES = {NORTHGATE: "northgate", MILLBROOK: "millbrook", HARBOUR: "harbourlane"}


def seed_mailboxes() -> None:
    """After the past was lived: nobody is told of it by mail. What is there stays as it is."""
    if Mailbox.objects.filter(is_personal=False).exists():
        return  # those of people who ask for images are theirs: see exchange_past.py
    rows = [*_departments(), *_practices()]
    rows.append((CENTRE, MailPurpose.SERVICE, "", "service.desk@diagnostics.nhs.example"))
    today = timezone.localdate()
    places = Organisation.objects.in_bulk([row[0] for row in rows], field_name="ods_code")
    for code, purpose, modality, address in rows:
        late = (code, purpose) == (HARBOUR, MailPurpose.REQUESTS)
        Mailbox.objects.create(
            organisation=places[code],
            purpose=purpose,
            modality=modality,
            address=address,
            display_name=places[code].name,
            entered_by="The demo",
            verified_on=today - (OVERDUE if late else VERIFIED),
            verified_by="The demo",
            valid_from=today - OVERDUE,
        )


def _departments() -> list[tuple[str, MailPurpose, str, str]]:
    """Wychcombe has one for each modality, and none for the rest of its radiology."""
    rows = []
    for trust in TRUSTS:
        at = f"{DOMAINS[trust]}.nhs.example"
        radiology, pathology = radiology_of(trust), pathology_of(trust)
        rows.append((pathology, MailPurpose.DOWNTIME, "", f"pathology.reception@{at}"))
        if trust == WYCHCOMBE:
            names = _BY_MODALITY.items()
            rows += [(radiology, MailPurpose.DOWNTIME, code, f"{n}@{at}") for code, n in names]
        else:
            rows.append((radiology, MailPurpose.DOWNTIME, "", f"radiology.referrals@{at}"))
    rows.append((radiology_of(KINGSMERE), MailPurpose.DRILL, "", "drills@kingsmere.nhs.example"))
    return rows


def _practices() -> list[tuple[str, MailPurpose, str, str]]:
    purposes = (MailPurpose.REQUESTS, MailPurpose.RESULTS, MailPurpose.ALERTS)
    return [
        (code, purpose, "", f"{purpose}@{name}.nhs.example")
        for code, name in _PRACTICES.items()
        for purpose in purposes
    ]
