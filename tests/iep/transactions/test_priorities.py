"""One priority for a ticket, what was made of it, its transfers and the other side (hazard H39)."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from accounts.policies import SYSTEM
from iep.errors import NotAccepted
from iep.models import Ticket, Transaction, Transfer
from iep.services.exchange import transactions
from iep.services.lanes import transfers
from iep.services.ticketing import tickets
from iep.states.priorities import Eligibility, Priority, Reason
from tests.iep.transactions import exchange
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H39")]
BLUE, STANDARD = Priority.BLUE_LIGHT, Priority.NORMAL


def waits(thing: Transaction, uid: str = "1.2.3") -> Transfer:
    return transfers.queue_fetch(
        thing.node, uid, priority=STANDARD, purpose="in", title="CT", transaction=thing, by=SYSTEM
    )


def hurry(ticket: Ticket, world: World) -> None:
    tickets.change_priority(
        ticket, BLUE, reason=Reason.BLUE_LIGHT, eligibility=Eligibility.THEATRE,
        words="In theatre at 4", by=world.acting("mbp"),
    )  # fmt: skip


def far(world: World, **changes: Any) -> Transaction:
    """Of ours, with a hospital whose gateway is told."""
    place = exchange.hospital("Spire Leicester")
    exchange.machine(place, kind="gateway")
    return exchange.request(world, institution=place, **changes)


def told(thing: Transaction) -> list[str]:
    thing.refresh_from_db()
    return [each["what"] for each in thing.to_tell]


# --- Of a ticket -------------------------------------------------------------------------------


def test_a_ticket_takes_what_was_made_of_it_along_with_what_waits(world: World) -> None:
    ticket = exchange.import_ticket(world)
    running, over = (exchange.request(world, ticket=ticket) for _ in range(2))
    waiting, paused = waits(running), transfers.pause(waits(running, "1.2.4"), by=SYSTEM)
    transactions.cancel(over, "Twice", by=SYSTEM)
    hurry(ticket, world)
    running.refresh_from_db()
    assert (running.priority, running.reason, running.eligibility) == (0, "blue_light", "theatre")
    assert set(running.transfers.values_list("priority", flat=True)) == {0}
    assert {waiting.pk, paused.pk} == set(running.transfers.values_list("pk", flat=True))
    over.refresh_from_db()
    assert over.priority == STANDARD
    tickets.change_priority(
        ticket, STANDARD, reason=Reason.MDT, words="Next week", by=world.acting("mbp")
    )
    running.refresh_from_db()
    assert (running.priority, running.reason, running.eligibility) == (1, "mdt", "")
    assert set(running.transfers.values_list("priority", flat=True)) == {1}


@pytest.mark.parametrize("state", ["failed", "partial", "unconfirmed"])
def test_what_failed_is_as_urgent_when_it_is_sent_again(world: World, state: str) -> None:
    ticket = exchange.import_ticket(world)
    transfer = waits(exchange.request(world, ticket=ticket))
    Transfer.objects.filter(pk=transfer.pk).update(state=state)
    hurry(ticket, world)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.priority) == (state, BLUE)
    transfers.retry(transfer, by=world.acting("mbp"))
    transfer.refresh_from_db()
    assert (transfer.state, transfer.priority) == ("waiting", BLUE)


def test_the_page_of_a_ticket_changes_the_transaction_too(world: World) -> None:
    ticket = exchange.import_ticket(world)
    thing = exchange.request(world, ticket=ticket)
    hurry(ticket, world)
    page = world.client("mbp").get(reverse("iep:transaction", args=[thing.number]))
    assert "<dt>Priority</dt><dd>Blue Light" in page.content.decode()


# --- The other side ----------------------------------------------------------------------------


def test_the_other_side_is_told_of_ours(world: World) -> None:
    thing = far(world)
    Transaction.objects.filter(pk=thing.pk).update(to_tell=[])
    transactions.change_priority(thing, BLUE, "ambulance", by=world.acting("mbp"))
    assert told(thing) == ["created"]


def test_what_they_asked_may_be_hurried_here_and_is_not_told(world: World) -> None:
    theirs = exchange.asked_of_us(world)
    client, address = world.client("mbp"), reverse("iep:transaction-act", args=[theirs.number])
    form = {"do": "priority", "priority": "0", "eligibility": "theatre"}
    page = client.post(address, form, follow=True).content.decode()
    assert "The priority is changed here." in page
    assert told(theirs) == []
    assert theirs.priority == BLUE


def test_a_declined_one_is_not_asked_for_again_by_a_priority(world: World) -> None:
    ticket = exchange.import_ticket(world, institution=exchange.hospital("Spire Leicester"))
    thing = far(world, ticket=ticket)
    transactions.decline(thing, "no_such_study", by=SYSTEM)
    before = told(thing)
    hurry(ticket, world)
    assert told(thing) == before
    assert (thing.state, thing.priority) == ("decline", BLUE)


# --- Processed again ---------------------------------------------------------------------------


def declined(world: World, **changes: Any) -> Transaction:
    return transactions.decline(exchange.request(world, **changes), "no_such_study", by=SYSTEM)


def test_a_declined_one_is_asked_again_as_a_blue_light(world: World) -> None:
    thing = declined(world)
    with pytest.raises(NotAccepted) as refusal:
        transactions.process_again(thing, priority=0, by=world.acting("mbp"))
    assert refusal.value.code == "not_blue"
    again = transactions.process_again(
        thing, priority=0, reason="blue_light", eligibility="theatre", by=world.acting("mbp")
    )
    assert (again.state, again.priority, again.reason) == ("new", 0, "blue_light")
    assert again.eligibility == "theatre"


def test_a_declined_blue_light_is_asked_again_as_standard(world: World) -> None:
    thing = declined(world, priority=0, reason="blue_light", eligibility="theatre")
    again = transactions.process_again(
        thing, priority=1, reason="mdt", eligibility="", by=world.acting("mbp")
    )
    assert (again.priority, again.reason, again.eligibility) == (1, "mdt", "")


def test_the_page_of_asking_again_takes_the_priority_that_is_chosen(world: World) -> None:
    thing, client = declined(world), world.client("mbp")
    address = reverse("iep:again", args=[thing.number])
    form = {
        "family_name": "Testpatient", "given_names": "Agnes", "birth_date": "02-Mar-1958",
        "nhs_number": exchange.NHS_NUMBER, "local_number": exchange.S_NUMBER, "exam-1": "CT head",
        "exam-1-date": "03-Nov-2026",
        "requester_name": "Dr Ann Bell", "consultant": "Mr A Crane", "department": "Neurosurgery",
        "priority": "0", "eligibility": "theatre",
    }  # fmt: skip
    answer = client.post(address, form)
    assert answer.status_code == 302, answer.content.decode()
    thing.refresh_from_db()
    assert (thing.state, thing.priority, thing.eligibility) == ("new", 0, "theatre")
    said = thing.events.filter(event="noted").values_list("words", flat=True)
    assert list(said) == ["Priority: Blue Light."]
