"""Asking for images: from a pasted e-mail, from blank, by somebody for themselves (ux.md T13)."""

import pytest
from playwright.sync_api import Page, expect

from iep.models import Ticket
from iep.services.exchange import transactions
from iep.services.ticketing import tickets
from iep.states.tickets import TicketState
from iep.states.transactions import TransactionEvent
from tests.iep.tickets import asking
from tests.journeys.browser import Counter, assert_accessible, expect_heading

EMAIL = """From: Dr Ann Bell <a.bell@kingsmere.nhs.example>
Sent: 20 November 2026 09:14
To: Service desk
Subject: Images please

Please can you get a CT head from QMC for the neuro MDT on Thursday.

Patient: TESTPATIENT, Agnes
DOB: 02/03/1958
NHS No: 999 000 0018
S number: S1234567
CT head 13/10/2026 (CHEAD)
Consultant: Mr A Crane
Department: Neurosurgery
Tel: 01632 960111 ext 4455

Kind regards,
Dr Ann Bell
"""


@pytest.fixture
def known(world):
    """Agnes is on the hospital's system, and the other hospital in the directory."""
    asking.hospital()
    asking.hospital("Nottingham City Hospital")
    asking.confirmed(world)
    return world.patient(nhs_number="9990000018", s_number="S1234567")


def paste(counter: Counter, text: str) -> None:
    """One interaction: the clipboard into the box that has the focus."""
    counter.interactions += 1
    counter.page.get_by_label("Paste the e-mail or report").fill(text)


def test_t13_a_ticket_from_a_pasted_email(visit, known, shoot):
    page = visit("mbp", "/iep/new/")
    expect_heading(page, "Ask for images")
    assert_accessible(page)
    shoot(page, "image-ask")
    counter = Counter(page)
    paste(counter, EMAIL)
    counter.click("button", "Pick out the scans")
    expect_heading(page, "Check the request for images")
    expect(page.get_by_text("Picked out").first).to_be_visible()
    assert_accessible(page)
    shoot(page, "image-ask-check")
    counter.click("button", "Open the ticket")
    ticket = Ticket.objects.get()
    expect_heading(page, ticket.reference)
    assert counter.interactions <= 3
    assert ticket.patient == known
    assert [exam.code for exam in ticket.exams.all()] == ["CHEAD"]
    assert ticket.mails.get().mail is not None
    assert_accessible(page)
    shoot(page, "image-ticket")


def fill(counter: Counter, said: dict[str, str]) -> None:
    for label, text in said.items():
        counter.page.get_by_label(label).first.focus()
        counter.type(text)


def test_t13b_a_ticket_from_blank(visit, known, shoot):
    page = visit("mbp", "/iep/new/")
    counter = Counter(page)
    counter.click("button", "Get images for us")
    expect(page.get_by_label("NHS number (needed)")).to_be_focused()
    assert_accessible(page)
    shoot(page, "image-ask-patient")
    fill(counter, {
        "NHS number (needed)": "9990000018",  # the rest of the patient comes from our record
        "The other hospital": "QMC",
    })  # fmt: skip
    counter.click("button", "Continue")
    expect(page.get_by_label("Date acquired")).to_be_focused()
    assert_accessible(page)
    shoot(page, "image-ask-scans")
    fill(counter, {
        "Date acquired": "3 11 2026",
        "Type and body part": "CT head",
        "Requester’s name": "Dr Ann Bell",
        "Requester’s telephone": "01632 960111",
        "Requester’s e-mail": asking.ADDRESS,
        "Consultant": "Mr A Crane",
        "Department": "Neurosurgery",
    })  # fmt: skip
    counter.click("radio", "MDT referral")
    counter.click("button", "Check the request", exact=True)
    expect_heading(page, "Check the request for images")
    expect(page.get_by_label("Patient", exact=True)).to_contain_text("TESTPATIENT, Agnes")
    counter.click("button", "Open the ticket")
    expect(page.get_by_text("Call reference IEP-")).to_be_visible()
    assert counter.interactions <= 14
    assert Ticket.objects.get().patient == known


def test_a_ticket_is_asked_for_without_javascript(visit, known):
    page = visit("mbp", "/iep/new/", javascript=False)
    page.get_by_label("Paste the e-mail or report").fill(EMAIL.replace("13/10/2026", "31/02/2026"))
    page.get_by_role("button", name="Pick out the scans").click()
    expect(page.get_by_text("31/02/2026 is not a date, day first")).to_be_visible()
    page.get_by_label("Date acquired").fill("13 10 2026")
    page.get_by_role("button", name="Check the request", exact=True).last.click()
    page.get_by_role("button", name="Change scans").click()
    page.get_by_role("button", name="Add another scan").click()
    page.get_by_label("Date acquired").last.fill("14 10 2026")
    page.get_by_label("Type and body part").last.fill("CT chest")
    page.get_by_role("button", name="Check the request", exact=True).last.click()
    page.get_by_role("button", name="Open the ticket").last.click()
    assert Ticket.objects.get().exams.count() == 2


@pytest.mark.hazard("H39")
def test_blue_light_stops_to_ask_what_makes_it_so(visit, known, shoot):
    page = visit("mbp", "/iep/new/")
    page.get_by_label("Paste the e-mail or report").fill(EMAIL.replace("for the", "Blue light,"))
    page.get_by_role("button", name="Pick out the scans").click()
    expect(page.get_by_text("The text says Blue Light")).to_be_visible()
    assert_accessible(page)
    shoot(page, "image-ask-picked")
    page.get_by_role("radio", name="Blue Light", exact=True).check()
    page.get_by_role("button", name="Check the request", exact=True).last.click()
    expect_heading(page, "Blue Light is for theatre or ambulance only")
    assert_accessible(page)
    shoot(page, "image-blue-light")
    page.get_by_role("button", name="In an ambulance, on the way").click()
    expect(page.get_by_text("Blue Light: In an ambulance, on the way")).to_be_visible()


def test_every_missing_field_is_named_and_leads_to_its_field(visit, known, shoot):
    page = visit("mbp", "/iep/new/")
    page.get_by_role("button", name="Send images out").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    page.get_by_role("link", name="Name the person who receives the images").click()
    expect(page.locator("#other_name")).to_be_focused()
    assert_accessible(page)
    shoot(page, "image-ask-errors")
    page.get_by_role("button", name="3. Scans and priority").click()
    page.get_by_role("button", name="Check the request", exact=True).last.click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    page.get_by_role("link", name="Enter the date of scan 1").or_(
        page.get_by_role("link", name="Add each scan that you want, with its date")
    ).click()
    expect(page.locator("#exam-1-date")).to_be_focused()
    assert_accessible(page)


@pytest.mark.parametrize("javascript", [True, False])
def test_going_back_in_the_browser_loses_nothing(visit, known, javascript):
    page = visit("ward", "/iep/new/", javascript=javascript)
    page.get_by_role("button", name="Get images for us").click()
    page.get_by_label("NHS number (needed)").fill("9990000018")
    page.get_by_label("The other hospital").fill("QMC")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Type and body part").fill("CT head")
    page.get_by_role("button", name="Check the request", exact=True).last.click()
    expect(page.get_by_role("link", name="Name the consultant")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Type and body part")).to_have_value("CT head")
    page.go_back()
    expect(page.get_by_label("NHS number (needed)")).to_have_value("9990000018")
    expect(page.get_by_label("Family name")).to_have_value("Testpatient")
    page.goto("/iep/mine/")
    expect(
        page.get_by_text("Nottingham Queens Medical Centre, Nottingham, CT head")
    ).to_be_visible()
    page.get_by_role("button", name="Continue number 1").click()
    expect(page.get_by_label("Type and body part")).to_have_value("CT head")
    assert not Ticket.objects.exists()


@pytest.mark.hazard("H45")
def test_a_cancelled_request_stays_with_its_requester_until_they_say_so(visit, world, known, shoot):
    asker = asking.requester(world)
    asked = asking.opened(world, by=asker)
    cancelled = asking.opened(world, by=asker)
    tickets.chase(asked, "requester", missing=["exams"], by=world.acting("mbp"))
    tickets.cancel(cancelled, "The other hospital has no such scan", by=world.acting("mbp"))
    page = visit("asker", "/iep/mine/")
    expect_heading(page, "My image requests")
    assert_accessible(page)
    shoot(page, "image-mine")
    page.get_by_role("button", name="I have seen it").click()
    expect(page.get_by_text("Acknowledged.")).to_be_visible()
    page.goto("/iep/mine/")
    page.get_by_role("link", name="Answer").click()
    page.get_by_label("What was missing").fill("It is the left side")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Thank you.")).to_be_visible()
    cancelled.refresh_from_db()
    asked.refresh_from_db()
    assert (cancelled.state, asked.state) == (TicketState.CLOSED, TicketState.ACCEPTED)


def test_the_desk_asks_for_what_is_missing(visit, world, known, shoot):
    ticket = tickets.open_ticket(asking.disc_form(), by=world.acting("mbp"))
    page = visit("mbp", f"/iep/{ticket.reference}/")
    open_deed(page, "Ask for missing details")
    page.get_by_role("checkbox", name="The scans").check()
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("Cancelled in 14 days without the details")).to_be_visible()
    for words in ("Change the priority", "Add a note", "Cancel this ticket", "Correct uploaded by"):
        open_deed(page, words)
    assert_accessible(page)
    shoot(page, "image-ticket-disc")


@pytest.mark.parametrize("javascript", [True, False])
def test_what_was_missing_is_put_into_its_fields(visit, world, known, shoot, javascript):
    """Nobody at the requester's can be mailed: the desk rings, says so, and types the answer."""
    ticket = asking.opened(
        world, s_number="S7654321", nhs_number="9990000026",
        requester_email="a@elsewhere.example.com",
    )  # fmt: skip
    page = visit("mbp", f"/iep/{ticket.reference}/", javascript=javascript)
    open_deed(page, "Ask for missing details")
    for name in ("NHS number", "S number", "Date of birth"):
        page.get_by_role("checkbox", name=name, exact=True).check()
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("Asked, but no e-mail could go: ring Dr Ann Bell")).to_be_visible()
    page.get_by_label("Whom did you speak to?").fill("Dr Bell")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_text("Not reached: ring")).to_have_count(0)
    open_deed(page, "The details came")
    expect(page.get_by_role("textbox", name="Date of birth", exact=True)).to_have_value(
        "02-Mar-1958"
    )
    page.get_by_role("textbox", name="S number", exact=True).fill("1234567")
    page.get_by_role("button", name="Details are complete").click()
    page.get_by_role("link", name="Enter an S number like S1234567").click()
    expect(page.locator("#answer-s_number")).to_be_focused()
    expect(page.locator("#answer-s_number")).to_have_value("1234567")
    if javascript:
        assert_accessible(page)
        shoot(page, "image-ticket-answer")
    page.get_by_role("textbox", name="S number", exact=True).fill("S1234567")
    page.get_by_role("textbox", name="NHS number", exact=True).fill("999 000 0018")
    page.get_by_role("button", name="Details are complete").click()
    expect(page.get_by_text("S number: S7654321 → S1234567")).to_be_visible()
    ticket.refresh_from_db()
    assert (ticket.state, ticket.patient) == (TicketState.ACCEPTED, known)


def open_deed(page: Page, words: str) -> None:
    page.locator("summary", has_text=words).click()


# --- The pages follow by themselves ----------------------------------------------------------

LIVE = 20_000  # ms: they ask every five seconds, and a busy machine takes its time


def test_a_ticket_follows_by_itself_and_keeps_what_is_being_typed(visit, world, known, shoot):
    ticket = asking.opened(world)
    page = visit("mbp", f"/iep/{ticket.reference}/")
    page.get_by_text("Add a note").click()
    note = page.get_by_label("Note", exact=True)
    note.fill("Rang the ward, nobody")
    tickets.assign(ticket, world.user("mbp-lead"), by=world.acting("mbp-lead"))
    tickets.chase(ticket, "institution", missing=["exams"], by=world.acting("mbp-lead"))
    expect(page.locator("#ticket-state")).to_contain_text(
        "The other hospital was asked", timeout=LIVE
    )
    expect(page.locator("#ticket-history")).to_contain_text("Details asked for", timeout=LIVE)
    expect(page.locator("#ticket-progress")).to_contain_text(
        "Asked for, not received yet", timeout=LIVE
    )
    expect(note).to_be_focused()
    expect(note).to_have_value("Rang the ward, nobody")
    expect(page.get_by_text("What can be done changed")).to_be_visible(timeout=LIVE)
    assert_accessible(page)
    page.get_by_role("link", name="Show the page as it is now").click()
    expect(page.get_by_text("What can be done changed")).to_have_count(0)
    expect(page.get_by_text("The details came")).to_be_visible()
    shoot(page, "image-ticket-awaiting")


def test_a_link_that_has_the_focus_keeps_it_when_the_ticket_moves(visit, world, known):
    ticket = asking.opened(world)
    made = transactions.create(
        kind="request", ticket=ticket, institution=ticket.institution, by=world.acting("mbp")
    )
    page = visit("mbp", f"/iep/{ticket.reference}/")
    link = page.get_by_role("link", name=f"Transaction {made.number}")
    link.focus()
    transactions.record(made, TransactionEvent.STARTED, by=world.acting("mbp-lead"))
    expect(page.locator("#ticket-progress")).to_contain_text("Started", timeout=LIVE)
    expect(link).to_be_focused()


def test_the_requesters_list_follows_by_itself(visit, world, known, shoot):
    asker = asking.requester(world)
    ticket = tickets.open_ticket(asking.form(), by=asker)
    page = visit("asker", "/iep/mine/")
    expect(page.get_by_text("The service desk has not looked at it yet")).to_be_visible()
    tickets.chase(ticket, "requester", missing=["consultant"], by=world.acting("mbp"))
    expect(page.get_by_text("We need details from you")).to_be_visible(timeout=LIVE)
    assert_accessible(page)
    shoot(page, "image-mine")
    answer = page.get_by_role("link", name="Answer")
    answer.focus()
    tickets.details_came(ticket, words="Mr Crane", by=world.acting("mbp"))
    page.wait_for_timeout(6000)  # a list that somebody works in stays as it is
    expect(answer).to_be_focused()
    answer.blur()
    working = page.get_by_text("The service desk is working on it.")
    expect(working).to_be_visible(timeout=LIVE)


def test_both_are_plain_pages_without_javascript(visit, world, known):
    asker = asking.requester(world)
    ticket = tickets.open_ticket(asking.form(), by=asker)
    page = visit("asker", "/iep/mine/", javascript=False)
    page.get_by_role("link", name="Refresh").click()
    page.get_by_role("link", name=ticket.reference, exact=True).click()
    expect(page.locator("#ticket-state")).to_contain_text("The service desk has not looked")


def test_the_requester_corrects_a_scan(visit, world, known, shoot):
    ticket = tickets.open_ticket(asking.form(), by=asking.requester(world))
    page = visit("asker", f"/iep/{ticket.reference}/")
    page.get_by_role("link", name="Correct the scans").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Correct the scans")
    page.get_by_role("button", name="Add another scan").click()
    page.get_by_label("Date acquired").last.fill("14 10 2026")
    page.get_by_label("Type and body part").last.fill("CT chest")
    assert_accessible(page)
    shoot(page, "image-scans")
    page.get_by_role("button", name="Keep these scans").click()
    expect(page.get_by_text("The scans are corrected.")).to_be_visible()
    expect(page.locator("#ticket-history")).to_contain_text("Added: CT chest, 14-Oct-2026")
