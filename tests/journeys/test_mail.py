"""The central team looks after mail: a refusal is closed, an address corrected, news held."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from messaging.models import Mailbox, MailMessage
from messaging.services.mail.returning import take_bounce
from results.models import Hold
from tests.journeys.browser import assert_accessible, expect_heading
from tests.messaging.mails import came_back, make_mailbox, post


@pytest.fixture
def returned(world) -> MailMessage:
    """A downtime request that came back, one that waits, and what nobody can place."""
    place = world.place("RZ1RAD")
    mail = post(make_mailbox(place))
    came_back(mail)
    practice = make_mailbox(
        world.place("Y90001"), purpose="requests", display_name="Northgate Surgery",
        address="requests@northgate.nhs.example", entered_by="Mr O Davies, Service manager",
        verified_on=timezone.localdate() - timezone.timedelta(days=120), verified_by="Ms R Bell",
    )  # fmt: skip
    post(practice, subject="Action: a request needs you (ref R-4822)", reference="R-4822")
    take_bounce("1", b"Subject: Automatic reply\r\n\r\nI am away until Monday.\r\n")
    return mail


def test_a_mail_that_came_back_is_dealt_with_by_telephone(visit, returned, shoot):
    page = visit("central", "/messages/mail/")
    expect_heading(page, "Mail")
    assert_accessible(page)
    shoot(page, "mails")
    page.get_by_role("link", name=returned.subject).click()
    assert_accessible(page)
    shoot(page, "mail")
    page.get_by_role("button", name="Mark as handled").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    page.get_by_label("Or say how you dealt with it").fill("Rang them: they have the request")
    page.get_by_role("button", name="Mark as handled").click()
    expect(page.get_by_text("Marked as handled.")).to_be_visible()
    returned.refresh_from_db()
    assert returned.state == "handled"


def test_what_came_back_and_fits_no_mail_is_read_by_a_person(visit, returned, shoot):
    page = visit("central", "/messages/mail/")
    page.get_by_role("link", name="A mail that came back").click()
    expect(page.get_by_text("I am away until Monday.")).to_be_visible()
    assert_accessible(page)
    shoot(page, "mail-returned")


def test_an_address_is_corrected_without_javascript_and_waits_for_a_second_person(
    visit, returned, shoot
):
    page = visit("central", "/messages/mailboxes/")
    assert_accessible(page)
    shoot(page, "mailboxes")
    page = visit("central", f"/messages/mailboxes/{returned.mailbox_id}/", javascript=False)
    page.get_by_label("Correct the address").fill("somebody@elsewhere.example")
    page.get_by_role("button", name="Correct").click()
    expect(page.get_by_text("Mail may only be sent to these domains").first).to_be_visible()
    page.get_by_label("Correct the address").fill("new@kingsmere.nhs.example")
    page.get_by_role("button", name="Correct").click()
    expect(page.get_by_text("Not yet: no mail goes there")).to_be_visible()
    assert Mailbox.objects.get(address="new@kingsmere.nhs.example").verified_on is None


def test_a_mailbox_is_entered_and_its_page_is_accessible(visit, returned, shoot):
    page = visit("central", "/messages/mailboxes/new")
    assert_accessible(page)
    page.get_by_label("Whose mailbox is it?").select_option("RZ2RAD")
    page.get_by_label("What is it for?").select_option("downtime")
    page.get_by_label("Address").fill("xray@eastmarsh.nhs.example")
    page.get_by_role("button", name="Enter it").click()
    page.get_by_role("link", name="Eastmarsh Radiology").click()
    assert_accessible(page)
    shoot(page, "mailbox")


def test_news_is_held_and_released_with_its_count(visit, world, shoot):
    page = visit("central", "/held-news/")
    page.get_by_label("Results of").select_option("RZ1PATH")
    page.get_by_label("Why").fill("Their line is being repaired")
    page.get_by_role("button", name="Hold the e-mails").click()
    expect(page.get_by_text("The results are not.")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Release").click()
    expect(page.get_by_text("Released: 0 held, 0 to be told of")).to_be_visible()
    assert_accessible(page)
    shoot(page, "held-news")
    assert Hold.objects.get().ended_at
