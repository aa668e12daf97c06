"""The directory of mailboxes: one person enters an address, another makes sure that it is right.

An address is never overwritten: a correction ends the old row and begins a new one, which nobody
may write to before somebody else has verified it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation
from accounts.policies import Acting
from messaging.errors import MailboxRefused
from messaging.mail_format import is_address, is_allowed
from messaging.mail_states import MailPurpose
from messaging.models import Mailbox
from messaging.policies import may_enter_own_mailbox, may_operate_mail, may_verify_mailbox


def enter_mailbox(
    organisation: Organisation,
    *,
    purpose: str,
    modality: str = "",
    address: str,
    display_name: str,
    by: Acting,
) -> Mailbox:
    """A new address, which is not written to before another person verified it.

    Raises MailboxRefused for what is no address, is at no listed domain, or stands there already.
    """
    _refuse(by)
    address = address.strip()
    _refuse_address(address)
    if purpose not in set(MailPurpose):
        raise MailboxRefused("Choose what the mailbox is for.")
    return _entered(
        by, organisation=organisation, purpose=purpose, modality=modality.strip().upper(),
        address=address, display_name=_plain(display_name) or organisation.name[:80],
    )  # fmt: skip


def enter_own_mailbox(
    organisation: Organisation, *, address: str, display_name: str, by: Acting
) -> Mailbox:
    """The mailbox of somebody who asks for images: theirs alone, in the directory of their trust.

    It stands at once where it is the address of the account that enters it, which somebody else
    made; otherwise a colleague of the service desk makes sure of it, once. What stands there
    already is returned. Raises MailboxRefused for what is no address, or is at no listed domain.
    """
    if not may_enter_own_mailbox(by, organisation):
        raise PermissionDenied
    address = address.strip().lower()
    _refuse_address(address)
    standing = Mailbox.objects.filter(
        organisation=organisation, address=address, is_personal=True, valid_to=None
    )
    if found := standing.first():
        return found
    is_of_account = by.user is not None and by.user.email.strip().lower() == address
    vouched = {"verified_on": timezone.localdate(), "verified_by": "The address of the account"}
    try:
        return _entered(
            by, organisation=organisation, purpose=MailPurpose.IMAGES.value, is_personal=True,
            address=address, display_name=_plain(display_name) or address[:80],
            **(vouched if is_of_account else {}),
        )  # fmt: skip
    except MailboxRefused:  # somebody else has just entered it
        return standing.get()


def _entered(by: Acting, **facts: Any) -> Mailbox:
    try:
        with transaction.atomic():
            mailbox = Mailbox.objects.create(
                entered_by=by.label[:150], entered_by_user=by.user,
                valid_from=timezone.localdate(), **facts,
            )  # fmt: skip
            _record(by, "enter_mailbox", mailbox)
    except IntegrityError:
        words = "There is a mailbox for that already. Correct or end that one."
        raise MailboxRefused(words) from None
    return mailbox


def _refuse_address(address: str) -> None:
    if not is_address(address):
        raise MailboxRefused("Enter one mail address, like reception@example.nhs.uk.")
    if not is_allowed(address, settings.MAIL_DOMAINS):
        listed = ", ".join(settings.MAIL_DOMAINS)
        raise MailboxRefused(f"Mail may only be sent to these domains: {listed}.")


def _plain(name: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:80]


def verify_mailbox(mailbox: Mailbox, *, by: Acting) -> Mailbox:
    """Somebody rang, or had an answer: it is the right mailbox. Not who entered it.

    Raises MailboxRefused where it has ended meanwhile.
    """
    with transaction.atomic():
        locked = _locked(mailbox)
        if not may_verify_mailbox(by, locked):
            raise PermissionDenied
        locked.verified_on, locked.verified_by = timezone.localdate(), by.label[:150]
        locked.save(update_fields=["verified_on", "verified_by"])
        _record(by, "verify_mailbox", locked)
        return locked


def correct_mailbox(mailbox: Mailbox, *, address: str, by: Acting) -> Mailbox:
    """The new row in place of the old, which ends today. Raises MailboxRefused."""
    _refuse(by)
    with transaction.atomic():
        locked = _locked(mailbox)
        if address.strip() == locked.address:
            raise MailboxRefused("This is the address that stands there now.")
        _end(locked, by)
        if locked.is_personal:
            return enter_own_mailbox(
                locked.organisation, address=address, display_name=locked.display_name, by=by
            )
        return enter_mailbox(
            locked.organisation, purpose=locked.purpose, modality=locked.modality,
            address=address, display_name=locked.display_name, by=by,
        )  # fmt: skip


def end_mailbox(mailbox: Mailbox, *, by: Acting) -> Mailbox:
    """Nothing is written there any more. Raises MailboxRefused where it has ended already."""
    _refuse(by)
    with transaction.atomic():
        return _end(_locked(mailbox), by)


def _end(mailbox: Mailbox, by: Acting) -> Mailbox:
    mailbox.valid_to = timezone.localdate()
    mailbox.save(update_fields=["valid_to"])
    _record(by, "end_mailbox", mailbox)
    return mailbox


def _locked(mailbox: Mailbox) -> Mailbox:
    rows = Mailbox.objects.select_for_update(of=("self",)).select_related("organisation")
    locked = rows.get(pk=mailbox.pk)
    if locked.valid_to is not None:
        raise MailboxRefused("This mailbox has been ended or corrected meanwhile.")
    return locked


def _refuse(by: Acting) -> None:
    if not may_operate_mail(by):
        raise PermissionDenied


def _record(by: Acting, action: str, mailbox: Mailbox) -> None:
    audit.record(
        acting=by, action=action, object_type="messaging.Mailbox", object_id=mailbox.pk,
        reason=mailbox.purpose,
    )  # fmt: skip
