"""The news of a result by mail: an extra, once for each version, which closes nothing (H35, H52).

Alerted reports leave at once and one by one, from a sender of their own; routine results as a
digest from another. A mail says how many and which reference, and never of whom or what.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation
from accounts.policies import SYSTEM, Acting
from messaging.errors import NotSendable
from messaging.mail_states import MailPurpose
from messaging.models import Mailbox, MailMessage
from messaging.queries.mail import mailbox_for
from messaging.services import mail
from results.models import Notice, Report, ReportVersion
from results.notice_states import (
    DIGEST_AFTER,
    NoticeEvent,
    NoticeKind,
    NoticeState,
    after_notice,
    kind_of,
    may_be_held,
)
from results.states import GROUP_WORDS, Group

from .holding import put_under_hold, why_nobody_need_be_told

log = structlog.get_logger(__name__)

SUBJECT_TYPE = "results.Notice"
SOON = timedelta(minutes=5)  # a digest with something abnormal in it waits no longer
_MOST_DIGESTS = 200  # in one turn of the clock
_PURPOSES = {NoticeKind.ALERTED: MailPurpose.ALERTS, NoticeKind.ROUTINE: MailPurpose.RESULTS}


def tell_place(report: Report, version: ReportVersion, *, by: Acting = SYSTEM) -> Notice | None:
    """Tell the place that asked of a version it has to read; None where it has no such mailbox.

    In the filing's transaction, and never a reason for the filing to fail.
    """
    kind = kind_of(report.significance)
    box = mailbox_for(report.organisation, _PURPOSES[kind])
    if box is None or Notice.objects.filter(version=version).exists():
        return None
    now = timezone.now()
    holdable = kind is NoticeKind.ROUTINE and may_be_held(report.significance, report.list_group)
    notice = Notice.objects.create(
        version=version,
        report=report,
        organisation=report.organisation,
        kind=kind,
        may_be_held=holdable,
        state=NoticeState.WAITING,
        since=now,
        due_at=now + (DIGEST_AFTER if holdable else SOON),
    )
    if kind is NoticeKind.ALERTED:
        _post_alert(notice, report, box, by)
    elif holdable:
        put_under_hold(notice, report.department_id)
    return notice


def _post_alert(notice: Notice, report: Report, box: Mailbox, by: Acting) -> None:
    """One that cannot be written stays waiting, and goes with the next digest's try."""
    reference = report.item.request.reference
    department = report.item.department
    text = (
        f"An alerted report has arrived for request {reference}, from {department.name}.\n\n"
        "Open Results in Diagnostics ordering: it is at the top of the list, and it stays there "
        "until somebody says what they did about it.\n"
    )
    written = _written(
        MailPurpose.ALERTS,
        box,
        subject=f"Action: an alerted report has arrived (ref {reference})",
        text=text,
        subject_id=notice.pk,
        reference=reference,
        by=by,
    )
    if written is not None:
        _end(notice, NoticeEvent.POST, mail=written)


def _written(
    purpose: MailPurpose,
    box: Mailbox,
    *,
    subject: str,
    text: str,
    subject_id: int,
    reference: str = "",
    by: Acting,
) -> MailMessage | None:
    try:
        return mail.post(
            purpose=purpose, to=box, subject=subject, text=text, reference=reference,
            subject_type=SUBJECT_TYPE, subject_id=subject_id, by=by,
        )  # fmt: skip
    except NotSendable as refusal:
        log.warning("notice_not_sendable", mailbox=box.pk, reason=refusal.reason_code)
        return None


def _end(notice: Notice, event: NoticeEvent, *, reason: str = "", **changes: object) -> None:
    """The caller has locked the row, or has just made it."""
    notice.state = after_notice(notice.state, event)
    notice.since, notice.reason = timezone.now(), reason
    for name, value in changes.items():
        setattr(notice, name, value)
    notice.save()


# --- The digest ----------------------------------------------------------------------------------


def post_digests(*, by: Acting = SYSTEM, most: int = _MOST_DIGESTS) -> int:
    """Write the digests that are due, one mail for each place; how many. Safe to run twice."""
    due = Notice.objects.filter(state=NoticeState.WAITING, due_at__lte=timezone.now())
    places = list(due.order_by().values_list("organisation_id", flat=True).distinct()[:most])
    return sum(_post_digest(place, by) for place in places)


def _post_digest(place_id: int, by: Acting) -> bool:
    with transaction.atomic():
        waiting = (
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(organisation_id=place_id, state=NoticeState.WAITING)
            .select_related("report__department", "report__item__request", "organisation")
            .order_by("pk")
        )
        news = [notice for notice in waiting if not _is_old_news(notice)]
        alerted = [notice for notice in news if notice.kind == NoticeKind.ALERTED]
        for notice in alerted:
            _try_alert(notice, by)
        return _write_digest([each for each in news if each not in alerted], by)


def _is_old_news(notice: Notice) -> bool:
    """Somebody has read it, or a newer version took its place: nobody need be told."""
    if reason := why_nobody_need_be_told(notice):
        _end(notice, NoticeEvent.CANCEL, reason=reason)
    return bool(reason)


def _try_alert(notice: Notice, by: Acting) -> None:
    box = mailbox_for(notice.organisation, MailPurpose.ALERTS)
    if box is not None:
        _post_alert(notice, notice.report, box, by)
    if notice.state == NoticeState.WAITING:
        notice.due_at = timezone.now() + SOON
        notice.save(update_fields=["due_at"])


def _write_digest(news: list[Notice], by: Acting) -> bool:
    if not news:
        return False
    place = news[0].organisation
    box = mailbox_for(place, MailPurpose.RESULTS)
    if box is None:  # the place does not want mail any more: its list is as it was
        for notice in news:
            _end(notice, NoticeEvent.CANCEL, reason="The place has no mailbox for it any more")
        return False
    count = len(news)
    results = "1 routine result has" if count == 1 else f"{count} routine results have"
    written = _written(
        MailPurpose.RESULTS, box, subject=f"{results} arrived",
        text=_digest_text(news, place, results), subject_id=news[0].pk, by=by,
    )  # fmt: skip
    for notice in news:
        if written is not None:
            _end(notice, NoticeEvent.POST, mail=written)
        else:
            _put_off(notice, timezone.now() + DIGEST_AFTER)
    return written is not None


def _put_off(notice: Notice, until: datetime) -> None:
    notice.due_at = until
    notice.save(update_fields=["due_at"])


def _digest_text(news: list[Notice], place: Organisation, results: str) -> str:
    """How many of each kind, from whom, under which references."""
    kinds = Counter(Group(notice.report.list_group) for notice in news)
    senders = sorted({notice.report.department.name for notice in news})
    references = sorted({notice.report.item.request.reference for notice in news})
    lines = [
        f"{results} arrived for {place.name}.",
        "",
        *(f"- {GROUP_WORDS[group]}: {kinds[group]}" for group in sorted(kinds)),
        "",
        f"From: {', '.join(senders)}.",
        f"Requests: {', '.join(references)}.",
        "",
        "They are in Results in Diagnostics ordering, and have been since they arrived.",
    ]
    return "\n".join(lines)
