"""What the operators' screens, the commands and the status strip show of messages and partners.

Every list is narrowed to what the person may look after; the central team sees all of it.
"""

from . import codes
from .alerts import open_alerts, past_alerts, queues_backing_up
from .links import LinkState, is_down, link_of
from .lists import Line, Lists, lists_for
from .messages import (
    MessagePage,
    inbound_for,
    outbound_for,
    page_of_inbound,
    page_of_outbound,
)
from .notices import links_not_working
from .partners import (
    PartnerState,
    partner_for,
    partner_state,
    partner_states,
    partners_with_work,
)

__all__ = [
    "Line",
    "LinkState",
    "Lists",
    "MessagePage",
    "PartnerState",
    "codes",
    "inbound_for",
    "is_down",
    "link_of",
    "links_not_working",
    "lists_for",
    "open_alerts",
    "outbound_for",
    "page_of_inbound",
    "page_of_outbound",
    "partner_for",
    "partner_state",
    "partner_states",
    "partners_with_work",
    "past_alerts",
    "queues_backing_up",
]
