"""Which RIS is whose, and whose number a placer number is."""

from __future__ import annotations

import re

from accounts.models import Discipline, Organisation, OrganisationKind
from iep.models import Study
from messaging.models import Partner

# Site prefix, eight digits, X. A request's number ends with a digit: neither can be the other's.
_OURS = re.compile(r".{1,7}[0-9]{8}X\Z")


def is_our_number(placer: str) -> bool:
    return _OURS.match(placer) is not None


def study_numbered(placer: str) -> Study | None:
    """Whose number it is, or was before a match was taken back."""
    rows = Study.objects.select_related("patient", "organisation")
    found = rows.filter(placer_number=placer).first() if placer else None
    return found or (rows.filter(former_placers__contains=[placer]).first() if placer else None)


def radiology_of(trust: Organisation) -> Organisation | None:
    """The radiology department of a trust."""
    rows = Organisation.objects.filter(
        parent=trust, kind=OrganisationKind.DEPARTMENT, discipline=Discipline.RADIOLOGY
    )
    return rows.order_by("pk").first()


def ris_of(trust: Organisation) -> Partner | None:
    """The system that takes that department's orders; None when it has none."""
    department = radiology_of(trust)
    if department is None:
        return None
    return Partner.objects.filter(departments=department).order_by("pk").first()
