"""Details that were asked for and never came: after two weeks the transaction ends, and all know.

As a ticket does ("within 2 weeks, the request will be cancelled", guideline B35/2018, 2.4 d). The
other installation is told why; a ticket of ours comes back to the service desk, and its requester
is told, so that nothing ends unseen (hazard H45). The clock is the database's.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from accounts.policies import SYSTEM
from iep.models import Transaction
from iep.services.exchange import setbacks, transactions
from iep.services.moving import locked
from iep.states.transactions import TransactionState

MOST = 200  # of one sweep
NOT_RECEIVED = "The details were not received within 2 weeks."


def sweep() -> int:
    """How many ended."""
    keys = _due().order_by("due_at").values_list("pk", flat=True)[:MOST]
    return sum(_end(pk) for pk in list(keys))


def _due() -> Any:
    waits = Transaction.objects.filter(state=TransactionState.AWAITING_DETAILS.value)
    return waits.filter(due_at__lte=Now())


def _end(pk: Any) -> int:
    with transaction.atomic():
        row = locked(Transaction(pk=pk))
        if not _due().filter(pk=pk).exists():
            return 0  # they have answered meanwhile
        setbacks.called_off(transactions.cancel(row, NOT_RECEIVED, by=SYSTEM), by=SYSTEM)
    return 1
