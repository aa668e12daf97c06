"""Transactions as people see them: whose they are, all that one page shows, what can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.policies import Acting
from accounts.roles import ROLES, Permission
from iep import policies
from iep.models import (
    Attachment,
    Node,
    Study,
    Ticket,
    Transaction,
    TransactionEventRow,
    TransactionMessage,
    Transfer,
)
from iep.queries.exchange.gateway import NotTold, not_told
from iep.queries.exchange.sentences import (
    Progress,
    is_gateway,
    is_late,
    progress_of,
    sentence,
    turns_of,
)
from iep.queries.home.endings import days_left
from iep.queries.lanes.tries import Tries, tries_of, with_tries
from iep.states.transactions import (
    BEFORE_IMAGES,
    LABELS,
    TRANSITIONS,
    Direction,
    TransactionEvent,
    TransactionKind,
    TransactionState,
    may_be_declined,
)
from iep.states.transfers import TransferState
from patients.queries.numbers import hospital_numbers

P = Permission
S, E = TransactionState, TransactionEvent


class NotFound(Http404):
    """There is none, or it is another trust's: the same to whoever asks."""


@dataclass(frozen=True)
class Detail:
    """Everything that the page of one transaction shows."""

    thing: Transaction
    label: str
    sentence: str
    days_left: int | None
    is_late: bool
    progress: Progress | None
    transfers: Sequence[Transfer]
    tries: Mapping[int, Tries]  # of those transfers, by their keys
    studies: Sequence[Study]
    messages: Sequence[TransactionMessage]
    attachments: Sequence[Attachment]
    events: Sequence[TransactionEventRow]
    actions: frozenset[str]
    colleagues: Sequence[User]
    delivered_to: str  # the name of our PACS, where images come to us
    exams: Sequence[dict[str, object]]  # as asked for, `day` being a date or None
    untold: NotTold | None  # what the other installation does not know yet, since when, why


def visible_to(acting: Acting | None) -> QuerySet[Transaction]:
    """Those of the person's own trust; all of them for who runs the service everywhere."""
    if acting is None or not acting.may(P.VIEW_EXCHANGE):
        return Transaction.objects.none()
    if sees_everywhere(acting):
        return Transaction.objects.all()
    return Transaction.objects.filter(organisation=policies.trust_of(acting))


def sees_everywhere(acting: Acting) -> bool:
    """Who runs the service answers for every trust's exchange."""
    return acting.may(P.VIEW_EXCHANGE) and acting.may(P.OPERATE_MESSAGES)


def of_exchange(acting: Acting) -> QuerySet[Ticket]:
    """The tickets of the person's own trust; all of them for who runs the service everywhere."""
    if not acting.may(P.VIEW_EXCHANGE):
        return Ticket.objects.none()
    if sees_everywhere(acting):
        return Ticket.objects.all()
    return Ticket.objects.filter(organisation=policies.trust_of(acting))


def open_ticket(acting: Acting, reference: str) -> Ticket:
    """A ticket of the person's trust, to make a transaction of. Raises NotFound."""
    rows = Ticket.objects.filter(organisation=policies.trust_of(acting), reference=reference)
    found = rows.select_related("institution", "organisation", "patient").first()
    if found is None or not acting.may(P.EXCHANGE_IMAGES):
        raise NotFound
    return found


def by_number(acting: Acting, number: int) -> Transaction:
    """Raises NotFound."""
    rows = visible_to(acting).select_related(
        "institution", "node", "organisation", "ticket", "assigned_to", "patient__practice"
    )
    rows = rows.annotate(numbers=hospital_numbers(), our_pacs=_our_pacs())
    found = rows.filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def detail(acting: Acting, number: int) -> Detail:
    """Raises NotFound."""
    thing, now = by_number(acting, number), timezone.now()
    rows = thing.transfers.select_related("node", "study").defer("node__trust_anchors")
    transfers = list(with_tries(rows.order_by("pk")))
    may = policies.may_work(acting, thing.organisation_id)
    turn = turns_of([each for each in transfers if each.state == TransferState.WAITING]).get(
        thing.pk
    )
    progress = progress_of(transfers)
    messages = list(thing.messages.all())
    return Detail(
        thing=thing,
        label=LABELS[S(thing.state)],
        sentence=sentence(thing, now, progress=progress, turn=turn),
        days_left=days_left(thing, now),
        is_late=is_late(thing, now),
        progress=progress,
        transfers=transfers,
        tries={each.pk: tries_of(each) for each in transfers},
        studies=list(
            thing.studies.select_related("patient__practice").order_by("acquired_on", "pk")
        ),
        messages=messages,
        attachments=list(thing.attachments.defer("content")),
        events=list(thing.events.order_by("-pk")[:200]),
        actions=actions(thing, transfers) if may else frozenset(),
        colleagues=desk_of(thing.organisation) if may else (),
        delivered_to=vars(thing)["our_pacs"] or "" if thing.brings_images else "",
        exams=[{**each, "day": _day(each.get("acquired_on", ""))} for each in thing.exams],
        untold=not_told(thing),
    )


def _day(iso: str) -> date | None:
    try:
        return date.fromisoformat(iso)
    except ValueError:
        return None  # theirs: shown as no date, never as a fault of the page


def desk_of(trust: Organisation) -> Sequence[User]:
    """Whose it can be: the service desk of the trust."""
    roles = [name for name, role in ROLES.items() if P.EXCHANGE_IMAGES in role.permissions]
    rows = User.objects.filter(
        memberships__organisation=trust, memberships__role__in=roles, is_active=True
    )
    return list(rows.distinct().order_by("last_name", "first_name"))


def _our_pacs() -> Subquery:
    """Its name, seen from a transaction."""
    nodes = Node.objects.filter(
        is_our_pacs=True, institution__organisation=OuterRef("organisation")
    )
    return Subquery(nodes.order_by("-is_default", "pk").values("name")[:1])


def attachment(acting: Acting, number: int, attachment_id: UUID) -> Attachment:
    """With its content. Raises NotFound."""
    thing = by_number(acting, number)
    found = thing.attachments.filter(pk=attachment_id).first()
    if found is None:
        raise NotFound
    return found


# --- What can be done --------------------------------------------------------------------------


def actions(thing: Transaction, transfers: Sequence[Transfer]) -> frozenset[str]:
    """The verbs that its page offers: what the table allows, and makes sense for its direction."""
    state = S(thing.state)
    allowed = {event for from_state, event in TRANSITIONS if from_state is state}
    found = {"say", "attach", "assign"}
    theirs = thing.direction == Direction.IN
    if theirs and not thing.brings_images and E.ACCEPTED in allowed and state is not S.ACCEPTED:
        found.add("accept")
    if may_be_declined(thing.kind, state) and (theirs or thing.kind == TransactionKind.REQUEST):
        found.add("decline")
    if state is S.DECLINE and not theirs:
        found.add("process_again")
    if E.ASKED_DETAILS in allowed and (theirs or is_gateway(thing)):
        found.add("ask_details")
    if state is S.AWAITING_DETAILS:
        found.add("details_came")
    if E.CANCELLED in allowed and not may_have_left(transfers):
        found.add("cancel")
    if state in BEFORE_IMAGES | {S.STARTED, S.UPLOADING, S.ON_IEP, S.DOWNLOAD_REQUEST, S.FAILED,
                                 S.DOWNLOADING}:  # fmt: skip
        found |= {"priority", "download" if thing.brings_images else "choose"}
    return frozenset(found)


def may_have_left(transfers: Sequence[Transfer]) -> bool:
    """Whether an image may be on its way to them: then it cannot be aborted (hazard H43)."""
    safe = {TransferState.WAITING, TransferState.PAUSED, TransferState.CANCELLED,
            TransferState.FAILED}  # fmt: skip
    return any(
        each.purpose == "out" and (each.images_done > 0 or each.state not in safe)
        for each in transfers
    )


def unread() -> Coalesce:
    """How many messages of theirs nobody here has read: a column of a query of transactions."""
    rows = TransactionMessage.objects.filter(
        transaction=OuterRef("pk"), direction=Direction.IN.value, read_at__isnull=True
    )
    counted = rows.order_by().values("transaction").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0, output_field=IntegerField())
