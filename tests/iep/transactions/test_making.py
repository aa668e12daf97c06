"""Making a transaction: what it says, what is refused, what can never be changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import InternalError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.policies import SYSTEM
from iep.all_imaging import asks_for_all
from iep.errors import NotAccepted
from iep.models import Transaction, TransactionEventRow
from iep.services.exchange import transactions
from iep.services.ticketing import tickets
from iep.states.tickets import TicketState
from iep.states.transactions import Direction, TransactionEvent, TransactionKind, TransactionState
from tests.iep.transactions import exchange
from tests.world import World

pytestmark = pytest.mark.django_db


def test_a_request_has_the_next_number_and_the_default_machine(world: World) -> None:
    first, second = exchange.request(world), exchange.request(world)
    assert second.number == first.number + 1
    assert first.node == first.institution.nodes.get(is_default=True)
    assert (first.kind, first.direction, first.state) == ("request", "out", "new")
    assert first.brings_images


def test_a_machine_of_another_institution_is_refused(world: World) -> None:
    other = exchange.machine(exchange.hospital("Wexcombe Hospital"), ae_title="WEXCOMBE")
    with pytest.raises(NotAccepted) as refusal:
        exchange.request(world, node=other)
    assert refusal.value.code == "other_node"


def test_an_institution_that_is_no_longer_used_is_refused(world: World) -> None:
    closed = exchange.hospital("Closed Hospital", is_active=False)
    with pytest.raises(NotAccepted) as refusal:
        exchange.request(world, institution=closed)
    assert refusal.value.code == "inactive"


def test_company_and_individual_are_kinds_of_destination(world: World) -> None:
    company = exchange.hospital("Scanwell Reporting", kind="company")
    person = exchange.hospital("Mr P Solicitor", kind="individual")
    assert exchange.transfer(world, institution=company).destination == "company"
    assert exchange.transfer(world, institution=person).destination == "individual"


@pytest.mark.parametrize("missing", ["requester_name", "consultant", "department"])
def test_who_asks_is_named_or_it_may_be_declined(world: World, missing: str) -> None:
    with pytest.raises(NotAccepted, match="or it may be declined"):
        exchange.request(world, **{missing: " "})
    assert not Transaction.objects.exists()


@pytest.mark.parametrize(
    "gap", [{"family_name": ""}, {"birth_date": None}, {"nhs_number": "", "local_number": ""}]
)
def test_the_patient_is_named(world: World, gap: dict[str, Any]) -> None:
    with pytest.raises(NotAccepted) as refusal:
        exchange.transfer(world, **gap)
    assert refusal.value.code == "no_patient"


@pytest.mark.parametrize("exams", [[], [{"description": " "}]])
def test_an_examination_is_named(world: World, exams: list[dict[str, str]]) -> None:
    with pytest.raises(NotAccepted) as refusal:
        exchange.request(world, exams=exams)
    assert refusal.value.code == "no_exam"


@pytest.mark.parametrize("kind", [exchange.request, exchange.transfer])
def test_all_imaging_is_refused_both_ways(world: World, kind: Any) -> None:
    for changes in ({"exams": [{"description": "All imaging"}]}, {"comments": "any old scans"}):
        with pytest.raises(NotAccepted) as refusal:
            kind(world, **changes)
        assert refusal.value.code == "all_imaging"


def test_what_others_ask_for_in_full_is_kept_for_a_person_to_decide(world: World) -> None:
    theirs = exchange.asked_of_us(world, exams=[{"description": "All imaging"}], consultant="")
    assert theirs.state == TransactionState.NEW


@given(
    st.sampled_from(["all", "any", "every", "ALL", "entire"]),
    st.sampled_from(["", "previous ", "available ", "of her ", "the relevant "]),
    st.sampled_from(["imaging", "images", "scans", "studies", "x-rays", "radiology"]),
    st.sampled_from(["", " please", " from your hospital", " since 2019"]),
)
def test_all_imaging_is_known_in_many_words(all_: str, which: str, what: str, end: str) -> None:
    assert asks_for_all(f"{all_} {which}{what}{end}")


@given(
    st.sampled_from(["CT", "MRI", "X-ray", "Ultrasound"]),
    st.sampled_from(["head", "chest", "left wrist", "whole spine", "lumbar spine", "small bowel"]),
    st.sampled_from(["", ", all images", ", all views", " with contrast, all phases"]),
)
def test_one_examination_is_not_all_imaging(modality: str, part: str, end: str) -> None:
    assert not asks_for_all(f"{modality} {part}{end}")


# --- Blue Light (hazard H39) -------------------------------------------------------------------


@pytest.mark.hazard("H39")
def test_blue_light_says_which_of_three_it_is(world: World) -> None:
    with pytest.raises(NotAccepted) as refusal:
        exchange.request(world, priority=0, reason="blue_light")
    assert refusal.value.code == "not_blue"
    made = exchange.request(world, priority=0, reason="blue_light", eligibility="ambulance")
    assert made.due_at is not None
    assert made.due_at - timezone.now() <= timedelta(minutes=15)


@pytest.mark.hazard("H39")
def test_a_blue_light_of_ours_without_its_reason_is_refused_by_the_database(world: World) -> None:
    made = exchange.request(world)
    with pytest.raises(IntegrityError), transaction.atomic():
        Transaction.objects.filter(pk=made.pk).update(priority=0)


@pytest.mark.hazard("H39")
def test_up_and_down_are_written_down(world: World) -> None:
    made, by = exchange.request(world), world.acting("mbp")
    with pytest.raises(NotAccepted):
        transactions.change_priority(made, 0, "mdt", by=by)
    transactions.change_priority(made, 0, "theatre", by=by)
    down = transactions.change_priority(made, 1, "outpatient", by=by)
    said = list(down.events.filter(event="noted").values_list("words", flat=True))
    assert said == ["Priority: Blue Light.", "Priority: Standard. outpatient"]
    assert down.eligibility == ""


# --- What is fixed -----------------------------------------------------------------------------


@pytest.mark.hazard("H43")
@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "'transfer'"), ("direction", "'in'"), ("destination", "'company'"),
     ("institution_id", "(SELECT max(id) FROM iep_institution)"), ("number", "1"),
     ("shared_id", "gen_random_uuid()"),
     ("organisation_id", "(SELECT max(id) FROM accounts_organisation)"),
     ("node_id", "NULL")],
)  # fmt: skip
def test_type_and_destination_cannot_be_changed_by_raw_sql(
    world: World, column: str, value: str
) -> None:
    made = exchange.request(world)
    exchange.hospital("Wexcombe Hospital")
    with pytest.raises(InternalError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE iep_transaction SET {column} = {value} WHERE id = %s",  # noqa: S608
            [made.pk],
        )


def test_a_machine_may_be_named_later_where_there_was_none(world: World) -> None:
    far = exchange.hospital("Wexcombe Hospital")
    made = exchange.request(world, institution=far)
    assert made.node is None
    node = exchange.machine(far, ae_title="WEXCOMBE")
    assert transactions.record(
        made, TransactionEvent.NOTED, by=SYSTEM, node=node
    ).node == node  # fmt: skip


@pytest.mark.hazard("H43")
def test_the_service_refuses_to_change_what_is_fixed(world: World) -> None:
    made = exchange.request(world)
    with pytest.raises(NotAccepted) as refusal:
        transactions.record(
            made, TransactionEvent.NOTED, by=SYSTEM, kind=TransactionKind.TRANSFER.value
        )
    assert refusal.value.code == "fixed"


# --- Of a ticket -------------------------------------------------------------------------------


def test_a_ticket_fills_in_the_transaction_and_waits_for_it(world: World) -> None:
    ticket = exchange.import_ticket(world)
    made = exchange.request(world, ticket=ticket, institution=ticket.institution)
    ticket.refresh_from_db()
    assert ticket.state == TicketState.WITH_OTHER
    assert (made.family_name, made.local_number) == (ticket.family_name, ticket.s_number)
    assert made.exams[0]["description"] == "CT head"
    assert made.consultant == ticket.consultant


# --- Deciding ----------------------------------------------------------------------------------


def test_a_decline_with_a_usual_reason_needs_no_words_and_is_no_failure(world: World) -> None:
    theirs = exchange.asked_of_us(world)
    done = transactions.decline(theirs, "no_such_study", by=world.acting("mbp"))
    assert (done.state, done.declined_reason) == ("decline", "no_such_study")
    assert "does not exist" in done.why
    assert not done.events.filter(event=TransactionEvent.FAILED.value).exists()
    assert done.to_tell[-1]["what"] == "declined"


@pytest.mark.parametrize("reason", ["other", "", "no_time"])
def test_another_reason_needs_words(world: World, reason: str) -> None:
    with pytest.raises(NotAccepted):
        transactions.decline(exchange.asked_of_us(world), reason, " ", by=world.acting("mbp"))


def test_a_declined_request_brings_its_ticket_back_and_tells_the_requester(world: World) -> None:
    ticket = exchange.import_ticket(world)
    made = exchange.request(world, ticket=ticket, institution=ticket.institution)
    transactions.decline(made, "inappropriate", by=SYSTEM)
    ticket.refresh_from_db()
    assert ticket.state == TicketState.ACCEPTED
    assert ticket.mails.filter(occasion__startswith="declined").exists()


def test_a_declined_one_is_processed_again_with_what_was_missing(world: World) -> None:
    ticket = exchange.import_ticket(world)
    made = exchange.request(world, ticket=ticket, institution=ticket.institution)
    transactions.decline(made, "inappropriate", by=SYSTEM)
    exams = [{"description": "CT head", "acquired_on": "2026-11-03", "code": "CHEAD"}]
    again = transactions.process_again(made, by=world.acting("mbp"), exams=exams)
    assert (again.state, again.declined_reason, again.why) == ("new", "", "")
    assert again.exams == exams
    ticket.refresh_from_db()
    assert ticket.state == TicketState.WITH_OTHER
    with pytest.raises(NotAccepted):
        transactions.decline(again, "other", by=SYSTEM)


def test_what_was_missing_is_asked_for_all_imaging_again_and_refused(world: World) -> None:
    made = exchange.request(world)
    transactions.decline(made, "inappropriate", by=SYSTEM)
    with pytest.raises(NotAccepted):
        transactions.process_again(
            made, by=world.acting("mbp"), exams=[{"description": "all studies"}]
        )
    made.refresh_from_db()
    assert made.state == TransactionState.DECLINE


def test_details_are_asked_for_and_their_answer_brings_it_back(world: World) -> None:
    theirs = exchange.asked_of_us(world)
    waits = transactions.ask_details(theirs, "Which scan?", by=world.acting("mbp"))
    assert waits.state == TransactionState.AWAITING_DETAILS
    transactions.heard(
        theirs, "The CT of 3 November", by_name="Ward 4", at=timezone.now(),
        shared_id=theirs.pk, by=SYSTEM,
    )  # fmt: skip
    theirs.refresh_from_db()
    assert theirs.state == TransactionState.NEW, "nobody here has agreed by their answering"


def test_every_move_is_in_the_history_with_who_did_it(world: World) -> None:
    theirs = exchange.asked_of_us(world)
    transactions.accept(theirs, by=world.acting("mbp"))
    transactions.assign(theirs, world.user("mbp-lead"), by=world.acting("mbp"))
    events = TransactionEventRow.objects.filter(transaction=theirs)
    assert list(events.values_list("event", flat=True)) == ["created", "accepted", "noted"]
    assert events.last().by_name == world.acting("mbp").label  # type: ignore[union-attr]


def test_images_that_nobody_asked_for_come_as_direct_routing(world: World) -> None:
    from tests.iep.lanes.images import outgoing

    node = exchange.machine(exchange.hospital())
    study = outgoing(2)
    type(study).objects.filter(pk=study.pk).update(
        origin="dicom", state="failed_verification", node=node, header_name="Testpatient^Agnes^^Mrs"
    )
    study.refresh_from_db()
    made = transactions.came_unasked(study, by=SYSTEM)
    assert (made.kind, made.direction, made.state) == ("direct", Direction.IN, "delivered")
    assert (made.family_name, made.given_names) == ("Testpatient", "Agnes")
    study.refresh_from_db()
    assert study.transaction == made


def test_another_trust_does_not_see_it(world: World) -> None:
    from iep.queries.exchange import transactions as queries

    made = exchange.request(world)
    with pytest.raises(queries.NotFound):
        queries.by_number(world.acting("radiologist", at="RZ2RAD"), made.number)
    assert queries.by_number(world.acting("central"), made.number) == made


def test_a_ticket_that_was_cancelled_makes_no_transaction(world: World) -> None:
    ticket = exchange.import_ticket(world)
    tickets.cancel(ticket, "Not needed", by=world.acting("mbp"))
    with pytest.raises(ValueError, match="cannot"):
        exchange.request(world, ticket=ticket, institution=ticket.institution)
    assert not Transaction.objects.exists()
