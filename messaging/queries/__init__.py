"""What the operators' screens, the commands and the status strip show of messages and partners.

Every list is narrowed to what the person may look after; the central team sees all of it.
"""

from . import codes
from .alerts import open_alerts, past_alerts, queues_backing_up
from .causes import (
    CausePage,
    Chosen,
    Preview,
    cause_page,
    groups_for,
    preview_for,
    urgency_words,
)
from .corrections import (
    correction_for,
    corrections_for,
    page_of_correction,
)
from .links import LinkState, is_down, link_of
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
from .notices import links_not_working
from .ordering import waits_before
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
    "LinkState",
    "lists_for",
    "outbound_for",
    "page_of_inbound",
    "page_of_outbound",
    "partner_for",
    "partner_state",
    "partner_states",
    "partners_with_work",
]
    "is_down",
    "link_of",
    "open_alerts",
    "past_alerts",
    "preview_for",
    "queues_backing_up",
    "replay_for",
    "replays_for",
    "streams_for",
    "text_of_message",
    "urgency_words",
    "waits_before",
