"""How far a ticket has got: the formal written request, from asking to the requester told."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from .waits import NoSuchMove, Wait


class TicketKind(StrEnum):
    """Which way; cannot be changed once the ticket is open."""

    IMPORT = "import"  # get images for us
    EXPORT = "export"  # send images out
    DISC = "disc"  # a CD to be read in


class TicketState(StrEnum):
    NEW = "new"  # not looked at yet
    AWAITING_DETAILS = "awaiting_details"  # somebody was asked; cancels itself after two weeks
    ACCEPTED = "accepted"  # the service desk works on it
    WITH_OTHER = "with_other"  # a transaction runs, or a disc is on its way
    ARRIVED = "arrived"  # the images are here, not matched yet (or: have left, not confirmed yet)
    DONE = "done"  # in PACS and RIS, or delivered there, and the requester was told
    CANCELLED = "cancelled"  # details not received, or the requester cancelled; to be acknowledged
    CLOSED = "closed"  # a cancellation that the requester has acknowledged


class TicketEvent(StrEnum):
    OPENED = "opened"
    TAKEN = "taken"  # somebody was assigned
    CHASED = "chased"  # the requester or the other hospital was asked for what is missing
    REMINDED = "reminded"
    DETAILS_CAME = "details_came"
    REQUESTED = "requested"  # a transaction was made, or the disc was sent for
    DECLINED = "declined"  # the other hospital declined: back to the service desk
    FAILED = "failed"  # the transfer failed, or the images were purged
    ARRIVED = "arrived"
    FIXED_UP = "fixed_up"  # a study matched and filed; the last one ends it by FINISHED
    FINISHED = "finished"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # two weeks
    ACKNOWLEDGED = "acknowledged"
    SCANS_CHANGED = "scans_changed"  # a row of what is asked for: added, changed, removed; no move
    NOTED = "noted"  # a note, a priority changed: no move


S, E = TicketState, TicketEvent
OPEN = frozenset({S.NEW, S.AWAITING_DETAILS, S.ACCEPTED, S.WITH_OTHER, S.ARRIVED})
TERMINAL = frozenset({S.DONE, S.CLOSED})

TRANSITIONS: dict[tuple[TicketState, TicketEvent], TicketState] = {
    **{(state, E.TAKEN): S.ACCEPTED if state is S.NEW else state for state in OPEN},
    **{(state, E.CHASED): S.AWAITING_DETAILS for state in OPEN},
    (S.AWAITING_DETAILS, E.REMINDED): S.AWAITING_DETAILS,
    (S.AWAITING_DETAILS, E.DETAILS_CAME): S.ACCEPTED,
    **{(state, E.REQUESTED): S.WITH_OTHER for state in OPEN - {S.AWAITING_DETAILS}},
    **{(state, E.DECLINED): S.ACCEPTED for state in OPEN},
    **{(state, E.FAILED): S.ACCEPTED for state in OPEN},
    **{(state, E.ARRIVED): S.ARRIVED for state in OPEN},
    **{(state, E.FIXED_UP): state for state in OPEN},
    **{(state, E.FINISHED): S.DONE for state in OPEN},
    **{(state, E.CANCELLED): S.CANCELLED for state in OPEN},
    (S.AWAITING_DETAILS, E.EXPIRED): S.CANCELLED,
    (S.CANCELLED, E.ACKNOWLEDGED): S.CLOSED,
    **{(state, E.SCANS_CHANGED): state for state in OPEN},
    **{(state, E.NOTED): state for state in TicketState},
}

RANG = "Rang the requester"  # so begins the history's line of who told them by telephone
DETAILS_LIMIT = timedelta(days=14)
REMINDERS = (timedelta(days=7), timedelta(days=12))

WAITS: dict[TicketState, Wait] = {
    S.NEW: Wait("mbp", timedelta(hours=4), "iep:home"),
    S.AWAITING_DETAILS: Wait("requester", DETAILS_LIMIT, "iep:home"),
    S.ACCEPTED: Wait("mbp", timedelta(hours=24), "iep:home"),
    S.WITH_OTHER: Wait("mbp", timedelta(hours=48), "iep:home"),
    S.ARRIVED: Wait("mbp", timedelta(hours=24), "iep:home"),
    S.CANCELLED: Wait("requester", timedelta(days=7), "iep:home"),
}


def after(state: TicketState | str, event: TicketEvent) -> TicketState:
    """The state after the event. Raises NoSuchMove."""
    try:
        return TRANSITIONS[(TicketState(state), event)]
    except KeyError:
        raise NoSuchMove("ticket", state, event) from None
