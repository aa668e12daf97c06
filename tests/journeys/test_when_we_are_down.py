"""Every server is stopped; a person opens the page and the pack from a folder, and reads."""

import re
from pathlib import Path

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect

from demo.desks import seed_desks
from tests.journeys.browser import Watcher, assert_accessible, expect_heading
from tests.messaging.mails import make_mailbox
from tests.ordercomms.standbys import (
    busy_clinic,
    current,
    flipped,
    inside,
    passphrase_for,
    the_pack,
    write,
)

pytestmark = pytest.mark.hazard("H62")


@pytest.fixture
def standby(tmp_path: Path, settings, world):
    """The folder as it was last written, and the passphrase. Nothing serves anything here."""
    settings.STANDBY_DIR = tmp_path / "standby"
    cache.clear()
    seed_desks()
    make_mailbox(world.place("RZ1RAD"), modality="XR")
    busy_clinic(world)
    words = passphrase_for(world)
    write()
    return settings.STANDBY_DIR, words


@pytest.fixture
def from_file(chromium: Browser):
    """`from_file(path)`: that file in a browser that has no network at all."""
    contexts, watcher = [], Watcher("file://")

    def open_file(path: Path) -> Page:
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        context.set_offline(True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        watcher.watch(page)
        page.goto(path.as_uri())
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert watcher.faults == []


def unlock(page: Page, words: str) -> None:
    page.get_by_label("The practice’s passphrase").fill(words)
    page.get_by_role("button", name="Open the pack").click()


def test_a_pack_opens_from_a_file_with_no_server_and_a_critical_result_is_found(
    standby, from_file, shoot
):
    folder, words = standby
    page = from_file(the_pack(folder))
    expect_heading(page, "Downtime pack")
    assert_accessible(page)
    shoot(page, "pack-shut")
    unlock(page, "bamo-bamo-bamo-bamo-bamo-bamo")
    expect(page.get_by_text("That passphrase does not open this pack.")).to_be_visible()
    unlock(page, words)
    expect(page.get_by_text("The pack is open.")).to_be_visible()
    critical = page.get_by_role("article").filter(has_text="NOT REVIEWED").first
    expect(critical.get_by_role("row", name="Potassium 6.8 mmol/L 3.5-5.3")).to_be_visible()
    shoot(page, "pack")
    assert_accessible(page)
    page.get_by_label("Name, NHS number").fill("shadow of nobody")
    expect(page.get_by_text("0 patients.")).to_be_visible()


def test_a_patient_is_found_by_nhs_number_and_by_reference_once_it_is_open(
    standby, from_file, world
):
    folder, words = standby
    page = from_file(the_pack(folder))
    unlock(page, words)
    page.get_by_role("button", name=re.compile("Everybody")).click()
    first = page.get_by_role("article").first
    number = re.search(r"\d{3} \d{3} \d{4}", first.inner_text()).group()
    for typed in (number, number.replace(" ", "")):
        page.get_by_label("Name, NHS number").fill(typed)
        expect(page.get_by_text("1 patient.", exact=True)).to_be_visible()
    expect(page.get_by_text(f"NHS number {number}")).to_be_visible()
    page.get_by_text("Form of Kingsmere Radiology").click()
    expect(page.get_by_role("heading", name="Downtime request form: Kingsmere")).to_be_visible()


def test_a_pack_with_one_changed_byte_is_refused_by_the_browser(standby, from_file, tmp_path):
    folder, words = standby
    raw = the_pack(folder).read_bytes()
    block = inside(raw, rb'class="block">([^<]{100,})<')
    changed = tmp_path / "changed.html"
    changed.write_bytes(flipped(raw, block.start + 50))
    page = from_file(changed)
    unlock(page, words)
    expect(page.get_by_text("This pack was changed or is not whole.")).to_be_visible()
    assert page.locator("#opened").is_hidden()


def test_a_pack_whose_program_was_changed_does_not_run(standby, chromium, tmp_path):
    folder, _ = standby
    raw = the_pack(folder).read_bytes()
    changed = tmp_path / "changed.html"
    changed.write_bytes(raw.replace(b"const PAGE = 25;", b"const PAGE = 26;"))
    context = chromium.new_context()
    page = context.new_page()
    page.goto(changed.as_uri())
    expect(page.get_by_text("its program was changed")).to_be_visible()
    expect(page.get_by_role("button", name="Open the pack")).to_be_disabled()
    context.close()


def test_the_downtime_page_has_telephones_mailboxes_and_forms_with_no_server(
    standby, from_file, shoot
):
    folder, _ = standby
    page = from_file(current(folder) / "page" / "index.html")
    expect_heading(page, "The service is not answering")
    expect(page.get_by_text("020 7946 0140")).to_be_visible()
    expect(page.get_by_text("xray@stmildred.nhs.example").first).to_be_visible()
    expect(page.get_by_text("within 72 hours").first).to_be_visible()
    assert_accessible(page)
    shoot(page, "downtime-page")
    names = page.eval_on_selector_all(
        "a[href$='.pdf']:not([href^='#'])", "a => a.map(b => b.getAttribute('href'))"
    )
    assert names
    for name in names:
        assert (current(folder) / "page" / name).read_bytes().startswith(b"%PDF-")


def test_a_gp_makes_the_passphrase_and_saves_the_pack_and_an_admin_may_only_save_it(
    visit, standby, shoot
):
    page = visit("gp", "/services/pack/")
    page.get_by_role("button", name="Make a new passphrase").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    page.get_by_label("I will write it down").check()
    page.get_by_role("button", name="Make a new passphrase").click()
    words = page.get_by_text(re.compile(r"^([a-z]{4}-){5}[a-z]{4}$"))
    expect(words).to_be_visible()
    assert_accessible(page)
    shoot(page, "pack-passphrase")
    said = words.inner_text()
    page.goto("/services/pack/")
    assert said not in page.content()
    admin = visit("practice-admin", "/services/pack/")
    expect(admin.get_by_role("button", name="Make a new passphrase")).to_have_count(0)
    with admin.expect_download() as download:
        admin.get_by_role("link", name=re.compile("Save pack-")).click()
    assert download.value.suggested_filename.startswith("pack-")
