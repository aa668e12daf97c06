"""Missing details: who is asked, the two weeks, the reminders, the end that somebody has seen."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.utils import timezone

from iep import hours
from iep.errors import NoSuchMove, NotAccepted
from iep.models import Ticket, TicketMail, TransactionMessage
from iep.queries.ticketing.tickets import days_left, my_tickets, sentence
from iep.services.exchange import transactions
from iep.services.ticketing import chasing, tickets
from iep.services.ticketing.ticket_mail import tell_requester
from iep.states.priorities import Eligibility, Priority, Reason
from iep.states.tickets import TicketEvent, TicketState
from iep.states.transactions import TransactionKind
from tests.iep.tickets import asking
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(world: World) -> Ticket:
    asking.confirmed(world)
    return asking.opened(world)


def chased(world: World, ticket: Ticket, whom: str = "requester", **changes: Any) -> Ticket:
    facts = {"missing": ["exams"], "by": world.acting("mbp")}
    return tickets.chase(ticket, whom, **facts | changes)


def events(ticket: Ticket) -> list[str]:
    return list(ticket.events.values_list("event", flat=True))


def occasions(ticket: Ticket) -> list[str]:
    return [each.occasion.split()[0] for each in TicketMail.objects.filter(ticket=ticket)]


def test_the_requester_is_asked_by_mail_and_the_two_weeks_run(world, ticket):
    row = chased(world, ticket, words="Which side?")
    assert row.state == TicketState.AWAITING_DETAILS
    assert row.due_at == hours.days_later(row.chased_since, 14)
    mail = TicketMail.objects.get(occasion__startswith="missing")
    assert "- The scans" in mail.text
    assert "- Which side?" in mail.text
    assert mail.mail.subject == f"{ticket.reference}: we need details from you"
    assert sentence(row).startswith("We need details from you: the scans. Without them it is")
    assert days_left(row) == 14


def test_numbers_keep_their_letters_inside_a_sentence(world, ticket):
    row = chased(world, ticket, missing=["nhs_number", "s_number", "birth_date"])
    assert sentence(row).startswith("We need details from you: NHS number, S number, date of birth")


def test_asking_the_other_hospital_next_does_not_begin_the_two_weeks_anew(world, ticket):
    first = asking.moved_back(chased(world, ticket), days=5)
    row = chased(world, first, "institution")
    assert (row.due_at, row.chased_since) == (first.due_at, first.chased_since)
    assert row.chased == "institution"
    assert occasions(row).count("missing") == 1


def test_the_other_hospital_is_asked_by_a_message_of_the_running_transaction(world, ticket):
    by = world.acting("mbp")
    assert chasing.ask_other_hospital(ticket, missing=["exams"], by=by) is None
    running = _request(world, ticket)
    ticket.refresh_from_db()
    found = chasing.ask_other_hospital(ticket, missing=["exams"], words="Which side?", by=by)
    assert found == running
    text = TransactionMessage.objects.get().text
    assert text == f"{ticket.reference}: please send us what is missing: the scans; Which side?."


def _request(world: World, ticket: Ticket) -> Any:
    tickets.details_came(ticket, words="The left", by=world.acting("mbp"))
    return transactions.create(
        kind=TransactionKind.REQUEST, ticket=ticket, institution=ticket.institution,
        priority=Priority.NORMAL, by=world.acting("mbp"),
    )  # fmt: skip


@pytest.mark.hazard("H45")
@pytest.mark.parametrize(("gone", "reminders"), [
    ({"days": 6, "hours": 22}, []), ({"days": 7, "hours": 2}, ["reminder-7"]),
    ({"days": 12, "hours": 2}, ["reminder-12"])])  # fmt: skip
def test_reminders_go_at_seven_and_twelve_days_and_no_sooner(world, ticket, gone, reminders):
    row = asking.moved_back(chased(world, ticket), **gone)
    for _ in range(3):
        chasing.sweep()
    assert [each for each in occasions(row) if each.startswith("reminder")] == reminders
    assert events(row).count("reminded") == len(reminders)
    assert Ticket.objects.get(pk=row.pk).state == TicketState.AWAITING_DETAILS


@pytest.mark.hazard("H45")
def test_both_reminders_go_once_each_and_a_new_chase_has_its_own(world, ticket):
    row = asking.moved_back(chased(world, ticket), days=7, hours=2)
    chasing.sweep()
    row = asking.moved_back(row, days=5)
    for _ in range(2):
        chasing.sweep()
    assert occasions(row)[2:] == ["reminder-7", "reminder-12"]
    tickets.details_came(row, words="The left", by=world.acting("mbp"))
    row.refresh_from_db()
    asking.moved_back(chased(world, row), days=8)
    chasing.sweep()
    assert occasions(row).count("reminder-7") == 2


@pytest.mark.hazard("H45")
def test_after_two_weeks_it_is_cancelled_and_waits_to_be_acknowledged(world):
    asker = asking.requester(world)
    ticket = asking.opened(world, by=asker)
    row = asking.moved_back(chased(world, ticket), days=14, hours=2)
    chasing.sweep()
    row.refresh_from_db()
    assert row.state == TicketState.CANCELLED
    assert row.cancelled_why == "The details were not received within 2 weeks"
    mail = TicketMail.objects.get(occasion="expired")
    assert mail.mail.subject == f"{ticket.reference}: your request is cancelled"
    assert "acknowledge it" in mail.text
    (waiting,) = my_tickets(asker).needs_you
    assert waiting.sentence.endswith("Say that you have seen it.")
    asking.moved_back(row, days=400)
    chasing.sweep()  # it stays there, however long
    assert [each.ticket for each in my_tickets(asker).needs_you] == [row]
    tickets.acknowledge(row, by=asker)
    row.refresh_from_db()
    assert row.state == TicketState.CLOSED
    assert my_tickets(asker).needs_you == ()


def test_an_hour_before_the_two_weeks_are_over_nothing_is_cancelled(world, ticket):
    row = asking.moved_back(chased(world, ticket), days=13, hours=21)
    chasing.sweep()
    row.refresh_from_db()
    assert row.state == TicketState.AWAITING_DETAILS


def test_what_was_answered_is_neither_reminded_nor_cancelled(world, ticket):
    row = asking.moved_back(chased(world, ticket), days=13)
    tickets.details_came(row, words="The left", by=world.acting("mbp"))
    asking.moved_back(row, days=30)
    chasing.sweep()
    row.refresh_from_db()
    assert row.state == TicketState.ACCEPTED
    assert (row.missing, row.chased, row.chased_since) == ([], "", None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.hazard("H45")
def test_two_sweeps_at_once_remind_and_cancel_once(world):
    asking.confirmed(world)
    ended = asking.moved_back(chased(world, asking.opened(world)), days=15)
    reminded = asking.moved_back(chased(world, asking.opened(world)), days=8)
    start = threading.Barrier(4)

    def one() -> None:
        try:
            start.wait()
            chasing.sweep()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert events(ended).count("expired") == 1
    assert events(reminded).count("reminded") == 1


def test_a_dead_mailbox_stops_no_clock(world):
    """No mail can go: the ticket says why, is cancelled all the same, and waits for a person."""
    ticket = asking.opened(world, requester_email="a@elsewhere.example.com")
    row = asking.moved_back(chased(world, ticket), days=14, hours=2)
    chasing.sweep()
    row.refresh_from_db()
    assert row.state == TicketState.CANCELLED
    assert all(each.not_sent for each in TicketMail.objects.filter(ticket=row))


# --- Who may, and what is refused ----------------------------------------------------------------


def test_the_requester_answers_and_cancels_their_own_and_nobody_elses(world):
    asker = asking.requester(world)
    own = asking.opened(world, by=asker)
    others = asking.opened(world, requester_email="b@kingsmere.nhs.example")
    for deed in (
        lambda t: tickets.cancel(t, "No longer", by=asker),
        lambda t: tickets.note(t, "Hello", by=asker),
        lambda t: tickets.details_came(t, words="x", by=asker),
    ):
        with pytest.raises(PermissionDenied):
            deed(others)
    with pytest.raises(PermissionDenied):
        chased(world, own, by=asker)
    chased(world, own)
    tickets.details_came(own, words="The left", by=asker)
    cancelled = tickets.cancel(own, "Not needed any more", by=asker)
    assert cancelled.state == TicketState.CLOSED  # they know it
    assert "cancelled" not in occasions(own)


def test_the_desk_cancels_with_a_reason_and_the_requester_is_told(world, ticket):
    with pytest.raises(NotAccepted, match="why"):
        tickets.cancel(ticket, " ", by=world.acting("mbp"))
    row = tickets.cancel(ticket, "Asked for twice", by=world.acting("mbp"))
    assert row.state == TicketState.CANCELLED
    assert "Asked for twice" in TicketMail.objects.get(occasion="cancelled").text
    with pytest.raises(NotAccepted, match="whom"):
        tickets.acknowledge(row, by=world.acting("mbp"))
    row = tickets.acknowledge(row, words="Dr Bell, by telephone", by=world.acting("mbp"))
    assert row.state == TicketState.CLOSED


def test_a_desk_of_another_trust_does_nothing(world, ticket):
    stranger = world.acting(world.stranger("mbp").username)
    for deed in (tickets.assign, tickets.note, tickets.cancel):
        with pytest.raises(PermissionDenied):
            deed(ticket, stranger.user if deed is tickets.assign else "x", by=stranger)


@pytest.mark.parametrize(("whom", "missing", "words"), [
    ("nobody", ["exams"], ""), ("requester", [], ""), ("requester", ["size"], "")])  # fmt: skip
def test_a_chase_says_who_is_asked_for_what(world, ticket, whom, missing, words):
    with pytest.raises(NotAccepted):
        chased(world, ticket, whom, missing=missing, words=words)
    ticket.refresh_from_db()
    assert ticket.state == TicketState.NEW


def test_details_that_nobody_asked_for_move_nothing(world, ticket):
    with pytest.raises(NoSuchMove):
        tickets.details_came(ticket, words="The left", by=world.acting("mbp"))


@pytest.mark.parametrize("field", ["kind", "institution", "family_name", "nhs_number", "state"])
def test_what_is_fixed_does_not_come_as_a_detail(world, ticket, field):
    row = chased(world, ticket)
    with pytest.raises(NotAccepted, match="start again"):
        tickets.details_came(row, by=world.acting("mbp"), **{field: "x"})


def test_too_long_an_answer_is_refused_and_not_cut(world, ticket):
    row = chased(world, ticket)
    with pytest.raises(NotAccepted, match="300"):
        tickets.details_came(row, words="x" * 301, by=world.acting("mbp"))


# --- What the desk writes ------------------------------------------------------------------------


def test_the_desks_own_fields_are_set_by_events(world, ticket):
    by = world.acting("mbp")
    tickets.record(ticket, TicketEvent.REQUESTED, by=by)
    tickets.record(ticket, TicketEvent.ARRIVED, by=by)
    row = tickets.record(ticket, TicketEvent.FIXED_UP, by=by, fixed_up_by="Mrs F Calder")
    assert row.uploaded_by == "Mr I Aziz, Service desk analyst"
    assert row.fixed_up_by == "Mrs F Calder"
    assert row.uploaded_at
    assert row.fixed_up_at
    assert row.sent_at is None


def test_an_export_has_its_date_sent(world):
    ticket = tickets.open_ticket(asking.export_form(), by=world.acting("mbp"))
    row = tickets.record(ticket, TicketEvent.FINISHED, by=world.acting("mbp"))
    assert row.sent_at


def test_they_are_corrected_by_hand_and_nothing_else_is(world, ticket):
    by = world.acting("mbp")
    yesterday = timezone.now() - timedelta(days=1)
    row = tickets.correct(ticket, by=by, uploaded_by="Mr K", sent_at=yesterday)
    assert (row.uploaded_by, row.sent_at) == ("Mr K", yesterday)
    assert row.events.latest("pk").words == "Corrected: uploaded by, date sent"
    with pytest.raises(NotAccepted, match="Nothing is different"):
        tickets.correct(row, by=by, uploaded_by="Mr K")
    with pytest.raises(NotAccepted, match="start again"):
        tickets.correct(row, by=by, kind="export")


@pytest.mark.hazard("H39")
def test_a_changed_priority_says_why_and_stands_in_the_history(world, ticket):
    by = world.acting("mbp")
    blue = {"reason": Reason.BLUE_LIGHT, "eligibility": Eligibility.THEATRE, "by": by}
    with pytest.raises(NotAccepted):
        tickets.change_priority(ticket, Priority.BLUE_LIGHT, reason=Reason.MDT, words="x", by=by)
    with pytest.raises(NotAccepted, match="why"):
        tickets.change_priority(ticket, Priority.BLUE_LIGHT, words="", **blue)
    row = tickets.change_priority(ticket, Priority.BLUE_LIGHT, words="Theatre at two", **blue)
    assert row.priority == Priority.BLUE_LIGHT
    assert row.due_at - timezone.now() <= timedelta(hours=1)
    assert row.events.latest("pk").words == "Standard → Blue Light: Theatre at two"
    row = tickets.change_priority(row, Priority.NORMAL, reason=Reason.MDT, words="Put off", by=by)
    assert (row.eligibility, row.reason) == ("", "mdt")


def test_who_was_rung_was_told(world, ticket):
    row = tickets.rang_requester(ticket, "Dr Bell", by=world.acting("mbp"))
    assert row.told_at
    assert row.events.latest("pk").words == "Rang the requester: Dr Bell"


def test_no_mail_carries_who_the_patient_is(world, ticket):
    row = asking.moved_back(chased(world, ticket), days=12, hours=3)
    chasing.sweep()
    asking.moved_back(row, days=3)
    chasing.sweep()
    tell_requester(row, "available", "The images are available in PACS.", world.acting("mbp"))
    raws = [bytes(each.mail.raw).decode() for each in TicketMail.objects.filter(ticket=row)]
    assert len(raws) == 5
    for raw in raws:
        assert not any(word in raw for word in ("Testpatient", "Agnes", "9990000018", "S1234567"))
