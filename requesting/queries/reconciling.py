"""What does not agree between us and our partners, for the people who look after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Min, Q, QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from accounts.models import Discipline
from accounts.policies import Acting
from messaging.models import OutboundMessage, Partner
from messaging.policies import may_operate, may_operate_partner, sees_all_partners
from requesting.models import Difference, Expectation, OrderMessage, ReceivedList, RequestItem
from requesting.policies import may_resend
from requesting.reconciling import (
    TRY_FIRST,
    WORDS,
    Found,
    Kind,
    Ours,
    State,
    working_deadline,
)
from requesting.states import Status

PER_PAGE = 50
S = Status
# Beyond a test's usual days: its result is late then, not merely slow.
NO_RESULT_MARGIN = timedelta(days=1)


# --- What we hold --------------------------------------------------------------------------------


def sent_to(partner: Partner) -> Iterator[Ours]:
    """Every order that the partner was ever sent, as we hold it now."""
    rows = (
        RequestItem.objects.filter(
            order_messages__partner=partner, order_messages__control=OrderMessage.Control.NEW
        )
        .annotate(sent=Min("order_messages__written_at"))
        .values_list("placer_number", "filler_number", "status", "sent", "status_at")
    )
    for placer, filler, status, sent, at in rows.iterator():
        yield Ours(placer, filler, Status(status), sent, at)


@dataclass(frozen=True)
class Expected:
    """How soon a partner speaks of an order: hours while it is open."""

    hours: float
    opens: int = 0
    closes: int = 24
    weekends: bool = True

    @property
    def words(self) -> str:
        """`Within 4 hours, 08 to 18, Monday to Friday`."""
        within = "Within 1 hour" if self.hours == 1 else f"Within {self.hours:g} hours"
        is_always_open = (self.opens, self.closes) == (0, 24)
        parts = [within, "" if is_always_open else f"{self.opens:02} to {self.closes:02}"]
        parts.append("" if self.weekends else "Monday to Friday")
        return ", ".join(part for part in parts if part)

    def deadline(self, start: datetime) -> datetime:
        return working_deadline(
            timezone.localtime(start), self.hours, opens=self.opens, closes=self.closes,
            weekends=self.weekends,
        )  # fmt: skip


# Where nothing was agreed with a partner (reliability.md H15 has T; the hours are ours).
IMAGING_EXPECTED = Expected(24)
LABORATORY_EXPECTED = Expected(4, opens=8, closes=18, weekends=False)


def expectation_of(partner: Partner, discipline: str) -> Expected:
    """As agreed with the partner, else as usual for its discipline."""
    agreed = Expectation.objects.filter(partner=partner).first()
    if agreed is not None:
        return Expected(agreed.status_hours, agreed.opens, agreed.closes, agreed.weekends)
    return IMAGING_EXPECTED if discipline == Discipline.RADIOLOGY else LABORATORY_EXPECTED


def times_of(partner: Partner) -> list[str]:
    """`Within 4 hours, 08 to 18, Monday to Friday; as usual`: one line, or one of each kind."""
    if agreed := Expectation.objects.filter(partner=partner).first():
        said = Expected(agreed.status_hours, agreed.opens, agreed.closes, agreed.weekends)
        return [f"{said.words}; agreed"]
    kinds = partner.departments.order_by("discipline").values_list("discipline", flat=True)
    lines = [expectation_of(partner, each) for each in dict.fromkeys(kinds)]
    return [f"{each.words}; as usual" for each in dict.fromkeys(lines)]


def overdue_here(partner: Partner, now: datetime) -> list[Found]:
    """What the partner took and never spoke of, and what has no result by its usual time."""
    return [*_silent(partner, now), *_without_result(partner, now)]


def _silent(partner: Partner, now: datetime) -> Iterator[Found]:
    """AA, and then nothing: no message of theirs has spoken of it since they took it."""
    rows = RequestItem.objects.filter(
        department__partners=partner, told_at__isnull=True, held_since=None,
        status__in=[S.RECEIVED, S.ACCEPTED, S.WALKIN],
    ).select_related("service")  # fmt: skip
    for item in rows:
        start = item.status_at if item.status == S.RECEIVED else _taken_at(item)
        if start is None:
            continue
        expected = expectation_of(partner, item.service.discipline)
        if expected.deadline(start) <= now:
            yield Found(
                Kind.NO_STATUS, item.placer_number, item.placer_number, item.filler_number,
                ours=item.status,
            )  # fmt: skip


def _taken_at(item: RequestItem) -> datetime | None:
    """Of what was accepted here, at our own vetting list: when its order was taken there."""
    orders = item.order_messages.filter(control=OrderMessage.Control.NEW)
    taken = OutboundMessage.objects.filter(control_id__in=orders.values("control_id"))
    return taken.aggregate(at=Min("acknowledged_at"))["at"]


def _without_result(partner: Partner, now: datetime) -> Iterator[Found]:
    """Past its usual days from when the sample was taken or the patient was seen, plus a day."""
    rows = RequestItem.objects.filter(
        department__partners=partner, status__in=[S.COLLECTED, S.PROGRESS], held_since=None,
        status_at__lt=now - NO_RESULT_MARGIN,
    ).select_related("service")  # fmt: skip
    for item in rows:
        due = item.status_at + timedelta(days=item.service.usual_days) + NO_RESULT_MARGIN
        if due <= now:
            yield Found(
                Kind.NO_RESULT, item.placer_number, item.placer_number, item.filler_number,
                ours=item.status,
            )  # fmt: skip


# --- The list ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DifferenceLine:
    """One difference on the list."""

    pk: int
    words: str
    partner: str
    number: str
    accession: str
    test: str
    practice: str
    ours: str
    theirs: str
    found_at: datetime
    due_at: datetime
    is_late: bool
    is_urgent: bool
    state: str
    moved_at: datetime


@dataclass(frozen=True)
class PartnerLists:
    """A partner, and the last list of each kind that was compared."""

    pk: int
    name: str
    orders: ReceivedList | None
    reports: ReceivedList | None
    times: list[str]  # how soon it is to speak of an order, in words


@dataclass(frozen=True)
class Reconciliation:
    """The page: partners with their lists, what is open, what ended lately."""

    partners: list[PartnerLists]
    lines: list[DifferenceLine]
    total: int
    page: int
    has_more: bool
    ended: list[DifferenceLine]
    sees_all: bool


@dataclass(frozen=True)
class DifferencePage:
    """One difference with what was done about it."""

    line: DifferenceLine
    try_first: str
    notes: list[Any]
    may_resend: bool
    is_open: bool
    resent: str  # the control id of the new message
    item_id: Any


def differences_of(acting: Acting) -> QuerySet[Difference]:
    rows = Difference.objects.select_related("partner", "item", "practice", "item__organisation")
    if sees_all_partners(acting):
        return rows
    if not may_operate(acting) or acting.organisation is None:
        return rows.none()
    return rows.filter(partner__departments=acting.organisation)


def reconciliation(acting: Acting, *, page: int = 1, kind: str = "") -> Reconciliation:
    """Open differences, urgent and oldest first, of the partners that this person looks after."""
    rows = differences_of(acting)
    chosen = rows.filter(kind=kind) if kind in set(Kind) else rows
    opened = chosen.filter(state=State.OPEN).order_by("-is_urgent", "due_at", "pk")
    total, page = opened.count(), max(page, 1)
    shown = opened[(page - 1) * PER_PAGE : page * PER_PAGE]
    ended = rows.exclude(state=State.OPEN).order_by("-moved_at")[:20]
    return Reconciliation(
        partners=_partners(acting),
        lines=[_line(each) for each in shown],
        total=total,
        page=page,
        has_more=page * PER_PAGE < total,
        ended=[_line(each) for each in ended],
        sees_all=sees_all_partners(acting),
    )


def _partners(acting: Acting) -> list[PartnerLists]:
    rows = Partner.objects.filter(departments__isnull=False).distinct()
    if not sees_all_partners(acting):
        rows = rows.filter(departments=acting.organisation)
    return [
        PartnerLists(
            each.pk, each.name, _last(each, "orders"), _last(each, "reports"), times_of(each)
        )
        for each in rows
    ]


def _last(partner: Partner, kind: str) -> ReceivedList | None:
    return ReceivedList.objects.filter(partner=partner, kind=kind).order_by("-as_of").first()


def _line(each: Difference) -> DifferenceLine:
    return DifferenceLine(
        pk=each.pk,
        words=WORDS[Kind(each.kind)],
        partner=each.partner.name,
        number=each.placer,
        accession=each.accession,
        test=each.item.service_name if each.item else "",
        practice=_practice(each),
        ours=_said(each.ours),
        theirs=_said(each.theirs),
        found_at=each.found_at,
        due_at=each.due_at,
        is_late=each.state == State.OPEN and each.due_at <= timezone.now(),
        is_urgent=each.is_urgent,
        state=each.state,
        moved_at=each.moved_at,
    )


def _practice(each: Difference) -> str:
    place = each.practice or (each.item.organisation if each.item else None)
    return place.name if place else ""


_WORDS = {
    "received": "Received", "accepted": "Accepted", "walkin": "Walk in", "booked": "Booked",
    "dna": "Missed", "missed": "Missed", "collected": "Collected", "progress": "In progress",
    "reported": "Reported", "reviewed": "Reviewed", "rejected": "Rejected",
    "cancelled": "Cancelled", "sent": "Sent", "queued": "Queued",
}  # fmt: skip


def _said(status: str) -> str:
    return _WORDS.get(status, status)


def difference_for(acting: Acting, pk: int) -> Difference:
    """Raises Http404 for absent and forbidden."""
    found = differences_of(acting).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def page_of_difference(acting: Acting, pk: int) -> DifferencePage:
    each = difference_for(acting, pk)
    return DifferencePage(
        line=_line(each),
        try_first=TRY_FIRST[Kind(each.kind)],
        notes=list(each.notes.order_by("pk")),
        may_resend=bool(each.item and may_resend(acting, each, each.item)),
        is_open=each.state == State.OPEN,
        resent=each.resent.control_id if each.resent else "",
        item_id=each.item_id,
    )


def partner_by_slug(slug: str) -> Partner | None:
    return Partner.objects.filter(slug=slug).first()


def may_reconcile(acting: Acting, partner: Partner) -> bool:
    return may_operate_partner(acting, partner)


def differences_late(acting: Acting | None) -> list[tuple[str, datetime | None, str, str, str]]:
    """For the strip of those who look after it (settings.STATUS_SOURCES): what is past its time."""
    if acting is None or not may_operate(acting) or acting.organisation is None:
        return []
    key = f"differences-late-{acting.organisation.pk}"
    found = cache.get(key)
    if found is None:
        late = Q(state=State.OPEN, due_at__lte=timezone.now())
        rows = differences_of(acting).filter(late)
        found = (rows.count(), rows.aggregate(since=Min("due_at"))["since"])
        cache.set(key, found, 15)
    count, since = found
    if not count:
        return []
    words = f"{count} difference{'s' if count > 1 else ''} with a partner’s list overdue."
    address = reverse("results:reconciliation")
    return [(words, since, "", address, "Reconciliation")]
