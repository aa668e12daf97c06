"""Out of the mail's outbox: claimed with a lease, handed in, and what came of it written down."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from messaging import crash, smtp
from messaging.mail_format import is_allowed
from messaging.mail_states import MailEvent, MailState, after_mail
from messaging.models import MailLink, MailMessage, new_lease

from .outcome import record_failure, record_not_allowed, record_sent, tell_again

_SLACK = timedelta(seconds=30)  # of a lease, over greeting and sending twice at their longest
MOST = 1000  # in one go; the next ring or sweep takes the rest
_busy = threading.Lock()


def deliver_due(*, most: int = MOST) -> int:
    """Send what is due, oldest first; how many the server took. Safe to run beside itself.

    One at a time in a process, so that a crash leaves one mail at the most of which nobody knows
    whether the server took it; more processes send more. Stops when the mail server does not
    answer: the rest waits for it, and nobody asks it again before its pause is over.
    """
    tell_again()
    server = settings.EMAIL_SERVER
    if server is None:
        return 0
    if not _busy.acquire(blocking=False):  # what came meanwhile is seen by it, or by the sweep
        return 0
    line = smtp.Line(server, seconds=settings.MAIL_EXCHANGE_SECONDS)
    try:
        return _drain(line, most)
    finally:
        line.close()
        _busy.release()


def _drain(line: smtp.Line, most: int) -> int:
    sent = 0
    for _ in range(most):
        claimed = _claim()
        if claimed is None:
            break
        sent += _send(line, *claimed)
    return sent


def _send(line: smtp.Line, mail: MailMessage, token: UUID) -> bool:
    crash.point("mail.claimed")
    if not is_allowed(mail.to_address, settings.MAIL_DOMAINS):  # the list was narrowed since
        record_not_allowed(mail, token)
        return False
    try:
        reply = line.send(
            return_path=mail.return_path, recipient=mail.to_address, raw=bytes(mail.raw)
        )
    except smtp.NotSent as trouble:
        record_failure(mail, token, trouble)
        return False
    crash.point("mail.accepted")
    return record_sent(mail, token, reply)


def _claim() -> tuple[MailMessage, UUID] | None:
    """The oldest mail that is due, leased to us; None when nothing may be sent now."""
    with transaction.atomic():
        if MailLink.objects.filter(retry_at__gt=Now()).exists():
            return None
        mail = (
            MailMessage.objects.select_for_update(skip_locked=True)
            .filter(_is_due())
            .order_by("id")
            .first()
        )
        if mail is None:
            return None
        token = new_lease()
        lease = timedelta(seconds=4 * settings.MAIL_EXCHANGE_SECONDS + 2 * smtp.CONNECT_SECONDS)
        MailMessage.objects.filter(pk=mail.pk).update(
            state=after_mail(mail.state, MailEvent.CLAIM),
            state_since=Now(),
            lease_token=token,
            lease_until=Now() + lease + _SLACK,
            attempts=F("attempts") + 1,
            first_sent_at=Coalesce("first_sent_at", Now()),
        )
        return mail, token


def _is_due() -> Q:
    waits = Q(state=MailState.WAITING) & (Q(not_before=None) | Q(not_before__lte=Now()))
    return waits | Q(state=MailState.SENDING, lease_until__lte=Now())
