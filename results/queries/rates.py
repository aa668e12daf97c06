"""When each practice last had a result of each department, and whether they come as usual."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Max
from django.utils import timezone

from accounts.models import Discipline, Organisation
from accounts.policies import Acting
from accounts.roles import Permission
from messaging.models import Partner
from messaging.policies import may_operate, sees_all_partners
from requesting.models import RequestEvent, RequestItem
from requesting.states import Event
from results.models import Report, ReportVersion
from results.rates import (
    ENOUGH_DAYS,
    ENOUGH_TURNAROUNDS,
    VERDICT_WORDS,
    Usual,
    Verdict,
    judge_count,
    judge_share,
    late_after,
    usual_of,
    worse,
)

DAY = timedelta(days=1)
WEEKS = 12  # of history
TURNAROUND_WEEKS = 8
BEGUN = (Event.COLLECTED, Event.STARTED)  # from here a laboratory has the sample


@dataclass(frozen=True)
class Rate:
    """One practice at one sender: the last day beside its usual one."""

    partner: str
    practice_id: int
    practice: str
    code: str
    last_at: datetime | None
    today: int
    usual: int | None
    due: int
    missing: int
    verdict: Verdict

    @property
    def words(self) -> str:
        return VERDICT_WORDS[self.verdict]


def rates_of(
    partner: Partner,
    now: datetime,
    *,
    enough: int = ENOUGH_TURNAROUNDS,
    enough_days: int = ENOUGH_DAYS,
) -> list[Rate]:
    """Every practice that ever had a result of the partner, judged as of now."""
    counts = _windows(partner, now)
    usual = {place: usual_of(_before(days, now, counts), enough=enough_days)
             for place, days in counts.items()}  # fmt: skip
    shares = _shares(partner, now, enough)
    places = Organisation.objects.in_bulk(set(counts) | set(shares))
    last = _last_of(partner)
    return [
        _rate(partner, place, counts, usual, shares, last.get(place.pk))
        for place in sorted(places.values(), key=lambda each: each.name)
    ]


Windows = dict[int, dict[int, int]]  # practice → days ago → results that came then


def _windows(partner: Partner, now: datetime) -> Windows:
    """Results that came, in days that end at this hour: 0 is the last 24 hours."""
    rows = ReportVersion.objects.filter(
        number=1,
        report__department__partners=partner,
        received_at__gt=now - DAY * (7 * WEEKS + 1),
        received_at__lte=now,
    ).values_list("report__organisation", "received_at")
    found: Windows = defaultdict(Counter)
    for place, at in rows.iterator():
        found[place][(now - at) // DAY] += 1
    return found


def _before(days: dict[int, int], now: datetime, everywhere: Windows) -> list[int]:
    """The same weekday of the weeks before, since the sender began to send to this practice."""
    first = max(days)
    return [days.get(week * 7, 0) for week in range(1, WEEKS + 1) if week * 7 <= first]


def _rate(
    partner: Partner,
    place: Organisation,
    counts: Windows,
    usual: dict[int, Usual | None],
    shares: dict[int, tuple[int, int]],
    last_at: datetime | None,
) -> Rate:
    today, mine = counts.get(place.pk, {}).get(0, 0), usual.get(place.pk)
    others = _others(place.pk, counts, usual)
    due, missing = shares.get(place.pk, (0, 0))
    verdict = judge_count(today, mine, others=others)
    if place.pk in shares:
        verdict = worse(verdict, judge_share(due, missing))
    return Rate(
        partner.name, place.pk, place.name, place.ods_code, last_at, today,
        round(mine.count) if mine else None, due, missing, verdict,
    )  # fmt: skip


def _others(place: int, counts: Windows, usual: dict[int, Usual | None]) -> float:
    """What the sender's other practices had, as a part of their usual; 1 where there are none."""
    known = {key: each.count for key, each in usual.items() if each and key != place}
    expected = sum(known.values())
    came = sum(counts[key].get(0, 0) for key in known)
    return came / expected if expected >= ENOUGH_DAYS else 1.0


def _shares(partner: Partner, now: datetime, enough: int) -> dict[int, tuple[int, int]]:
    """Of laboratory samples that became due in the last day: how many, how many without result."""
    begun = RequestEvent.objects.filter(
        event__in=BEGUN,
        item__department__partners=partner,
        item__service__discipline=Discipline.PATHOLOGY,
    )
    recent = begun.filter(at__gt=now - DAY * 7 * TURNAROUND_WEEKS, item__resulted_at__gt=F("at"))
    took = [
        each["item__resulted_at"] - each["at"]
        for each in recent.values("at", "item__resulted_at")
        if each["item__resulted_at"]
    ]
    limit = late_after(took, enough=enough)
    if limit is None:
        return {}
    due = begun.filter(at__gt=now - limit - DAY, at__lte=now - limit)
    wanted = due.exclude(item__status__in=["cancelled", "rejected"])
    found: dict[int, dict[object, bool]] = defaultdict(dict)
    for place, item, resulted in wanted.values_list(
        "item__organisation", "item", "item__resulted_at"
    ):
        found[place][item] = resulted is None
    return {place: (len(items), sum(items.values())) for place, items in found.items()}


def _last_of(partner: Partner) -> dict[int, datetime]:
    rows = Report.objects.filter(department__partners=partner).values("organisation")
    return {
        row["organisation"]: row["at"] for row in rows.annotate(at=Max("versions__received_at"))
    }


# --- For people ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class LastResult:
    """When a place last had a result of a department; None: it waits for one and never had one."""

    place: str
    department: str
    at: datetime | None


def last_results(acting: Acting | None) -> list[LastResult]:
    """For the services page: of one's own place; for operators, of every place they answer to."""
    if acting is None or acting.organisation is None:
        return []
    asked = RequestItem.objects.filter(request__released_at__isnull=False)
    if acting.may(Permission.TRACK_REQUESTS):
        asked = asked.filter(organisation=acting.organisation)
    elif not may_operate(acting):
        return []
    elif not sees_all_partners(acting):
        asked = asked.filter(department=acting.organisation)
    rows = asked.values("organisation__name", "department__name").annotate(
        at=Max("reports__versions__received_at")
    )
    ordered = rows.order_by("organisation__name", "department__name")
    return [
        LastResult(row["organisation__name"], row["department__name"], row["at"])
        for row in ordered[:200]
    ]


def rates_for(acting: Acting) -> list[Rate]:
    """For the reconciliation page: alarms first."""
    partners = Partner.objects.filter(departments__isnull=False).distinct()
    if not sees_all_partners(acting):
        partners = partners.filter(departments=acting.organisation)
    now = timezone.now()
    found = [rate for partner in partners for rate in rates_of(partner, now)]
    order = [Verdict.STOPPED, Verdict.FEWER, Verdict.UNKNOWN, Verdict.USUAL]
    return sorted(found, key=lambda each: (order.index(each.verdict), each.practice, each.partner))
