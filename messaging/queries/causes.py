"""What needs a person, grouped by cause; and which messages a replay would send back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, Max, Min, Q, QuerySet, Value, When
from django.utils import timezone

from accounts.models import Organisation
from accounts.policies import Acting
from messaging.causes import CAUSE_BY_ANSWER, NO_ANSWER, Cause, cause_of
from messaging.models import InboundMessage, OutboundMessage, Partner
from messaging.policies import may_operate, sees_all_partners
from messaging.states import IN_WAITS, OUT_WAITS, InState, OutState
from messaging.urgency import Urgency

from .lists import (
    PAGE,
    Line,
    inbound_for_operator,
    is_late,
    line_in,
    line_out,
    outbound_for_operator,
)

MOST_RETRIES = 3  # a message that came back so often is looked at by itself


@dataclass(frozen=True)
class Group:
    """The messages of one cause in one direction."""

    direction: str
    code: str
    cause: Cause
    count: int
    oldest_at: datetime
    is_late: bool
    critical: int
    urgent: int
    partners: int  # from, or to, how many

    @property
    def oldest_for(self) -> timedelta:
        """How long the oldest has waited."""
        return timezone.now() - self.oldest_at


@dataclass(frozen=True)
class Chosen:
    """Which of the messages that need a person: a cause, and narrower if wished."""

    direction: str  # "in" or "out"
    code: str
    partner: Partner | None = None
    after: datetime | None = None
    before: datetime | None = None


def groups_for(acting: Acting) -> list[Group]:
    """By how much it matters: critical values first, then urgent, then the oldest."""
    groups = [*_groups("in", parked_for(acting)), *_groups("out", dead_for(acting))]
    return sorted(groups, key=lambda each: (-each.critical, -each.urgent, each.oldest_at))


def parked_for(acting: Acting) -> QuerySet[InboundMessage]:
    return inbound_for_operator(acting).filter(state=InState.PARKED)


def dead_for(acting: Acting) -> QuerySet[OutboundMessage]:
    return outbound_for_operator(acting).filter(state=OutState.DEAD)


def _groups(direction: str, messages: QuerySet[Any]) -> list[Group]:
    when = "received_at" if direction == "in" else "created_at"
    rows = (
        with_cause(direction, messages)
        .order_by()
        .values("cause")
        .annotate(
            count=Count("pk"), oldest_at=Min(when), sentence=Max("reason"),
            critical=Count("pk", filter=Q(urgency=Urgency.CRITICAL)),
            urgent=Count("pk", filter=Q(urgency=Urgency.URGENT)),
            partners=Count("partner", distinct=True),
        )
    )  # fmt: skip
    wait = IN_WAITS[InState.PARKED] if direction == "in" else OUT_WAITS[OutState.DEAD]
    return [
        Group(
            direction=direction,
            code=row["cause"],
            cause=cause_of(direction, row["cause"], row["sentence"]),
            count=row["count"],
            oldest_at=row["oldest_at"],
            is_late=is_late(wait, row["oldest_at"]),
            critical=row["critical"],
            urgent=row["urgent"],
            partners=row["partners"],
        )
        for row in rows
    ]


def with_cause(direction: str, messages: QuerySet[Any]) -> QuerySet[Any]:
    """Each with its `cause`: of a parked message its code, of a dead letter what was answered."""
    if direction == "in":
        return messages.annotate(
            cause=Case(
                When(reason_code="", then=Value("unknown")),
                default="reason_code",
                output_field=CharField(),
            )
        )
    answers = [
        When(acknowledgement=answer, then=Value(cause)) for answer, cause in CAUSE_BY_ANSWER.items()
    ]
    return messages.annotate(
        cause=Case(*answers, default=Value(NO_ANSWER), output_field=CharField())
    )


# --- The messages of a cause ---------------------------------------------------------------------


@dataclass(frozen=True)
class CausePage:
    """The messages of one cause, a page of them."""

    direction: str
    code: str
    cause: Cause
    lines: list[Line]
    total: int
    page: int
    pages: int
    may_replay: bool
    partners: list[tuple[int, str]]


def cause_page(acting: Acting, direction: str, code: str, *, page: int) -> CausePage:
    """What waits longest first. Also of a cause that nothing has any more: an empty page."""
    rows = chosen_for(acting, Chosen(direction, code))
    total = rows.count()
    last = max(1, -(-total // PAGE))
    page = min(max(page, 1), last)
    found = list(rows.order_by("id")[(page - 1) * PAGE : page * PAGE])
    line = line_in if direction == "in" else line_out
    names = rows.exclude(partner=None).order_by("partner__name")
    return CausePage(
        direction=direction,
        code=code,
        cause=cause_of(direction, code, found[0].reason if found else ""),
        lines=[line(row) for row in found],
        total=total,
        page=page,
        pages=last,
        may_replay=bool(found),
        partners=list(names.values_list("partner_id", "partner__name").distinct()),
    )


def chosen_for(acting: Acting, chosen: Chosen) -> QuerySet[Any]:
    """Those that the person looks after. In no order."""
    rows = parked_for(acting) if chosen.direction == "in" else dead_for(acting)
    return _narrowed(rows, chosen)


def chosen_of(organisation: Organisation | None, chosen: Chosen) -> QuerySet[Any]:
    """The same for a worker: of an organisation's partners, or of everybody."""
    rows: QuerySet[Any] = (
        InboundMessage.objects.filter(state=InState.PARKED)
        if chosen.direction == "in"
        else OutboundMessage.objects.filter(state=OutState.DEAD)
    )
    if organisation is not None:
        rows = rows.filter(partner__departments=organisation)
    return _narrowed(rows, chosen)


def _narrowed(rows: QuerySet[Any], chosen: Chosen) -> QuerySet[Any]:
    when = "received_at" if chosen.direction == "in" else "created_at"
    rows = with_cause(chosen.direction, rows).filter(cause=chosen.code)
    if chosen.partner is not None:
        rows = rows.filter(partner=chosen.partner)
    if chosen.after is not None:
        rows = rows.filter(**{f"{when}__gte": chosen.after})
    if chosen.before is not None:
        rows = rows.filter(**{f"{when}__lt": chosen.before})
    return rows


# --- Before a replay -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Preview:
    """What a replay would do, counted before anybody confirms it."""

    chosen: Chosen
    count: int
    left_out: int  # came back too often already
    highest: int
    oldest_at: datetime | None
    newest_at: datetime | None
    urgent: int  # critical or urgent


def preview_for(acting: Acting, chosen: Chosen) -> Preview:
    rows = chosen_for(acting, chosen).order_by()
    when = "received_at" if chosen.direction == "in" else "created_at"
    fresh = Q(retries__lt=MOST_RETRIES)
    soon = Q(urgency__in=(Urgency.CRITICAL, Urgency.URGENT))
    found = rows.aggregate(
        count=Count("pk", filter=fresh), left_out=Count("pk", filter=~fresh),
        highest=Max("pk", filter=fresh), oldest_at=Min(when, filter=fresh),
        newest_at=Max(when, filter=fresh), urgent=Count("pk", filter=fresh & soon),
    )  # fmt: skip
    return Preview(chosen, **{**found, "highest": found["highest"] or 0})


def place_of_replay(acting: Acting) -> Organisation | None:
    """Whose partners a replay by this person is limited to: none, the central team's is not."""
    return None if sees_all_partners(acting) else acting.organisation


def may_replay(acting: Acting) -> bool:
    return may_operate(acting)
