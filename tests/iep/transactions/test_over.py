"""What is over sends nothing: in no state but those of the table, and by no way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.policies import SYSTEM
from demo.pacs.archive import Archive
from iep.errors import NotAccepted
from iep.models import Study, Transaction, Transfer
from iep.queries.exchange import transactions as queries
from iep.services.arrival import arrivals
from iep.services.exchange import outcomes, sending, transactions
from iep.states.transactions import MAY_MOVE_IMAGES, PURGED_AFTER, TransactionState
from tests.iep.lanes import images
from tests.iep.transactions import exchange
from tests.iep.transactions.exchange import THEIRS, held
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("lanes")]
Start = Callable[..., Archive]
S = TransactionState
OVER = (S.DELIVERED, S.FIXED_UP, S.DECLINE, S.PURGED, S.CANCELLED)


def at(thing: Transaction, state: S) -> Transaction:
    """As if it had come to that state."""
    later = timezone.now() + PURGED_AFTER
    Transaction.objects.filter(pk=thing.pk).update(
        state=state.value, due_at=None, on_iep_at=timezone.now(), purge_at=later
    )
    thing.refresh_from_db()
    return thing


def sendable(world: World, archive: Archive) -> Transaction:
    exchange.our_pacs(world, archive.port)
    far = exchange.hospital()
    exchange.machine(far, archive.port)
    return exchange.transfer(world, institution=far)


def lies_here(thing: Transaction) -> Study:
    study = images.outgoing(2)
    Study.objects.filter(pk=study.pk).update(transaction=thing, expected=2)
    study.refresh_from_db()
    return study


def test_these_are_over_and_no_others() -> None:
    assert set(S) - MAY_MOVE_IMAGES == set(OVER)


@pytest.mark.django_db
@pytest.mark.hazard("H43")
@pytest.mark.parametrize("state", list(S))
def test_a_study_that_is_here_goes_on_only_while_the_transaction_is_open(
    world: World, state: S
) -> None:
    thing = at(exchange.transfer(world), state)
    study = lies_here(thing)
    if state in OVER:
        with pytest.raises(NotAccepted) as refusal:
            sending.send_held(thing, study, by=world.acting("mbp"))
        assert refusal.value.code == "over"
        assert outcomes.go_on(thing) == 0
    else:
        sending.send_held(thing, study, by=world.acting("mbp"))
    assert Transfer.objects.exists() == (state not in OVER)


@pytest.mark.hazard("H43")
def test_nothing_is_chosen_or_fetched_for_what_is_over(world: World, archive: Start) -> None:
    ours, theirs = held("head"), held("spine", at=THEIRS)
    out = sendable(world, archive(ours, theirs))
    into = exchange.request(world, institution=out.institution)
    lies_here(out)
    before = out.events.count(), into.events.count()
    for state in OVER:
        for thing, take, uid in (
            (out, sending.send_studies, ours.study_uid),
            (into, sending.download, theirs.study_uid),
        ):
            with pytest.raises(NotAccepted) as refusal:
                take(at(thing, state), [uid], by=world.acting("mbp"))
            assert refusal.value.code == "over"
    assert not Transfer.objects.exists()
    assert (out.events.count(), into.events.count()) == before


@pytest.mark.hazard("H43")
def test_it_is_cancelled_while_our_pacs_is_asked(
    world: World, archive: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    ct = held("head")
    far = archive(ct)
    thing = sendable(world, far)
    look = sending.find_at_pacs

    def looked_and_cancelled(row: Transaction) -> Any:
        found = look(row)
        transactions.cancel(row, "Wrong hospital", by=world.acting("mbp-lead"))
        return found

    monkeypatch.setattr(sending, "find_at_pacs", looked_and_cancelled)
    with pytest.raises(NotAccepted):
        sending.send_studies(thing, [ct.study_uid], by=world.acting("mbp"))
    images.run("in-1")
    images.run("out-2")
    thing.refresh_from_db()
    assert thing.state == S.CANCELLED
    assert not far.places[THEIRS].shelf.of_study(ct.study_uid)


@pytest.mark.hazard("H43")
def test_what_is_on_its_way_from_our_pacs_ends_here_when_it_is_cancelled(
    world: World, archive: Start
) -> None:
    ct = held("head")
    far = archive(ct)
    thing = sendable(world, far)
    sending.send_studies(thing, [ct.study_uid], by=world.acting("mbp"))
    images.run("in-1")
    at(thing, S.CANCELLED)  # at the worst moment: it is here, and not read yet
    arrivals.read_waiting(patience=60.0)
    outcomes.sweep_unsent()
    images.run("out-2")
    assert not thing.transfers.filter(purpose="out").exists()
    assert not far.places[THEIRS].shelf.of_study(ct.study_uid)


# --- The page ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_page_of_a_transaction_offers_images_by_the_same_table(world: World) -> None:
    pairs = ((exchange.transfer(world), "choose"), (exchange.request(world), "download"))
    for thing, verb in pairs:
        for state in S:
            offered = queries.detail(world.acting("mbp"), at(thing, state).number).actions
            assert (verb in offered) == (state in MAY_MOVE_IMAGES), (verb, state)


@pytest.mark.django_db
@pytest.mark.parametrize("state", OVER)
def test_the_page_of_choosing_is_closed_once_it_is_over(world: World, state: S) -> None:
    thing = at(exchange.transfer(world), state)
    desk, address = world.client("mbp"), reverse("iep:choose-images", args=[thing.number])
    said = desk.get(address)
    assert said.status_code == 200
    answer = desk.post(address, {"study": "1.2.3"})
    assert answer.status_code == 422
    assert "Nothing was queued" in answer.content.decode()
    for each in (said.content.decode(), answer.content.decode()):
        assert "no images are sent for it any more" in each
        assert "<button" not in each.split("<main")[1].split("</main")[0]
    assert not Transfer.objects.exists()


@pytest.mark.django_db
def test_who_may_not_act_on_it_chooses_no_images(world: World) -> None:
    thing = exchange.transfer(world)
    address = reverse("iep:choose-images", args=[thing.number])
    central = world.client("central")
    assert "Send the ticked studies" not in central.get(address).content.decode()
    assert central.post(address, {"study": "1.2.3"}).status_code == 403
    assert not Transfer.objects.exists()


@pytest.mark.django_db
def test_a_cancelled_one_is_known_by_its_own_row_not_by_what_a_page_read_before(
    world: World,
) -> None:
    thing = exchange.transfer(world)
    study = lies_here(thing)
    transactions.cancel(thing, "Wrong hospital", by=SYSTEM)
    with pytest.raises(NotAccepted):
        sending.send_held(thing, study, by=SYSTEM)  # `thing` still says New
