"""Opening a ticket: every field of the sources' forms, the call reference, who is told."""

import threading
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, connections, transaction
from django.db.utils import InternalError
from django.utils import timezone

from accounts.models import AccessEvent
from iep.asking import LABELS, problems
from iep.errors import Incomplete
from iep.models import CallDay, Ticket, TicketEventRow, TicketMail
from iep.services.ticketing import ticket_mail, tickets
from iep.services.ticketing.references import next_reference, written
from iep.states.priorities import Eligibility, Priority, Reason
from iep.states.tickets import TicketKind
from messaging.models import Mailbox, MailMessage
from tests.iep.tickets import asking
from tests.iep.tickets.asking import disc_form, export_form, form, scan
from tests.world import World

pytestmark = pytest.mark.django_db
PATTERN = r"^S\d{6,7}$"


def wrong(new: Any) -> dict[str, str]:
    return problems(new, today=date(2026, 11, 22), s_number_pattern=PATTERN)


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [form, export_form, disc_form])
def test_a_whole_form_has_no_problems(whole):
    assert wrong(whole()) == {}


NEEDED = {
    "family_name": "", "given_names": "", "birth_date": None, "s_number": "", "institution": None,
    "exams": (), "requester_name": "", "requester_phone": "", "requester_email": "",
    "consultant": "", "department": "", "reason": None, "nhs_number": "",
}  # fmt: skip


@pytest.mark.parametrize("whole", [form, export_form, disc_form])
@pytest.mark.parametrize(("name", "nothing"), NEEDED.items(), ids=list(NEEDED))
def test_each_needed_field_that_is_missing_is_named(whole, name, nothing):
    assert list(wrong(whole(**{name: nothing}))) == [name]


@pytest.mark.parametrize("name", ["other_name", "other_phone", "other_email"])
def test_sending_out_needs_a_named_person_there(name):
    assert list(wrong(export_form(**{name: ""}))) == [name]
    assert wrong(form(**{name: ""})) == {}


@pytest.mark.parametrize(("name", "value"), [
    ("discs", None), ("discs", 0), ("discs", 21), ("internal_address", "")])  # fmt: skip
def test_a_disc_needs_a_number_and_an_internal_address(name, value):
    assert list(wrong(disc_form(**{name: value}))) == [name]


@pytest.mark.parametrize(("name", "value", "words"), [
    ("nhs_number", "9990000019", "not correct"),
    ("nhs_number", "999000001", "10 digits"),
    ("s_number", "S12345", "6 or 7 digits"),
    ("s_number", "1234567", "6 or 7 digits"),
    ("birth_date", date(2027, 1, 1), "in the future"),
    ("requester_email", "ann at kingsmere", "e-mail address"),
    ("requester_phone", "none", "in digits"),
    ("needed_by", date(2026, 11, 21), "has passed"),
    ("instructions", "Please send all previous imaging", "Name each scan"),
])  # fmt: skip
def test_what_is_written_wrong_is_named(name, value, words):
    assert words in wrong(form(**{name: value}))[name]


@pytest.mark.parametrize(("changes", "field"), [
    ({"acquired_on": None}, "exam-2-date"),
    ({"acquired_on": date(2026, 11, 23)}, "exam-2-date"),
    ({"description": ""}, "exam-2-description"),
    ({"modality": ""}, "exam-2-modality"),
    ({"modality": "ZZ"}, "exam-2-modality"),
])  # fmt: skip
def test_each_scan_needs_its_date_kind_and_body_part(changes, field):
    assert list(wrong(form(exams=(scan(), scan(**changes))))) == [field]


@pytest.mark.parametrize("words", [
    "All imaging", "all previous imaging", "ALL STUDIES", "everything", "any previous scans",
    "every CT scan", "all CT imaging", "the lot", "all",
])  # fmt: skip
@pytest.mark.parametrize("whole", [form, export_form, disc_form])
def test_all_imaging_is_no_scan(whole, words):
    assert "Name each scan" in wrong(whole(exams=(scan(description=words),)))["exam-1-description"]


def test_without_an_nhs_number_there_is_a_reason_and_a_full_address():
    found = wrong(form(nhs_number="", no_nhs_number_reason="Visitor from abroad"))
    assert list(found) == ["address", "postcode"]
    whole = form(nhs_number="", no_nhs_number_reason="Visitor from abroad",
                 address_lines=("3 Invented Row", "Northgate"), postcode="NG2 9ZZ")  # fmt: skip
    assert wrong(whole) == {}


@pytest.mark.hazard("H39")
def test_blue_light_is_one_of_three_things_and_nothing_else():
    blue = {"priority": Priority.BLUE_LIGHT, "reason": Reason.BLUE_LIGHT}
    assert list(wrong(form(**blue))) == ["eligibility"]
    for each in Eligibility:
        assert wrong(form(**blue, eligibility=each)) == {}
    assert list(wrong(form(**blue | {"reason": Reason.MDT}, eligibility=Eligibility.THEATRE))) == [
        "reason"
    ]
    assert list(wrong(form(reason=Reason.BLUE_LIGHT))) == ["reason"]
    assert list(wrong(form(eligibility=Eligibility.THEATRE))) == ["eligibility"]


def test_another_reason_is_said_in_words():
    assert list(wrong(form(reason=Reason.OTHER))) == ["reason_words"]
    assert wrong(form(reason=Reason.OTHER, reason_words="Court report")) == {}


def test_every_problem_has_a_label_and_stands_in_the_forms_order():
    found = wrong(form(family_name="", consultant="", exams=(), reason=None))
    assert list(found) == ["family_name", "exams", "consultant", "reason"]
    assert set(found) <= set(LABELS)


def test_an_incomplete_form_keeps_nothing(world: World):
    with pytest.raises(Incomplete) as refusal:
        asking.opened(world, consultant="")
    assert refusal.value.problems == {"consultant": "Name the consultant"}
    assert not Ticket.objects.exists()
    assert not CallDay.objects.exists()


# --- What is kept --------------------------------------------------------------------------------


def test_a_ticket_has_its_call_reference_its_history_and_an_audit_row(world: World):
    ticket = asking.opened(world, exams=(scan(), scan(description="CT chest")))
    assert ticket.reference == f"IEP-{timezone.localdate():%y%m%d}-001"
    assert [exam.description for exam in ticket.exams.all()] == ["CT head", "CT chest"]
    row = TicketEventRow.objects.get(ticket=ticket)
    assert (row.event, row.to_state, row.by_name) == (
        "opened", "new", "Mr I Aziz, Service desk analyst",
    )  # fmt: skip
    assert AccessEvent.objects.filter(action="ticket_opened", object_id=ticket.pk).exists()
    assert ticket.organisation == world.place("RZ1")


def test_who_asks_for_themselves_is_the_requester_and_the_desk_finds_the_account(world: World):
    asker = asking.requester(world)
    assert asking.opened(world, by=asker).requester == asker.user
    assert asking.opened(world).requester == asker.user  # its address is the account's
    assert asking.opened(world, requester_email="b.who@kingsmere.nhs.example").requester is None


def test_nobody_of_a_practice_opens_a_ticket(world: World):
    with pytest.raises(PermissionDenied):
        tickets.open_ticket(form(), by=world.acting("gp"))


def test_our_record_is_taken_where_everything_agrees(world: World):
    patient = world.patient(nhs_number="9990000018", s_number="S1234567")
    assert asking.opened(world).patient == patient
    assert asking.opened(world, nhs_number="", no_nhs_number_reason="Not known to us",
                         address_lines=("3 Invented Row", "Northgate"), postcode="NG2 9ZZ",
                         ).patient == patient  # fmt: skip


@pytest.mark.hazard("H41")
@pytest.mark.parametrize(("changes", "words"), [
    ({"birth_date": date(1958, 3, 3)}, "the birth date is different"),
    ({"family_name": "Otherperson"}, "the family name is different"),
    ({"s_number": "S7654321"}, "the hospital number is different"),
])  # fmt: skip
def test_a_record_that_contradicts_the_form_stops_it(world: World, changes, words):
    world.patient(nhs_number="9990000018", s_number="S1234567")
    with pytest.raises(Incomplete) as refusal:
        asking.opened(world, **changes)
    assert words in refusal.value.problems["nhs_number"]


def test_a_patient_whom_another_place_knows_is_not_looked_up(world: World):
    """A practice's patient without a number of the trust is nobody to its service desk."""
    world.patient(nhs_number="9990000018")
    assert asking.opened(world).patient is None
    assert asking.opened(world, birth_date=date(1958, 3, 3)).patient is None


def test_one_form_is_one_ticket_however_often_it_is_sent(world: World):
    key = uuid4()
    first, second = asking.opened(world, key=key), asking.opened(world, key=key)
    assert first == second
    assert Ticket.objects.count() == 1
    assert CallDay.objects.get().last == 1


@pytest.mark.parametrize("name", ["kind", "institution", "reference"])
def test_which_way_and_where_cannot_change_even_by_hand(world: World, name):
    ticket = asking.opened(world)
    value = {"kind": TicketKind.EXPORT.value, "reference": "IEP-000000-000",
             "institution": asking.hospital("Another")}[name]  # fmt: skip
    with pytest.raises(InternalError, match="Cannot update"), transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(**{name: value})


# --- Call references -----------------------------------------------------------------------------


def test_references_count_within_the_london_day(world: World):
    """At 23:30 UTC in summer it is tomorrow in London; each day counts from 1."""
    with transaction.atomic():
        found = [next_reference(today=date(2026, 7, day)) for day in (1, 1, 2)]
    assert found == ["IEP-260701-001", "IEP-260701-002", "IEP-260702-001"]


def test_a_ticket_that_was_rolled_back_leaves_no_gap(world: World):
    asking.opened(world)
    with transaction.atomic():
        asking.opened(world)
        transaction.set_rollback(True)
    assert asking.opened(world).reference.endswith("-002")


def test_a_day_of_more_than_999_never_reads_as_an_nhs_number():
    assert [written(n) for n in (1, 999, 1000, 1099, 1100, 3599)] == [
        "001", "999", "A00", "A99", "B00", "Z99",
    ]  # fmt: skip
    with pytest.raises(OverflowError):
        written(3600)


@pytest.mark.django_db(transaction=True)
def test_tickets_opened_at_once_have_references_of_their_own(world: World):
    asking.hospital()
    acting, found, start = world.acting("mbp"), [], threading.Barrier(6)

    def one() -> None:
        try:
            start.wait()
            found.append(tickets.open_ticket(form(), by=acting).reference)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [
        f"IEP-{timezone.localdate():%y%m%d}-{number:03d}" for number in range(1, 7)
    ]


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_twice_at_once_is_one_ticket(world: World):
    asking.hospital()
    acting, key, start = world.acting("mbp"), uuid4(), threading.Barrier(4)
    found: list[Ticket] = []

    def one() -> None:
        try:
            start.wait()
            found.append(tickets.open_ticket(form(key=key), by=acting))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({ticket.pk for ticket in found}) == 1
    assert len(found) == 4
    assert Ticket.objects.count() == 1


def test_a_reference_needs_its_tickets_transaction(transactional_db: None):
    assert not connection.in_atomic_block
    with pytest.raises(transaction.TransactionManagementError):
        next_reference()


# --- Mail ----------------------------------------------------------------------------------------


def test_the_requester_is_told_by_mail_once_the_address_is_confirmed(world: World):
    asking.confirmed(world)
    ticket = asking.opened(world)
    mail = MailMessage.objects.get()
    assert mail.subject == f"{ticket.reference}: your request is open"
    assert (mail.purpose, mail.to_address) == ("images", asking.ADDRESS)
    raw = bytes(mail.raw).decode()
    assert "Testpatient" not in raw
    assert "9990000018" not in raw
    assert TicketMail.objects.get().mail == mail


def test_until_a_colleague_makes_sure_of_the_address_nothing_is_sent(world: World):
    ticket = asking.opened(world)
    row = TicketMail.objects.get()
    assert row.mail is None
    assert row.not_sent == "Nobody has made sure of the requester’s e-mail address yet."
    with pytest.raises(PermissionDenied):  # not who entered it
        ticket_mail.confirm_address(ticket, by=world.acting("mbp"))
    assert ticket_mail.confirm_address(ticket, by=asking.colleague(world)) == 1
    row.refresh_from_db()
    assert row.mail is not None
    assert row.not_sent == ""


def test_the_address_of_the_account_that_asks_needs_nobody_else(world: World):
    asking.opened(world, by=asking.requester(world))
    assert Mailbox.objects.get(is_personal=True).verified_by == "The address of the account"
    assert MailMessage.objects.count() == 1


def test_an_address_of_another_domain_is_no_mailbox(world: World):
    asking.opened(world, requester_email="ann.bell@elsewhere.example.com")
    assert not Mailbox.objects.filter(is_personal=True).exists()
    assert TicketMail.objects.get().not_sent == "There is no e-mail address that we may write to."


def test_an_occasion_is_told_once(world: World):
    asking.confirmed(world)
    ticket = asking.opened(world)
    for _ in range(3):
        ticket_mail.tell_requester(ticket, "available", "In PACS.", world.acting("mbp"))
    assert MailMessage.objects.filter(subject__contains="in PACS").count() == 1


@pytest.mark.parametrize(("outcome", "is_told"), [
    ("sent", True), ("refused", False), ("bounced", False)])  # fmt: skip
def test_what_came_of_a_mail_is_kept_and_closes_nothing(world: World, outcome, is_told):
    asking.confirmed(world)
    ticket = asking.opened(world)
    row = ticket_mail.tell_requester(ticket, "available", "In PACS.", world.acting("mbp"))
    ticket_mail.record_mail(str(row.pk), outcome, "Said the server")
    row.refresh_from_db()
    ticket.refresh_from_db()
    assert (row.outcome, row.outcome_words) == (outcome, "Said the server")
    assert ticket.state == "new"
    assert (ticket.told_at is not None) == is_told


@pytest.mark.hazard("H45")
@pytest.mark.parametrize("has_rung", [False, True])
def test_a_mail_that_comes_back_after_it_was_sent_leaves_the_requester_untold(world, has_rung):
    asking.confirmed(world)
    ticket = asking.opened(world)
    row = ticket_mail.tell_requester(ticket, "available", "In PACS.", world.acting("mbp"))
    ticket_mail.record_mail(str(row.pk), "sent", "Said the server")
    if has_rung:
        tickets.rang_requester(ticket, "Spoke to Sister Bell", by=world.acting("mbp"))
    ticket_mail.record_mail(str(row.pk), "bounced", "No such mailbox")
    ticket.refresh_from_db()
    assert (ticket.told_at is not None) == has_rung


def test_a_first_look_is_due_in_working_hours_and_blue_light_by_the_clock(world: World):
    standard = asking.opened(world)
    assert standard.due_at >= standard.state_since + timedelta(hours=4)
    blue = asking.opened(world, priority=Priority.BLUE_LIGHT, reason=Reason.BLUE_LIGHT,
                         eligibility=Eligibility.AMBULANCE)  # fmt: skip
    assert blue.due_at - blue.state_since <= timedelta(hours=1)
