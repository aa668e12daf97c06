"""The room's verbs. Other rooms may enter here."""

from .escalating import escalate_due
from .filing import file_report, note_progress
from .reviewing import note_copy_seen, review, review_together

__all__ = [
    "escalate_due", "file_report", "note_copy_seen", "note_progress", "review", "review_together",
]  # fmt: skip
