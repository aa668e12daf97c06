"""What ends with a ticket that is cancelled, and with a study that is given up."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.policies import SYSTEM
from iep.errors import NotAccepted
from iep.models import Study, Ticket, Transfer
from iep.services.arrival import arrivals
from iep.services.lanes import transfers
from iep.services.ticketing import chasing, tickets
from iep.states.priorities import Priority
from tests.iep.arrivals.conftest import Exchange
from tests.iep.lanes.images import outgoing
from tests.iep.transactions import exchange

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_folder_for_images(settings, tmp_path):
    settings.IMAGES_DIR = tmp_path / "images"
    settings.IMAGES_RESERVE_BYTES = settings.IMAGES_LEAST_BYTES = 0


@pytest.fixture
def ticket(world) -> Ticket:
    return exchange.import_ticket(world)


@pytest.fixture
def fetching(world, ticket) -> Transfer:
    """The ticket's request, whose images wait for a lane."""
    thing = exchange.request(world, ticket=ticket)
    return transfers.queue_fetch(
        thing.node, "1.2.3", priority=Priority.NORMAL, purpose="in", title="CT head",
        transaction=thing, by=SYSTEM,
    )  # fmt: skip


@pytest.fixture
def sending(world) -> Transfer:
    """A transfer of a ticket, whose images wait for a lane."""
    ticket = exchange.export_ticket(world)
    thing = exchange.transfer(world, ticket=ticket)
    return transfers.queue_send(
        outgoing(3), thing.node, priority=Priority.NORMAL, purpose="out", title="CT head",
        transaction=thing, by=SYSTEM,
    )  # fmt: skip


def states(transfer: Transfer) -> tuple[str, str, str]:
    """Of the ticket, its transaction and its transfer."""
    transfer = Transfer.objects.select_related("transaction__ticket").get(pk=transfer.pk)
    thing = transfer.transaction
    return thing.ticket.state, thing.state, transfer.state


@pytest.mark.parametrize("kind", ["fetching", "sending"])
def test_nothing_of_a_cancelled_ticket_goes_on(kind, request, world):
    transfer = request.getfixturevalue(kind)
    ticket = transfer.transaction.ticket
    tickets.cancel(ticket, "The patient went elsewhere", by=world.acting("mbp"))
    assert states(transfer)[0] in ("cancelled", "closed")
    assert states(transfer)[1:] == ("cancelled", "cancelled")
    last = transfer.transaction.events.order_by("-pk").first()
    assert ticket.reference in last.words


def test_a_ticket_of_which_images_are_on_their_way_is_not_cancelled_unawares(sending, world):
    Transfer.objects.filter(pk=sending.pk).update(images_done=1)
    with pytest.raises(NotAccepted) as refused:
        tickets.cancel(sending.transaction.ticket, "Elsewhere", by=world.acting("mbp"))
    assert refused.value.code == "left"
    assert str(sending.transaction.number) in refused.value.sentence
    before = states(sending)
    assert before[0] not in ("cancelled", "closed")
    assert before[2] == "waiting"
    transfers.pause(sending, by=world.acting("mbp"))
    tickets.cancel(sending.transaction.ticket, "Elsewhere", by=world.acting("mbp"))
    assert states(sending)[0] in ("cancelled", "closed")
    assert states(sending)[2] == "paused"
    last = sending.transaction.events.order_by("-pk").first()
    assert "Images had left already" in last.words


def test_what_ends_after_two_weeks_takes_its_transactions_with_it(fetching, world):
    ticket = fetching.transaction.ticket
    tickets.chase(ticket, "requester", missing=["s_number"], by=world.acting("mbp"))
    Ticket.objects.filter(pk=ticket.pk).update(due_at=timezone.now() - timedelta(minutes=1))
    chasing._expire()
    assert states(fetching) == ("cancelled", "cancelled", "cancelled")


# --- Studies that are given up --------------------------------------------------------------------


@pytest.fixture
def unasked(world) -> Study:
    """A study that nobody asked for, and its direct routing."""
    here = Exchange(world)
    here.came(*here.images(2))
    here.goes_quiet()
    return Study.objects.get()


def test_a_direct_routing_is_over_when_its_study_is_discarded(unasked, world):
    thing = unasked.transaction
    assert (thing.kind, thing.state) == ("direct", "delivered")
    arrivals.discard(unasked, why="Sent to the wrong hospital", by=world.acting("mbp"))
    thing.refresh_from_db()
    assert (thing.state, thing.due_at) == ("cancelled", None)
    assert thing.why == "Discarded: Sent to the wrong hospital"


def test_a_direct_routing_of_which_a_study_is_left_goes_on(unasked, world):
    thing = unasked.transaction
    other = Study.objects.create(
        study_uid="1.2.3.4", organisation=unasked.organisation, origin="dicom", transaction=thing,
        state="failed_verification", state_since=timezone.now(), due_at=timezone.now(), received=1,
    )  # fmt: skip
    arrivals.discard(unasked, why="Sent to the wrong hospital", by=world.acting("mbp"))
    thing.refresh_from_db()
    assert thing.state == "delivered"
    Study.objects.filter(pk=other.pk).update(
        state="filed", patient=world.patient(), matched_by="A Lead", matched_by_id=1,
        matched_at=timezone.now(), identity_agreed=True, due_at=None,
    )  # fmt: skip
    third = Study.objects.create(
        study_uid="1.2.3.5", organisation=unasked.organisation, origin="dicom", transaction=thing,
        state="failed_verification", state_since=timezone.now(), due_at=timezone.now(), received=1,
    )  # fmt: skip
    arrivals.discard(third, why="The same twice", by=world.acting("mbp"))
    thing.refresh_from_db()
    assert thing.state == "fixed_up"
