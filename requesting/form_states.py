"""How far a downtime form has got: statuses, events, the table that joins them, who waits.

Plain Python. `requesting.services.downtime` alone moves a form, and only by this table. A request
whose link is down is in exactly one of three places: in the queue, on a form (by e-mail or on
paper, its message held back), or reconciled (hazard H51).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from .states import Owner


class FormStatus(StrEnum):
    """Of a downtime form."""

    QUEUED = "queued"  # the message is in the queue again, and goes by itself
    EMAILED = "emailed"
    PRINTED = "printed"
    RECONCILED = "reconciled"


class Outcome(StrEnum):
    """How a form ended."""

    KEYED_IN = "keyed_in"  # by the department, into its own system
    MATCHED = "matched"  # to what had arrived there already
    SENT = "sent"  # the queue delivered it after all
    REJECTED = "rejected"  # by the department, or by its system
    CANCELLED = "cancelled"  # a duplicate, no longer wanted, or a form that nobody used


class FormEvent(StrEnum):
    """What can happen to a form. The past tense of the verb that a person would use."""

    EMAILED = "emailed"
    PRINTED = "printed"
    HANDED_OVER = "handed_over"
    MAIL_SENT = "mail_sent"
    MAIL_FAILED = "mail_failed"
    ALARMED = "alarmed"
    TAKEN_BACK = "taken_back"  # by who made it: it never left the practice
    LET_GO = "let_go"  # by the department: not found here, so the message goes
    KEYED_IN = "keyed_in"
    MATCHED = "matched"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


S, E = FormStatus, FormEvent
OUT = frozenset({S.EMAILED, S.PRINTED})  # its message is held while it is out

TRANSITIONS: dict[tuple[FormStatus, FormEvent], FormStatus] = {
    **{(status, E.EMAILED): S.EMAILED for status in (S.QUEUED, *OUT)},
    **{(status, E.PRINTED): S.PRINTED for status in (S.QUEUED, S.EMAILED)},
    (S.PRINTED, E.HANDED_OVER): S.PRINTED,
    **{
        (status, event): status
        for status in OUT
        for event in (E.MAIL_SENT, E.MAIL_FAILED, E.ALARMED)
    },
    (S.PRINTED, E.TAKEN_BACK): S.QUEUED,
    **{(status, E.LET_GO): S.QUEUED for status in OUT},
    **{
        (status, event): S.RECONCILED
        for status in OUT
        for event in (E.KEYED_IN, E.MATCHED, E.REJECTED, E.CANCELLED)
    },
    (S.QUEUED, E.DELIVERED): S.RECONCILED,
    (S.QUEUED, E.REJECTED): S.RECONCILED,
    (S.QUEUED, E.CANCELLED): S.RECONCILED,
}

OUTCOMES: dict[FormEvent, Outcome] = {
    E.KEYED_IN: Outcome.KEYED_IN,
    E.MATCHED: Outcome.MATCHED,
    E.DELIVERED: Outcome.SENT,
    E.REJECTED: Outcome.REJECTED,
    E.CANCELLED: Outcome.CANCELLED,
}

KEY_IN_WITHIN = timedelta(hours=72)  # domain.md O13
ALARMS = (24, 48, 72)  # hours after the form went out
ESCALATES_AT = 48  # from then on the central team and the place that asked see it too


@dataclass(frozen=True)
class Wait:
    """A status that is not the end: whose it is, for how long, and which list shows it."""

    owner: Owner
    limit: timedelta
    list_name: str  # URL name


WAITS: dict[FormStatus, Wait] = {
    S.QUEUED: Wait(Owner.OPERATORS, timedelta(hours=1), "messaging:queue"),
    S.EMAILED: Wait(Owner.DEPARTMENT, KEY_IN_WITHIN, "requesting:keying"),
    S.PRINTED: Wait(Owner.DEPARTMENT, KEY_IN_WITHIN, "requesting:keying"),
}

OUTCOME_WORDS: dict[str, str] = {
    Outcome.KEYED_IN: "Keyed in",
    Outcome.MATCHED: "Matched to what had arrived",
    Outcome.SENT: "Sent by the link after all",
    Outcome.REJECTED: "Rejected",
    Outcome.CANCELLED: "Cancelled",
}

EVENT_WORDS: dict[str, str] = {
    E.EMAILED: "E-mailed",
    E.PRINTED: "Printed",
    E.HANDED_OVER: "Handed over",
    E.MAIL_SENT: "The mail server took it",
    E.MAIL_FAILED: "The e-mail did not arrive",
    E.ALARMED: "Not keyed in yet",
    E.TAKEN_BACK: "Not used: back in the queue",
    E.LET_GO: "Not found there: back in the queue",
    E.KEYED_IN: "Keyed in",
    E.MATCHED: "Matched to what had arrived",
    E.DELIVERED: "Sent by the link",
    E.REJECTED: "Rejected",
    E.CANCELLED: "Cancelled",
}


def after_form(status: str, event: FormEvent) -> FormStatus | None:
    """The status after the event; None where the table has no such move."""
    return TRANSITIONS.get((FormStatus(status), event))
