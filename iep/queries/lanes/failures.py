"""What did not arrive, or not all of it: why, in words, and what can be tried (I7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Min, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from accounts.policies import Acting
from iep.models import Node, Transaction, Transfer, TransferInstance
from iep.policies import trust_of
from iep.queries.exchange.gateway import NotTold, not_told
from iep.queries.lanes.advice import Advice, advice_on
from iep.queries.lanes.queues import transfers_for
from iep.queries.lanes.rows import Row, row_of
from iep.queries.lanes.tries import Tries, tries_of, with_tries
from iep.states.transactions import Direction, TransactionState
from iep.states.transfers import InstanceState, TransferState

SHOWN = 50
UNTOLD_IS_LATE = timedelta(minutes=15)  # by then a person rings
MISSING_SHOWN = 10
_REFUSED = InstanceState.REFUSED.value
_MISSING = Q(state__in=(_REFUSED, InstanceState.WAITING.value))


@dataclass(frozen=True)
class Series:
    """One series of which images are missing."""

    uid: str
    label: str  # "Series 2": by the order in which they stand
    missing: int


@dataclass(frozen=True)
class Failure:
    """One transfer that needs a person, or a transaction that failed without one."""

    row: Row
    reason: str
    advice: Advice
    phone: str
    series: tuple[Series, ...]
    tries: Tries
    missing: tuple[TransferInstance, ...]  # the first of them
    missing_more: int
    transaction: int | None  # its number
    call_reference: str
    is_inbound: bool
    institution: int  # whose machine it is


@dataclass(frozen=True)
class Failures:
    """All of them, and whether our own PACS is away."""

    failures: list[Failure]
    trouble: list[tuple[Row, Tries]]  # tried again by itself, and failing
    transactions: list[Transaction]  # failed, and no transfer of theirs is on the list
    untold: list[tuple[Transaction, NotTold]]  # the other installation does not know of it
    unheard: list[Row]  # ended, and their transactions could not be told
    total: int
    pacs_down_since: datetime | None
    pacs_name: str


def failures(acting: Acting) -> Failures:
    """What needs a person first; then what fails and is tried again by itself."""
    mine = transfers_for(acting).select_related("transaction__ticket", "node__institution", "lane")
    stuck = mine.filter(state__in=(TransferState.PARTIAL, TransferState.FAILED))
    rows = list(with_tries(stuck.order_by("priority", "-state_since"))[:SHOWN])
    waiting = mine.filter(state=TransferState.WAITING, failures__gt=0)
    trouble = with_tries(waiting.order_by("priority", "failing_since"))[:SHOWN]
    ledgers = _ledgers(rows)
    found = [_failure(each, ledgers[each.pk]) for each in rows]
    pacs = _pacs_down(acting)
    return Failures(
        failures=found,
        trouble=[(row_of(each), tries_of(each)) for each in trouble],
        transactions=_without_transfer(acting, found),
        untold=_untold(acting),
        unheard=[row_of(each) for each in mine.filter(events_told=False).order_by("pk")[:SHOWN]],
        total=stuck.count() if len(rows) == SHOWN else len(rows),
        pacs_down_since=pacs.failing_since if pacs else None,
        pacs_name=pacs.name if pacs else "",
    )


def _without_transfer(acting: Acting, found: list[Failure]) -> list[Transaction]:
    shown = [each.transaction for each in found if each.transaction]
    rows = Transaction.objects.filter(
        organisation=trust_of(acting), state=TransactionState.FAILED
    ).exclude(number__in=shown)
    return list(rows.select_related("institution").order_by("priority", "-state_since")[:SHOWN])


def _untold(acting: Acting) -> list[tuple[Transaction, NotTold]]:
    """What has waited for more than a matter of seconds, whatever became of the transaction."""
    rows = Transaction.objects.filter(organisation=trust_of(acting)).exclude(to_tell=[])
    rows = rows.select_related("institution").order_by("priority", "state_since")
    found = [(each, told) for each in rows[: SHOWN * 10] if (told := not_told(each))]
    late = timezone.now() - UNTOLD_IS_LATE
    return [(each, told) for each, told in found if told.since is None or told.since < late][:SHOWN]


def _pacs_down(acting: Acting) -> Node | None:
    """Our own PACS, while it fails: two attempts in a row."""
    rows = Node.objects.filter(
        is_our_pacs=True, institution__organisation=trust_of(acting), failures__gte=2
    )
    return rows.first()


def _failure(transfer: Transfer, ledger: _Ledger) -> Failure:
    transaction = transfer.transaction
    ticket = transaction.ticket if transaction else None
    return Failure(
        row=row_of(transfer),
        reason=transfer.why or "No reason was given.",
        advice=advice_on(transfer, ledger.refused),
        phone=transfer.node.institution.phone,
        series=ledger.series,
        tries=tries_of(transfer),
        missing=ledger.missing,
        missing_more=max(0, ledger.count - MISSING_SHOWN),
        transaction=transaction.number if transaction else None,
        call_reference=ticket.reference if ticket else "",
        is_inbound=transfer.direction == Direction.IN,
        institution=transfer.node.institution_id,
    )


# --- What is missing -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ledger:
    """What is missing of one transfer."""

    missing: tuple[TransferInstance, ...]  # the first of them
    count: int
    series: tuple[Series, ...]  # that miss images, when there is more than one to choose from
    refused: frozenset[int | None]  # the statuses that they answered


def _ledgers(transfers: Sequence[Transfer]) -> dict[int, _Ledger]:
    """Of all of them, in two queries however many there are."""
    lines = TransferInstance.objects.filter(transfer__in=[each.pk for each in transfers])
    place = Window(RowNumber(), partition_by=[F("transfer")], order_by=F("position").asc())
    first = lines.filter(_MISSING).annotate(place=place).filter(place__lte=MISSING_SHOWN)
    missing: dict[int, list[TransferInstance]] = {each.pk: [] for each in transfers}
    for line in first.order_by("transfer", "place"):
        missing[line.transfer_id].append(line)
    counts: dict[int, list[_Counted]] = {each.pk: [] for each in transfers}
    for counted in _counted(lines):
        counts[counted.transfer].append(counted)
    return {pk: _ledger(missing[pk], counts[pk]) for pk in missing}


@dataclass(frozen=True)
class _Counted:
    """The images of one series of one transfer to which they gave one answer."""

    transfer: int
    series_uid: str
    status: int | None
    begins: int  # the position of the first of them
    missing: int
    refused: int


def _counted(lines: QuerySet[TransferInstance]) -> Iterable[_Counted]:
    grouped = lines.order_by().values("transfer", "series_uid", "status").annotate(
        begins=Min("position"), missing=Count("pk", filter=_MISSING),
        refused=Count("pk", filter=Q(state=_REFUSED)),
    )  # fmt: skip
    return (_Counted(**row) for row in grouped.order_by("transfer", "begins"))


def _ledger(missing: list[TransferInstance], counts: list[_Counted]) -> _Ledger:
    order = list(dict.fromkeys(each.series_uid for each in counts if each.series_uid))
    short = {uid: sum(each.refused for each in counts if each.series_uid == uid) for uid in order}
    series = tuple(
        Series(uid, f"Series {number}", short[uid])
        for number, uid in enumerate(order, 1)
        if short[uid]
    )
    return _Ledger(
        missing=tuple(missing),
        count=sum(each.missing for each in counts),
        series=series if len(order) > 1 else (),
        refused=frozenset(each.status for each in counts if each.refused),
    )
