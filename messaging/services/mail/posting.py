"""Into the mail's outbox: written in the business transaction, sent when it has committed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.html import escape

from accounts import audit
from accounts.policies import Acting
from messaging import doorbell
from messaging.errors import NotSendable
from messaging.mail_format import (
    Attachment,
    Envelope,
    compose,
    is_allowed,
    refuse_file_name,
    refuse_header,
    refuse_identity,
    refuse_subject,
)
from messaging.mail_states import MailEvent, MailPurpose, MailState, after_mail
from messaging.models import Mailbox, MailMessage

TASK, QUEUE = "messaging.deliver_mail", "mail"
_DO_NOT_REPLY = (
    "Do not reply to this e-mail: nobody reads what is sent to {address}. It closes nothing: what "
    "it is about stays on its list in {service} until somebody acts there. Help: {phone}."
)


def post(
    *,
    purpose: str,
    to: Mailbox,
    subject: str,
    text: str,
    html: str = "",
    attachments: Sequence[Attachment] = (),
    subject_type: str,
    subject_id: object,
    reference: str = "",
    never: Sequence[str] = (),
    not_before: datetime | None = None,
    by: Acting,
) -> MailMessage:
    """Queue a mail to a mailbox of the directory, in the transaction of what it tells of.

    It leaves when that commits (or at `not_before`), and is tried for hours under one Message-ID.
    What came of it is told to settings.MAIL_EVENTS[subject_type]. `never` names words that may
    not stand in the subject or in an attachment's name: the patient's. The words that say not to
    reply are added to the text. Raises NotSendable; nothing is queued then.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("post belongs in the business transaction")
    refuse_recipient(to, purpose)
    refuse_subject(subject, never)
    refuse_header(reference, "reference")
    refuse_identity(reference, "reference", never)
    for each in attachments:
        refuse_file_name(each.name, never)
    mail = _written(purpose, to, subject, text, html, attachments, by)
    mail.subject_type, mail.subject_id = subject_type, str(subject_id)
    mail.reference, mail.not_before = reference, not_before
    return _queued(mail, by)


def _queued(mail: MailMessage, by: Acting) -> MailMessage:
    mail.save()
    audit.record(
        acting=by,
        action="post_mail",
        object_type="messaging.MailMessage",
        object_id=mail.pk,
        reason=mail.purpose,
    )
    transaction.on_commit(ring)
    return mail


def ring() -> None:
    """Ask a worker to send what is due."""
    doorbell.ring(TASK, queue=QUEUE)


def refuse_recipient(to: Mailbox, purpose: str) -> None:
    """Raises NotSendable unless the directory has it, today, verified, for this purpose."""
    if purpose not in set(MailPurpose):
        raise NotSendable("mail_purpose", f"There is no mail for the purpose {purpose}.")
    if to.pk is None or to.purpose != purpose:
        raise NotSendable("mail_recipient", "The mailbox is in the directory for something else.")
    if not is_usable(to):
        raise NotSendable("mail_recipient", "The mailbox is not valid today, or never verified.")
    if not is_allowed(to.address, settings.MAIL_DOMAINS):
        raise NotSendable("mail_domain", "The mailbox is not at a domain that we may write to.")


def is_usable(mailbox: Mailbox) -> bool:
    """Valid today, and somebody once made sure that it is the right one.

    An old verification is a reminder (`queries.mail`) and stops no mail: the address was right.
    """
    today = timezone.localdate()
    ended = mailbox.valid_to is not None and mailbox.valid_to <= today
    return mailbox.verified_on is not None and mailbox.valid_from <= today and not ended


def sender_of(purpose: str) -> tuple[str, str]:
    """The do-not-reply sender of this purpose: display name and address."""
    name, address = settings.MAIL_SENDERS[purpose]
    return name, address


def _written(
    purpose: str,
    to: Mailbox,
    subject: str,
    text: str,
    html: str,
    attachments: Sequence[Attachment],
    by: Acting,
) -> MailMessage:
    now, token = timezone.now(), uuid4().hex
    sender, message_id = sender_of(purpose), message_id_of(token)
    envelope = Envelope(sender, (to.display_name, to.address), message_id, now)
    words = _DO_NOT_REPLY.format(
        address=sender[1], service=settings.SERVICE_NAME, phone=settings.HELP_PHONE
    )
    said = f"{text.rstrip()}\n\n--\n{words}\n"
    shown = _with_words(html, words)
    raw = compose(envelope, subject=subject, text=said, html=shown, attachments=attachments)
    return MailMessage(
        purpose=purpose, mailbox=to, to_address=to.address, from_address=sender[1],
        return_path=return_path_of(token), message_id=message_id, subject=subject, raw=raw,
        state_since=now, tried_since=now, created_by=by.label[:150],
    )  # fmt: skip


def _with_words(html: str, words: str) -> str:
    """The words at the end of what is shown; nothing where the mail has no HTML."""
    if not html:
        return ""
    before, end, after = html.rpartition("</body>")
    paragraph = f"<hr><p>{escape(words)}</p>"
    return f"{before}{paragraph}{end}{after}" if end else f"{html}{paragraph}"


def return_path_of(token: str) -> str:
    """`bounces+<token>@...`: a mail that comes back says by its address which one it was."""
    local, _, domain = settings.MAIL_RETURN_PATH.rpartition("@")
    return f"{local}+{token}@{domain}"


def message_id_of(token: str) -> str:
    """Of the domain of our return path, with the same token."""
    return f"<{token}@{settings.MAIL_RETURN_PATH.rpartition('@')[2]}>"


def withdraw(*, subject_type: str, subject_id: object, by: Acting) -> int:
    """What the mails would tell is no longer so: those that have not left stay. How many."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("withdraw belongs in the business transaction")
    waiting = MailMessage.objects.select_for_update().filter(
        subject_type=subject_type, subject_id=str(subject_id), state=MailState.WAITING
    )
    mails = list(waiting.order_by("id"))
    for mail in mails:
        _withdraw(mail, by)
    return len(mails)


def _withdraw(mail: MailMessage, by: Acting) -> None:
    changes: dict[str, Any] = {
        "state": after_mail(mail.state, MailEvent.WITHDRAW),
        "state_since": timezone.now(),
        "reason": "Taken back before it was sent.",
    }
    MailMessage.objects.filter(pk=mail.pk).update(**changes)
    audit.record(
        acting=by, action="withdraw_mail", object_type="messaging.MailMessage", object_id=mail.pk
    )
