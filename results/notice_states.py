"""How far the news of a result has got by mail. Plain Python.

The news is an extra: the result itself is on the list of its place from the moment it is filed,
and nothing here changes that. Routine news may be held for a while, never what needs somebody.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from .states import Group, Significance


class NoticeKind(StrEnum):
    """Which of the two senders tells of it."""

    ALERTED = "alerted"  # critical or unexpected: a mail of its own, at once
    ROUTINE = "routine"  # in the next digest


class NoticeState(StrEnum):
    WAITING = "waiting"  # for the next digest
    HELD = "held"  # until the outage is over
    POSTED = "posted"  # a mail was written that tells of it
    CANCELLED = "cancelled"  # it was read, or replaced, before anybody had to be told


class NoticeEvent(StrEnum):
    HOLD = "be held"
    RELEASE = "be released"
    POST = "be posted"
    CANCEL = "be cancelled"


NOTICE_MOVES: dict[tuple[NoticeState, NoticeEvent], NoticeState] = {
    (NoticeState.WAITING, NoticeEvent.HOLD): NoticeState.HELD,
    (NoticeState.WAITING, NoticeEvent.POST): NoticeState.POSTED,
    (NoticeState.WAITING, NoticeEvent.CANCEL): NoticeState.CANCELLED,
    (NoticeState.HELD, NoticeEvent.RELEASE): NoticeState.WAITING,
    (NoticeState.HELD, NoticeEvent.CANCEL): NoticeState.CANCELLED,
}

# What is not an end: who ends it, and after how long. The timers' sweep does both by itself.
NOTICE_WAITS: dict[NoticeState, tuple[str, timedelta]] = {
    NoticeState.WAITING: ("worker", timedelta(hours=2)),
    NoticeState.HELD: ("worker", timedelta(hours=4)),
}

DIGEST_AFTER = timedelta(hours=1)  # routine news waits for more of it, at the most so long
HOLD_LASTS = NOTICE_WAITS[NoticeState.HELD][1]  # then it ends by itself: nothing is forgotten


class NoSuchNoticeMove(Exception):
    """The event does not apply in that state. Nothing was changed."""

    def __init__(self, event: str, state: str) -> None:
        super().__init__(f"News that is {state} cannot {event}.")


def after_notice(state: str, event: NoticeEvent) -> NoticeState:
    """The state after the event. Raises NoSuchNoticeMove."""
    try:
        return NOTICE_MOVES[NoticeState(state), event]
    except KeyError:
        raise NoSuchNoticeMove(event, state) from None


def kind_of(significance: str) -> NoticeKind:
    """Critical and unexpected reports have a sender of their own."""
    alerted = significance in (Significance.CRITICAL, Significance.UNEXPECTED)
    return NoticeKind.ALERTED if alerted else NoticeKind.ROUTINE


def may_be_held(significance: str, list_group: int) -> bool:
    """Only what worries nobody: normal or for information, and never an amended report (H24)."""
    calm = list_group in (Group.NORMAL, Group.INFORMATION)
    return calm and significance == Significance.NORMAL
