"""The room's verbs. Other rooms may enter here: `enqueue` and `next_control_id` for what goes out;
their handlers are found through settings.HL7_ROUTING for what came in."""

from .delivery import deliver
from .inbox import process_waiting
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
    "deliver",
    "enqueue",
    "handle_inbound",
    "handle_outbound",
    "next_control_id",
    "pause_partner",
    "process_waiting",
    "resume_partner",
    "retry_inbound",
    "retry_outbound",
]
