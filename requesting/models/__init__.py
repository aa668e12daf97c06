"""What requesting keeps: drafts, requests and their items, rules, downtime forms.

Other rooms enter for foreign keys; they ask `queries` and `services` for anything else.
"""

from .downtime import AccessTicket, DowntimeForm, FormEventRow
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
    "AccessTicket", "AlertOutcome", "Amendment", "Answer", "DowntimeForm", "Draft", "FormEventRow",
    "OrderMessage", "PreviousResult", "Priority", "Request", "RequestEvent", "RequestItem",
    "RequestMessage", "Rule", "RuleCount",
]  # fmt: skip
