"""A requester's own mailbox, in the directory of their trust: for mails about their images."""

from __future__ import annotations

from accounts.models import Organisation
from messaging.models import Mailbox


def own_mailbox(organisation: Organisation, address: str) -> Mailbox | None:
    """The one of that address that stands there, verified or not; None where it was never entered.

    `services.mail.posting.is_usable` says whether it may be written to today.
    """
    wanted = Mailbox.objects.filter(organisation=organisation, is_personal=True, valid_to=None)
    return wanted.filter(address=address.strip().lower()).first()
