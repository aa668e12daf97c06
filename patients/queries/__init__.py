"""What is known of patients. Other rooms may enter here.

Whatever shows a patient to a person passes through `patient_for`, `find` or `merge_for`; all ask a
policy and write to the audit trail. `by_nhs_number` and `by_identifier` are for machines, and for
checks that show nothing.
"""

from patients.models import Patient

from .people import (
    MOST_SHOWN,
    VIEWED,
    Found,
    by_identifier,
    by_nhs_number,
    demographics,
    find,
    history,
    patient_for,
    practice_by_code,
    similar_name_opened,
    visible_to,
)

__all__ = [
    "MOST_SHOWN", "VIEWED", "Found", "Patient", "by_identifier", "by_nhs_number", "demographics",
    "find", "history", "patient_for", "practice_by_code", "similar_name_opened", "visible_to",
]  # fmt: skip
