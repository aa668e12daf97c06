"""What the screens and other rooms may read of requests. Nothing here writes but the audit trail.

`compose` is the request screen; `tracker` and `counts` the lists; `item_for`, `request_for` and
`vetting_for` the doors, which record the look; `draft_for` what a person has begun.
"""

from .amending import amendable, amended, as_asked, may_be_amended
from .at_hand import Desk, desk
from .composing import (
    ChosenTest,
    Composition,
    compose,
    context_of,
    hours_today,
    recipients,
    with_recipient,
)
from .deciding import JustDecided, VettingDetail, exam, just_decided, next_to_vet, vetting_for
from .doors import (
    ItemDetail,
    SentRequest,
    SentTest,
    check_within_reach,
    draft_for,
    item_for,
    item_in_hand,
    item_row,
    may_undo_now,
    open_drafts,
    patient_in_hand,
    request_for,
    sent_for,
    sent_with_key,
    sentence_for,
)
from .examining import Examined, examine, group_of, look_up
from .finding import (
    Suggestion,
    Usual,
    allowance,
    order_set_codes,
    order_sets,
    suggestions,
    usual_services,
)
from .missing import problems_of
from .telling import HistoryLine, changes_of, days_waiting, history, is_overdue, next_sentence
from .tracking import (
    Filters,
    Tally,
    TrackerPage,
    TrackerRow,
    counts,
    needs_you_count,
    overdue,
    requesters,
    requests_of_patient,
    tracker,
    visible_to,
)
from .vetting import (
    DepartmentRow,
    Narrowing,
    VettingLane,
    VettingPage,
    VettingRow,
    came_since,
    department_counts,
    department_requests,
    department_rows,
    department_worklist,
    narrowing,
    reason_words,
)

__all__ = [
    "ChosenTest", "Composition", "DepartmentRow", "Desk", "Examined", "Filters", "HistoryLine",
    "ItemDetail", "JustDecided", "Narrowing", "SentRequest", "SentTest", "Suggestion",
    "Tally", "TrackerPage", "TrackerRow", "Usual", "VettingDetail", "VettingLane",
    "VettingPage", "VettingRow", "allowance", "amendable", "amended",
    "as_asked", "came_since", "changes_of", "check_within_reach", "compose",
    "context_of", "counts", "days_waiting", "department_counts", "department_requests",
    "department_rows", "department_worklist", "desk", "draft_for", "exam", "examine", "group_of",
    "history", "hours_today", "is_overdue", "item_for", "item_in_hand", "item_row",
    "just_decided", "look_up", "may_be_amended",
    "may_undo_now", "narrowing", "needs_you_count", "next_sentence",
    "next_to_vet", "open_drafts", "order_set_codes", "order_sets", "overdue", "patient_in_hand",
    "problems_of", "reason_words", "recipients", "request_for", "requesters",
    "requests_of_patient", "sent_for", "sent_with_key", "sentence_for", "suggestions",
    "tracker", "usual_services", "vetting_for", "visible_to", "with_recipient",
]  # fmt: skip
