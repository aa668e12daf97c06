"""What did not arrive, or not all of it: why, in words, and what can be tried (I7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from accounts.policies import Acting
from iep.models import Node, Transaction, Transfer, TransferInstance
from iep.policies import trust_of
from iep.states.transactions import Direction, TransactionState
from iep.states.transfers import InstanceState, TransferState

from .queues import Row, row_of, transfers_for

SHOWN = 50
_NEXT: dict[str, str] = {
    "unreachable": "Their machine or the network is away. Try again, or ring them.",
    "rejected": "They do not let us in. Ring them: have they changed their list of callers?",
    "aborted": "They broke off. Try again, or ring them.",
    "timeout": "They did not answer in time. Try again, or ring them.",
    "out_of_resources": "Their disk is full or they are busy. Ring them.",
    "refused": "They will not take these images. Try again once, then ring them.",
    "no_context": "Their machine does not know this kind of image. Use a disc.",
    "not_found": "They do not have it. Ask the sender to send it again.",
    "unconfirmed": "They may have it. Ring them and ask.",
}


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
    advice: str
    phone: str
    series: tuple[Series, ...]
    missing: tuple[str, ...]  # UIDs of instances, the first of them
    missing_more: int
    transaction: int | None  # its number
    call_reference: str
    may_ask_sender: bool  # there is a transaction over which to write to them
    is_inbound: bool


@dataclass(frozen=True)
class Failures:
    """All of them, and whether our own PACS is away."""

    failures: list[Failure]
    trouble: list[Row]  # tried again by itself, and failing
    transactions: list[Transaction]  # failed, and no transfer of theirs is on the list
    total: int
    pacs_down_since: datetime | None
    pacs_name: str


MISSING_SHOWN = 10


def failures(acting: Acting) -> Failures:
    """What needs a person first; then what fails and is tried again by itself."""
    mine = transfers_for(acting).select_related("transaction__ticket")
    stuck = mine.filter(state__in=(TransferState.PARTIAL, TransferState.FAILED))
    found = [_failure(each) for each in stuck.order_by("priority", "-state_since")[:SHOWN]]
    trouble = mine.filter(state=TransferState.WAITING, failures__gt=0)
    pacs = _pacs_down(acting)
    return Failures(
        failures=found,
        trouble=[row_of(each) for each in trouble.order_by("priority", "failing_since")[:SHOWN]],
        transactions=_without_transfer(acting, found),
        total=stuck.count(),
        pacs_down_since=pacs.failing_since if pacs else None,
        pacs_name=pacs.name if pacs else "",
    )


def _without_transfer(acting: Acting, found: list[Failure]) -> list[Transaction]:
    shown = [each.transaction for each in found if each.transaction]
    rows = Transaction.objects.filter(
        organisation=trust_of(acting), state=TransactionState.FAILED
    ).exclude(number__in=shown)
    return list(rows.select_related("institution").order_by("priority", "-state_since")[:SHOWN])


def _pacs_down(acting: Acting) -> Node | None:
    """Our own PACS, while it fails: two attempts in a row."""
    rows = Node.objects.filter(
        is_our_pacs=True, institution__organisation=trust_of(acting), failures__gte=2
    )
    return rows.first()


def _failure(transfer: Transfer) -> Failure:
    missing = transfer.instances.filter(
        state__in=(InstanceState.REFUSED, InstanceState.WAITING)
    ).order_by("position")
    uids = tuple(missing.values_list("sop_uid", flat=True)[: MISSING_SHOWN + 1])
    transaction = transfer.transaction
    ticket = transaction.ticket if transaction else None
    return Failure(
        row=row_of(transfer),
        reason=transfer.why or "No reason was given.",
        advice=_NEXT.get(transfer.family, "Try again, or ring them."),
        phone=transfer.node.institution.phone,
        series=_series(transfer),
        missing=uids[:MISSING_SHOWN],
        missing_more=max(0, missing.count() - MISSING_SHOWN),
        transaction=transaction.number if transaction else None,
        call_reference=ticket.reference if ticket else "",
        may_ask_sender=transaction is not None,
        is_inbound=transfer.direction == Direction.IN,
    )


def _series(transfer: Transfer) -> tuple[Series, ...]:
    """Series that miss images, when there is more than one to choose from."""
    rows = TransferInstance.objects.filter(transfer=transfer).exclude(series_uid="")
    order = list(dict.fromkeys(rows.order_by("position").values_list("series_uid", flat=True)))
    if len(order) < 2:
        return ()
    short = rows.filter(state=InstanceState.REFUSED).values("series_uid").order_by()
    counts = {row["series_uid"]: row["n"] for row in short.annotate(n=Count("pk"))}
    return tuple(
        Series(uid, f"Series {number}", counts[uid])
        for number, uid in enumerate(order, 1)
        if uid in counts
    )
