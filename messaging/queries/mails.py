"""What the mail page shows: what needs a person, what waits, what went, and how it goes.

No line of it says who a patient is: a mail's subject and reference cannot, and its text is not
shown here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from accounts.queries import roles_that_may
from accounts.roles import Permission
from messaging.mail_states import (
    BOUNCE_LISTS,
    BOUNCE_WAITS,
    MAIL_LISTS,
    MAIL_MOVES,
    MAIL_TROUBLE,
    MAIL_UNFINISHED,
    MAIL_WAITS,
    PURPOSE_WORDS,
    BounceState,
    MailEvent,
    MailList,
    MailPurpose,
    MailState,
)
from messaging.models import Bounce, MailLink, MailMessage
from messaging.policies import may_operate_mail
from messaging.queries.mail import mailbox_for
from messaging.states import Wait

PAGE = 50
FAILING_IS_NEWS_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class MailLine:
    """A mail, or something that came back, as a list shows it."""

    kind: str  # "mail" or "bounce": the end of the name of its page
    pk: int
    words: str
    purpose: str
    to: str
    state: str
    reason: str
    since: datetime
    is_late: bool
    whose: str


@dataclass(frozen=True)
class MailLists:
    """One list of the mail page, with the counts of those that somebody has to look at."""

    shown: MailList
    purpose: str
    lines: list[MailLine]
    page: int
    pages: int
    counts: dict[MailList, int]


@dataclass(frozen=True)
class MailPage:
    """All that the page of one mail shows."""

    line: MailLine
    mail: MailMessage
    bounces: list[Bounce]
    may_retry: bool
    may_handle: bool
    corrected: str  # the address that now stands in the directory, where it is another


def mail_lists(acting: Acting, *, shown: str, purpose: str, page: int) -> MailLists:
    """A list of the mail page; an unknown name shows what needs a person."""
    chosen = MailList(shown) if shown in set(MailList) else MailList.NEEDS_YOU
    purpose = purpose if purpose in set(MailPurpose) else ""
    mails = _mails(acting).filter(state__in=_states(MAIL_LISTS, chosen))
    mails = mails.filter(purpose=purpose) if purpose else mails
    bounces = _bounces(acting).filter(state__in=_states(BOUNCE_LISTS, chosen))
    bounces = bounces.none() if purpose else bounces
    pages = max(1, -(-(mails.count() + bounces.count()) // PAGE))
    page = min(max(page, 1), pages)
    lines = _merged(mails, bounces, chosen, page)
    return MailLists(chosen, purpose, lines, page, pages, _counts(_mails(acting), _bounces(acting)))


def _mails(acting: Acting) -> QuerySet[MailMessage]:
    rows = MailMessage.objects.select_related("mailbox__organisation").defer("raw")
    return rows if may_operate_mail(acting) else rows.none()


def _bounces(acting: Acting) -> QuerySet[Bounce]:
    rows = Bounce.objects.defer("raw")
    return rows if may_operate_mail(acting) else rows.none()


def _states(lists: dict[Any, MailList], chosen: MailList) -> list[str]:
    return [state for state, each in lists.items() if each is chosen]


def _counts(mails: QuerySet[MailMessage], bounces: QuerySet[Bounce]) -> dict[MailList, int]:
    counts = {MailList.NEEDS_YOU: 0, MailList.WAITING: 0}
    for rows, lists in ((mails, MAIL_LISTS), (bounces, BOUNCE_LISTS)):
        open_states = [state for state, each in lists.items() if each in counts]
        found = rows.filter(state__in=open_states).order_by().values("state")
        for row in found.annotate(count=Count("pk")):
            counts[lists[row["state"]]] += row["count"]  # type: ignore[index]
    return counts


def needing_somebody(acting: Acting) -> int | None:
    """How many mails and returns wait for a person; None for whoever does not look after them."""
    if not may_operate_mail(acting):
        return None
    real = _mails(acting).exclude(purpose=MailPurpose.DRILL)  # practice is no real figure
    return _counts(real, _bounces(acting))[MailList.NEEDS_YOU]


def _merged(
    mails: QuerySet[MailMessage], bounces: QuerySet[Bounce], chosen: MailList, page: int
) -> list[MailLine]:
    """What needs somebody or waits: the oldest first. What is over: the newest first."""
    is_over = chosen in (MailList.SENT, MailList.DONE)
    sign, end = "-" if is_over else "", page * PAGE
    lines = [line_of_mail(row) for row in mails.order_by(f"{sign}state_since")[:end]]
    lines += [line_of_bounce(row) for row in bounces.order_by(f"{sign}arrived_at")[:end]]
    lines.sort(key=lambda line: line.since, reverse=is_over)
    return lines[end - PAGE : end]


def line_of_mail(row: MailMessage) -> MailLine:
    wait = MAIL_WAITS.get(MailState(row.state))
    since = row.created_at if row.state in MAIL_UNFINISHED else row.state_since
    reason = row.reason
    if row.to_tell:
        reason = f"{reason} Its sender’s list could not be told yet; that is tried again.".strip()
    return MailLine(
        kind="mail", pk=row.pk, words=row.subject, purpose=PURPOSE_WORDS[MailPurpose(row.purpose)],
        to=f"{row.mailbox.display_name}, {row.to_address}", state=row.state, reason=reason,
        since=since, is_late=_is_late(wait, since), whose=_whose(wait),
    )  # fmt: skip


def line_of_bounce(row: Bounce) -> MailLine:
    wait = BOUNCE_WAITS.get(BounceState(row.state))
    return MailLine(
        kind="bounce", pk=row.pk, words="A mail that came back", purpose="", to="",
        state=row.state, reason=row.sentence, since=row.arrived_at,
        is_late=_is_late(wait, row.arrived_at), whose=_whose(wait),
    )  # fmt: skip


def _is_late(wait: Wait | None, since: datetime) -> bool:
    return wait is not None and timezone.now() - since > wait.limit


def _whose(wait: Wait | None) -> str:
    if wait is None or wait.owner != "operators":
        return ""
    return " or ".join(roles_that_may(Permission.OPERATE_MAIL))


# --- One of them ---------------------------------------------------------------------------------


def mail_for(acting: Acting, pk: int, *, request: HttpRequest) -> MailMessage:
    """Raises Http404 for absent and forbidden; the look is audited."""
    mail = _mails(acting).filter(pk=pk).select_related("mailbox__organisation__parent").first()
    return _seen(acting, mail, request)


def bounce_for(acting: Acting, pk: int, *, request: HttpRequest) -> Bounce:
    """As `mail_for`, with the bytes."""
    bounce = _bounces(acting).defer(None).select_related("mail").filter(pk=pk).first()
    return _seen(acting, bounce, request)


def _seen(acting: Acting, thing: Any, request: HttpRequest) -> Any:
    if thing is None:
        raise Http404
    audit.record(
        acting=acting, action="view_mail", object_type=f"messaging.{type(thing).__name__}",
        object_id=thing.pk, request=request,
    )  # fmt: skip
    return thing


def page_of_mail(mail: MailMessage) -> MailPage:
    state, old = MailState(mail.state), mail.mailbox
    now = mailbox_for(old.organisation, old.purpose, modality=old.modality)
    is_open = state in MAIL_TROUBLE
    return MailPage(
        line=line_of_mail(mail),
        mail=mail,
        bounces=list(mail.bounces.defer("raw").order_by("arrived_at")),
        may_retry=(state, MailEvent.RETRY) in MAIL_MOVES,
        may_handle=(state, MailEvent.HANDLE) in MAIL_MOVES,
        corrected=now.address if is_open and now and now.address != mail.to_address else "",
    )


def text_of_bounce(bounce: Bounce, *, longest: int = 4000) -> str:
    """What came back, to be read by a person: its beginning, as text and nothing else."""
    text = bytes(bounce.raw).decode("utf-8", "replace").replace("\r\n", "\n")
    plain = "".join(each if each.isprintable() or each == "\n" else " " for each in text)
    return plain[:longest]


# --- How it goes with the mail server ------------------------------------------------------------


@dataclass(frozen=True)
class MailHealth:
    """`tag` is a code of nhsuk.tags' service states."""

    tag: str
    sentence: str
    since: datetime | None
    last_success_at: datetime | None
    waiting: int
    needs_you: int


def mail_health() -> MailHealth:
    """For the mail page and the services page."""
    link = MailLink.objects.filter(pk=1).first() or MailLink()
    waiting = MailMessage.objects.filter(state__in=MAIL_UNFINISHED).count()
    trouble = MailMessage.objects.filter(state__in=MAIL_TROUBLE).count()
    tag, sentence, since = _how_it_is(link)
    return MailHealth(tag, sentence, since, link.last_success_at, waiting, trouble)


def _how_it_is(link: MailLink) -> tuple[str, str, datetime | None]:
    if settings.EMAIL_SERVER is None:
        return "off", "No mail server is set (EMAIL_URL). What is written waits.", None
    if link.failing_since:
        return "failing", link.sentence, link.failing_since
    if link.bounces_failing_since:
        return "failing", link.bounces_sentence, link.bounces_failing_since
    return "working", "Mail goes out, and what comes back is read.", None


def mail_not_working(acting: Acting | None) -> list[tuple[str, datetime | None]]:
    """For the status strip (settings.STATUS_SOURCES): that mail does not go out, and since when.

    Mail that nobody has set up is no news: the services page and the mail page say so.
    """
    if acting is None:
        return []
    found = cache.get("mail_not_working")
    if found is None:
        found = list(_mail_not_working())
        cache.set("mail_not_working", found, 5)
    return list(found)


def _mail_not_working() -> list[tuple[str, datetime | None]]:
    link = MailLink.objects.filter(pk=1).first()
    if settings.EMAIL_SERVER is None or link is None or link.failing_since is None:
        return []
    if timezone.now() - link.failing_since < FAILING_IS_NEWS_AFTER:
        return []
    words = "E-mail is not going out. What it would tell you is on your lists here as always."
    return [(words, link.failing_since)]
