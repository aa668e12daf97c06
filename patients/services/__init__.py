"""The room's verbs. Other rooms may enter here."""

from .details import (
    DETAILS,
    add_hospital_numbers,
    correct,
    is_news,
    note_relationship,
    record_death,
    register,
)

__all__ = [
    "DETAILS", "add_hospital_numbers", "correct", "is_news", "note_relationship", "record_death",
    "register",
]  # fmt: skip
