"""ORU^R01 to reports as they were issued. Translation only: nothing is looked up, nothing decided.

`inbound` enters here; docs/hl7/results.md is the table. `reports` reads a message, `values` one
value, `formatted` its text, `documents` what is a document.
"""

from .documents import MEDIA_TYPES, IncomingDocument, Kind
from .formatted import CENTRE, STRONG, Formatted, Mark, joined
from .reports import IncomingReport, incoming_reports
from .values import DOCUMENT_TYPES, TEXT_TYPES, TIME, IncomingObservation

__all__ = [
    "CENTRE", "DOCUMENT_TYPES", "MEDIA_TYPES", "STRONG", "TEXT_TYPES", "TIME", "Formatted",
    "IncomingDocument", "IncomingObservation", "IncomingReport", "Kind", "Mark",
    "incoming_reports", "joined",
]  # fmt: skip
