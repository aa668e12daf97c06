"""The one mover of the room: lock, look up in the thing's table, save, event row, audit row."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.db import models, transaction
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from iep.models import (
    Disc,
    DiscEventRow,
    Study,
    StudyEventRow,
    Ticket,
    TicketEventRow,
    Transaction,
    TransactionEventRow,
    Transfer,
    TransferEventRow,
)
from iep.states import discs, studies, tickets, transactions, transfers
from iep.states.priorities import keeps_its_clock
from iep.states.transactions import TransactionEvent
from iep.states.transfers import TransferEvent

Thing = TypeVar("Thing", Ticket, Transaction, Study, Disc, Transfer)
_TABLES: dict[type[models.Model], Any] = {
    Ticket: (tickets, TicketEventRow, "ticket"),
    Transaction: (transactions, TransactionEventRow, "transaction"),
    Study: (studies, StudyEventRow, "study"),
    Disc: (discs, DiscEventRow, "disc"),
    Transfer: (transfers, TransferEventRow, "transfer"),
}
# Why it went wrong, as a code: a retry empties the field, the event keeps what stood there.
_CODES: dict[type[models.Model], tuple[str, frozenset[str]]] = {
    Transaction: ("declined_reason", frozenset({TransactionEvent.DECLINED})),
    Transfer: ("family", frozenset({TransferEvent.FAILED, TransferEvent.FELL_SHORT})),
}


def locked(thing: Thing) -> Thing:
    """The row as it stands now, locked until the transaction ends. Locked first, then read."""
    rows = type(thing)._default_manager.filter(pk=thing.pk)
    list(rows.select_for_update().values_list("pk", flat=True))
    return rows.get()


def move(thing: Thing, event: Any, *, by: Acting, words: str = "", **changes: Any) -> Thing:
    """The thing after the event, as its table says; `changes` are further fields to set.

    The thing must come from `locked`. The clock (`due_at`) starts anew with the state; `due_at`
    among the changes is another clock. Raises NoSuchMove, and then nothing was changed.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("a move belongs in a transaction")
    table, _, _ = _TABLES[type(thing)]
    before, after, now = thing.state, table.after(thing.state, event), timezone.now()
    if before != after:
        changes = {"state_since": now, **_clock(thing, table, after, now), **changes}
    changes = {**_four_hours(thing, changes, now), **changes}
    for name, value in {**changes, "state": after.value}.items():
        setattr(thing, name, value)
    thing.save()
    write_event(thing, event, before, by=by, words=words, at=now)
    return thing


def _clock(thing: models.Model, table: Any, after: Any, now: datetime) -> dict[str, Any]:
    if not hasattr(thing, "due_at"):
        return {}
    wait = table.WAITS.get(after)
    return {"due_at": now + wait.limit if wait else None}


def _four_hours(thing: Thing, changes: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Raised to Blue Light, by us or by them: its four hours begin with that (hazard H39)."""
    if not isinstance(thing, Ticket | Transaction):
        return {}
    runs_on = keeps_its_clock(thing.priority, changes.get("priority", thing.priority))
    return {} if runs_on else {"asked_at": now}


def write_event(
    thing: Thing,
    event: Any,
    before: str,
    *,
    by: Acting,
    words: str = "",
    at: datetime | None = None,
) -> None:
    """The row that people see in the history, and the audit row for whoever investigates."""
    _, rows, name = _TABLES[type(thing)]
    rows._default_manager.create(
        **{name: thing},
        event=event.value,
        from_state=before,
        to_state=thing.state,
        at=at or timezone.now(),
        by_name=by.label[:150],
        by_user_id=by.user.pk if by.user else None,
        organisation_code=by.organisation.ods_code if by.organisation else "",
        words=words[:300],
        **_code(thing, event),
    )
    audit.record(
        acting=by,
        action=f"{name}_{event.value}",
        object_type=f"iep.{type(thing).__name__}",
        object_id=thing.pk,
        patient_id=getattr(thing, "patient_id", None) or "",
    )


def _code(thing: models.Model, event: Any) -> dict[str, str]:
    field, events = _CODES.get(type(thing), ("", frozenset()))
    return {"code": getattr(thing, field)} if event in events else {}
