"""What the trauma page shows besides the studies: the patient, the centre, the reports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import audit
from accounts.models import Organisation
from accounts.policies import Acting
from iep import policies
from iep.models import Institution, Ticket
from iep.queries.ticketing.people import patient_at, s_number_of
from patients import nhs_number
from patients.models import Patient

VIEWED = "view_patient"


@dataclass(frozen=True)
class ReportText:
    """A report as it was issued, to go with the images. `status`: Final, Amended, Preliminary."""

    accession: str
    name: str
    status: str
    issued_at: datetime
    text: str
    authoriser: str = ""

    @property
    def whole(self) -> str:
        """As it is attached."""
        head = f"{self.name}\n{self.status}, {timezone.localtime(self.issued_at):%d-%b-%Y %H:%M}"
        signed = f"\n\n{self.authoriser}" if self.authoriser else ""
        return f"{head}\n\n{self.text}{signed}"


def reports_of(
    patient: Patient, accessions: Sequence[str], trust: Organisation
) -> dict[str, ReportText]:
    """Accession number → its report, where the results' room has one for this very patient."""
    wanted = sorted({each for each in accessions if each})
    if not wanted or not settings.IMAGE_REPORTS:
        return {}
    found = import_string(settings.IMAGE_REPORTS)(patient.pk, wanted, trust.ods_code)
    return {each.accession: each for each in found}


def centres() -> list[Institution]:
    """The trauma centres of the directory; usually there is one."""
    return list(Institution.objects.filter(is_trauma_centre=True, is_active=True))


def patient_by_number(acting: Acting, typed: str) -> Patient | None:
    """The one patient of the trust with that S number or NHS number; None for anybody else's."""
    trust, said = policies.trust_of(acting), re.sub(r"[\s-]", "", typed).upper()
    if trust is None or not said:
        return None
    if re.fullmatch(settings.S_NUMBER_PATTERN, said):
        return patient_at(trust, s_number=said)
    return patient_at(trust, nhs_number=said) if nhs_number.is_valid(said) else None


def is_number(typed: str) -> bool:
    """Whether it has the form of one of the two numbers."""
    said = re.sub(r"[\s-]", "", typed).upper()
    return bool(re.fullmatch(settings.S_NUMBER_PATTERN, said)) or nhs_number.is_valid(said)


def patient_of(acting: Acting, patient_id: UUID, *, request: HttpRequest) -> Patient:
    """The trust's patient, and the look on record. Raises Http404 for anybody else's."""
    trust = policies.trust_of(acting)
    row = Patient.objects.filter(pk=patient_id, merged_into__isnull=True).first()
    number = s_number_of(row, trust) if row and trust else ""
    found = patient_at(trust, s_number=number, nhs_number=(row and row.nhs_number) or "") if (
        row and trust
    ) else None  # fmt: skip
    is_theirs = found is not None and row is not None and found.pk == row.pk
    audit.record(
        acting=acting, action=VIEWED, object_type="patients.Patient", object_id=patient_id,
        patient_id=patient_id, outcome="ok" if is_theirs else "denied", request=request,
    )  # fmt: skip
    if found is None or not is_theirs:
        raise Http404
    return found


def ticket_of(acting: Acting, ticket_id: UUID) -> Ticket:
    """A ticket of the trust. Raises Http404 for any other."""
    trust = policies.trust_of(acting)
    rows = Ticket.objects.filter(pk=ticket_id, organisation=trust)
    found = rows.select_related("institution", "organisation", "patient__practice").first()
    if found is None:
        raise Http404
    return found
