"""Requests to order messages, status messages to replies: translation only.

`services` writes orders (`order_of`, `render`), `inbound` reads replies (`read_replies`). Fields
and codes are in docs/hl7/orders.md; the rules are those of HL7 UK A.3 (domain.md 5.1, 5.2).
"""

from .answers import Asked, as_asked, asked
from .codes import CODE_SYSTEMS, PRIORITIES, priority_code, sections, system_of, system_on_the_wire
from .gather import order_of
from .orders import MOST_COPIES, Answered, Line, Order, Person, Reason, Sample, render
from .replies import StatusReply, read_replies

__all__ = [
    "CODE_SYSTEMS", "MOST_COPIES", "PRIORITIES", "Answered", "Asked", "Line", "Order", "Person",
    "Reason", "Sample", "StatusReply", "as_asked", "asked", "order_of", "priority_code",
    "read_replies", "render", "sections", "system_of", "system_on_the_wire",
]  # fmt: skip
