"""Mails to the requester of a ticket: once for each occasion, and a mail closes nothing.

The subject carries the call reference and no identity; nor does the text. Where no mail can go,
the ticket says so in words, and somebody rings.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils import timezone

from accounts.policies import Acting
from iep.models import Ticket, TicketMail
from iep.states.tickets import RANG, TicketKind, TicketState
from messaging.errors import MailboxRefused, NotSendable
from messaging.mail_states import MailPurpose
from messaging.models import Mailbox
from messaging.queries.own_mailboxes import own_mailbox
from messaging.services import mail
from messaging.services.mail.posting import is_usable

SUBJECT_TYPE: Final = "iep.TicketMail"
NO_ADDRESS: Final = "There is no e-mail address that we may write to."
UNCONFIRMED: Final = "Nobody has made sure of the requester’s e-mail address yet."
# The occasions that say that it is done: with them the requester is told.
END: Final = ("available", "delivered")
_HEADLINES: Final = {
    "opened": "your request is open",
    "missing": "we need details from you",
    "reminder": "we still need details from you",
    "arrived": "the images are here",
    "short": "some of the images are here",
    "called off": "the exchange was cancelled",
    "available": "the images are in PACS",
    "gone": "the images are not in PACS any more",
    "again": "the images are in PACS again",
    "delivered": "the images were delivered",
    "declined": "the other hospital declined",
    "failed": "the transfer failed",
    "purged": "the images were removed",
    "purging": "the images are removed soon",
    "cancelled": "your request is cancelled",
    "expired": "your request is cancelled",
    "left": "your disc was left in the box",
}


def tell_requester(ticket: Ticket, occasion: str, text: str, by: Acting) -> TicketMail:
    """A mail to the requester's own mailbox: once for each occasion, however often it is called.

    `occasion` is a word of ours and what tells it from others of its kind: "reminder-7", "failed
    2". `text` names no patient. What could not be sent says why in `not_sent`.
    """
    with transaction.atomic():
        row, is_new = TicketMail.objects.get_or_create(
            ticket=ticket, occasion=occasion[:40], defaults={"text": text}
        )
        if is_new:
            _send(row, by)
    return row


def register_address(ticket: Ticket, *, by: Acting) -> None:
    """The requester's address into the directory, where it is one that we may write to."""
    try:
        with transaction.atomic():
            mail.enter_own_mailbox(
                ticket.organisation, address=ticket.requester_email,
                display_name=ticket.requester_name, by=by,
            )  # fmt: skip
    except MailboxRefused:
        return  # each mail that could not be sent says so


def confirm_address(ticket: Ticket, *, by: Acting) -> int:
    """A colleague has made sure of the address. What was held back for that goes now: how many.

    Raises PermissionDenied for who entered it, MailboxRefused where it is not there any more.
    """
    with transaction.atomic():
        box = own_mailbox(ticket.organisation, ticket.requester_email)
        if box is None:
            raise MailboxRefused(NO_ADDRESS)
        mail.verify_mailbox(box, by=by)
        held = TicketMail.objects.select_for_update(of=("self",)).select_related("ticket").filter(
            mail__isnull=True, not_sent=UNCONFIRMED, ticket__organisation=ticket.organisation,
            ticket__requester_email__iexact=box.address,
        )  # fmt: skip
        rows = list(held.order_by("pk"))
        for row in rows:
            _send(row, by)
    return len(rows)


def _send(row: TicketMail, by: Acting) -> None:
    box = own_mailbox(row.ticket.organisation, row.ticket.requester_email)
    row.not_sent = _why_not(box)
    if box is not None and not row.not_sent:
        try:
            with transaction.atomic():
                row.mail = mail.post(
                    purpose=MailPurpose.IMAGES, to=box, subject=subject_of(row), text=_text(row),
                    subject_type=SUBJECT_TYPE, subject_id=row.pk, reference=row.ticket.reference,
                    by=by,
                )  # fmt: skip
        except NotSendable as refusal:
            row.not_sent = str(refusal)[:200]
    row.save(update_fields=["mail", "not_sent"])


def _why_not(box: Mailbox | None) -> str:
    if box is None:
        return NO_ADDRESS
    return "" if is_usable(box) else UNCONFIRMED


def subject_of(row: TicketMail) -> str:
    """`IEP-261122-014: your request is open`."""
    headline = next(
        (words for word, words in _HEADLINES.items() if row.occasion.startswith(word)),
        "news of your request",
    )
    return f"{row.ticket.reference}: {headline}"


def _text(row: TicketMail) -> str:
    what = "export" if row.ticket.kind == TicketKind.EXPORT else "import"
    return (
        f"{row.text.rstrip()}\n\nCall reference: {row.ticket.reference} (image {what}). Say it "
        "when you ring. To answer, or to see how far it is, sign in and open “My image requests”."
    )


def record_mail(subject_id: str, outcome: str, words: str) -> None:
    """What came of a mail: "sent", "refused", "bounced". Closes nothing; safe to repeat."""
    with transaction.atomic():
        rows = TicketMail.objects.select_for_update(of=("self",))
        row = rows.select_related("ticket").get(pk=int(subject_id))
        row.outcome, row.outcome_words = outcome[:12], words[:300]
        row.save(update_fields=["outcome", "outcome_words"])
        if not row.occasion.startswith(END):
            return
        ticket = Ticket.objects.filter(pk=row.ticket_id)
        if outcome == "sent":
            ticket.filter(told_at__isnull=True).update(told_at=timezone.now())
        elif not _has_rung(row.ticket):  # it came back: nobody knows (hazard H45)
            ticket.update(told_at=None)


def _has_rung(ticket: Ticket) -> bool:
    """Whether somebody rang the requester, and not only for missing details."""
    rang = ticket.events.filter(words__startswith=RANG)
    return rang.exclude(to_state=TicketState.AWAITING_DETAILS.value).exists()
