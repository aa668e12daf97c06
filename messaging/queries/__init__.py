"""What the operators' screens, the commands and the status strip show of messages and partners.

Every list is narrowed to what the person may look after; the central team sees all of it.
"""

from . import agreements, codes
from .alerts import open_alerts, past_alerts, queues_backing_up
from .causes import (
    CausePage,
    Chosen,
    Preview,
    cause_page,
    groups_for,
    preview_for,
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
    bytes_page,
    inbound_for,
    outbound_for,
    page_of_inbound,
    page_of_outbound,
    text_of_message,
)
from .notices import links_not_working
from .ordering import waits_before
from .partners import (
    PartnerState,
    partner_for,
    partner_state,
    partner_states,
    partners_with_work,
)
from .replays import page_of_replay, replay_for, replays_for
from .streams import Stream, Streams, streams_for

__all__ = [
    "CausePage",
    "Chosen",
    "Line",
    "LinkState",
    "Lists",
    "MessagePage",
    "PartnerState",
    "Preview",
    "Stream",
    "Streams",
    "agreements",
    "bytes_page",
    "cause_page",
    "codes",
    "correction_for",
    "corrections_for",
    "groups_for",
    "inbound_for",
    "is_down",
    "link_of",
    "links_not_working",
    "lists_for",
    "open_alerts",
    "outbound_for",
    "page_of_correction",
    "page_of_inbound",
    "page_of_outbound",
    "page_of_replay",
    "partner_for",
    "partner_state",
    "partner_states",
    "partners_with_work",
    "past_alerts",
    "preview_for",
    "queues_backing_up",
    "replay_for",
    "replays_for",
    "streams_for",
    "text_of_message",
    "waits_before",
]
