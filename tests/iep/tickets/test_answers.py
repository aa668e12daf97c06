"""What was missing is put into the fields that were asked for, by the form's own rules."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.models import AccessEvent
from iep.errors import Incomplete, NoSuchMove, NotAccepted
from iep.models import Ticket
from iep.queries.ticketing.answering import stamp_of
from iep.services.exchange import transactions
from iep.services.exchange.about import about_ticket
from iep.services.ticketing import tickets
from iep.states.priorities import Eligibility, Priority, Reason
from iep.states.tickets import TicketState
from patients.models import Patient
from tests.iep.tickets import asking
from tests.world import World

pytestmark = pytest.mark.django_db


def chased(world: World, *missing: str, by: Any = None, **changes: Any) -> Ticket:
    """A ticket of which the requester was asked for `missing`."""
    ticket = tickets.open_ticket(asking.form(**changes), by=by or world.acting("mbp"))
    return tickets.chase(ticket, "requester", missing=[*missing], words="Please say",
                         by=world.acting("mbp"))  # fmt: skip


def answered(world: World, ticket: Ticket, by: Any = None, **given: Any) -> Ticket:
    return tickets.details_came(ticket, seen=stamp_of(ticket), by=by or world.acting("mbp"),
                                **given)  # fmt: skip


def history(ticket: Ticket) -> list[str]:
    return list(ticket.events.order_by("pk").values_list("words", flat=True))


def stands(ticket: Ticket, state: str = "awaiting_details") -> None:
    """Nothing was kept of what was refused."""
    now = Ticket.objects.get(pk=ticket.pk)
    assert now.state == state
    assert (now.s_number, now.nhs_number, now.birth_date, now.patient_id) == (
        ticket.s_number, ticket.nhs_number, ticket.birth_date, ticket.patient_id,
    )  # fmt: skip
    assert history(now) == history(ticket)


def test_what_was_answered_stands_in_the_ticket_and_in_the_transaction(world: World) -> None:
    ticket = chased(world, "s_number", "consultant")
    row = answered(world, ticket, s_number="S7654321", consultant="Mr B Crane", words="By phone")
    row.refresh_from_db()
    assert (row.state, row.missing) == (TicketState.ACCEPTED, [])
    assert history(row)[-3:] == [
        "S number: S1234567 → S7654321", "Consultant: Mr A Crane → Mr B Crane", "By phone",
    ]  # fmt: skip
    said = about_ticket(row)
    assert (said.local_number, said.consultant) == ("S7654321", "Mr B Crane")
    audited = AccessEvent.objects.filter(object_id=str(row.pk), action="ticket_noted")
    assert audited.count() == 2
    assert not any("7654321" in str(vars(each)) for each in audited), "history, and no log"


def test_what_stands_is_said_in_words_alone(world: World) -> None:
    ticket = chased(world, "s_number")
    with pytest.raises(NotAccepted, match="Write what was missing"):
        answered(world, ticket, s_number=ticket.s_number)
    stands(ticket)
    row = answered(world, ticket, s_number=ticket.s_number, words="It is right as it is")
    assert row.state == TicketState.ACCEPTED
    assert history(row)[-1] == "It is right as it is"


@pytest.mark.parametrize(("missing", "given", "wrong"), [
    ("s_number", {"s_number": "1234"}, {"s_number"}),
    ("s_number", {"s_number": ""}, {"s_number"}),
    ("birth_date", {"birth_date": None}, {"birth_date"}),
    ("birth_date", {"birth_date": date(2999, 1, 1)}, {"birth_date"}),
    ("nhs_number", {"nhs_number": "9990000019"}, {"nhs_number"}),
    ("nhs_number", {"nhs_number": ""}, {"nhs_number"}),
    ("nhs_number", {"nhs_number": "", "no_nhs_number_reason": "A visitor", "postcode": ""},
     {"postcode"}),
    ("requester_phone", {"requester_phone": "none"}, {"requester_phone"}),
    ("consultant", {"consultant": ""}, {"consultant"}),
    ("reason", {"reason": None}, {"reason"}),
    ("reason", {"reason": Reason.BLUE_LIGHT}, {"reason"}),
])  # fmt: skip
def test_an_answer_is_held_to_the_rules_of_asking(
    world: World, missing: str, given: dict[str, Any], wrong: set[str]
) -> None:
    ticket = chased(world, missing)
    with pytest.raises(Incomplete) as refusal:
        answered(world, ticket, words="As they said", **given)
    assert wrong <= set(refusal.value.problems)
    stands(ticket)


def test_what_is_wrong_elsewhere_holds_no_answer_up(world: World) -> None:
    ticket = chased(world, "consultant")
    Ticket.objects.filter(pk=ticket.pk).update(needed_by=date(2020, 1, 1))
    ticket.refresh_from_db()
    assert answered(world, ticket, consultant="Mr B Crane").consultant == "Mr B Crane"


@pytest.mark.parametrize("field", ["family_name", "institution", "priority", "department"])
def test_what_nobody_asked_for_is_not_answered(world: World, field: str) -> None:
    ticket = chased(world, "consultant")
    with pytest.raises(NotAccepted, match="start again"):
        answered(world, ticket, **{field: "x"})
    stands(ticket)


def test_without_an_nhs_number_the_reason_and_the_address_are_answered_with_it(
    world: World,
) -> None:
    ticket = chased(world, "nhs_number")
    lines = ("1 High Street, The Old Bakery, Lower Kingsmere", "Kingsmere" * 30)
    row = answered(world, ticket, nhs_number="", no_nhs_number_reason="A visitor", address=lines,
                   postcode="KM1 1AA")  # fmt: skip
    row.refresh_from_db()
    assert (row.nhs_number, row.address_lines) == ("", list(lines))
    said = " ".join(history(row))
    assert "NHS number: 999 000 0018 → nothing" in said
    assert "Kingsmere" * 30 in said, "a long line is not cut"


# --- Whose images they are (hazard H41) ------------------------------------------------------


@pytest.fixture
def agnes(world: World) -> Patient:
    return world.patient(nhs_number="9990000018", s_number="S1234567")


@pytest.mark.hazard("H41")
def test_a_number_that_is_put_right_finds_our_record(world: World, agnes: Patient) -> None:
    ticket = chased(world, "s_number", "nhs_number", s_number="S7654321", nhs_number="9990000026")
    assert ticket.patient is None
    row = answered(world, ticket, s_number="S1234567", nhs_number="9990000018")
    row.refresh_from_db()
    assert row.patient == agnes
    assert "Our record of the patient was found." in history(row)


@pytest.mark.hazard("H41")
def test_a_number_of_somebody_else_is_refused_at_its_field(world: World, agnes: Patient) -> None:
    ticket = chased(world, "s_number", s_number="S7654321", nhs_number="9990000026",
                    family_name="Otherwise")  # fmt: skip
    with pytest.raises(Incomplete) as refusal:
        answered(world, ticket, s_number="S1234567")
    assert set(refusal.value.problems) == {"s_number"}
    assert "the family name is different" in refusal.value.problems["s_number"]
    stands(ticket)


@pytest.mark.hazard("H41")
@pytest.mark.parametrize("given", [
    {"s_number": "S7654321"}, {"nhs_number": "9990000026"}, {"birth_date": date(1958, 3, 3)},
    {"s_number": "S2222222", "nhs_number": "9990000034"},
])  # fmt: skip
def test_what_is_matched_to_our_record_stays_that_patients(
    world: World, agnes: Patient, given: dict[str, Any]
) -> None:
    world.patient(family_name="Testpatient", nhs_number="9990000034", s_number="S2222222")
    ticket = chased(world, "s_number", "nhs_number", "birth_date")
    assert ticket.patient == agnes
    with pytest.raises(Incomplete) as refusal:
        answered(world, ticket, words="They rang", **given)
    (words,) = refusal.value.problems.values()
    assert words.startswith("This ticket is matched to our record of the patient")
    stands(ticket)
    assert answered(world, ticket, words="As it stands").patient == agnes


def test_what_is_matched_can_be_put_right_where_our_record_has_it(
    world: World, agnes: Patient
) -> None:
    ticket = chased(world, "nhs_number", nhs_number="", no_nhs_number_reason="Not known",
                    address_lines=("1 High St", "Kingsmere"), postcode="KM1 1AA")  # fmt: skip
    assert ticket.patient == agnes
    row = answered(world, ticket, nhs_number="9990000018")
    assert (row.nhs_number, row.patient) == ("9990000018", agnes)


# --- What stands ------------------------------------------------------------------------------


def test_what_a_transaction_carries_is_answered_in_words(world: World) -> None:
    ticket = asking.opened(world)
    by = world.acting("mbp")
    made = transactions.create(kind="request", ticket=ticket, institution=ticket.institution, by=by)
    ticket.refresh_from_db()
    ticket = tickets.chase(ticket, "institution", missing=["s_number"], by=by)
    with pytest.raises(NotAccepted, match=f"Transaction {made.number} carries"):
        answered(world, ticket, s_number="S7654321")
    stands(ticket)
    page = world.client("mbp").get(f"/iep/{ticket.reference}/").content.decode()
    assert 'id="answer-s_number"' not in page
    assert f"Transaction {made.number} carries what stands there" in page
    assert answered(world, ticket, words="It is S7654321").s_number == "S1234567"


def test_two_who_answer_do_not_overwrite_each_other(world: World) -> None:
    ticket = chased(world, "reason")
    seen = stamp_of(ticket)
    tickets.change_priority(ticket, Priority.BATCH, reason=Reason.RESEARCH, words="Less so",
                            by=world.acting("mbp-lead"))  # fmt: skip
    with pytest.raises(NotAccepted, match="meanwhile"):
        tickets.details_came(ticket, seen=seen, reason=Reason.MDT, by=world.acting("mbp"))
    ticket = Ticket.objects.get(pk=ticket.pk)
    answered(world, ticket, reason=Reason.MDT)
    with pytest.raises(NoSuchMove):
        tickets.details_came(ticket, seen=seen, words="x", by=world.acting("mbp"))


def test_the_reason_of_blue_light_is_not_answered(world: World) -> None:
    ticket = chased(world, "reason", "consultant", priority=Priority.BLUE_LIGHT,
                    reason=Reason.BLUE_LIGHT, eligibility=Eligibility.THEATRE)  # fmt: skip
    with pytest.raises(NotAccepted, match="start again"):
        answered(world, ticket, reason=Reason.MDT)
    assert answered(world, ticket, consultant="Mr B Crane").reason == Reason.BLUE_LIGHT


def test_the_requester_answers_and_a_colleague_of_theirs_does_not(world: World) -> None:
    asker = asking.requester(world)
    ticket = chased(world, "s_number", by=asker)
    with pytest.raises(PermissionDenied):
        answered(world, ticket, by=world.acting("radiographer"), s_number="S7654321")
    assert answered(world, ticket, by=asker, s_number="S7654321").s_number == "S7654321"


# --- The page --------------------------------------------------------------------------------


def posted(client: Client, ticket: Ticket, **typed: str) -> Any:
    """The deed as it is drawn, with what is typed over it, and sent."""
    address = f"/iep/{ticket.reference}/"
    drawn = client.get(address).content.decode()
    part = drawn[drawn.index('id="details"') :].partition("</details>")[0]
    kept = dict(re.findall(r'<input[^>]*name="([\w-]+)"[^>]*value="([^"]*)"', part))
    kept |= dict(re.findall(r'(?s)<textarea[^>]*name="([\w-]+)"[^>]*>([^<]*)<', part))
    kept |= dict(re.findall(r'(?s)<select[^>]*name="(\w+)".*?value="(\w+)" selected', part))
    fields = {name: unescape(text) for name, text in kept.items()}
    return client.post(f"{address}act", fields | typed | {"do": "details"})


@pytest.mark.parametrize("who", ["mbp", "asker"])
def test_the_page_asks_for_what_was_asked_for_and_has_what_stands(world: World, who: str) -> None:
    ticket = chased(world, "s_number", "birth_date", "address", by=asking.requester(world))
    client = world.client(who)
    drawn = client.get(f"/iep/{ticket.reference}/").content.decode()
    shown = re.findall(r'id="answer-(\w+)"', drawn)
    assert shown == ["address", "postcode", "birth_date", "s_number"]
    assert 'value="02-Mar-1958"' in drawn
    answer = posted(client, ticket, s_number="s 7654321", birth_date="3/3/1958")
    assert (answer.status_code, answer["Location"]) == (302, f"/iep/{ticket.reference}/")
    ticket.refresh_from_db()
    assert (ticket.s_number, ticket.birth_date) == ("S7654321", date(1958, 3, 3))
    assert "Date of birth: 02-Mar-1958 → 03-Mar-1958" in history(ticket)


def test_everything_that_can_be_asked_for_comes_back_unchanged(world: World) -> None:
    """A page that is sent as it was drawn changes nothing but what is typed."""
    facts = asking.export_form(reason=Reason.OTHER, reason_words="Teaching")
    ticket = tickets.open_ticket(facts, by=world.acting("mbp"))
    asked = [
        "exams",
        "nhs_number",
        "s_number",
        "birth_date",
        "address",
        "requester_phone",
        "consultant",
        "department",
        "reason",
        "other_name",
        "other_phone",
        "other_email",
    ]
    ticket = tickets.chase(ticket, "requester", missing=asked, by=world.acting("mbp"))
    client, before = world.client("mbp"), len(history(ticket))
    assert posted(client, ticket).status_code == 422  # nothing was said
    assert posted(client, ticket, words="All as it stands").status_code == 302
    assert history(ticket)[before:] == ["All as it stands"]
    assert Ticket.objects.get(pk=ticket.pk).reason_words == "Teaching"


def test_another_reason_takes_the_words_of_the_old_one_with_it(world: World) -> None:
    ticket = chased(world, "reason", reason=Reason.OTHER, reason_words="Teaching")
    posted(world.client("mbp"), ticket, reason="mdt")
    ticket.refresh_from_db()
    assert (ticket.reason, ticket.reason_words) == ("mdt", "")


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(world: World) -> None:
    ticket = chased(world, "s_number", "birth_date")
    answer = posted(world.client("mbp"), ticket, s_number="<b>12", words="They rang")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'href="#answer-s_number"' in page
    assert 'value="&lt;b&gt;12"' in page
    assert ">They rang</textarea>" in page
    answer = posted(world.client("mbp"), ticket, birth_date="soon")
    assert "Enter the date of birth like 22 11 2026" in answer.content.decode()
    stands(ticket)


def test_what_another_changed_meanwhile_is_shown_and_not_overwritten(world: World) -> None:
    ticket = chased(world, "consultant")
    answer = posted(world.client("mbp"), ticket, consultant="Mr C Late", seen="as it was")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Somebody has changed these details meanwhile" in page
    assert 'value="Mr A Crane"' in page


def test_scans_that_are_missing_have_their_own_page(world: World) -> None:
    ticket = chased(world, "exams")
    page = world.client("mbp").get(f"/iep/{ticket.reference}/").content.decode()
    assert "put the scans right" in page
    assert 'name="seen"' not in page
