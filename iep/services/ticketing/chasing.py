"""Missing details: the two weeks, their reminders, and the other hospital asked by a message.

"If the MBP are unable to establish the appropriate details via the above process within 2 weeks,
the request will be cancelled" (guideline B35/2018, 2.4 d). Nobody is cancelled unseen (hazard
H45): the requester is reminded at 7 and 12 days, told of the end, and acknowledges it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.policies import SYSTEM, Acting
from iep import hours
from iep.asking import LABELS
from iep.models import Ticket, Transaction
from iep.queries.ticketing.tickets import spoken
from iep.services.exchange.transactions import say
from iep.services.moving import locked, move
from iep.services.ticketing import tickets
from iep.services.ticketing.ticket_mail import tell_requester
from iep.states.tickets import REMINDERS, TicketEvent, TicketState
from iep.states.transactions import TERMINAL

_AT_ONCE: Final = 100  # rows of one sweep
_CLOCK_CHANGE: Final = timedelta(hours=1)
NOT_RECEIVED: Final = "The details were not received within 2 weeks"


def ask_other_hospital(
    ticket: Ticket, *, missing: list[str], words: str = "", by: Acting
) -> Transaction | None:
    """Ask the other hospital for what is missing: by a message of the transaction, if there is
    one that runs; None: somebody rings. Raises NotAccepted, NoSuchMove."""
    with transaction.atomic():
        row = tickets.chase(ticket, tickets.INSTITUTION, missing=missing, words=words, by=by)
        running = row.transactions.exclude(state__in=[each.value for each in TERMINAL])
        found = running.order_by("-created_at").first()
        if found is not None:
            wanted = [spoken(name) for name in missing]
            asked = "; ".join(filter(None, [", ".join(wanted), words.strip()]))
            say(found, f"{row.reference}: please send us what is missing: {asked}.", by)
    return found


# --- The clock -----------------------------------------------------------------------------------


def sweep() -> int:
    """Remind and cancel what is due, by the database's time. How many tickets it touched."""
    return _remind() + _expire()


def _remind() -> int:
    """At 7 and at 12 calendar days, once each; the older one is not made up for."""
    waiting = Ticket.objects.filter(
        state=TicketState.AWAITING_DETAILS.value,
        chased_since__lte=Now() - (REMINDERS[0] - _CLOCK_CHANGE),
        due_at__gt=Now(),
    )
    keys = waiting.order_by("chased_since").values_list("pk", flat=True)
    return sum(_remind_one(key) for key in list(keys))


def _remind_one(key: UUID) -> bool:
    with transaction.atomic():
        row = _claimed(key)
        days = _reminder_due(row) if row else 0
        if row is None or not days or row.chased_since is None:
            return False
        occasion = f"reminder-{days} {row.chased_since:%Y%m%d%H%M}"
        if row.mails.filter(occasion=occasion).exists():
            return False
        move(row, TicketEvent.REMINDED, by=SYSTEM, words=f"{days} days without the details")
        tell_requester(row, occasion, _reminder(row), SYSTEM)
        return True


def _reminder_due(row: Ticket) -> int:
    """The days of the last reminder whose time has come; 0 for none."""
    if row.state != TicketState.AWAITING_DETAILS or row.chased_since is None:
        return 0
    now, since = _database_time(), row.chased_since
    passed = [each.days for each in REMINDERS if hours.days_later(since, each.days) <= now]
    return max(passed, default=0)


def _reminder(row: Ticket) -> str:
    wanted = "\n".join(f"- {LABELS[name]}" for name in row.missing)
    until = timezone.localtime(row.due_at) if row.due_at else None
    end = f" on {until.day} {until:%B %Y}" if until else ""
    asked = "you" if row.chased == tickets.REQUESTER else "the other hospital"
    return (
        f"We asked {asked} for details of your request and have not had them yet.\n{wanted}\n\n"
        f"Without them the request is cancelled{end}."
    )


def _expire() -> int:
    """After two weeks: cancelled, the requester told, to be acknowledged by a person."""
    over = Ticket.objects.filter(state=TicketState.AWAITING_DETAILS.value, due_at__lte=Now())
    keys = list(over.order_by("due_at").values_list("pk", flat=True)[:_AT_ONCE])
    return sum(_expire_one(key) for key in keys)


def _expire_one(key: UUID) -> bool:
    from iep.services.exchange import outcomes  # it calls the door of the tickets itself

    with transaction.atomic():
        running = outcomes.hold_transactions_of(Ticket(pk=key))
        row = _claimed(key)
        is_awaiting = row is not None and row.state == TicketState.AWAITING_DETAILS
        if row is None or not is_awaiting or row.due_at is None or row.due_at > _database_time():
            return False
        outcomes.cancel_with_ticket(running, row.reference, by=SYSTEM)
        row = move(
            row, TicketEvent.EXPIRED, by=SYSTEM, words=NOT_RECEIVED, cancelled_why=NOT_RECEIVED
        )
        text = f"Your request is cancelled. {NOT_RECEIVED}.\n\n{tickets.PLEASE}"
        tell_requester(row, "expired", text, SYSTEM)
        return True


def _claimed(key: UUID) -> Ticket | None:
    """The row, locked; None where another worker has it."""
    rows = Ticket.objects.select_for_update(skip_locked=True).filter(pk=key)
    if not list(rows.values_list("pk", flat=True)):
        return None
    return locked(Ticket(pk=key))


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cursor.fetchone()[0]
