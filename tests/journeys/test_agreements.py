"""Two people of the central team change what was agreed with a partner."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from messaging.models import Feed, Partner, PartnerChange, PartnerCode
from tests.journeys.browser import Counter, assert_accessible, expect_heading
from tests.messaging.senders import make_partner


@pytest.fixture
def ris(world):
    clear = {
        "cleartext_until": timezone.now() + timedelta(days=90),
        "cleartext_because": "The old engine cannot do TLS; it is replaced in January.",
    }
    partner = make_partner("ris", name="Kingsmere radiology", their_facility="RZ1", **clear)
    Feed.objects.update(**clear, name="Everything that Kingsmere radiology sends")
    for ours, theirs in (("XCHES", "CXR"), ("XKNEE", "KNEE")):
        PartnerCode.objects.create(
            partner=partner, kind="exam", ours=ours, theirs=theirs, valid_from="2026-01-01"
        )
    return partner


def test_a_change_is_proposed_by_one_and_applied_by_another(visit, world, ris):
    page = visit("central", f"/messages/partners/{ris.pk}/")
    counter = Counter(page)
    counter.click("link", "Propose a change of: The line to it")
    counter.click("textbox", "Port")
    page.get_by_role("textbox", name="Port").fill("")
    counter.type("2600")
    counter.click("textbox", "Why it is to change")
    counter.type("Their engine moves on Saturday")
    counter.click("button", "Propose it")
    expect(page.get_by_text("You proposed it, so somebody else")).to_be_visible()
    expect(page.get_by_role("row", name="Port")).to_contain_text("2600")
    assert counter.interactions <= 6
    assert Partner.objects.get().port == 2576
    other = visit(world.stranger("central").username, "/messages/partners/changes/")
    other.get_by_role("link", name="Kingsmere radiology").click()
    other.get_by_role("button", name="Apply it").click()
    expect_heading(other, "Kingsmere radiology")
    assert Partner.objects.get().port == 2600


def test_a_change_is_proposed_without_javascript(visit, ris):
    page = visit("central", f"/messages/partners/{ris.pk}/agreement/feed-all/", javascript=False)
    page.get_by_role("textbox", name="Most connections").fill("900")
    page.get_by_role("textbox", name="Why it is to change").fill("More of them")
    page.get_by_role("button", name="Propose it").click()
    expect(
        page.get_by_role("alert").get_by_text("A feed has 1 to 100 connections.")
    ).to_be_visible()
    page.get_by_role("textbox", name="Most connections").fill("12")
    page.get_by_role("button", name="Propose it").click()
    expect(page.get_by_role("row", name="Most connections")).to_contain_text("12")


def test_every_page_of_an_agreement_is_accessible_at_both_widths(visit, world, ris, shoot):
    page = visit("central", f"/messages/partners/{ris.pk}/agreement/line/")
    page.get_by_role("textbox", name="Port").fill("2600")
    page.get_by_role("textbox", name="Why it is to change").fill("It moves on Saturday")
    page.get_by_role("button", name="Propose it").click()
    change = PartnerChange.objects.get()
    own = f"/messages/partners/changes/{change.pk}/"
    for address, picture in (
        (f"/messages/partners/{ris.pk}/", "agreement"),
        (f"/messages/partners/{ris.pk}/agreement/line/", ""),
        (f"/messages/partners/{ris.pk}/agreement/codes-exam/", ""),
        ("/messages/partners/changes/", "partner-changes"),
        (own, ""),
    ):
        page.goto(address)
        assert_accessible(page)
        if picture:
            shoot(page, picture)
    other = visit(world.stranger("central").username, own)
    assert_accessible(other)
    shoot(other, "partner-change")
