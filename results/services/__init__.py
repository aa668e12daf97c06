"""The room's verbs. Other rooms may enter here."""

from .attaching import approve_attachment, attach, decline_attachment
from .escalating import escalate_due
from .filing import file_report, note_progress
from .holding import hold_news, on_link, release_due, release_news
from .notices import post_digests
from .pointing import agree_host
from .reconciling import (
    keep_watch,
    reconcile,
    reconcile_file,
    refused_files,
    take_files,
    watch_rates,
)
from .reviewing import note_copy_seen, review, review_together

__all__ = [
    "agree_host", "approve_attachment", "attach", "decline_attachment", "escalate_due",
    "file_report", "hold_news", "keep_watch", "note_copy_seen", "note_progress", "on_link",
    "post_digests", "reconcile", "reconcile_file", "refused_files", "release_due",
    "release_news", "review", "review_together", "take_files", "watch_rates",
]  # fmt: skip
