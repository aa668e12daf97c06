"""What came of sending a mail: written with what it means for its sender, in one transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.module_loading import import_string

from messaging.mail_states import MailEvent, MailState, after_mail
from messaging.models import MailLink, MailMessage
from messaging.services.pauses import pause
from messaging.smtp import NotSent, Reply

log = structlog.get_logger(__name__)

_LONGEST_REASON = 300
_FIRST_PAUSE, _LONGEST_PAUSE = 15.0, 900.0  # seconds, of one mail
_LONGEST_LINK_PAUSE = 60.0
_TOLD_AT_ONCE = 50


def record_sent(mail: MailMessage, token: UUID, reply: Reply) -> bool:
    """The server took it (250). False when somebody else has the mail meanwhile."""
    with transaction.atomic():
        held = _held(mail, token)
        _link_works()
        if held is None:
            return False
        facts = {"reply_code": reply.code, "reply": reply.words, "sent_at": Now(), "failures": 0}
        move_mail(held, MailEvent.ACCEPT, reason="", to_tell="sent", **facts)
        tell(held, "sent", f"Sent to {held.to_address}")
        return True


def record_failure(mail: MailMessage, token: UUID, trouble: NotSent) -> None:
    """Not taken: tried again, or a person's. A permanent refusal is on their list at once."""
    with transaction.atomic():
        held = _held(mail, token)
        if trouble.is_link:
            _link_fails(trouble)
        else:
            _link_works()
        if held is None:
            return
        facts = _said(trouble)
        if trouble.is_permanent:
            _over(held, MailEvent.REFUSE, trouble.sentence, **facts)
        elif timezone.now() - held.tried_since >= timedelta(hours=settings.MAIL_GIVE_UP_HOURS):
            words = f"Tried for {settings.MAIL_GIVE_UP_HOURS:g} hours. {trouble.sentence}"
            _over(held, MailEvent.GIVE_UP, words, **facts)
        else:
            _later(held, trouble, facts)


def record_not_allowed(mail: MailMessage, token: UUID) -> None:
    """Its domain is no longer on the list: nothing is sent there, and a person decides."""
    with transaction.atomic():
        held = _held(mail, token)
        if held is not None:
            words = "Its domain is not one that mail may be sent to (MAIL_DOMAINS)."
            _over(held, MailEvent.REFUSE, words)


def _said(trouble: NotSent) -> dict[str, Any]:
    """The server's last words, empty where it said none."""
    reply = trouble.reply
    return {"reply_code": reply.code if reply else None, "reply": reply.words if reply else ""}


def _later(mail: MailMessage, trouble: NotSent, facts: dict[str, Any]) -> None:
    """Where the whole link fails the mail waits for the link; otherwise for its own pause."""
    failures = mail.failures + 1
    is_before_mail = trouble.is_link and trouble.step not in ("sender", "recipient", "content")
    wait = pause(failures, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE)
    later = None if is_before_mail else Now() + wait
    failures = mail.failures if is_before_mail else failures
    move_mail(
        mail, MailEvent.DELAY, reason=trouble.sentence, not_before=later, failures=failures, **facts
    )


def _over(mail: MailMessage, event: MailEvent, words: str, **facts: Any) -> None:
    words = words[:_LONGEST_REASON]
    move_mail(mail, event, reason=words, to_tell="refused", **facts)
    tell(mail, "refused", words)
    log.error("mail_needs_a_person", mail=mail.pk)


def _held(mail: MailMessage, token: UUID) -> MailMessage | None:
    """The row, locked, if our lease on it still holds."""
    held = MailMessage.objects.select_for_update().filter(
        pk=mail.pk, lease_token=token, state=MailState.SENDING
    )
    if found := held.first():
        return found
    log.warning("mail_lease_lost", mail=mail.pk)
    return None


def move_mail(mail: MailMessage, event: MailEvent, **changes: Any) -> None:
    """The one way by which a mail moves after it was written; the caller has locked its row."""
    state = after_mail(mail.state, event)
    released = {"lease_token": None, "lease_until": None, "state_since": Now()}
    MailMessage.objects.filter(pk=mail.pk).update(state=state, **released | changes)
    mail.state = state


# --- The link ------------------------------------------------------------------------------------


def the_link() -> MailLink:
    """The one row, locked."""
    MailLink.objects.bulk_create([MailLink(pk=1)], ignore_conflicts=True)
    return MailLink.objects.select_for_update().get(pk=1)


def _link_works() -> None:
    the_link()
    MailLink.objects.filter(pk=1).update(
        last_success_at=Now(), failing_since=None, sentence="", failures=0, retry_at=None
    )


def _link_fails(trouble: NotSent) -> None:
    failures = the_link().failures + 1
    MailLink.objects.filter(pk=1).update(
        failing_since=Coalesce("failing_since", Now()),
        sentence=trouble.sentence,
        failures=F("failures") + 1,
        retry_at=Now() + pause(failures, first=2.0, longest=_LONGEST_LINK_PAUSE),
    )
    log.warning("mail_link_failing", step=trouble.step)


# --- Who sent it ---------------------------------------------------------------------------------


def tell(mail: MailMessage, outcome: str, words: str) -> None:
    """Tell the room that sent it, by settings.MAIL_EVENTS.

    The mail has gone or come back whatever the room says. An outcome that it could not record
    stays on the row (`to_tell`), is told again at each sweep, and is on the mail page till then.
    """
    listener = import_string(settings.MAIL_EVENTS).get(mail.subject_type)
    try:
        if listener is not None:
            with transaction.atomic():
                listener(mail.subject_id, outcome, words)
    except OperationalError:
        raise  # the database's trouble, not the room's: nothing is recorded, all is tried again
    except Exception as failure:  # noqa: BLE001 - no fault of a room's may lose what happened
        error = type(failure).__name__  # and no traceback: it may hold a patient's words
        log.error("mail_event_failed", mail=mail.pk, error=error)  # noqa: TRY400
        return
    MailMessage.objects.filter(pk=mail.pk).update(to_tell="")


def tell_again() -> int:
    """Tell what no room could hear before; how many were told now."""
    waiting = MailMessage.objects.exclude(to_tell="").values_list("pk", flat=True)
    return sum(_told_again(pk) for pk in list(waiting.order_by("id")[:_TOLD_AT_ONCE]))


def _told_again(pk: int) -> bool:
    with transaction.atomic():
        rows = MailMessage.objects.select_for_update(skip_locked=True).exclude(to_tell="")
        mail = rows.filter(pk=pk).first()
        if mail is None:
            return False
        tell(mail, mail.to_tell, mail.reason or f"Sent to {mail.to_address}")
        return not MailMessage.objects.filter(pk=pk).exclude(to_tell="").exists()
