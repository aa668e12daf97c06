"""Who is on the list, what waits for one of them, and what the strip says of Blue Light."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.policies import Acting
from accounts.roles import ROLES, Permission
from iep import hours, policies
from iep.models import OnCallPage, OnCallPerson, Ticket, Transfer
from iep.states.priorities import Priority
from iep.states.tickets import TicketState
from iep.states.transfers import TransferState

WAITS_LONG = timedelta(seconds=60)  # Blue Light in a queue (hazard H38)
PER_PAGE = 20
_STRIP_SECONDS = 5
# Nobody works on it yet: what is under way needs no page.
UNTOUCHED = (TicketState.NEW.value, TicketState.ACCEPTED.value, TicketState.AWAITING_DETAILS.value)


def people(trust: Organisation) -> QuerySet[OnCallPerson]:
    """The trust's list in its order; who left the service is passed over."""
    found = OnCallPerson.objects.filter(organisation=trust, user__is_active=True)
    return found.select_related("user").order_by("position", "pk")


def candidates(trust: Organisation) -> QuerySet[User]:
    """Who may be on it: people of the trust and its departments who send trauma scans."""
    roles = [slug for slug, role in ROLES.items() if Permission.SEND_TRAUMA in role.permissions]
    places = Q(memberships__organisation=trust) | Q(memberships__organisation__parent=trust)
    found = User.objects.filter(
        places, memberships__role__in=roles, memberships__ended_at__isnull=True, is_active=True
    )
    return found.distinct().order_by("last_name", "first_name", "pk")


def unanswered(now: datetime) -> list[Ticket]:
    """Blue Light that nobody works on and nobody has acknowledged, of every trust, oldest first.

    The desk is closed when this is asked: whether it was when the ticket came does not matter.
    """
    taken = OnCallPage.objects.filter(ticket=OuterRef("pk"), acknowledged_at__isnull=False)
    found = Ticket.objects.filter(
        ~Exists(taken), priority=Priority.BLUE_LIGHT.value, state__in=UNTOUCHED,
        due_at__isnull=False, opened_at__lte=now,
    )  # fmt: skip
    return list(found.select_related("organisation").order_by("opened_at")[:PER_PAGE])


@dataclass(frozen=True)
class Waiting:
    """One Blue Light ticket on the on-call page: who was paged when, and who has it."""

    ticket: Ticket
    pages: tuple[OnCallPage, ...]

    @property
    def taken(self) -> OnCallPage | None:
        return next((each for each in self.pages if each.acknowledged_at), None)


def waiting_for(acting: Acting) -> list[Waiting]:
    """The trust's tickets for which somebody was paged, or would be; newest first."""
    trust = policies.trust_of(acting)
    if trust is None:
        return []
    paged = OnCallPage.objects.filter(ticket=OuterRef("pk"))
    found = Ticket.objects.filter(
        Q(Exists(paged)) | Q(state__in=UNTOUCHED), organisation=trust,
        priority=Priority.BLUE_LIGHT.value,
        opened_at__gte=timezone.now() - timedelta(days=3),
    )  # fmt: skip
    rows = found.select_related("institution").prefetch_related("pages__user")
    return [Waiting(each, tuple(each.pages.all())) for each in rows.order_by("-opened_at")[:20]]


# --- The strip -----------------------------------------------------------------------------------

Line = tuple[str, datetime | None, str, str, str]


def blue_light_strip(acting: Acting | None) -> Sequence[Line]:
    """What of Blue Light is not well, for those who look after it; asked once in some seconds."""
    trust = policies.trust_of(acting) if acting else None
    if acting is None or trust is None or not acting.may(Permission.VIEW_EXCHANGE):
        return []
    key = _key(trust.pk)
    found: list[Line] | None = cache.get(key)
    if found is None:
        found = [*_in_the_queue(), *_without_anybody(trust)]
        cache.set(key, found, _STRIP_SECONDS)
    return found


def _key(trust_id: int) -> str:
    return f"iep-blue-light-{trust_id}"


def look_again(trust_id: int) -> None:
    """Somebody has just taken one: their next page must not say that nobody has."""
    cache.delete(_key(trust_id))


def _in_the_queue() -> Iterator[Line]:
    since = timezone.now() - WAITS_LONG
    late = Transfer.objects.filter(
        state=TransferState.WAITING.value, priority=Priority.BLUE_LIGHT.value,
        state_since__lt=since,
    )  # fmt: skip
    first = late.order_by("state_since").values_list("state_since", flat=True).first()
    if first is not None:
        yield (
            "A Blue Light transfer has waited for more than a minute.", first,
            "It goes before everything else as soon as a lane reaches the other side.",
            reverse("iep:queues"), "Open the queues",
        )  # fmt: skip


def _without_anybody(trust: Organisation) -> Iterator[Line]:
    if hours.is_open():
        return
    mine = [each for each in unanswered(timezone.now()) if each.organisation == trust]
    if mine:
        yield (
            "A Blue Light request waits, the service desk is closed, and nobody has said “I have "
            "it”.",
            mine[0].opened_at, "", reverse("iep:on-call"), "See who was paged",
        )  # fmt: skip
