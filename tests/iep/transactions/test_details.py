"""Details that are asked for: an answer agrees to nothing, and silence ends it (hazard H45)."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.policies import SYSTEM
from iep import tasks
from iep.models import Transaction
from iep.queries.exchange import transactions as queries
from iep.queries.home.endings import Ending, ending_of
from iep.services.exchange import expiring, transactions
from iep.services.gateway import hearing
from iep.states.tickets import TicketState
from iep.states.transactions import TransactionEvent, TransactionState
from tests.iep.transactions import exchange
from tests.world import World

pytestmark = pytest.mark.django_db
S = TransactionState


def says(thing: Transaction, text: str) -> Transaction:
    transactions.heard(
        thing, text, by_name="Ward 4", at=timezone.now(), shared_id=uuid4(), by=SYSTEM
    )
    thing.refresh_from_db()
    return thing


def asked(world: World, thing: Transaction) -> Transaction:
    return transactions.ask_details(thing, "Which scan?", by=world.acting("mbp"))


def days_go_by(thing: Transaction, days: float) -> None:
    """As if they had gone by since it began to wait."""
    thing.refresh_from_db()
    assert thing.due_at is not None
    Transaction.objects.filter(pk=thing.pk).update(due_at=thing.due_at - timedelta(days=days))
    thing.refresh_from_db()


# --- Answered ----------------------------------------------------------------------------------


def test_an_answer_is_for_a_person_to_decide(world: World) -> None:
    theirs = asked(world, exchange.asked_of_us(world))
    before = list(theirs.to_tell)
    says(theirs, "We shall look tomorrow")
    page = queries.detail(world.acting("mbp"), theirs.number)
    assert (page.label, page.sentence) == ("New", "Not looked at yet.")
    assert {"accept", "decline", "ask_details"} <= page.actions
    assert theirs.to_tell == before, "nothing was agreed, so nothing is told"
    assert not theirs.events.filter(event="accepted").exists()
    assert theirs.due_at is not None
    assert theirs.due_at < timezone.now() + timedelta(hours=5), "the desk's clock runs"


def test_what_was_accepted_before_is_accepted_still(world: World) -> None:
    theirs = exchange.asked_of_us(world)
    transactions.accept(theirs, by=world.acting("mbp"))
    for _ in range(2):  # asked twice: what was before the first time counts
        asked(world, theirs)
    assert says(theirs, "The left").state == S.ACCEPTED


def test_that_the_details_came_otherwise_says_a_person_of_ours(world: World) -> None:
    theirs = asked(world, exchange.asked_of_us(world))
    assert transactions.details_came(theirs, by=world.acting("mbp")).state == S.NEW
    with pytest.raises(ValueError, match="cannot"):
        transactions.details_came(theirs, by=world.acting("mbp"))


# --- Not answered ------------------------------------------------------------------------------


@pytest.mark.hazard("H45")
def test_it_says_how_long_it_still_waits(world: World) -> None:
    theirs = asked(world, exchange.asked_of_us(world))
    now = timezone.now()
    sentence = queries.detail(world.acting("mbp"), theirs.number).sentence
    assert sentence == "Waiting for Harrowfield Infirmary. Cancels itself in 14 days."
    assert ending_of(theirs, now) == Ending(14, "then cancelled")
    days_go_by(theirs, 14)
    sentence = queries.detail(world.acting("mbp"), theirs.number).sentence
    assert sentence.endswith("Cancels itself today.")


@pytest.mark.hazard("H45")
def test_after_two_weeks_it_ends_and_the_other_side_is_told(world: World) -> None:
    theirs = asked(world, exchange.asked_of_us(world))
    days_go_by(theirs, 13.9)
    assert expiring.sweep() == 0
    days_go_by(theirs, 0.2)
    tasks.sweep_transactions()
    theirs.refresh_from_db()
    assert (theirs.state, theirs.due_at) == (S.CANCELLED, None)
    assert theirs.why == "The details were not received within 2 weeks."
    last = theirs.to_tell[-1]
    assert (last["what"], last["words"]) == ("cancelled", theirs.why)
    assert expiring.sweep() == 0


@pytest.mark.hazard("H45")
def test_who_answered_in_time_is_not_cancelled(world: World) -> None:
    theirs = asked(world, exchange.asked_of_us(world))
    says(theirs, "The left")
    Transaction.objects.filter(pk=theirs.pk).update(due_at=timezone.now() - timedelta(days=30))
    assert expiring.sweep() == 0


@pytest.mark.hazard("H45")
def test_a_ticket_of_ours_comes_back_and_its_requester_is_told(world: World) -> None:
    ticket = exchange.import_ticket(world)
    ours = asked(world, exchange.request(world, ticket=ticket))
    days_go_by(ours, 14.1)
    assert expiring.sweep() == 1
    ticket.refresh_from_db()
    assert ticket.state == TicketState.ACCEPTED
    assert "were not received" in ticket.mails.get(occasion__startswith="called off").text


@pytest.mark.hazard("H45")
def test_when_they_end_it_our_requester_is_told(world: World) -> None:
    from iep.queries.exchange.gateway import Peer

    place = exchange.hospital("Spire Leicester")
    node = exchange.machine(place, kind="gateway")
    ticket = exchange.import_ticket(world, institution=place)
    ours = exchange.request(world, ticket=ticket, institution=place)
    peer = Peer(node, exchange.our_pacs(world).institution)
    hearing.event(
        peer, ours, uuid4(), TransactionEvent.CANCELLED, words=expiring.NOT_RECEIVED, reason=""
    )
    ours.refresh_from_db()
    ticket.refresh_from_db()
    assert (ours.state, ticket.state) == (S.CANCELLED, TicketState.ACCEPTED)
    assert "were not received" in ticket.mails.get(occasion__startswith="called off").text
