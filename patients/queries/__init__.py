"""What is known of patients. Other rooms may enter here.

Whatever shows a patient to a person passes through `patient_for`, `find` or `merge_for`; all ask a
policy and write to the audit trail. `by_nhs_number` and `by_identifier` are for machines, and for
checks that show nothing.
"""

from patients.models import Patient

from .merged import (
    holders,
    looked_at,
    merged_on,
    retired_records,
    survivor_of,
    was_taken_apart,
    whole_history,
)
from .merges import (
    Former,
    MergePage,
    formers_of,
    merge_for,
    merge_lists,
    merge_row,
    merges_waiting,
    reasons_to_wait,
    rows_to_place,
    trail_of,
)
from .people import (
    MOST_SHOWN,
    VIEWED,
    Found,
    by_identifier,
    by_nhs_number,
    demographics,
    find,
    history,
    identities,
    match,
    patient_for,
    practice_by_code,
    similar_name_opened,
    visible_to,
)

__all__ = [
    "MOST_SHOWN", "VIEWED", "Former", "Found", "MergePage", "Patient", "by_identifier",
    "by_nhs_number", "demographics", "find", "formers_of", "history", "holders", "identities",
    "looked_at", "match", "merge_for", "merge_lists", "merge_row", "merged_on", "merges_waiting",
    "patient_for", "practice_by_code", "reasons_to_wait", "retired_records", "rows_to_place",
    "similar_name_opened", "survivor_of", "trail_of", "visible_to", "was_taken_apart",
    "whole_history",
]  # fmt: skip
