"""How far a mail has got: states, events, the table that joins them, who waits for what.

Plain Python. `messaging.services.mail` alone moves a mail, and only by this table. A mail is an
extra: no state of it closes anything. Each state is on one list of the mail page (`MAIL_LISTS`);
one that is not an end has a row in `MAIL_WAITS`.
"""

from datetime import timedelta
from enum import StrEnum

from .errors import NoSuchMove
from .states import Wait


class MailPurpose(StrEnum):
    """What a mail is for: it says who sends it, and which mailbox of a place receives it."""

    DOWNTIME = "downtime"  # a request, to the department, while its link is down
    REQUESTS = "requests"  # a request needs the place that asked
    RESULTS = "results"  # routine results, as a digest
    ALERTS = "alerts"  # one alerted report
    SERVICE = "service"  # to those who run the service
    DRILL = "drill"  # a practised downtime; only to mailboxes that were agreed for drills
    IMAGES = "images"  # a request for images: to the requester's own mailbox


PURPOSE_WORDS: dict[MailPurpose, str] = {
    MailPurpose.DOWNTIME: "Downtime requests",
    MailPurpose.REQUESTS: "Requests that need somebody",
    MailPurpose.RESULTS: "Routine results",
    MailPurpose.ALERTS: "Alerted reports",
    MailPurpose.SERVICE: "Service notices",
    MailPurpose.DRILL: "Drills",
    MailPurpose.IMAGES: "Requests for images",
}


class MailState(StrEnum):
    """Of a mail that goes."""

    WAITING = "waiting"  # its turn has not come, or it is tried again later
    SENDING = "sending"  # in a conversation with the mail server; a lease says whose
    SENT = "sent"  # the mail server took it (250). Nobody says that it was read
    BOUNCED = "bounced"  # taken, and then returned: it did not reach the mailbox
    REFUSED = "refused"  # the mail server said never (5xx)
    FAILED = "failed"  # tried for hours without success
    HANDLED = "handled"  # a person did something about it
    WITHDRAWN = "withdrawn"  # what it told of was taken back before it left


class MailEvent(StrEnum):
    CLAIM = "be claimed"
    ACCEPT = "be accepted"
    DELAY = "be tried again later"
    REFUSE = "be refused"
    GIVE_UP = "be given up"
    BOUNCE = "be returned"
    RETRY = "be retried"
    HANDLE = "be marked as handled"
    WITHDRAW = "be withdrawn"


MAIL_MOVES: dict[tuple[MailState, MailEvent], MailState] = {
    (MailState.WAITING, MailEvent.CLAIM): MailState.SENDING,
    # Its claimer's lease ran out: it died, perhaps after the server's 250. The same Message-ID.
    (MailState.SENDING, MailEvent.CLAIM): MailState.SENDING,
    (MailState.SENDING, MailEvent.ACCEPT): MailState.SENT,
    (MailState.SENDING, MailEvent.DELAY): MailState.WAITING,
    (MailState.SENDING, MailEvent.REFUSE): MailState.REFUSED,
    (MailState.SENDING, MailEvent.GIVE_UP): MailState.FAILED,
    (MailState.SENT, MailEvent.BOUNCE): MailState.BOUNCED,
    # Returned before we wrote down that it was taken.
    (MailState.SENDING, MailEvent.BOUNCE): MailState.BOUNCED,
    (MailState.WAITING, MailEvent.BOUNCE): MailState.BOUNCED,
    (MailState.WAITING, MailEvent.WITHDRAW): MailState.WITHDRAWN,
    (MailState.REFUSED, MailEvent.RETRY): MailState.WAITING,
    (MailState.FAILED, MailEvent.RETRY): MailState.WAITING,
    (MailState.BOUNCED, MailEvent.RETRY): MailState.WAITING,
    (MailState.REFUSED, MailEvent.HANDLE): MailState.HANDLED,
    (MailState.FAILED, MailEvent.HANDLE): MailState.HANDLED,
    (MailState.BOUNCED, MailEvent.HANDLE): MailState.HANDLED,
}


def after_mail(state: str, event: MailEvent) -> MailState:
    """The state after the event. Raises NoSuchMove."""
    try:
        return MAIL_MOVES[MailState(state), event]
    except KeyError:
        raise NoSuchMove(event, state) from None


MAIL_UNFINISHED = (MailState.WAITING, MailState.SENDING)
MAIL_TROUBLE = (MailState.REFUSED, MailState.FAILED, MailState.BOUNCED)


class MailList(StrEnum):
    """A list of the mail page; its value is the word in the address."""

    NEEDS_YOU = "needs-you"
    WAITING = "waiting"
    SENT = "sent"
    DONE = "done"


MAIL_LISTS: dict[MailState, MailList] = {
    MailState.REFUSED: MailList.NEEDS_YOU,
    MailState.FAILED: MailList.NEEDS_YOU,
    MailState.BOUNCED: MailList.NEEDS_YOU,
    MailState.WAITING: MailList.WAITING,
    MailState.SENDING: MailList.WAITING,
    MailState.SENT: MailList.SENT,
    MailState.HANDLED: MailList.DONE,
    MailState.WITHDRAWN: MailList.DONE,
}

MAIL_WAITS: dict[MailState, Wait] = {
    MailState.WAITING: Wait("worker", timedelta(minutes=15)),
    MailState.SENDING: Wait("worker", timedelta(minutes=5)),
    MailState.REFUSED: Wait("operators", timedelta(hours=1)),
    MailState.FAILED: Wait("operators", timedelta(hours=1)),
    MailState.BOUNCED: Wait("operators", timedelta(hours=1)),
}


class BounceState(StrEnum):
    """Of what came back into the bounce mailbox. Nothing of it is thrown away unread."""

    MATCHED = "matched"  # it is about a mail of ours, which says so
    NOTED = "noted"  # a delivery report that nobody need act on: late, or delivered
    UNKNOWN = "unknown"  # no mail of ours, or no delivery report: a person reads it
    HANDLED = "handled"


BOUNCE_LISTS: dict[BounceState, MailList] = {
    BounceState.UNKNOWN: MailList.NEEDS_YOU,
    BounceState.MATCHED: MailList.DONE,
    BounceState.NOTED: MailList.DONE,
    BounceState.HANDLED: MailList.DONE,
}

BOUNCE_WAITS: dict[BounceState, Wait] = {
    BounceState.UNKNOWN: Wait("operators", timedelta(hours=24)),
}
