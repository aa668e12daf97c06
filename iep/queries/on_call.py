"""Who is on the list, what waits for one of them, and what the strip says of Blue Light."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.policies import Acting
from accounts.roles import ROLES, Permission
from iep import hours, policies
from iep.models import OnCallPage, OnCallPerson, Ticket, Transaction, Transfer
from iep.models.transactions import UNDER_WAY
from iep.states.priorities import Priority
from iep.states.tickets import TicketState
from iep.states.transactions import Direction, TransactionKind, TransactionState
from iep.states.transfers import TransferState

WAITS_LONG = timedelta(seconds=60)  # Blue Light in a queue (hazard H38)
PER_PAGE = 20
_AT_ONCE = 500  # of each kind in one look: those that nobody takes at one trust hide no other's
_STRIP_SECONDS = 5
# Nobody works on it yet: what is under way needs no page.
UNTOUCHED = (TicketState.NEW.value, TicketState.ACCEPTED.value, TicketState.AWAITING_DETAILS.value)
# What another hospital made: it was not looked at, or is ours to go on with; what they send us is
# also when it can be downloaded, and when it came and is not matched.
_UNTOUCHED = Q(
    state__in=[
        TransactionState.NEW.value, TransactionState.ACCEPTED.value, TransactionState.FAILED.value,
    ]
) | (
    ~Q(kind=TransactionKind.REQUEST.value)
    & Q(state__in=[TransactionState.ON_IEP.value, TransactionState.DELIVERED.value])
)  # fmt: skip


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


def unanswered(now: datetime) -> list[Any]:
    """Blue Light that nobody works on and nobody has acknowledged, of every trust, oldest first:
    tickets, and transactions that other hospitals made.

    The desk is closed when this is asked: whether it was when it came does not matter.
    """
    found: list[Any] = []
    for rows, untouched in _of_both():
        taken = _pages_of(rows).filter(acknowledged_at__isnull=False)
        waits = rows.filter(untouched, ~Exists(taken), due_at__isnull=False, asked_at__lte=now)
        found += waits.select_related("organisation").order_by("asked_at")[:_AT_ONCE]
    return sorted(found, key=lambda each: each.asked_at)


def _of_both() -> Iterator[tuple[QuerySet[Any], Q]]:
    """Blue Light that is asked of us, and which of it nobody works on."""
    blue = Q(priority=Priority.BLUE_LIGHT.value)
    yield Ticket.objects.filter(blue), Q(state__in=UNTOUCHED)
    # UNDER_WAY is said for the database, whose index is of just those.
    yield Transaction.objects.filter(blue, direction=Direction.IN.value), UNDER_WAY & _UNTOUCHED


def _pages_of(rows: QuerySet[Any]) -> QuerySet[OnCallPage]:
    name = "ticket" if rows.model is Ticket else "transaction"
    return OnCallPage.objects.filter(**{name: OuterRef("pk")})


def name_of(thing: Ticket | Transaction) -> str:
    """What people call it; names nobody."""
    return thing.reference if isinstance(thing, Ticket) else f"Transaction {thing.number}"


@dataclass(frozen=True)
class Waiting:
    """One Blue Light on the on-call page: who was paged when, and who has it."""

    thing: Ticket | Transaction
    pages: tuple[OnCallPage, ...]

    @property
    def name(self) -> str:
        return name_of(self.thing)

    @property
    def address(self) -> str:
        if isinstance(self.thing, Ticket):
            return reverse("iep:ticket", args=[self.thing.reference])
        return reverse("iep:transaction", args=[self.thing.number])

    @property
    def what(self) -> str:
        """What another hospital wants; of a ticket of ours its page says it."""
        if isinstance(self.thing, Ticket):
            return ""
        asks = self.thing.kind == TransactionKind.REQUEST
        return "Asks us for images" if asks else "Sends us images"

    @property
    def taken(self) -> OnCallPage | None:
        return next((each for each in self.pages if each.acknowledged_at), None)


def waiting_for(acting: Acting) -> list[Waiting]:
    """What of the trust somebody was paged for, or would be; newest first."""
    trust = policies.trust_of(acting)
    if trust is None:
        return []
    since, found = timezone.now() - timedelta(days=3), []
    for blue, untouched in _of_both():
        rows = blue.filter(organisation=trust, asked_at__gte=since).filter(
            Q(Exists(_pages_of(blue))) | untouched
        )
        rows = rows.select_related("institution").prefetch_related("pages__user")
        found += [
            Waiting(each, tuple(each.pages.all())) for each in rows.order_by("-asked_at")[:PER_PAGE]
        ]
    return sorted(found, key=lambda each: each.thing.asked_at, reverse=True)[:PER_PAGE]


def thing_of(acting: Acting, pk: UUID) -> Any:
    """What of the trust can be taken by "I have it". Raises Http404 for any other."""
    trust = policies.trust_of(acting)
    for blue, _ in _of_both():
        found = blue.model._default_manager.filter(pk=pk, organisation=trust).first()
        if found is not None:
            return found
    raise Http404


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
            mine[0].asked_at, "", reverse("iep:on-call"), "See who was paged",
        )  # fmt: skip
