"""The room's verbs. Other rooms may enter here. Each asks the policy, then moves by the table."""

from .agreeing import agree_times, back_to_usual
from .amending import amend
from .downtime import choose_form, hand_over, record_form_mail, take_at_desk, take_back
from .drafting import discard_draft, mark_not_helpful, save_draft
from .hearing import hear
from .keying import cancel_form, key_in, let_form_go, match, reject_form, sound_alarms
from .orders import record_delivery
from .publishing import publish_rule, retire_rule
from .reconciling import (
    explain,
    list_overdue,
    note_call,
    note_differences,
    note_list,
    reconcile_orders,
    resend,
)
from .releasing import order_due, release_due
from .requester import answer, cancel, close, collect, fix, rebook, seen, undo
from .results import forget_result, hear_of_report, mark_resulted, mark_reviewed
from .submitting import send, submit
from .tickets import close_ticket, form_under_ticket, open_ticket
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
    "agree_times", "amend", "answer", "back_to_usual", "cancel", "cancel_form", "choose_form",
    "close", "close_ticket", "collect",
    "discard_draft", "explain", "fix", "forget_result", "form_under_ticket", "hand_over", "hear",
    "hear_of_report", "key_in", "let_form_go", "list_overdue", "mark_not_helpful", "mark_resulted",
    "mark_reviewed", "match", "note_call", "note_differences", "note_list", "open_ticket",
    "order_due", "publish_rule", "rebook", "reconcile_orders", "record_delivery",
    "record_form_mail", "reject_form", "release_due", "resend", "retire_rule",
    "save_draft", "seen", "send", "sound_alarms", "submit", "take_at_desk", "take_back", "undo",
    "vet_accept", "vet_ask", "vet_change_exam", "vet_leave", "vet_open", "vet_reject",
    "vet_take_over", "vet_undo",
]  # fmt: skip
