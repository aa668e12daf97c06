"""The four hours of a Blue Light: from asking, whoever made a transaction of it when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.policies import SYSTEM
from iep.models import Ticket
from iep.queries.home import listing as queries
from iep.queries.lanes import blue_light
from iep.services.exchange import transactions
from iep.services.ticketing import tickets
from iep.states.priorities import Eligibility, Priority, Reason
from iep.states.transactions import Tab, TransactionEvent
from tests.iep.transactions import exchange
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H39")]
E = TransactionEvent


def _five_hours_old(world: World, clock: Any, **changes: Any) -> tuple[Ticket, datetime]:
    """A ticket that was opened five hours ago, and the present moment."""
    now = timezone.now()
    clock.move_to(now - timedelta(hours=5), tick=False)
    ticket = exchange.import_ticket(world, **changes)
    clock.move_to(now, tick=False)
    return ticket, now


BLUE: dict[str, Any] = {
    "priority": Priority.BLUE_LIGHT, "eligibility": Eligibility.THEATRE,
    "reason": Reason.BLUE_LIGHT,
}  # fmt: skip


def test_the_four_hours_of_a_ticket_are_those_of_its_transaction(
    world: World, time_machine: Any
) -> None:
    ticket, _ = _five_hours_old(world, time_machine, **BLUE)
    thing = exchange.request(world, ticket=ticket, priority=0)
    (alarm,) = blue_light.alarms(world.acting("mbp"))
    assert (alarm.reference, alarm.hours) == (f"Transaction {thing.number}", 4)
    (row,) = queries.home(world.acting("mbp"), Tab.ACTION).rows
    assert row.clock == "Over 4 hours: 5 h 0 min"


def test_what_is_raised_to_blue_light_has_four_hours_from_then(
    world: World, time_machine: Any
) -> None:
    ticket, now = _five_hours_old(world, time_machine)
    asked = exchange.request(world, ticket=ticket)
    came = exchange.asked_of_us(world)
    made_blue = exchange.request(
        world, ticket=_five_hours_old(world, time_machine)[0], priority=0, eligibility="theatre"
    )
    lone, _ = _five_hours_old(world, time_machine)
    desk = world.acting("mbp")
    time_machine.move_to(now + timedelta(hours=3), tick=False)
    transactions.change_priority(asked, 0, "theatre", by=desk)
    transactions.record(came, E.NOTED, by=SYSTEM, priority=0)  # as the gateway hears it
    tickets.change_priority(
        lone, Priority.BLUE_LIGHT, reason=Reason.BLUE_LIGHT, eligibility=Eligibility.THEATRE,
        words="Theatre tonight", by=desk,
    )  # fmt: skip
    assert [each.reference for each in blue_light.alarms(desk)] == [
        f"Transaction {made_blue.number}"
    ]
    clocks = {
        each.number or each.reference: each.clock for each in queries.home(desk, Tab.ALL).rows
    }
    assert clocks == {
        asked.number: "0 min of 4 hours", came.number: "0 min of 4 hours",
        lone.reference: "0 min of 4 hours", made_blue.number: "3 h 0 min of 4 hours",
    }  # fmt: skip
    time_machine.move_to(now + timedelta(hours=4, minutes=1), tick=False)
    transactions.change_priority(asked, 0, "ambulance", by=desk)  # it was one already
    assert len(blue_light.alarms(desk)) == 4
