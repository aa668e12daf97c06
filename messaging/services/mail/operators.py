"""What a person does about a mail or about what came back. Each leaves its mark in the audit."""

from __future__ import annotations

from email import message_from_bytes
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import format_datetime
from uuid import uuid4

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model
from django.db.models.functions import Now
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from messaging.errors import NoSuchMove, NotSendable, ReasonMissing
from messaging.mail_states import BounceState, MailEvent, after_mail
from messaging.models import Bounce, Mailbox, MailMessage
from messaging.policies import may_operate_mail
from messaging.queries.mail import mailbox_for

from .outcome import move_mail
from .posting import message_id_of, refuse_recipient, return_path_of, ring


@transaction.atomic
def retry_mail(mail: MailMessage, *, by: Acting) -> MailMessage:
    """Send it again: the same bytes, address and Message-ID. Raises NoSuchMove."""
    locked = _locked(mail, by)
    facts = {"tried_since": Now(), "failures": 0, "not_before": None, "reply": "", "reason": ""}
    move_mail(locked, MailEvent.RETRY, reply_code=None, **facts)
    _record(by, "retry_mail", locked)
    transaction.on_commit(ring)
    return locked


@transaction.atomic
def handle_mail(mail: MailMessage, *, reason: str, by: Acting) -> MailMessage:
    """Close it: the person did what the mail was to do. Raises NoSuchMove, ReasonMissing."""
    locked = _locked(mail, by)
    _handle(locked, _words(reason), by)
    _record(by, "handle_mail", locked)
    return locked


def _handle(mail: MailMessage, words: str, by: Acting) -> None:
    who = {"handled_by": by.label[:150], "handled_at": Now(), "handled_how": words}
    move_mail(mail, MailEvent.HANDLE, **who)


@transaction.atomic
def send_to_corrected(mail: MailMessage, *, by: Acting) -> MailMessage:
    """A new mail, linked to the old, to the mailbox that now stands in the directory.

    The old one is handled by it. Raises NoSuchMove, and NotSendable where the directory has no
    other address that somebody has verified.
    """
    locked = _locked(mail, by)
    after_mail(locked.state, MailEvent.HANDLE)
    old = locked.mailbox
    # A person's own has no successor in the directory: their room writes to them again.
    place = None if old.is_personal else old.organisation
    box = mailbox_for(place, old.purpose, modality=old.modality) if place else None
    if box is None or box.address == locked.to_address:
        raise NotSendable(
            "mail_recipient", "The directory has no other verified address for this mailbox yet."
        )
    refuse_recipient(box, locked.purpose)
    new = _readdressed(locked, box, by)
    new.save()
    _handle(locked, f"Sent again to {box.address}", by)
    _record(by, "readdress_mail", locked)
    transaction.on_commit(ring)
    return new


def _readdressed(old: MailMessage, box: Mailbox, by: Acting) -> MailMessage:
    now, token = timezone.now(), uuid4().hex
    message_id = message_id_of(token)
    content = message_from_bytes(bytes(old.raw), policy=SMTP)
    for name, value in (
        ("To", Address(display_name=box.display_name, addr_spec=box.address)),
        ("Message-ID", message_id),
        ("Date", format_datetime(now)),
    ):
        del content[name]
        content[name] = value
    return MailMessage(
        purpose=old.purpose, mailbox=box, to_address=box.address, from_address=old.from_address,
        return_path=return_path_of(token), message_id=message_id, subject=old.subject,
        reference=old.reference, subject_type=old.subject_type, subject_id=old.subject_id,
        raw=content.as_bytes(), state_since=now, tried_since=now, created_by=by.label[:150],
        replaces=old,
    )  # fmt: skip


@transaction.atomic
def handle_bounce(bounce: Bounce, *, reason: str, by: Acting) -> Bounce:
    """Close what came back and is about no mail of ours. Raises NoSuchMove, ReasonMissing."""
    locked = Bounce.objects.select_for_update(of=("self",)).get(pk=bounce.pk)
    _refuse(by)
    words = _words(reason)
    if locked.state != BounceState.UNKNOWN:
        raise NoSuchMove(MailEvent.HANDLE, locked.state)
    locked.state = BounceState.HANDLED
    locked.handled_by, locked.handled_at, locked.handled_how = by.label[:150], timezone.now(), words
    locked.save(update_fields=["state", "handled_by", "handled_at", "handled_how"])
    _record(by, "handle_bounce", locked)
    return locked


def _locked(mail: MailMessage, by: Acting) -> MailMessage:
    _refuse(by)
    rows = MailMessage.objects.select_for_update(of=("self",))
    return rows.select_related("mailbox__organisation__parent").get(pk=mail.pk)


def _refuse(by: Acting) -> None:
    if not may_operate_mail(by):
        raise PermissionDenied


def _words(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing
    return reason.strip()[:300]


def _record(by: Acting, action: str, thing: Model) -> None:
    object_type = f"messaging.{type(thing).__name__}"
    audit.record(acting=by, action=action, object_type=object_type, object_id=thing.pk)
