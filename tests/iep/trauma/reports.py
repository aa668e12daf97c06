"""A results' room that has the report of one study."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from iep.queries.trauma import ReportText


def reports_for(patient_id: UUID, accessions: Sequence[str], trust_code: str) -> list[ReportText]:
    words = "No fracture. No intracranial haemorrhage."
    issued = datetime(2026, 11, 21, 23, 40, tzinfo=UTC)
    found = ReportText("KM7", "CT head", "Final", issued, words, "Dr H Marsh")
    return [found] if "KM7" in accessions and trust_code == "RZ1" else []


def two_reports(patient_id: UUID, accessions: Sequence[str], trust_code: str) -> list[ReportText]:
    first = reports_for(patient_id, ["KM7"], trust_code)
    return [*first, *(replace(each, accession="KM8", text="Old.") for each in first)]
