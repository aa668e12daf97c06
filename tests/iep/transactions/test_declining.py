"""What somebody sends us is declined: who is told, what stops, what is not kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.policies import SYSTEM
from iep.errors import NoSuchMove, NotAccepted
from iep.models import Study, Transaction, Transfer
from iep.queries.exchange.transactions import detail
from iep.queries.home import listing as queries
from iep.services.exchange import transactions
from iep.services.exchange.sending import put_on_exchange
from iep.services.ticketing import tickets
from iep.states.studies import StudyState
from iep.states.tickets import TicketEvent
from iep.states.transactions import Tab, TransactionEvent, TransactionState
from tests.iep.transactions import exchange
from tests.world import World

pytestmark = pytest.mark.django_db
E, S = TransactionEvent, TransactionState


def sent_to_us(world: World, *, kind: str = "transfer", node: str = "gateway") -> Transaction:
    """A transfer of the other side's, as their gateway told us of it; or one that came unasked."""
    far = exchange.hospital()
    exchange.machine(far, kind=node)
    return transactions.create(
        kind=kind, direction="in", institution=far, organisation=world.place("RZ1"), by=SYSTEM,
        **exchange.FACTS,
    )  # fmt: skip


def with_images(thing: Transaction, state: str = "failed_verification") -> Study:
    now = timezone.now()
    study = Study.objects.create(
        study_uid=f"1.2.{thing.number}", organisation=thing.organisation, origin="gateway",
        transaction=thing, state=state, state_since=now, due_at=now, received=7,
    )  # fmt: skip
    transactions.record(thing, E.DELIVERED, by=SYSTEM, images=7)
    return study


def to(thing: Transaction, state: S) -> Transaction:
    Transaction.objects.filter(pk=thing.pk).update(
        state=state.value, purge_at=timezone.now() if state is S.ON_IEP else None
    )
    return Transaction.objects.get(pk=thing.pk)


@pytest.mark.parametrize("reason", ["no_such_study", "inappropriate"])
def test_a_transfer_to_us_is_declined_with_a_usual_reason_and_they_are_told(
    world: World, reason: str
) -> None:
    thing = sent_to_us(world)
    done = transactions.decline(thing, reason, by=world.acting("mbp"))
    assert (done.state, done.declined_reason) == ("decline", reason)
    assert "requested" not in done.why, "nobody requested it"
    assert done.to_tell[-1] | {"said": "", "at": ""} == {
        "said": "", "at": "", "what": "declined", "reason": reason, "words": done.why,
    }  # fmt: skip
    assert queries.home(world.acting("mbp"), Tab.FAILED).total == 0
    assert queries.home(world.acting("mbp"), Tab.ACTION).total == 0
    assert detail(world.acting("mbp"), done.number).sentence == f"Declined by us: {done.why}."


@pytest.mark.parametrize(
    "state", [S.NEW, S.AWAITING_DETAILS, S.ACCEPTED, S.STARTED, S.UPLOADING, S.ON_IEP,
              S.DOWNLOAD_REQUEST, S.DOWNLOADING, S.FAILED, S.DELIVERED],
)  # fmt: skip
def test_it_is_declined_until_it_is_fixed_up(world: World, state: S) -> None:
    thing = to(sent_to_us(world), state)
    assert "decline" in detail(world.acting("mbp"), thing.number).actions
    assert transactions.decline(thing, "inappropriate", by=world.acting("mbp")).state == "decline"


@pytest.mark.parametrize("state", [S.FIXED_UP, S.CANCELLED, S.PURGED, S.DECLINE])
def test_what_is_at_its_end_is_not_declined(world: World, state: S) -> None:
    thing = to(sent_to_us(world), state)
    assert "decline" not in detail(world.acting("mbp"), thing.number).actions
    with pytest.raises(NoSuchMove):
        transactions.decline(thing, "inappropriate", sure=True, by=world.acting("mbp"))


@pytest.mark.parametrize("state", [S.UPLOADING, S.ON_IEP, S.DOWNLOADING, S.DELIVERED, S.FAILED])
def test_a_request_is_not_declined_once_its_images_are_on_their_way(world: World, state: S) -> None:
    thing = to(exchange.asked_of_us(world), state)
    assert "decline" not in detail(world.acting("mbp"), thing.number).actions
    with pytest.raises(NoSuchMove):
        transactions.decline(thing, "inappropriate", by=world.acting("mbp"))


@pytest.mark.parametrize("kind", ["transfer", "direct"])
def test_what_came_is_given_up_only_when_a_person_is_sure(world: World, kind: str) -> None:
    thing = sent_to_us(world, kind=kind)
    study = with_images(thing)
    desk = world.acting("mbp")
    with pytest.raises(NotAccepted) as refusal:
        transactions.decline(thing, "no_such_study", by=desk)
    assert refusal.value.code == "not_sure"
    study.refresh_from_db()
    assert study.state == StudyState.FAILED_VERIFICATION
    done = transactions.decline(thing, "no_such_study", sure=True, by=desk)
    study.refresh_from_db()
    assert (done.state, study.state) == ("decline", "discarded")
    assert "not known at this institution" in study.why
    assert not done.events.filter(event=E.FAILED.value).exists()


@pytest.mark.hazard("H41")
def test_what_is_matched_already_is_not_declined(world: World) -> None:
    thing = sent_to_us(world)
    study = with_images(thing)
    patient = world.patient(nhs_number="9990000018", s_number="S1234567")
    Study.objects.filter(pk=study.pk).update(
        state="matched", patient=patient, matched_by="A", identity_agreed=True
    )
    with pytest.raises(NotAccepted, match="matched to a patient"):
        transactions.decline(thing, "no_such_study", sure=True, by=world.acting("mbp"))
    thing.refresh_from_db()
    assert thing.state == "delivered"


def test_its_lanes_stop(world: World) -> None:
    thing = sent_to_us(world)
    transfer = Transfer.objects.create(
        kind="pull", purpose="in", direction="in", node=thing.node, transaction=thing,
        title="CT head", state="waiting", state_since=timezone.now(), images=3,
    )  # fmt: skip
    transactions.decline(thing, "inappropriate", by=world.acting("mbp"))
    transfer.refresh_from_db()
    thing.refresh_from_db()
    assert (transfer.state, thing.state) == ("cancelled", "decline")


def test_the_requester_is_told_when_they_decline_what_we_sent(world: World) -> None:
    ticket = exchange.export_ticket(world)
    made = exchange.transfer(world, ticket=ticket, institution=ticket.institution)
    ticket.refresh_from_db()
    transactions.record(made, E.DELIVERED, by=SYSTEM)
    tickets.record(ticket, TicketEvent.FINISHED, by=SYSTEM)
    done = transactions.decline(made, "no_such_study", by=SYSTEM)
    assert ticket.mails.filter(occasion__startswith="declined").exists()
    assert ticket.events.filter(words__startswith="Declined there after all").exists()
    (row,) = queries.home(world.acting("mbp"), Tab.ACTION).rows
    assert row.number == done.number
    assert row.sentence.startswith(f"Declined by {made.institution.name}")


def test_what_is_ready_to_download_is_declined_too(world: World) -> None:
    from django.db import transaction

    from iep.services.moving import locked

    thing = sent_to_us(world)
    with transaction.atomic():
        thing = put_on_exchange(locked(thing), by=SYSTEM)
    assert transactions.decline(thing, "inappropriate", by=world.acting("mbp")).state == "decline"


# --- The page --------------------------------------------------------------------------------


def page(world: World, thing: Transaction, **data: Any) -> Any:
    client, address = world.client("mbp"), reverse("iep:decline", args=[thing.number])
    return client.post(address, data) if data else client.get(address)


def test_the_page_asks_for_the_reason_and_whether_one_is_sure(world: World) -> None:
    thing = sent_to_us(world)
    with_images(thing)
    assert "Decline" in world.client("mbp").get(f"/iep/t/{thing.number}/").content.decode()
    drawn = page(world, thing).content.decode()
    assert "the 7 images of 1 study that came are not needed" in drawn
    assert "The patient or the study is not known at this institution" in drawn
    assert "They are told why" in drawn
    refused = page(world, thing, reason="inappropriate")
    assert refused.status_code == 422
    assert 'href="#sure"' in refused.content.decode()
    done = page(world, thing, reason="inappropriate", sure="yes")
    assert done.status_code == 302
    thing.refresh_from_db()
    assert thing.state == "decline"


def test_who_sent_by_a_plain_machine_is_rung(world: World) -> None:
    thing = sent_to_us(world, kind="direct", node="dimse")
    with_images(thing)
    assert "ring them to say why, 01632 960900" in page(world, thing).content.decode()
    done = page(world, thing, reason="other", words="Not our patient", sure="yes")
    shown = world.client("mbp").get(done["Location"]).content.decode()
    assert "Declined by us: Not our patient." in shown
    assert Transaction.objects.get(pk=thing.pk).to_tell == []
