"""The room's verbs. Other rooms may enter here."""

from .details import (
    DETAILS,
    add_hospital_numbers,
    correct,
    is_news,
    note_relationship,
    record_death,
    register,
    replace_hospital_numbers,
)
from .merging import merge, merge_after_all, refuse
from .unmerging import unmerge

__all__ = [
    "DETAILS", "add_hospital_numbers", "correct", "is_news", "merge", "merge_after_all",
    "note_relationship", "record_death", "refuse", "register", "replace_hospital_numbers",
    "unmerge",
]  # fmt: skip
