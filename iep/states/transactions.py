"""How far a transaction between two institutions has got, in the portal's own words."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from .waits import NoSuchMove, Wait


class TransactionKind(StrEnum):
    """Cannot be changed once created: start again."""

    REQUEST = "request"  # one side asks the other for images
    TRANSFER = "transfer"  # one side sends the other images
    DIRECT = "direct"  # images came unasked


class Direction(StrEnum):
    """Of the transaction, as its list shows it: a request that we make goes out."""

    IN = "in"
    OUT = "out"


class DestinationKind(StrEnum):
    INSTITUTION = "institution"
    COMPANY = "company"
    INDIVIDUAL = "individual"


class TransactionState(StrEnum):
    NEW = "new"
    AWAITING_DETAILS = "awaiting_details"  # ours
    ACCEPTED = "accepted"  # ours
    STARTED = "started"
    UPLOADING = "uploading"
    ON_IEP = "on_iep"
    DOWNLOAD_REQUEST = "download_request"
    DOWNLOADING = "downloading"
    DELIVERED = "delivered"
    FIXED_UP = "fixed_up"  # ours
    FAILED = "failed"
    DECLINE = "decline"
    PURGED = "purged"
    CANCELLED = "cancelled"  # ours


LABELS: dict[TransactionState, str] = {
    TransactionState.NEW: "New",
    TransactionState.AWAITING_DETAILS: "Awaiting details",
    TransactionState.ACCEPTED: "Accepted",
    TransactionState.STARTED: "Started",
    TransactionState.UPLOADING: "Uploading",
    TransactionState.ON_IEP: "On IEP",
    TransactionState.DOWNLOAD_REQUEST: "Download request",
    TransactionState.DOWNLOADING: "Downloading",
    TransactionState.DELIVERED: "Delivered",
    TransactionState.FIXED_UP: "Fixed up",
    TransactionState.FAILED: "Failed",
    TransactionState.DECLINE: "Decline",
    TransactionState.PURGED: "Purged",
    TransactionState.CANCELLED: "Cancelled",
}


class TransactionEvent(StrEnum):
    CREATED = "created"
    ASKED_DETAILS = "asked_details"
    DETAILS_CAME = "details_came"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    STARTED = "started"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"  # all of it is on the exchange: it can be downloaded
    DOWNLOAD_ASKED = "download_asked"
    DOWNLOADING = "downloading"
    DELIVERED = "delivered"  # every instance confirmed
    FIXED_UP = "fixed_up"
    FAILED = "failed"
    RETRIED = "retried"
    PURGED = "purged"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"  # what came unasked was given up: nothing of it is left to match
    NOTED = "noted"  # assigned, a message, a priority changed: no move


# As the history of a transaction says them.
EVENT_WORDS = {
    TransactionEvent.CREATED: "Created",
    TransactionEvent.ASKED_DETAILS: "Details asked for",
    TransactionEvent.DETAILS_CAME: "Details received",
    TransactionEvent.ACCEPTED: "Accepted",
    TransactionEvent.DECLINED: "Declined",
    TransactionEvent.STARTED: "Started",
    TransactionEvent.UPLOADING: "Upload began",
    TransactionEvent.UPLOADED: "All images are on IEP",
    TransactionEvent.DOWNLOAD_ASKED: "Download requested",
    TransactionEvent.DOWNLOADING: "Download began",
    TransactionEvent.DELIVERED: "Delivered",
    TransactionEvent.FIXED_UP: "Fixed up",
    TransactionEvent.FAILED: "Failed",
    TransactionEvent.RETRIED: "Tried again",
    TransactionEvent.PURGED: "Purged",
    TransactionEvent.CANCELLED: "Cancelled",
    TransactionEvent.DISCARDED: "Images discarded",
    TransactionEvent.NOTED: "Note",
}


S, E = TransactionState, TransactionEvent
TERMINAL = frozenset({S.FIXED_UP, S.PURGED, S.CANCELLED})
BEFORE_IMAGES = frozenset({S.NEW, S.AWAITING_DETAILS, S.ACCEPTED})
MOVING = frozenset({S.STARTED, S.UPLOADING, S.ON_IEP, S.DOWNLOAD_REQUEST, S.DOWNLOADING})
UNFINISHED = BEFORE_IMAGES | MOVING | {S.FAILED}
MAY_MOVE_IMAGES = UNFINISHED  # in any other state no image is queued for it, to them or to us

TRANSITIONS: dict[tuple[TransactionState, TransactionEvent], TransactionState] = {
    **{(state, E.ASKED_DETAILS): S.AWAITING_DETAILS for state in BEFORE_IMAGES},
    (S.AWAITING_DETAILS, E.DETAILS_CAME): S.NEW,  # answered: now somebody decides
    **{(state, E.ACCEPTED): S.ACCEPTED for state in BEFORE_IMAGES},
    # Further on only what somebody sends is declined: see may_be_declined.
    **{(state, E.DECLINED): S.DECLINE for state in UNFINISHED | {S.DELIVERED}},
    **{(state, E.STARTED): S.STARTED for state in BEFORE_IMAGES},
    **{(state, E.UPLOADING): S.UPLOADING for state in BEFORE_IMAGES | MOVING},
    **{(state, E.UPLOADED): S.ON_IEP for state in BEFORE_IMAGES | MOVING},
    **{(state, E.DOWNLOAD_ASKED): S.DOWNLOAD_REQUEST for state in MOVING | {S.FAILED}},
    **{(state, E.DOWNLOADING): S.DOWNLOADING for state in BEFORE_IMAGES | MOVING},
    **{(state, E.DELIVERED): S.DELIVERED for state in UNFINISHED},
    (S.DELIVERED, E.FIXED_UP): S.FIXED_UP,
    **{(state, E.FAILED): S.FAILED for state in BEFORE_IMAGES | MOVING},
    (S.FAILED, E.RETRIED): S.STARTED,
    **{(state, E.PURGED): S.PURGED for state in MOVING | {S.FAILED}},
    **{(state, E.CANCELLED): S.CANCELLED for state in UNFINISHED | {S.DECLINE}},
    (S.DELIVERED, E.DISCARDED): S.CANCELLED,
    (S.DECLINE, E.RETRIED): S.NEW,  # processed again, with what was missing
    **{(state, E.NOTED): state for state in TransactionState},
}

PURGED_AFTER = timedelta(days=15)
PURGE_WARNINGS = (5, 2, 1)  # days left
TAKE_UP_LIMITS = {0: timedelta(minutes=15), 1: timedelta(hours=24), 2: timedelta(hours=24)}  # H42

WAITS: dict[TransactionState, Wait] = {
    S.NEW: Wait("mbp", timedelta(hours=4), "iep:home"),
    S.AWAITING_DETAILS: Wait("requester", timedelta(days=14), "iep:home"),
    S.ACCEPTED: Wait("mbp", timedelta(hours=24), "iep:home"),
    S.STARTED: Wait("mbp", timedelta(hours=4), "iep:home"),
    S.UPLOADING: Wait("worker", timedelta(hours=4), "iep:home"),
    S.ON_IEP: Wait("mbp", timedelta(hours=24), "iep:home"),
    S.DOWNLOAD_REQUEST: Wait("worker", timedelta(hours=4), "iep:home"),
    S.DOWNLOADING: Wait("worker", timedelta(hours=4), "iep:home"),
    S.DELIVERED: Wait("mbp", timedelta(hours=24), "iep:home"),
    S.FAILED: Wait("mbp", timedelta(hours=4), "iep:failures"),
    S.DECLINE: Wait("mbp", timedelta(hours=24), "iep:home"),
}


class Tab(StrEnum):
    """As the portal has them (source I8)."""

    ACTION = "action"
    ACCEPTED = "accepted"
    PROGRESS = "progress"
    FAILED = "failed"
    ALL = "all"


TAB_WORDS = {
    Tab.ACTION: "Action required",
    Tab.ACCEPTED: "Accepted",
    Tab.PROGRESS: "In progress",
    Tab.FAILED: "Failed",
    Tab.ALL: "All",
}
TABS: dict[TransactionState, Tab] = {
    S.NEW: Tab.ACTION,
    S.AWAITING_DETAILS: Tab.ACTION,
    S.ON_IEP: Tab.ACTION,
    S.DELIVERED: Tab.ACTION,  # to be matched and fixed up, where it came in
    S.DECLINE: Tab.ACTION,
    S.ACCEPTED: Tab.ACCEPTED,
    S.STARTED: Tab.PROGRESS,
    S.UPLOADING: Tab.PROGRESS,
    S.DOWNLOAD_REQUEST: Tab.PROGRESS,
    S.DOWNLOADING: Tab.PROGRESS,
    S.FAILED: Tab.FAILED,
}


class DeclineReason(StrEnum):
    NO_SUCH_STUDY = "no_such_study"
    INAPPROPRIATE = "inappropriate"
    OTHER = "other"


DECLINE_WORDS = {
    DeclineReason.NO_SUCH_STUDY: "The requested study does not exist at this institution",
    DeclineReason.INAPPROPRIATE: "Clinically inappropriate, for example all studies were asked for",
    DeclineReason.OTHER: "Another reason",
}


# Of images that are sent to somebody, asked for or not; the reasons go by the same codes.
DECLINE_WORDS_OF_GIVEN = {
    DeclineReason.NO_SUCH_STUDY: "The patient or the study is not known at this institution",
    DeclineReason.INAPPROPRIATE: "Clinically inappropriate, for example all studies were sent",
    DeclineReason.OTHER: "Another reason",
}


def decline_words(kind: TransactionKind | str) -> dict[DeclineReason, str]:
    """The usual reasons, in the words that fit what is declined."""
    return DECLINE_WORDS if kind == TransactionKind.REQUEST else DECLINE_WORDS_OF_GIVEN


def may_be_declined(kind: TransactionKind | str, state: TransactionState | str) -> bool:
    """A request until its images are on their way; what is sent until somebody has matched it."""
    if kind == TransactionKind.REQUEST:
        return state in BEFORE_IMAGES | {S.STARTED}
    return state in UNFINISHED | {S.DELIVERED}


def after(state: TransactionState | str, event: TransactionEvent) -> TransactionState:
    """The state after the event. Raises NoSuchMove."""
    try:
        return TRANSITIONS[(TransactionState(state), event)]
    except KeyError:
        raise NoSuchMove("transaction", state, event) from None
