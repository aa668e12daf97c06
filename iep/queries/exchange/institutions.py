"""I9, the directory: A to Z, aliases, machines, how long they usually take, why they decline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from accounts.policies import Acting
from iep.look_alikes import any_alike, normalised
from iep.models import Institution, Node, TransactionEventRow
from iep.queries.exchange.transactions import NotFound, visible_to
from iep.states.transactions import (
    Direction,
    TransactionEvent,
    TransactionKind,
)

FIGURES_OF = timedelta(days=365)  # how far back turnaround and reasons are looked for
ENOUGH = 3  # fewer requests than this make no figure


@dataclass(frozen=True)
class Line:
    """One institution in the list."""

    institution: Institution
    aliases: tuple[str, ...]
    node: str
    our_hours: float | None  # own figure, of the last year; None: too few
    requests: int


@dataclass(frozen=True)
class Page:
    """One institution."""

    institution: Institution
    aliases: tuple[str, ...]
    nodes: Sequence[Node]
    our_hours: float | None
    requests: int
    declines: Sequence[tuple[str, int]]  # in words, most frequent first
    alike: Sequence[Institution]


def all_active() -> QuerySet[Institution]:
    """Whom images can come from or go to: everybody in use but ourselves."""
    return Institution.objects.filter(is_active=True, organisation=None).order_by("name", "city")


def a_to_z(acting: Acting, text: str = "", letter: str = "") -> list[Line]:
    """The directory, or what fits the text (a name, alias, city or code) or the letter."""
    rows = Institution.objects.prefetch_related("aliases", "nodes").order_by("name", "city")
    hours = turnarounds(acting)
    words = normalised(text).split()
    return [
        _line(each, hours) for each in rows
        if _fits(each, words) and (not letter or each.name[:1].upper() == letter.upper())
    ]  # fmt: skip


def _fits(each: Institution, words: list[str]) -> bool:
    said = " ".join(
        [normalised(each.full_name), each.code.lower(),
         *(normalised(alias.name) for alias in each.aliases.all())]
    )  # fmt: skip
    return all(word in said for word in words)


def _line(each: Institution, hours: dict[int, tuple[float | None, int]]) -> Line:
    nodes = list(each.nodes.all())
    default = next((node.name for node in nodes if node.is_default), "")
    mean, count = hours.get(each.pk, (None, 0))
    names = tuple(alias.name for alias in each.aliases.all())
    return Line(each, names, default or (nodes[0].name if nodes else ""), mean, count)


def letters(lines: Sequence[Line]) -> list[str]:
    return sorted({line.institution.name[:1].upper() for line in lines})


def turnarounds(acting: Acting) -> dict[int, tuple[float | None, int]]:
    """By institution: hours from our request to all of it delivered, over the last year, and of
    how many requests. No figure where there were fewer than three."""
    since = timezone.now() - FIGURES_OF
    ours = visible_to(acting).filter(
        kind=TransactionKind.REQUEST.value, direction=Direction.OUT.value, created_at__gte=since
    )
    delivered = ours.annotate(
        came=Min("events__at", filter=Q(events__event=TransactionEvent.DELIVERED.value))
    ).filter(came__isnull=False)
    took = delivered.values_list("institution", "created_at", "came")
    by: dict[int, list[float]] = {}
    for institution, asked, came in took.iterator():
        by.setdefault(institution, []).append((came - asked).total_seconds() / 3600)
    return {
        pk: (sum(each) / len(each) if len(each) >= ENOUGH else None, len(each))
        for pk, each in by.items()
    }


def institution(acting: Acting, pk: int) -> Page:
    """Raises NotFound."""
    rows = Institution.objects.prefetch_related("aliases", "nodes")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound
    names = tuple(alias.name for alias in found.aliases.all())
    mean, count = turnarounds(acting).get(found.pk, (None, 0))
    return Page(found, names, list(found.nodes.all()), mean, count, declines(acting, found),
                alike_to(found, names))  # fmt: skip


def one(pk: int) -> Institution:
    """Raises NotFound."""
    found = Institution.objects.prefetch_related("aliases").filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def node_of(institution_id: int, pk: int) -> Node:
    """Raises NotFound."""
    found = (
        Node.objects.select_related("institution").filter(pk=pk, institution=institution_id).first()
    )
    if found is None:
        raise NotFound
    return found


def alike_to(found: Institution, names: Sequence[str]) -> list[Institution]:
    """Institutions in use whose names are easily taken for this one's (hazard H43)."""
    others = Institution.objects.filter(is_active=True).exclude(pk=found.pk)
    return [
        other for other in others.prefetch_related("aliases")
        if any_alike([found.name, *names], [other.name, *(a.name for a in other.aliases.all())])
    ]  # fmt: skip


def declines(acting: Acting, found: Institution) -> list[tuple[str, int]]:
    """Why they declined in the last year, as it was said, the most frequent first."""
    mine = visible_to(acting).filter(institution=found, direction=Direction.OUT.value)
    rows = TransactionEventRow.objects.filter(
        transaction__in=mine, event=TransactionEvent.DECLINED.value,
        at__gte=timezone.now() - FIGURES_OF,
    )  # fmt: skip
    return Counter(rows.values_list("words", flat=True)).most_common(10)
