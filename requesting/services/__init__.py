"""The room's verbs. Other rooms may enter here. Each asks the policy, then moves by the table."""

from .drafting import discard_draft, mark_not_helpful, save_draft
from .hearing import hear
from .orders import record_delivery
from .publishing import publish_rule, retire_rule
from .releasing import order_due, release_due
from .requester import answer, cancel, close, collect, fix, rebook, seen, undo
from .results import forget_result, hear_of_report, mark_resulted, mark_reviewed
from .submitting import send, submit
from .vetting import (
    vet_accept,
    vet_ask,
    vet_change_exam,
    vet_leave,
    vet_open,
    vet_reject,
    vet_take_over,
    vet_undo,
)

__all__ = [
    "answer", "cancel", "close", "collect", "discard_draft", "fix", "forget_result", "hear",
    "hear_of_report", "mark_not_helpful", "mark_resulted", "mark_reviewed", "order_due",
    "publish_rule", "rebook", "record_delivery", "release_due", "retire_rule", "save_draft", "seen",
    "send", "submit", "undo",
    "vet_accept", "vet_ask", "vet_change_exam", "vet_leave", "vet_open", "vet_reject",
    "vet_take_over", "vet_undo",
]  # fmt: skip
