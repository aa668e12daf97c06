"""What older rows were given when their clock and their reasons got columns."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.db.transaction import atomic
from django.utils import timezone

from accounts.policies import SYSTEM
from iep.models import Ticket, Transaction, TransactionEventRow, TransferEventRow
from iep.services.exchange import transactions
from iep.services.lanes import transfers
from iep.services.lanes.retrying import fail
from iep.services.moving import locked
from iep.states.priorities import Eligibility, Priority, Reason
from iep.states.transactions import DeclineReason
from tests.iep.transactions import exchange
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
filled = import_module("iep.migrations.0021_asked_at")


# As before there was the column.
EMPTIED = """
ALTER TABLE iep_transactioneventrow DISABLE TRIGGER USER;
ALTER TABLE iep_transfereventrow DISABLE TRIGGER USER;
UPDATE iep_transactioneventrow SET code = '';
UPDATE iep_transfereventrow SET code = '';
ALTER TABLE iep_transactioneventrow ENABLE TRIGGER USER;
ALTER TABLE iep_transfereventrow ENABLE TRIGGER USER;
"""


def test_the_reasons_of_before_are_read_from_the_history(world: World) -> None:
    by, other = world.acting("mbp"), exchange.request(world)
    thing = exchange.request(world)
    transactions.decline(thing, DeclineReason.NO_SUCH_STUDY, "Not there", by=by)
    transactions.process_again(thing, by=by)
    transactions.decline(thing, DeclineReason.INAPPROPRIATE, by=by)
    transactions.decline(other, DeclineReason.OTHER, "Ring us", by=by)
    queued = transfers.queue_fetch(
        thing.node, "2.25.1", priority=Priority.NORMAL, purpose="in", title="CT head", by=SYSTEM
    )  # fmt: skip
    with atomic():
        fail(locked(queued), "They said no", "refused")
    events = (TransactionEventRow, TransferEventRow)
    before = [sorted(each.objects.values_list("pk", "code")) for each in events]
    assert [[code for _, code in rows if code] for rows in before] == [
        ["no_such_study", "inappropriate", "other"], ["refused"],
    ]  # fmt: skip
    with atomic(), connection.cursor() as cursor:
        cursor.execute(EMPTIED)
    with atomic(), connection.cursor() as cursor:
        cursor.execute(filled.REASONS)
    assert [sorted(each.objects.values_list("pk", "code")) for each in events] == before
    with pytest.raises(Exception, match="append_only"), atomic():
        TransactionEventRow.objects.update(code="")


def test_the_clocks_of_before_are_the_tickets(world: World) -> None:
    blue: dict[str, Any] = {
        "priority": Priority.BLUE_LIGHT, "eligibility": Eligibility.THEATRE,
        "reason": Reason.BLUE_LIGHT,
    }  # fmt: skip
    urgent, standard = exchange.import_ticket(world, **blue), exchange.import_ticket(world)
    Ticket.objects.update(opened_at=timezone.now() - timedelta(hours=5))
    of_urgent = exchange.request(world, ticket=urgent, priority=0)
    raised = exchange.request(world, ticket=standard, priority=0, eligibility="theatre")
    of_standard = exchange.request(world, ticket=standard)
    with atomic(), connection.cursor() as cursor:
        cursor.execute(filled.CLOCKS)
    asked = dict(Transaction.objects.values_list("pk", "asked_at"))
    opened = dict(Ticket.objects.values_list("pk", "opened_at"))
    assert opened == dict(Ticket.objects.values_list("pk", "asked_at"))
    assert asked[of_urgent.pk] == opened[urgent.pk]
    assert asked[of_standard.pk] == opened[standard.pk]
    assert asked[raised.pk] == raised.created_at
