"""Which lanes and machines are paused, by whom and why; after an hour everybody is reminded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.core.cache import cache
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from accounts.policies import Acting
from accounts.roles import Permission
from iep import policies
from iep.models import Lane, Node, PauseEventRow
from nhsuk.formats import cdatetime_text

FORGOTTEN = timedelta(hours=1)
_STRIP_SECONDS = 10
_SHOWN = 20


def label_of(lane: Lane) -> str:
    """`Out 1, Blue Light`."""
    word, number = lane.name.split("-")
    return f"{word.capitalize()} {number}" + (", Blue Light" if lane.is_blue_only else "")


@dataclass(frozen=True)
class Paused:
    """One lane or machine that takes nothing."""

    label: str
    is_blue_only: bool
    by: str
    at: datetime | None
    because: str
    href: str

    @property
    def sentence(self) -> str:
        """Whose it is, since when and why."""
        return self._words(f" since {cdatetime_text(self.at, relative=False)}" if self.at else "")

    @property
    def wall_sentence(self) -> str:
        """The same without the reason: somebody may have typed a name there."""
        return replace(self, because="").sentence

    @property
    def strip_words(self) -> str:
        """As the sentence, where the time stands beside it."""
        return self._words("")

    def _words(self, since: str) -> str:
        why = f": {self.because.rstrip('.')}" if self.because else ""
        blue = " No lane is kept for Blue Light." if self.is_blue_only else ""
        return f"{self.label} is paused by {self.by or 'somebody'}{since}{why}.{blue}"


def paused(acting: Acting | None = None) -> list[Paused]:
    """The longest first. Machines of another trust's own are not said to a person."""
    nodes = Node.objects.filter(is_paused=True).select_related("institution")
    return paused_among(Lane.objects.filter(is_paused=True), nodes, acting)


def paused_among(
    lanes: Iterable[Lane], nodes: Iterable[Node], acting: Acting | None = None
) -> list[Paused]:
    """The same of lanes and machines that are at hand."""
    found = [_lane(each) for each in lanes if each.is_paused]
    found += [_node(each) for each in nodes if each.is_paused and _is_said_to(acting, each)]
    return sorted(found, key=lambda each: each.at or timezone.now())


def _is_said_to(acting: Acting | None, node: Node) -> bool:
    if acting is None or acting.is_system:
        return True
    own = node.institution.organisation_id
    trust = policies.trust_of(acting)
    return own is None or (trust is not None and own == trust.pk)


def _lane(lane: Lane) -> Paused:
    href = reverse("iep:pause-lane", args=[lane.pk])
    return Paused(
        f"Lane {label_of(lane)}", lane.is_blue_only, lane.paused_by, lane.paused_at,
        lane.paused_because, href,
    )  # fmt: skip


def _node(node: Node) -> Paused:
    href = reverse("iep:pause-node", args=[node.pk])
    return Paused(node.name, False, node.paused_by, node.paused_at, node.paused_because, href)


def lane(pk: int) -> Lane:
    """Raises Http404."""
    found = Lane.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def node(acting: Acting, pk: int) -> Node:
    """Raises Http404: there is none, or it is another trust's own."""
    found = Node.objects.select_related("institution").filter(pk=pk).first()
    own = found.institution.organisation_id if found is not None else None
    if found is None or (own and not policies.is_of_trust(acting, own)):
        raise Http404
    return found


def history(held: Lane | Node) -> Sequence[PauseEventRow]:
    """Who paused it and started it again, the newest first."""
    return list(held.pauses.order_by("-pk")[:_SHOWN])


def paused_strip(acting: Acting | None) -> Iterator[tuple[str, datetime | None, str, str, str]]:
    """For the desk: what has been paused for more than an hour, and whose it is."""
    if acting is None or not acting.may(Permission.CONTROL_LANES):
        return
    trust = policies.trust_of(acting)
    key = f"iep:paused:{trust.pk if trust else 0}"
    found = cache.get(key)
    if found is None:
        found = paused(acting)
        cache.set(key, found, _STRIP_SECONDS)
    late = [each for each in found if each.at is None or timezone.now() - each.at >= FORGOTTEN]
    if late:
        more = f" {len(late)} are paused for over an hour." if len(late) > 1 else ""
        yield f"{late[0].strip_words}{more}", late[0].at, "", late[0].href, "Start it again"
