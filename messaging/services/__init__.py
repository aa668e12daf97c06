"""The room's verbs. Other rooms may enter here: `enqueue` and `next_control_id` for what goes out;
their handlers are found through settings.HL7_ROUTING for what came in."""

from .delivery import deliver
from .inbox import process_waiting
from .links import declare_down, declare_over, judge_links
from .operators import (
    handle_inbound,
    handle_outbound,
    pause_partner,
    resume_partner,
    retry_inbound,
    retry_outbound,
)
from .outbox import enqueue, next_control_id
from .receiving import Directory, accept, accept_all

__all__ = [
    "Directory",
    "accept",
    "accept_all",
    "declare_down",
    "declare_over",
    "deliver",
    "enqueue",
    "handle_inbound",
    "handle_outbound",
    "judge_links",
    "next_control_id",
    "pause_partner",
    "process_waiting",
    "resume_partner",
    "retry_inbound",
    "retry_outbound",
]
