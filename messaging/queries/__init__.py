"""What the operators' screens, the commands and the status strip show of messages and partners.

Every list is narrowed to what the person may look after; the central team sees all of it.
"""

from . import codes
from .lists import Line, Lists, lists_for
from .messages import (
    MessagePage,
    inbound_for,
    outbound_for,
    page_of_inbound,
    page_of_outbound,
)
from .partners import (
    PartnerState,
    links_not_working,
    partner_for,
    partner_state,
    partner_states,
    partners_with_work,
)

__all__ = [
    "Line",
    "Lists",
    "MessagePage",
    "PartnerState",
    "codes",
    "inbound_for",
    "links_not_working",
    "lists_for",
    "outbound_for",
    "page_of_inbound",
    "page_of_outbound",
    "partner_for",
    "partner_state",
    "partner_states",
    "partners_with_work",
]
