"""The report that goes with a trauma patient's images: the results' room asked for the exchange.

Found through settings.IMAGE_REPORTS, so that `iep` knows nothing of results.
"""

from collections.abc import Sequence
from uuid import UUID

from iep.queries.trauma import ReportText
from results.queries.for_exchange import imaging_reports
from results.states import RANK_WORDS, RANKS


def reports_for(patient_id: UUID, accessions: Sequence[str], trust_code: str) -> list[ReportText]:
    """One for each accession number; of several, the one that was issued last."""
    return [
        ReportText(
            accession=each.item.filler_number,
            name=each.name,
            status=RANK_WORDS[RANKS[each.result_status]],
            issued_at=each.issued_at,
            text=each.current.text,
            authoriser=each.current.authoriser,
        )
        for each in imaging_reports(patient_id, accessions, trust_code)
        if each.current
    ]
