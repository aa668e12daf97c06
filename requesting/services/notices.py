"""A mail that a request needs somebody: an extra, once for each thing that happened (H10, H35).

The item on the list of the requester stays until they act, whatever becomes of the mail. The mail
carries the request's reference and what kind of thing happened, never of whom or why.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.utils import timezone

from accounts.policies import Acting
from messaging.errors import NotSendable
from messaging.mail_states import MailPurpose
from messaging.queries.mail import mailbox_for
from messaging.services import mail
from requesting.clocks import undo_time
from requesting.models import RequestItem
from requesting.states import Event

log = structlog.get_logger(__name__)

SUBJECT_TYPE = "requesting.Notice"
_SLACK = timedelta(seconds=2)

# What happened, to go on from "For request R-4821, ".
WORDS: dict[Event, str] = {
    Event.REJECTED: "the department did not accept what was asked for. Nothing has been booked.",
    Event.STOPPED: "what was asked for was not sent. Nothing has been booked.",
    Event.DELIVERY_REFUSED: "the hospital’s system refused what was sent. Nothing has been booked.",
    Event.ASKED: "the department asks a question before it decides.",
    Event.EXAM_CHANGED: "the department will do another examination than the one asked for.",
    Event.DNA: "the patient did not attend.",
    Event.CANCELLED: "the department cancelled what was asked for.",
    Event.CANCEL_REFUSED: "the department could not cancel it: it goes ahead.",
}
# By these the requester has acted, or the decision was taken back: a mail that has not left stays.
TAKEN_BACK = frozenset({Event.VET_UNDONE, Event.ANSWERED, Event.CLOSED, Event.REPLACED, Event.SEEN})


def tell(item: RequestItem, event: Event, *, by: Acting) -> None:
    """In the transaction of the move; never a reason for the move to fail."""
    if event in TAKEN_BACK:
        mail.withdraw(subject_type=SUBJECT_TYPE, subject_id=item.pk, by=by)
    elif event in WORDS and _needs_somebody(item, event):
        _post(item, event, by)


def _needs_somebody(item: RequestItem, event: Event) -> bool:
    """A cancellation that the requester asked for is no news to them."""
    return event is not Event.CANCELLED or bool(item.attention)


def _post(item: RequestItem, event: Event, by: Acting) -> None:
    box = mailbox_for(item.request.organisation, MailPurpose.REQUESTS)
    if box is None:  # this place wants no mail
        return
    reference = item.request.reference
    text = (
        f"For request {reference}, {WORDS[event]}\n\n"
        f"It is on the list “Needs you” in Diagnostics ordering, with the reason: search for "
        f"{reference}. It stays there until somebody acts on it.\n"
    )
    try:
        mail.post(
            purpose=MailPurpose.REQUESTS, to=box, reference=reference, text=text,
            subject=f"Action: a request needs you (ref {reference})", subject_type=SUBJECT_TYPE,
            subject_id=item.pk, not_before=_not_before(by), by=by,
        )  # fmt: skip
    except NotSendable as refusal:
        log.warning("notice_not_sendable", mailbox=box.pk, reason=refusal.reason_code)


def _not_before(by: Acting) -> datetime | None:
    """A person's decision may be taken back for some seconds; what a machine says may not."""
    return None if by.user is None else timezone.now() + undo_time() + _SLACK
