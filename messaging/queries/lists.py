"""Lists of messages: both directions together, by what has to be done about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from accounts.policies import Acting
from accounts.queries import roles_that_may
from accounts.roles import Permission
from messaging.causes import CAUSE_BY_ANSWER, NO_ANSWER
from messaging.models import InboundMessage, OutboundMessage, Partner
from messaging.policies import may_operate, sees_all_partners
from messaging.states import (
    IN_LISTS,
    IN_WAITS,
    OUT_LISTS,
    OUT_WAITS,
    InState,
    List,
    OutState,
    Wait,
)
from messaging.urgency import WORDS, Urgency

PAGE = 50
REFUSED_SHOWN = timedelta(days=30)

# What a message is about, for people who do not think in HL7: by its code as it comes, by its
# order control (table 0119) as it goes.
WORDS_IN = {
    "ORU": "Result", "ADT": "Patient details", "ORM": "Order status", "OMG": "Order status",
    "OML": "Order status", "ORR": "Order reply", "ORG": "Order reply", "ORL": "Order reply",
}  # fmt: skip
WORDS_OUT = {"NW": "New order", "CA": "Cancellation", "XO": "Changed order", "SC": "Order status"}


@dataclass(frozen=True)
class Line:
    """A message as a list shows it. `is_late`: it has been in its state longer than is right."""

    direction: str  # "in" or "out"
    pk: int
    partner: str
    words: str
    kind: str
    control_id: str
    state: str
    reason: str
    since: datetime
    is_late: bool
    whose: str
    attempts: int
    urgency: str = ""  # messaging.urgency; "" until it was weighed
    retries: int = 0  # how often a person sent it back
    cause_code: str = ""

    @property
    def urgency_words(self) -> str:
        """For the list; nothing until it was weighed."""
        return WORDS[Urgency(self.urgency)] if self.urgency else ""


@dataclass(frozen=True)
class Lists:
    """One list of the messages page, with the counts of all of them."""

    shown: List
    lines: list[Line]
    total: int
    page: int
    pages: int
    counts: dict[List, int]
    refused: list[dict[str, Any]]


def inbound_for_operator(acting: Acting) -> QuerySet[InboundMessage]:
    return _narrowed(InboundMessage.objects.select_related("partner").defer("raw"), acting)


def outbound_for_operator(acting: Acting) -> QuerySet[OutboundMessage]:
    return _narrowed(OutboundMessage.objects.select_related("partner").defer("raw"), acting)


def of_anybody() -> Q:
    """No condition at all, said so that the index over partner and time is used for it."""
    return Q(partner__in=list(Partner.objects.values_list("pk", flat=True))) | Q(partner=None)


def _narrowed(messages: QuerySet[Any], acting: Acting) -> QuerySet[Any]:
    if sees_all_partners(acting):
        return messages
    if not may_operate(acting) or acting.organisation is None:
        return messages.none()
    return messages.filter(partner__departments=acting.organisation)


def lists_for(acting: Acting, *, shown: str, page: int) -> Lists:
    """A list of the messages page. An unknown name shows what needs a person."""
    chosen = List(shown) if shown in set(List) else List.NEEDS_YOU
    inbound = _on_list(inbound_for_operator(acting), chosen)
    outbound = outbound_for_operator(acting).filter(state__in=_states(OUT_LISTS, chosen))
    counts = _counts(acting)
    if chosen is List.REFUSED:
        return Lists(chosen, [], counts[chosen], 1, 1, counts, refused_for(acting))
    if chosen is List.DONE:  # only ever longer: nobody counts it, one leafs through it
        page = max(page, 1)
        lines = _merged(inbound, outbound, chosen, page)
        return Lists(chosen, lines, len(lines), page, page + (len(lines) == PAGE), counts, [])
    last = max(1, -(-counts[chosen] // PAGE))
    page = min(max(page, 1), last)
    lines = _merged(inbound, outbound, chosen, page)
    return Lists(chosen, lines, counts[chosen], page, last, counts, [])


def _on_list(rows: QuerySet[InboundMessage], chosen: List) -> QuerySet[InboundMessage]:
    """What was refused long ago is with what is done: the list of refusals is of the last days."""
    states = Q(state__in=_states(IN_LISTS, chosen))
    if chosen is List.DONE:
        states |= Q(state=InState.REFUSED, received_at__lt=timezone.now() - REFUSED_SHOWN)
    return rows.filter(states)


def _states(lists: dict[Any, List], chosen: List) -> list[str]:
    return [state for state, each in lists.items() if each is chosen]


def _counts(acting: Acting) -> dict[List, int]:
    """How many are on each list but the last, which only grows."""
    counts = {List.NEEDS_YOU: 0, List.WAITING: 0, List.REFUSED: 0}
    for messages, lists in (
        (inbound_for_operator(acting), IN_LISTS),
        (outbound_for_operator(acting), OUT_LISTS),
    ):
        open_states = [state for state, each in lists.items() if each in counts]
        recent = Q(state=InState.REFUSED, received_at__lt=timezone.now() - REFUSED_SHOWN)
        rows = messages.filter(state__in=open_states)
        if lists is IN_LISTS:
            rows = rows.exclude(recent)
        for row in rows.order_by().values("state").annotate(count=Count("pk")):
            counts[lists[row["state"]]] += row["count"]  # type: ignore[index]
    return counts


def _merged(
    inbound: QuerySet[InboundMessage],
    outbound: QuerySet[OutboundMessage],
    chosen: List,
    page: int,
) -> list[Line]:
    """Both directions in one list: what waits longest first, what is done last first."""
    is_done = chosen is List.DONE
    end = page * PAGE
    # What is done is in no index by its time, and there are millions: their numbers are as good.
    lines = [line_in(row) for row in inbound.order_by("-pk" if is_done else "received_at")[:end]]
    lines += [line_out(row) for row in outbound.order_by("-pk" if is_done else "created_at")[:end]]
    lines.sort(key=lambda line: line.since, reverse=is_done)
    return lines[end - PAGE : end]


def line_in(row: InboundMessage) -> Line:
    wait = IN_WAITS.get(InState(row.state))
    sender = " ".join(part for part in (row.sending_application, row.sending_facility) if part)
    return Line(
        direction="in",
        pk=row.pk,
        partner=row.partner.name if row.partner else sender,
        words=WORDS_IN.get(row.message_type[:3], "Message"),
        kind=row.message_type,
        control_id=row.control_id,
        state=row.state,
        reason=row.reason,
        since=row.received_at,
        is_late=is_late(wait, row.received_at),
        whose=_whose(wait, is_known=row.partner is not None),
        attempts=row.attempts,
        urgency=row.urgency,
        retries=row.retries,
        cause_code=row.reason_code or "unknown",
    )


def line_out(row: OutboundMessage) -> Line:
    wait = OUT_WAITS.get(OutState(row.state))
    return Line(
        direction="out",
        pk=row.pk,
        partner=row.partner.name,
        words=WORDS_OUT.get(row.kind[-2:], "Message"),
        kind=row.kind,
        control_id=row.control_id,
        state=row.state,
        reason=row.reason,
        since=row.created_at,
        is_late=is_late(wait, row.created_at),
        whose=_whose(wait, is_known=True),
        attempts=row.attempts,
        urgency=row.urgency,
        retries=row.retries,
        cause_code=CAUSE_BY_ANSWER.get(row.acknowledgement, NO_ANSWER),
    )


def is_late(wait: Wait | None, since: datetime) -> bool:
    """Whether it has waited longer than is right."""
    return wait is not None and timezone.now() - since > wait.limit


def _whose(wait: Wait | None, *, is_known: bool) -> str:
    """The roles that have to do something; nobody where the system does it by itself."""
    if wait is None or wait.owner != "operators":
        return ""
    return " or ".join(roles_that_may(Permission.OPERATE_MESSAGES)) if is_known else "Central team"


def refused_for(acting: Acting) -> list[dict[str, Any]]:
    """What we refused lately, by sender and reason: the sender was told, and still has it."""
    recent = inbound_for_operator(acting).filter(
        state=InState.REFUSED, received_at__gte=timezone.now() - REFUSED_SHOWN
    )
    groups = recent.order_by().values(
        "partner__name", "sending_application", "sending_facility", "message_type", "reason"
    )
    counted = groups.annotate(count=Count("pk"), last_at=Max("received_at"), last=Max("pk"))
    return [dict(row) for row in counted.order_by("-last_at")[: 2 * PAGE]]
