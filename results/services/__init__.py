"""The room's verbs. Other rooms may enter here."""

from .escalating import escalate_due
from .filing import file_report, note_progress
from .holding import hold_news, on_link, release_due, release_news
from .notices import post_digests
from .pointing import agree_host
from .reviewing import note_copy_seen, review, review_together

__all__ = [
    "agree_host", "escalate_due", "file_report", "hold_news", "note_copy_seen", "note_progress",
    "on_link", "post_digests", "release_due", "release_news", "review", "review_together",
]  # fmt: skip
