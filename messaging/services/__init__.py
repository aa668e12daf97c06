"""The room's verbs. Other rooms may enter here: `enqueue` and `next_control_id` for what goes out;
their handlers are found through settings.HL7_ROUTING for what came in."""

from .alerts import watch_queues
from .answering import give_up_waiting
from .corrections import (
    approve_correction,
    check_correction,
    correct_inbound,
    correct_outbound,
    decline_correction,
)
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
from .partners import (
    ChangedMeanwhile,
    SamePerson,
    apply_change,
    completed,
    load_first,
    propose_change,
    refuse_change,
    standing,
    withdraw_change,
    wrong_with,
)
from .receiving import Directory, Origin, accept, accept_all
from .replays import RATES, run_replays, start_replay, stop_replay
from .samples import rehearse_samples
from .synthetic import due_for_probe, probe
from .weighing import weigh_waiting

__all__ = [
    "RATES",
    "ChangedMeanwhile",
    "Directory",
    "Origin",
    "SamePerson",
    "accept",
    "accept_all",
    "apply_change",
    "approve_correction",
    "check_correction",
    "completed",
    "correct_inbound",
    "correct_outbound",
    "declare_down",
    "declare_over",
    "decline_correction",
    "deliver",
    "due_for_probe",
    "enqueue",
    "give_up_waiting",
    "handle_inbound",
    "handle_outbound",
    "judge_links",
    "load_first",
    "next_control_id",
    "pause_partner",
    "probe",
    "process_waiting",
    "propose_change",
    "refuse_change",
    "rehearse_samples",
    "resume_partner",
    "retry_inbound",
    "retry_outbound",
    "run_replays",
    "standing",
    "start_replay",
    "stop_replay",
    "watch_queues",
    "weigh_waiting",
    "withdraw_change",
    "wrong_with",
]
