"""The image exchange: its home, one request from the ticket to the queue, the directory."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import expect

from accounts.policies import SYSTEM
from demo.pacs.agreed import Agreed, Hospital
from demo.pacs.archive import Archive
from iep.models import Lane, Transaction
from iep.services.exchange import sending, transactions
from iep.services.moving import locked
from iep.states.transactions import TransactionEvent
from tests.iep.transactions import exchange
from tests.iep.transactions.exchange import OURS, THEIRS, held
from tests.iep.transactions.test_declining import sent_to_us, with_images
from tests.journeys.browser import assert_accessible, expect_heading
from tests.world import World


@pytest.fixture(autouse=True)
def _a_folder_for_images(settings, tmp_path):
    settings.IMAGES_DIR = tmp_path / "images"


@pytest.fixture
def far(tmp_path: Path) -> Any:
    """Harrowfield's archive holds two studies of Agnes."""
    studies = (held("head", at=THEIRS), held("chest", at=THEIRS, acquired_on="20260811"))
    hospitals = (Hospital(OURS, "Kingsmere"), Hospital(THEIRS, "Harrowfield"))
    archive = Archive(tmp_path / "pacs", Agreed(hospitals=hospitals, studies=studies))
    archive.invent()
    with archive:
        yield archive


def _busy_desk(world: World) -> None:
    """Something under every tab."""
    exchange.our_pacs(world)
    exchange.import_ticket(world)
    blue = exchange.request(world, priority=0, eligibility="ambulance")
    transactions.assign(blue, world.user("mbp"), by=SYSTEM)
    on_iep = exchange.request(world, institution=exchange.hospital("Wexcombe Hospital"))
    transactions.record(on_iep, TransactionEvent.STARTED, by=SYSTEM)
    with transaction.atomic():
        sending.put_on_exchange(locked(on_iep), by=SYSTEM)
    Transaction.objects.filter(pk=on_iep.pk).update(
        purge_at=timezone.now() + timedelta(days=1, hours=20)
    )
    failed = exchange.transfer(world)
    why = "298 of 300 images. Harrowfield refused two of them."
    transactions.record(failed, TransactionEvent.FAILED, by=SYSTEM, why=why)
    theirs = exchange.asked_of_us(world, institution=exchange.hospital("Spire Leicester"))
    transactions.heard(
        theirs, "The left one, please", by_name="Spire", at=timezone.now(), shared_id=theirs.pk,
        by=SYSTEM,
    )  # fmt: skip


def test_the_home_shows_what_needs_a_person_and_says_it_in_words(
    visit: Any, world: World, shoot: Any
) -> None:
    _busy_desk(world)
    page = visit("mbp", "/iep/")
    expect_heading(page, "Image exchange")
    expect(page.get_by_text("Blue Light", exact=True)).to_have_count(1)
    expect(page.get_by_text("Removed in 2 days", exact=False)).to_be_visible()
    assert_accessible(page)
    shoot(page, "exchange-home")
    page.get_by_role("link", name="Purging soon").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Failed", exact=False).first.click()
    expect(page.get_by_text("298 of 300 images", exact=False)).to_be_visible()


def test_what_changed_is_offered_and_marked_and_no_row_moves_by_itself(
    visit: Any, world: World, shoot: Any
) -> None:
    _busy_desk(world)
    page = visit("mbp", "/iep/")
    rows = page.locator("tbody tr")
    before = rows.count()
    sent_to_us(world)
    line = page.locator(".app-live__line")
    expect(line).to_contain_text("1 changed. Show it")
    expect(rows).to_have_count(before)
    assert_accessible(page)
    line.get_by_role("link", name="Show it").click()
    expect(rows).to_have_count(before + 1)
    expect(page.locator("tr.app-exchange__news")).to_have_count(1)
    expect(line).not_to_contain_text("changed")
    shoot(page, "exchange-home-changed")
    assert_accessible(page)


def test_the_home_works_without_scripts(visit: Any, world: World) -> None:
    _busy_desk(world)
    page = visit("mbp", "/iep/", javascript=False)
    expect(page.get_by_label("Institution")).to_be_visible()  # filters stand open on a wide screen
    page.set_viewport_size({"width": 320, "height": 640})
    expect(page.get_by_label("Institution")).to_be_hidden()
    page.get_by_text("Filter", exact=True).click()
    expect(page.get_by_label("Institution")).to_be_visible()
    page.get_by_label("Transaction number, call reference", exact=False).fill("S1234567")
    page.get_by_role("button", name="Search").click()
    assert "S1234567" not in page.url
    expect(page.get_by_text("One search")).to_be_visible()


def test_a_ticket_becomes_a_request_and_its_images_are_queued(
    visit: Any, world: World, far: Archive, shoot: Any
) -> None:
    institution = exchange.hospital()
    exchange.machine(institution, far.port)
    seen = timezone.now() + timedelta(hours=1)  # somebody runs it
    Lane.objects.update_or_create(name="in-1", defaults={"direction": "in", "seen_at": seen})
    ticket = exchange.import_ticket(world, institution=institution)
    page = visit("mbp", f"/iep/create/?ticket={ticket.reference}")
    expect(page.get_by_label("Consultant")).to_have_value("Mr A Crane")
    assert_accessible(page)
    shoot(page, "exchange-create")
    page.get_by_label("I know that it cannot be changed", exact=False).check()
    page.get_by_role("button", name="Send and create transaction").click()
    made = Transaction.objects.get()
    expect(page.get_by_text(f"Transaction {made.number} is made.")).to_be_visible()
    page.get_by_role("button", name="Download").click()
    expect_heading(page, f"Download imagesTransaction {made.number}, Harrowfield Infirmary, "
                         "Harrowfield")  # fmt: skip
    assert_accessible(page)
    shoot(page, "exchange-choose")
    page.get_by_label("CT head").check()
    page.get_by_role("button", name="Download the ticked studies").click()
    expect(page.get_by_text("Queued: 1st inbound", exact=False)).to_be_visible()
    page.get_by_text("Attach a report").click()
    page.get_by_label("Or paste its text").fill("No acute finding.")
    page.get_by_role("button", name="Attach it").click()
    expect(page.get_by_role("link", name="Read the report", exact=False)).to_be_visible()
    page.get_by_label("I have read it and the content is right").check()
    page.get_by_role("button", name="Attach it").click()
    expect(page.get_by_text("Content confirmed by", exact=False)).to_be_visible()
    assert_accessible(page)
    shoot(page, "exchange-transaction")


def test_the_directory_is_read_by_the_desk_and_kept_by_the_lead(
    visit: Any, world: World, shoot: Any
) -> None:
    for name, city in (("Spire Leicester", "Leicester"), ("Nuffield Health Leicester", "Leicester"),
                       ("Wexcombe Hospital", "Wexcombe")):  # fmt: skip
        exchange.machine(exchange.hospital(name, city=city, usual_hours=24), ae_title=name[:6])
    page = visit("mbp", "/iep/institutions/")
    assert_accessible(page)
    shoot(page, "exchange-institutions")
    page.get_by_role("link", name="Spire Leicester").click()
    expect(page.get_by_text("Others have a name like it")).to_be_visible()
    expect(page.get_by_role("link", name="Change it")).to_have_count(0)
    assert_accessible(page)
    lead = visit("mbp-lead", "/iep/institutions/new/")
    assert_accessible(lead)
    lead.get_by_label("Name in full").fill("Spire Leicster")
    lead.get_by_label("City").fill("Leicester")
    lead.get_by_label("ODS code").fill("NT999")
    lead.get_by_role("button", name="Save").click()
    expect(lead.get_by_text("Is it one of these?")).to_be_visible()
    assert_accessible(lead)
    lead.get_by_label("It is another one. Enter it.").check()
    lead.get_by_role("button", name="Save").click()
    expect_heading(lead, "Spire Leicster, Leicester")
    lead.get_by_role("button", name="Enter a machine").click()
    assert_accessible(lead)


def test_declining_is_one_page_with_the_two_usual_reasons(
    visit: Any, world: World, shoot: Any
) -> None:
    theirs = exchange.asked_of_us(world)
    page = visit("mbp", f"/iep/t/{theirs.number}/")
    page.get_by_role("link", name="Decline").click()
    assert_accessible(page)
    page.get_by_role("button", name="Decline it").click()
    expect(page.get_by_role("link", name="Choose why it is declined")).to_be_visible()
    page.get_by_label("The requested study does not exist at this institution").check()
    page.get_by_role("button", name="Decline it").click()
    expect(page.get_by_text("Declined. They are told why.")).to_be_visible()
    expect(page.get_by_text("Declined by us", exact=False)).to_be_visible()


def test_what_came_unwanted_is_declined_by_who_has_looked_at_it(
    visit: Any, world: World, shoot: Any
) -> None:
    sent = sent_to_us(world)
    with_images(sent)
    page = visit("mbp", f"/iep/t/{sent.number}/")
    page.get_by_role("link", name="Decline").click()
    assert_accessible(page)
    shoot(page, "exchange-decline")
    page.get_by_label("The patient or the study is not known at this institution").check()
    page.get_by_role("button", name="Decline it").click()
    expect(page.get_by_role("link", name="Tick that the images that came are not")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("I have looked: the 7 images of 1 study").check()
    page.get_by_role("button", name="Decline it").click()
    expect(page.get_by_text("Declined. They are told why.")).to_be_visible()
