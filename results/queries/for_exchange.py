"""The words of a report by its accession number, for who sends the images on."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from accounts.models import Discipline
from results.models import Report
from results.states import OTHER_PATIENT, RANKS, Rank

NOT_SENT_ON = frozenset({Rank.WITHDRAWN})


def imaging_reports(
    patient_id: UUID | str, accessions: Sequence[str], trust_code: str
) -> list[Report]:
    """The imaging reports of this patient that the trust issued under these numbers.

    None that was withdrawn, that was another patient's, or that has no words.
    """
    found = Report.objects.filter(
        patient_id=patient_id, item__filler_number__in=list(accessions),
        discipline=Discipline.RADIOLOGY, department__parent__ods_code=trust_code,
        current__isnull=False,
    )  # fmt: skip
    rows = found.select_related("item", "current").order_by("issued_at", "pk")
    return [
        each
        for each in rows
        if each.current
        and each.current.text.strip()
        and each.result_status != OTHER_PATIENT
        and RANKS.get(each.result_status) not in NOT_SENT_ON
    ]
