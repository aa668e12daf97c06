"""What the patient's record page shows of results."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.policies import Acting
from patients.models import Patient
from results.models import Report
from results.policies import reach_of_reports

from .lists import Row, rows_of, whole

LAST = 10


@dataclass(frozen=True)
class Summary:
    """The last results, newest first, and whether there are more."""

    rows: tuple[Row, ...]
    more: bool


def summary_for_patient(acting: Acting, patient: Patient, *, last: int = LAST) -> Summary:
    """The caller has the patient by `patients.queries.patient_for`, which was audited."""
    readable = whole(Report.objects.filter(reach_of_reports(acting), patient=patient))
    found = list(readable.order_by("-issued_at", "-pk")[: last + 1])
    return Summary(tuple(rows_of(found[:last])), more=len(found) > last)
