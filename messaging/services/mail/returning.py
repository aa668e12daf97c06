"""What came into the bounce mailbox: stored, matched to its mail, and an item for a person."""

from __future__ import annotations

import hashlib

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Coalesce, Now

from messaging.bounces import Report, Source, open_source, read_report
from messaging.mail_states import MAIL_MOVES, BounceState, MailEvent, MailState
from messaging.models import Bounce, MailLink, MailMessage

from .outcome import move_mail, tell, the_link
from .posting import return_path_of

log = structlog.get_logger(__name__)
_MOST = 200  # in one go


def read_bounces(*, most: int = _MOST) -> int:
    """Read what is new in the bounce mailbox; how many were new to us.

    Each is stored before it is marked as read there, and is never deleted. Safe to run beside
    itself and to be killed anywhere: what was stored is known by its content.
    """
    source = open_source(settings.BOUNCES_URL)
    if source is None:
        return 0
    try:
        found = _read(source, most)
    except OSError as trouble:
        _note_trouble(type(trouble).__name__)
        return 0
    _note_success()
    return found


def _read(source: Source, most: int) -> int:
    found = 0
    for number, (key, raw) in enumerate(source.unread()):
        if number >= most:
            break
        found += take_bounce(key, raw)
        source.mark_read(key)
    return found


def take_bounce(key: str, raw: bytes) -> bool:
    """Store one mail that came back, with what it means. False: the same bytes are here."""
    digest = hashlib.sha256(raw).hexdigest()
    with transaction.atomic():
        report = read_report(raw)
        mail, how = _mail_of(report)
        state = _state(report, mail)
        new = Bounce(
            source_key=key[:200],
            sha256=digest,
            raw=raw,
            mail=mail,
            matched_by=how,
            action=report.action,
            status=report.status,
            sentence=report.sentence,
            state=state,
        )
        if Bounce.objects.filter(sha256=digest).exists():
            return False
        Bounce.objects.bulk_create([new], ignore_conflicts=True)
        if mail is not None and state == BounceState.MATCHED:
            _bounced(mail, report)
        return True


def _mail_of(report: Report) -> tuple[MailMessage | None, str]:
    """By the return path, which only we and the servers on the way know; else by Message-ID."""
    paths = [return_path_of(token) for token in report.tokens]
    rows = MailMessage.objects.select_for_update()
    if mail := rows.filter(return_path__in=paths).first():
        return mail, "return path"
    if mail := rows.filter(message_id__in=report.message_ids).first():
        return mail, "Message-ID"
    return None, ""


def _state(report: Report, mail: MailMessage | None) -> BounceState:
    """A failure of a mail of ours moves it; a report of lateness is noted; all else is unknown."""
    if mail is None or not report.action:
        return BounceState.UNKNOWN
    return BounceState.MATCHED if report.action == "failed" else BounceState.NOTED


def _bounced(mail: MailMessage, report: Report) -> None:
    """Its room hears it. One that is already a person's stays as it is, with the bounce beside."""
    if (MailState(mail.state), MailEvent.BOUNCE) not in MAIL_MOVES:
        return
    words = f"Came back from {mail.to_address}. {report.sentence}"[:300]
    move_mail(mail, MailEvent.BOUNCE, reason=words, to_tell="bounced")
    tell(mail, "bounced", words)
    log.error("mail_bounced", mail=mail.pk)


def _note_success() -> None:
    changes = {"bounces_read_at": Now(), "bounces_failing_since": None, "bounces_sentence": ""}
    with transaction.atomic():
        the_link()
        MailLink.objects.filter(pk=1).update(**changes)


def _note_trouble(name: str) -> None:
    words = f"The bounce mailbox cannot be read ({name}). What comes back is not seen."
    with transaction.atomic():
        the_link()
        since = Coalesce("bounces_failing_since", Now())
        MailLink.objects.filter(pk=1).update(bounces_failing_since=since, bounces_sentence=words)
    log.error("bounces_unreadable", error=name)
