"""Held news as the pages show it: how much, of whom, since when; and what the strip says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone

from accounts.models import Organisation, OrganisationKind
from accounts.policies import Acting
from accounts.roles import Permission
from results.models import Hold
from results.policies import may_hold

_SHOWN_FOR = timedelta(days=30)


@dataclass(frozen=True)
class HoldLine:
    """A hold as the page shows it. `is_right`: what was held is all accounted for."""

    pk: int
    of: str
    reason: str
    began_at: datetime
    began_by: str
    until: datetime
    ended_at: datetime | None
    ended_by: str
    held: int
    released: int
    cancelled: int
    is_right: bool


def holds_for(acting: Acting) -> tuple[list[HoldLine], list[HoldLine]]:
    """Those that run, and those that ended in the last 30 days; nothing for whoever may not."""
    if not may_hold(acting):
        return [], []
    running = _rows().filter(ended_at__isnull=True).order_by("began_at")
    ended = _rows().filter(ended_at__gt=timezone.now() - _SHOWN_FOR).order_by("-ended_at")
    return [_line(hold) for hold in running], [_line(hold) for hold in ended[:50]]


def _rows() -> QuerySet[Hold]:
    return Hold.objects.select_related("department", "practice")


def _line(hold: Hold) -> HoldLine:
    return HoldLine(
        pk=hold.pk,
        of=of_what(hold),
        reason=hold.reason,
        began_at=hold.began_at,
        began_by=hold.began_by,
        until=hold.until,
        ended_at=hold.ended_at,
        ended_by=hold.ended_by,
        held=hold.held,
        released=hold.released,
        cancelled=hold.cancelled,
        is_right=hold.held == hold.released + hold.cancelled,
    )


def of_what(hold: Hold) -> str:
    """ "Kingsmere Pathology, for Northgate Surgery": whose news is held, for whom."""
    whose = hold.department.name if hold.department else "Every department"
    return f"{whose}, for {hold.practice.name}" if hold.practice else whose


def hold_by_id(acting: Acting, pk: int) -> Hold:
    """Raises Http404 for absent and forbidden."""
    hold = _rows().filter(pk=pk).first()
    if hold is None or not may_hold(acting):
        raise Http404
    return hold


def places_to_choose() -> tuple[list[Organisation], list[Organisation]]:
    """The departments that send results, and the places that ask for them."""
    departments = Organisation.objects.filter(kind=OrganisationKind.DEPARTMENT)
    return list(departments), list(Organisation.objects.filter(may_request=True))


def place_chosen(code: str) -> Organisation | None:
    return Organisation.objects.filter(ods_code=code).first() if code else None


def news_held(acting: Acting | None) -> list[tuple[str, datetime | None]]:
    """For the status strip (settings.STATUS_SOURCES): the central team sees every hold, a place
    those that hold its own news."""
    if acting is None or acting.organisation is None:
        return []
    is_place = acting.may(Permission.TRACK_REQUESTS)
    if not (is_place or may_hold(acting)):
        return []
    holds = cache.get("news_held")
    if holds is None:
        holds = [
            (hold.practice_id, of_what(hold), hold.held, hold.began_at)
            for hold in _rows().filter(ended_at__isnull=True).order_by("began_at")
        ]
        cache.set("news_held", holds, 5)
    here = acting.organisation.pk
    return [
        (_sentence(of, held), since)
        for place, of, held, since in holds
        if may_hold(acting) or place in (None, here)
    ]


def _sentence(of: str, held: int) -> str:
    return (
        f"E-mails about routine results are held back ({of}): {held or 'none'} so far. "
        "The results themselves are on the list."
    )
