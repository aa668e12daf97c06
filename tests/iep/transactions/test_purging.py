"""15 days on the exchange: said at 5, 2 and 1, and then really gone (hazard H42)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.policies import SYSTEM
from iep import storage
from iep.models import Study, Transaction
from iep.queries.home import listing as queries
from iep.queries.home.endings import Ending
from iep.services.exchange import purging, sending, transactions
from iep.services.moving import locked
from iep.states.tickets import TicketState
from iep.states.transactions import Tab, TransactionEvent, TransactionState
from tests.iep.lanes import images
from tests.iep.transactions import exchange
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("lanes")]
S = TransactionState


def _on_iep(world: World, *, days: float, ticket: Any = None) -> Transaction:
    """On the exchange, to be removed in so many days."""
    thing = exchange.request(
        world, ticket=ticket, **({"institution": ticket.institution} if ticket else {})
    )
    transactions.record(thing, TransactionEvent.STARTED, by=SYSTEM)
    with transaction.atomic():
        sending.put_on_exchange(locked(thing), by=SYSTEM)
    Transaction.objects.filter(pk=thing.pk).update(purge_at=timezone.now() + timedelta(days=days))
    thing.refresh_from_db()
    return thing


def _brought(thing: Transaction, count: int = 2) -> Study:
    """Some of its images have come."""
    study = images.outgoing(count)
    Study.objects.filter(pk=study.pk).update(
        origin="dicom", state="arriving", transaction=thing, node=thing.node
    )
    study.refresh_from_db()
    return study


@pytest.mark.hazard("H42")
@pytest.mark.parametrize(
    ("days", "said"), [(14.0, None), (5.1, None), (4.9, 5), (1.9, 2), (0.9, 1)]
)
def test_it_is_said_at_five_two_and_one_days(world: World, days: float, said: int | None) -> None:
    ticket = exchange.import_ticket(world)
    thing = _on_iep(world, days=days, ticket=ticket)
    assert purging.warn() == (1 if said else 0)
    thing.refresh_from_db()
    assert thing.purge_warned == said
    mails = ticket.mails.filter(occasion__startswith="purging")
    assert mails.count() == (1 if said else 0)
    assert purging.warn() == 0, "each is said once"


@pytest.mark.hazard("H42")
def test_each_step_is_said_once_as_the_days_go_by(world: World) -> None:
    ticket = exchange.import_ticket(world)
    thing = _on_iep(world, days=4.5, ticket=ticket)
    for days in (4.5, 3.0, 1.5, 1.2, 0.5, 0.1):
        Transaction.objects.filter(pk=thing.pk).update(
            purge_at=timezone.now() + timedelta(days=days)
        )
        purging.warn()
    occasions = ticket.mails.filter(occasion__startswith="purging").order_by("pk")
    steps = [each.occasion.split()[-1] for each in occasions]
    assert steps == ["5", "2", "1"]


@pytest.mark.hazard("H42")
def test_after_15_days_the_bytes_are_gone_and_the_requester_is_told(world: World) -> None:
    ticket = exchange.import_ticket(world)
    thing = _on_iep(world, days=-0.01, ticket=ticket)
    study = _brought(thing)
    files = list(study.files.values_list("pk", flat=True))
    assert all(storage.path_of(each).exists() for each in files)
    assert purging.purge() == 1
    thing.refresh_from_db()
    study.refresh_from_db()
    ticket.refresh_from_db()
    assert (thing.state, study.state) == (S.PURGED, "discarded")
    assert not any(storage.path_of(each).exists() for each in files)
    assert ticket.state == TicketState.ACCEPTED
    assert ticket.mails.filter(occasion__startswith="purged").count() == 1
    assert purging.purge() == 0


@pytest.mark.hazard("H42")
def test_nothing_goes_before_its_time(world: World) -> None:
    thing = _on_iep(world, days=0.01)
    study = _brought(thing)
    assert purging.purge() == 0
    study.refresh_from_db()
    assert study.state == "arriving"


def test_what_was_filed_is_never_purged(world: World) -> None:
    thing = _on_iep(world, days=-1)
    study = _brought(thing)
    patient = world.patient()
    Study.objects.filter(pk=study.pk).update(
        state="filed", due_at=None, matched_by="Mr I Aziz", patient=patient, identity_agreed=True
    )
    purging.purge()
    study.refresh_from_db()
    assert study.state == "filed"
    assert all(storage.path_of(each.pk).exists() for each in study.files.all())


def test_what_a_lane_has_in_hand_is_not_purged(world: World) -> None:
    thing = _on_iep(world, days=-1)
    node = thing.node
    assert node is not None
    from iep.services.lanes import transfers
    from iep.states.priorities import Priority

    transfers.queue_fetch(
        node, "2.25.77", priority=Priority.NORMAL, purpose="in", title="CT head", by=SYSTEM,
        transaction=thing,
    )  # fmt: skip
    held = images.claim("in-1")
    assert held is not None
    assert purging.purge() == 0
    thing.refresh_from_db()
    assert thing.state == S.DOWNLOADING


def test_what_waits_in_the_lanes_is_cancelled_with_it(world: World) -> None:
    from iep.services.lanes import transfers
    from iep.states.priorities import Priority

    thing = _on_iep(world, days=-1)
    assert thing.node is not None
    queued = transfers.queue_fetch(
        thing.node, "2.25.77", priority=Priority.NORMAL, purpose="in", title="CT head", by=SYSTEM,
        transaction=thing,
    )  # fmt: skip
    assert purging.purge() == 1
    queued.refresh_from_db()
    thing.refresh_from_db()
    assert (queued.state, thing.state) == ("cancelled", S.PURGED)


def test_a_copy_that_another_transaction_still_sends_stays(world: World) -> None:
    first, second = exchange.transfer(world), exchange.transfer(world)
    study = images.outgoing(2)
    Study.objects.filter(pk=study.pk).update(transaction=first, expected=2)
    study.refresh_from_db()
    sending.send_held(second, study, by=SYSTEM)
    transactions.record(first, TransactionEvent.DELIVERED, by=SYSTEM)
    Transaction.objects.filter(pk=first.pk).update(purge_at=timezone.now())
    assert purging.drop_copies() == 0
    second.transfers.get().instances.update(state="confirmed")
    second.transfers.update(state="cancelled")
    assert purging.drop_copies() == 1
    study.refresh_from_db()
    assert study.state == "discarded"


def test_purging_soon_is_a_chip_with_its_count(world: World) -> None:
    soon, later = _on_iep(world, days=4), _on_iep(world, days=9)
    counts = queries.home(world.acting("mbp"), Tab.ACTION).counts
    assert counts.chips["purging"] == 1
    found = queries.home(world.acting("mbp"), Tab.ACTION, queries.Filters(chip="purging"))
    assert [row.number for row in found.rows] == [soon.number]
    assert found.rows[0].ending == Ending(4, "then removed")
    assert later.number not in [row.number for row in found.rows]


def test_one_sweep_does_all_of_it(world: World) -> None:
    _on_iep(world, days=-1)
    _on_iep(world, days=1.5)
    assert purging.sweep() == {"warned": 1, "purged": 1, "copies": 0}
