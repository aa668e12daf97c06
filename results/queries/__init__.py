"""What screens show of results. Other rooms may enter here.

`report_for` is the one door to a report: absent and forbidden look the same, and the look is
audited. Lists give frozen rows and never grow with the tables.
"""

from .lists import (
    PAGE,
    Counts,
    Fresh,
    Inbox,
    NormalRow,
    Part,
    Row,
    Scope,
    counts,
    done_line,
    fresh_since,
    next_unread,
    normal_rows,
    scope_of,
    to_review,
)
from .original import VIEWED_ORIGINAL, original_of
from .overtime import OverTime, Series, over_time
from .reading import (
    ReportPage,
    document_name,
    document_of,
    download_name,
    media_type_of,
    page_of,
    report_for,
)
from .record import Summary, summary_for_patient

__all__ = [
    "PAGE", "VIEWED_ORIGINAL", "Counts", "Fresh", "Inbox", "NormalRow", "OverTime", "Part",
    "ReportPage", "Row", "Scope", "Series", "Summary", "counts", "document_name", "document_of",
    "done_line", "download_name", "fresh_since", "media_type_of", "next_unread", "normal_rows",
    "original_of", "over_time", "page_of", "report_for", "scope_of", "summary_for_patient",
    "to_review",
]  # fmt: skip
