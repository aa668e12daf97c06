"""What requesting keeps: drafts, requests and their items, rules, downtime forms.

Other rooms enter for foreign keys; they ask `queries` and `services` for anything else.
"""

from .downtime import AccessTicket, DowntimeForm, FormEventRow
from .drills import PracticeEventRow, PracticeForm
from .reconciling import Difference, DifferenceNote, Expectation, ReceivedList
from .requests import (
    AlertOutcome,
    Amendment,
    Answer,
    Draft,
    OrderMessage,
    PreviousResult,
    Priority,
    Request,
    RequestEvent,
    RequestItem,
    RequestMessage,
    Rule,
    RuleCount,
)

__all__ = [
    "AccessTicket", "AlertOutcome", "Amendment", "Answer", "Difference", "DifferenceNote",
    "DowntimeForm", "Draft", "Expectation", "FormEventRow", "OrderMessage",
    "PracticeEventRow", "PracticeForm", "PreviousResult", "Priority", "ReceivedList", "Request",
    "RequestEvent", "RequestItem", "RequestMessage", "Rule", "RuleCount",
]  # fmt: skip
