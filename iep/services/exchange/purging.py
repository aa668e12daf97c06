"""What is on the exchange goes after 15 days: counted down, said in time, and then really gone.

"Images will not be available on IEP portal after 15 days" (the trust's guideline); hazard H42. The
clock is the database's. Only copies that we hold for the transaction go, never what was filed.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts.policies import SYSTEM
from iep.errors import NoSuchMove
from iep.models import Study, Transaction
from iep.services.arrival import arrivals
from iep.services.exchange import sending, transactions
from iep.services.moving import locked
from iep.services.ticketing import tickets
from iep.services.ticketing.ticket_mail import tell_requester
from iep.states.studies import StudyState
from iep.states.tickets import OPEN, TicketEvent
from iep.states.transactions import (
    MOVING,
    PURGE_WARNINGS,
    PURGED_AFTER,
    TransactionEvent,
    TransactionState,
)
from iep.states.transfers import TransferState

MOST = 200  # of one sweep
PURGEABLE = sorted(each.value for each in MOVING | {TransactionState.FAILED})
_ENDED = (TransactionState.DELIVERED.value, TransactionState.FIXED_UP.value,
          TransactionState.CANCELLED.value, TransactionState.PURGED.value)  # fmt: skip
_KEPT = (StudyState.MATCHED.value, StudyState.FILED.value, StudyState.TAKEN_OUT.value,
         StudyState.DISCARDED.value)  # fmt: skip


def sweep() -> dict[str, int]:
    """Warn, purge, and give up copies that nobody needs; what was done of each."""
    return {"warned": warn(), "purged": purge(), "copies": drop_copies()}


def days_left(purge_at: datetime, now: datetime) -> int:
    """Whole days begun: 1 is "today or tomorrow", 0 is over."""
    return max(0, math.ceil((purge_at - now) / timedelta(days=1)))


# --- Saying it in time ---------------------------------------------------------------------------


def warn() -> int:
    """Say at 5, 2 and 1 days that it will go; each once, the nearest only. How many were said."""
    near = Now() + timedelta(days=max(PURGE_WARNINGS))
    due = Transaction.objects.filter(state__in=PURGEABLE, purge_at__gt=Now(), purge_at__lte=near)
    said = 0
    for pk in list(due.order_by("purge_at").values_list("pk", flat=True)[:MOST]):
        with transaction.atomic():
            said += _warn_one(locked(Transaction(pk=pk)))
    return said


def _warn_one(row: Transaction) -> int:
    if row.purge_at is None or row.state not in PURGEABLE:
        return 0
    left = days_left(row.purge_at, _database_time())
    step = min((each for each in PURGE_WARNINGS if left <= each), default=None)
    if step is None or left == 0 or (row.purge_warned is not None and row.purge_warned <= step):
        return 0
    words = f"The images are removed in {left} {'day' if left == 1 else 'days'}."
    transactions.record(row, TransactionEvent.NOTED, words=words, by=SYSTEM, purge_warned=step)
    if row.ticket is not None and row.ticket.state in OPEN:
        text = f"{words} They have not been taken up yet. The service desk knows."
        tell_requester(row.ticket, f"purging {row.number} {step}", text, SYSTEM)
    return 1


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


# --- Doing it ------------------------------------------------------------------------------------


def purge() -> int:
    """Remove what is past its 15 days, except what a lane has in hand. How many transactions."""
    due = Transaction.objects.filter(state__in=PURGEABLE, purge_at__lte=Now())
    done = 0
    for pk in list(due.order_by("purge_at").values_list("pk", flat=True)[:MOST]):
        with transaction.atomic():
            done += _purge_one(locked(Transaction(pk=pk)))
    return done


def _purge_one(row: Transaction) -> int:
    if row.state not in PURGEABLE or row.purge_at is None or row.purge_at > _database_time():
        return 0
    held = sending.hold(row)
    if any(each.state in (TransferState.RUNNING, TransferState.UNCONFIRMED) for each in held):
        return 0  # it is being taken up this minute; the next sweep looks again
    row = transactions.record(
        row, TransactionEvent.PURGED, by=SYSTEM, words="Removed after 15 days.",
        why="Removed after 15 days. Request again.",
    )  # fmt: skip
    sending.stop(held, words="The images were removed after 15 days.")
    for study in row.studies.exclude(state__in=_KEPT):
        discard(study)
    if row.ticket is not None and row.ticket.state in OPEN:
        words = "Removed from the exchange after 15 days."
        tickets.record(row.ticket, TicketEvent.FAILED, words=words, by=SYSTEM)
        text = (
            "The images were on the exchange for 15 days and were not taken up, so they were "
            "removed. The service desk requests them again where you still need them."
        )
        tell_requester(row.ticket, f"purged {row.number}", text, SYSTEM)
    return 1


def drop_copies() -> int:
    """Copies of our PACS's studies, of transactions that are over and past their 15 days."""
    copies = Study.objects.filter(state=StudyState.OUTGOING.value, transaction__state__in=_ENDED)
    past = Q(transaction__purge_at__lte=Now()) | Q(
        transaction__purge_at=None, state_since__lte=Now() - PURGED_AFTER
    )
    return sum(discard(study) for study in copies.filter(past)[:MOST])


def discard(study: Study) -> int:
    """The bytes go, unless another transaction's transfer still needs them. 1 when they went."""
    ended = (TransferState.DELIVERED.value, TransferState.CANCELLED.value)
    others = study.transfers.exclude(state__in=ended).exclude(transaction=study.transaction_id)
    if others.exists():
        return 0
    try:
        arrivals.discard(study, why="Removed after 15 days on the exchange.", by=SYSTEM)
    except NoSuchMove:
        return 0  # somebody has just matched it
    return 1
