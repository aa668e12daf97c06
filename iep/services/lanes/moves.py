"""A transfer moves: by the table, and with what it means for its transaction told at once.

Locks are taken in one order, transaction before transfer, because the services of transactions
hold theirs when they cancel a transfer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from django.db import OperationalError
from django.db.transaction import atomic
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.policies import SYSTEM, Acting
from iep.models import Transaction, Transfer
from iep.services.moving import locked, move
from iep.states.transfers import TERMINAL, TransferEvent, TransferState

log = structlog.get_logger(__name__)

TOLD = frozenset({
    TransferEvent.CLAIMED, TransferEvent.CONFIRMED, TransferEvent.FELL_SHORT,
    TransferEvent.FAILED, TransferEvent.CANCELLED,
})  # fmt: skip
_ENDS = TERMINAL | {TransferState.PARTIAL, TransferState.FAILED}


def locked_in_order(transfer: Transfer) -> Transfer:
    """The row as it stands now, locked after its transaction's."""
    if transfer.transaction_id:
        rows = Transaction.objects.filter(pk=transfer.transaction_id)
        list(rows.select_for_update().values_list("pk", flat=True))
    return locked(transfer)


def moved(
    transfer: Transfer, event: TransferEvent, *, by: Acting = SYSTEM, words: str = "", **more: Any
) -> Transfer:
    """Move a locked transfer and tell its transaction. A lease ends with the running.

    Raises NoSuchMove, and then nothing was changed.
    """
    if event != TransferEvent.CLAIMED and event != TransferEvent.NOTED:
        more = {"lease_token": None, "lease_until": None, **more}
    before = transfer.state
    move(transfer, event, by=by, words=words[:300], **more)
    if transfer.state in _ENDS and before != transfer.state:
        transfer.finished_at = timezone.now()
        transfer.save(update_fields=["finished_at"])
    if event in TOLD:
        tell(transfer, event)
    return transfer


def tell(transfer: Transfer, event: TransferEvent) -> bool:
    """Tell who waits for it; what cannot be told now is told by the sweep.

    A fault in what follows must not lose what the lane has done (as of a delivered message).
    """
    tell_outcome: Callable[[Transfer, TransferEvent], None] = import_string(
        "iep.services.exchange.outcomes.transfer_moved"  # by name: it calls our door itself
    )
    try:
        with atomic():
            tell_outcome(transfer, event)
    except OperationalError:
        raise  # the database's trouble: all of it is tried again
    except Exception as failure:  # noqa: BLE001 - no fault of ours may lose a delivery
        log.error("transfer_not_told", transfer=transfer.pk, error=type(failure).__name__)  # noqa: TRY400
        Transfer.objects.filter(pk=transfer.pk).update(events_told=False)
        return False
    return True


_LAST_EVENTS = {
    TransferState.DELIVERED: TransferEvent.CONFIRMED,
    TransferState.PARTIAL: TransferEvent.FELL_SHORT,
    TransferState.FAILED: TransferEvent.FAILED,
    TransferState.CANCELLED: TransferEvent.CANCELLED,
    TransferState.RUNNING: TransferEvent.CLAIMED,
}


def tell_untold(most: int = 100) -> int:
    """Tell again what could not be told; how many know now."""
    told = 0
    for row in Transfer.objects.filter(events_told=False).order_by("pk")[:most]:
        with atomic():
            transfer = locked_in_order(row)
            event = _LAST_EVENTS.get(TransferState(transfer.state))
            if event is None or tell(transfer, event):
                told += Transfer.objects.filter(pk=row.pk).update(events_told=True)
    return told
