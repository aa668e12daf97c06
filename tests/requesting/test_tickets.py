"""A person who cannot get in: the form, only under an open ticket of their borough's desk."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Borough, Membership, Organisation
from accounts.queries import acting_at
from demo.desks import seed_desks
from messaging.models import MailMessage
from requesting import services
from requesting.errors import NotFound, Refused
from requesting.models import AccessTicket, DowntimeForm
from requesting.queries import forms, tickets
from requesting.queries.sheets import sheet_of

from .downtime import (
    _fresh_strip,  # noqa: F401 - a fixture
    mailbox,
    radiographer,
)
from .surgery import NORTHGATE


@pytest.fixture
def open_for(surgery):
    """`open_for("gp", by="gp2")`: a ticket for that person, opened by a colleague."""
    seed_desks()

    def opened(who="gp", by="practice-admin", number="INC0012345", **facts):
        return services.open_ticket(
            user=surgery.user(who), number=number, by=surgery.acting(by),
            organisation=Organisation.objects.get(ods_code=facts.get("place", NORTHGATE)),
            reason=facts.get("reason", "Smartcard locked"),
        )  # fmt: skip

    return opened


def kingsmere(ticket):
    """Kingsmere Radiology, which takes requests from the ticket's place."""
    return next(each for each in tickets.departments(ticket) if each.ods_code == "RZ1RAD")


def printed(ticket, by, **facts):
    department = kingsmere(ticket)
    return services.form_under_ticket(ticket, department=department, how="print", by=by, **facts)


@pytest.mark.parametrize("by", ["practice-admin", "gp2", "central"])
def test_a_colleague_who_can_get_in_opens_it_with_the_desk_s_number(surgery, open_for, by):
    ticket = open_for(by=by, number="inc 0012345")
    assert (ticket.number, ticket.desk.name) == ("INC0012345", "Three Rivers ICT service desk")
    assert ticket.valid_until - ticket.opened_at == timedelta(hours=48)
    assert [each.pk for each in tickets.open_tickets(surgery.acting("central"))] == [ticket.pk]


@pytest.mark.parametrize("number", ["", "12345", "HH-40217", "INC12", "INC00123456"])
def test_without_a_number_of_the_borough_s_desk_there_is_no_form(open_for, number):
    with pytest.raises(Refused, match="like INC0012345"):
        open_for(number=number)
    assert not AccessTicket.objects.exists()


@pytest.mark.parametrize(
    ("who", "by", "words"),
    [
        ("gp", "gp", "You have got in"),
        ("practice-admin", "gp", "cannot request at"),
        ("ahp", "gp", "cannot request at"),
        ("gp", "lab", "You cannot use the downtime form"),
        ("gp", "ahp", "You cannot use the downtime form"),
    ],
)
def test_it_is_for_somebody_else_who_could_request_at_this_place(open_for, who, by, words):
    with pytest.raises(Refused, match=words):
        open_for(who, by=by)


def test_a_network_that_cannot_request_yet_gets_no_form_either(surgery, open_for):
    network = Organisation.objects.get(ods_code="U90001")
    Membership.objects.create(user=surgery.user("gp"), organisation=network, role="gp")
    with pytest.raises(Refused, match="You cannot use the downtime form"):
        open_for("gp", by="central", place="U90001")
    from_there = acting_at(surgery.user("gp2"), "U90001")
    assert tickets.people(from_there) == ()
    assert tickets.open_tickets(from_there) == []


def test_a_place_without_a_desk_is_told_so(open_for):
    Organisation.objects.filter(ods_code=NORTHGATE).update(borough=None)
    with pytest.raises(Refused, match="knows no service desk"):
        open_for()


def test_the_same_ticket_is_opened_once_while_it_is_open(surgery, open_for):
    ticket = open_for()
    with pytest.raises(Refused, match="open already"):
        open_for()
    services.close_ticket(ticket, by=surgery.acting("central"))
    services.close_ticket(ticket, by=surgery.acting("central"))
    assert open_for().pk != ticket.pk


def test_a_form_carries_its_ticket_and_is_on_the_department_s_list(surgery, open_for):
    ticket = open_for()
    patient = surgery.patient()
    form = printed(ticket, surgery.acting("gp2"), patient=patient, test="Chest X-ray",
                   details="Cough", modality="XR")  # fmt: skip
    sheet = sheet_of(form)
    assert "INC0012345" in sheet.ticket
    assert sheet.tests[0].name == "Chest X-ray"
    assert sheet.blanks == ()
    assert sheet.requester[0][1].startswith("Dr A Patel")
    rows, _ = forms.forms_to_key_in(radiographer())
    assert [row.form.pk for row in rows] == [form.pk]
    services.key_in(form, numbers={"": "A-9"}, by=radiographer())
    form.refresh_from_db()
    assert (form.outcome, form.accession) == ("keyed_in", "A-9")


def test_a_blank_form_has_places_to_write_by_hand_and_is_not_e_mailed(surgery, open_for):
    ticket, by = open_for(), surgery.acting("practice-admin")
    blank = printed(ticket, by)
    assert sheet_of(blank).blanks
    with pytest.raises(Refused, match="can be e-mailed"):
        services.form_under_ticket(ticket, department=kingsmere(ticket), how="email", by=by)
    services.take_back(blank, by=by)
    assert DowntimeForm.objects.get(pk=blank.pk).outcome == "cancelled"


def test_a_whole_form_under_a_ticket_goes_by_e_mail(surgery, open_for):
    mailbox("XR")
    ticket = open_for()
    form = services.form_under_ticket(
        ticket, department=kingsmere(ticket), how="email", modality="XR",
        patient=surgery.patient(), test="Chest X-ray", by=surgery.acting("gp2"),
    )  # fmt: skip
    assert form.status == "emailed"
    assert MailMessage.objects.get().reference == form.reference


def test_under_a_closed_or_an_old_ticket_there_is_no_form(surgery, open_for):
    ticket, by = open_for(), surgery.acting("practice-admin")
    with (
        time_machine.travel(timezone.now() + timedelta(hours=49), tick=False),
        pytest.raises(Refused, match="not open any more"),
    ):
        printed(ticket, by)
    services.close_ticket(ticket, by=by)
    with pytest.raises(Refused, match="not open any more"):
        printed(ticket, by)
    assert not DowntimeForm.objects.exists()


def test_another_place_s_ticket_is_nobody_s_business(surgery, open_for):
    ticket = open_for()
    with pytest.raises(NotFound):
        tickets.ticket_for(surgery.acting("ahp"), ticket.pk)
    with pytest.raises(Refused):
        services.close_ticket(ticket, by=surgery.acting("ahp"))


def test_the_directory_knows_the_desk_of_each_borough(surgery):
    seed_desks()
    seed_desks()
    known = {each.desk.name: each.boroughs for each in tickets.desks()}
    assert known == {
        "Harbour Health Care IT help desk": "Harbour",
        "Three Rivers ICT service desk": "Kingsmere, Millbrook",
    }
    assert all(each.desk.phone and each.desk.email and each.hours for each in tickets.desks())
    assert tickets.desk_of(surgery.acting("gp")).name == "Three Rivers ICT service desk"
    assert Borough.objects.count() == 3
