"""The board of nine lanes, the wall, what waits, and what did not arrive."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db.transaction import atomic
from django.utils import timezone
from playwright.sync_api import expect

from iep.models import Lane, Transfer, TransferInstance
from iep.services.lanes import claiming, retrying
from iep.services.lanes.ledger import Session
from iep.states.priorities import Priority
from tests.iep.lanes import images
from tests.journeys.browser import assert_accessible, expect_heading
from tests.world import World

BOARD = "Image exchange queues"


@pytest.fixture
def lanes(world: World, settings: Any, tmp_path: Any) -> Any:
    """Five lanes work, one has stalled, some wait, one fell short."""
    settings.IMAGES_DIR, settings.LANES_NIGHT = tmp_path / "images", "00:00-00:00"
    settings.IMAGES_RESERVE_BYTES = settings.IMAGES_LEAST_BYTES = 0
    for name in ("out-1", "out-2", "out-3", "out-4", "out-5", "in-1", "in-2", "in-3", "in-4"):
        Lane.objects.get_or_create(
            name=name, direction=name.split("-")[0], is_blue_only=name == "out-1"
        )
    sessions = [Session(lane) for lane in Lane.objects.all()]
    assert all(session.open() for session in sessions)
    far, study = images.node(), images.outgoing(40)
    _short(far, study)
    for number, title in enumerate(("CT head", "MR spine", "XR hip", "CT chest", "US abdomen")):
        priority = Priority.BLUE_LIGHT if number == 0 else Priority.NORMAL
        images.send(study, far, priority=priority, title=title)
    _work(sessions, "out-1", 31)
    spine = _work(sessions, "out-2", 12)
    _work(sessions, "out-3", 5, ago=75)
    Lane.objects.exclude(name="in-4").update(seen_at=timezone.now() + timedelta(hours=1))
    yield SimpleNamespace(far=far, sessions=sessions, spine=spine)
    for session in sessions:
        session.close()


def _work(sessions: list[Session], name: str, count: int, ago: int = 0) -> claiming.Held:
    held = claiming.claim(images.lane(name))
    assert held is not None
    _move(sessions, name, held, count)
    transfer = Transfer.objects.get(pk=held.transfer_id)
    if ago:
        past = timezone.now() - timedelta(seconds=ago)
        Transfer.objects.filter(pk=transfer.pk).update(state_since=past, last_image_at=past)
    return held


def _move(sessions: list[Session], name: str, held: claiming.Held, count: int) -> None:
    """So many more of its images."""
    session = next(each for each in sessions if each.lane.name == name)
    lines = TransferInstance.objects.filter(transfer=held.transfer_id, state="waiting")
    for line in lines.order_by("position")[:count]:
        session.done(held, line.pk, size=line.size)


def _short(far: Any, study: Any) -> None:
    """One that nobody could deliver."""
    transfer = images.send(study, far, title="CT pelvis")
    held = claiming.claim(images.lane("out-5"))
    with atomic():
        row = claiming.held_row(held)
        retrying.fail(row, "FARPACS does not answer.", "unreachable")
    assert transfer.pk == row.pk


def test_the_board_the_list_the_wall_and_the_failures(lanes, visit, shoot):
    page = visit("mbp", "/iep/queues/")
    expect_heading(page, BOARD)
    expect(page.get_by_text("31 of 40 images")).to_be_visible()
    expect(page.get_by_text("No new images for")).to_be_visible()
    assert_accessible(page)
    shoot(page, "iep-queues")
    stalled = page.locator(".app-lane", has_text="No new images for")
    stalled.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("is tried again.")).to_be_visible()
    expect(stalled).to_have_count(0)
    page.get_by_role("button", name="Move up").first.click()
    expect(page.get_by_text("moved.")).to_be_visible()
    page.get_by_role("link", name="Make Blue Light").first.click()
    expect_heading(page, "Blue Light is for theatre or ambulance only")
    assert_accessible(page)
    page.get_by_role("button", name="In an ambulance").click()
    expect(page.get_by_text("Blue Light now.")).to_be_visible()
    page.get_by_role("link", name="Wall mode").click()
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    assert_accessible(page)
    shoot(page, "iep-wall")
    page.goto("/iep/queues/")
    page.get_by_role("link", name="Failures", exact=True).click()
    expect_heading(page, "Image exchange failures")
    assert_accessible(page)
    shoot(page, "iep-failures")
    page.get_by_role("button", name="Retry").first.click()
    expect(page.get_by_text("is tried again.")).to_be_visible()
    expect(page.get_by_text("Nothing needs a person.")).to_be_visible()


def test_it_is_read_and_changed_without_scripts(lanes, visit):
    page = visit("mbp", "/iep/queues/", javascript=False)
    expect_heading(page, BOARD)
    page.get_by_role("button", name="Pause").first.click()
    expect(page.get_by_text("paused.")).to_be_visible()
    assert Transfer.objects.filter(state="paused").count() == 1


def test_a_lane_is_paused_with_a_reason_and_started_again(lanes, visit, shoot):
    page = visit("mbp", "/iep/queues/")
    page.get_by_role("link", name=re.compile("Pause.*lane Out 1, Blue Light")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Lane Out 1, Blue Light")
    assert_accessible(page)
    page.get_by_label("Why?").fill("The switch is exchanged")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("alert")).to_contain_text("Say that you mean it.")
    assert_accessible(page)
    shoot(page, "iep-pause-lane")
    page.get_by_label("I mean it", exact=False).check()
    page.get_by_role("button", name="Pause").click()
    expect_heading(page, BOARD)
    expect(page.get_by_text("No lane is kept for Blue Light.")).to_be_visible()
    assert_accessible(page)
    shoot(page, "iep-queues-paused")
    page.get_by_role("link", name=re.compile("Start again.*lane Out 1")).click()
    page.get_by_role("button", name="Start again").click()
    expect(page.get_by_text("No lane is kept for Blue Light.")).to_have_count(0)


def test_a_machine_is_paused_without_scripts(lanes, visit):
    far = lanes.far
    page = visit("mbp", f"/iep/institutions/{far.institution_id}/", javascript=False)
    page.get_by_role("link", name=re.compile(f"Pause.*{far.name}")).click()
    page.get_by_label("Why?").fill("They move house")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("They move house")).to_be_visible()
    page.get_by_role("link", name=re.compile(f"Start again.*{far.name}")).click()
    expect(page.get_by_text("They move house")).to_have_count(2)  # and in its history
    page.get_by_role("button", name="Start again").click()
    expect(page.get_by_text("They move house")).to_have_count(0)


# --- Live ----------------------------------------------------------------------------------------


def _more(lanes: Any, count: int) -> None:
    """So many more images of MR spine, which has 12 of 40."""
    _move(lanes.sessions, "out-2", lanes.spine, count)


def _card(page: Any) -> Any:
    return page.locator(".app-lane", has_text="Out 2")


def test_the_list_stands_still_under_a_pointer_and_says_so_while_the_lanes_go_on(lanes, visit):
    page = visit("mbp", "/iep/queues/")
    first = page.locator("#queue-list tbody th").first
    title = first.inner_text().split("\n")[0]
    first.hover()
    Transfer.objects.filter(state="waiting", title=title).update(priority=Priority.BATCH)
    _more(lanes, 3)
    expect(_card(page)).to_contain_text("15 of 40 images")
    expect(page.get_by_text("This list stands still while you are in it.")).to_be_visible()
    expect(first).to_contain_text(title)
    page.get_by_role("heading", level=1).hover()
    expect(first).not_to_contain_text(title)
    expect(page.get_by_text("This list stands still")).to_have_count(0)


def test_a_link_of_a_lane_keeps_the_keyboard_while_its_lane_goes_on(lanes, visit):
    page = visit("mbp", "/iep/queues/")
    link = page.get_by_role("link", name=re.compile("Pause.*lane Out 2"))
    link.focus()
    for images_done in (14, 16):
        _more(lanes, 2)
        expect(_card(page)).to_contain_text(f"{images_done} of 40 images")
        expect(link).to_be_focused()


def test_a_person_stops_the_updating_for_the_tab_and_goes_on(lanes, visit, shoot):
    page = visit("mbp", "/iep/queues/")
    page.get_by_role("button", name="Stop updating").click()
    expect(page.get_by_text(re.compile(r"Paused, as of \d\d:\d\d\."))).to_be_visible()
    assert_accessible(page)
    _more(lanes, 4)
    page.wait_for_timeout(6_000)  # longer than from one question to the next
    expect(_card(page)).to_contain_text("12 of 40 images")
    page.reload()
    expect(_card(page)).to_contain_text("16 of 40 images")
    expect(page.get_by_text(re.compile("Paused, as of"))).to_be_visible()
    _more(lanes, 4)
    page.get_by_role("button", name="Go on updating").click()
    expect(page.get_by_text(re.compile("Paused, as of"))).to_have_count(0)
    expect(_card(page)).to_contain_text("20 of 40 images")


_LISTEN = """() => {
  window.heard = [];
  const said = document.getElementById("queues-said");
  new MutationObserver(() => window.heard.push(performance.now()))
    .observe(said, { childList: true });
}"""


def test_each_quarter_is_said_aloud_one_sentence_in_fifteen_seconds(lanes, visit):
    page = visit("mbp", "/iep/queues/")
    page.evaluate(_LISTEN)
    said = page.locator("#queues-said[aria-live=polite]")
    expect(said).to_have_text("")
    _more(lanes, 8)
    expect(said).to_have_text("MR spine: half of the images.")
    _more(lanes, 10)
    expect(said).to_have_text("MR spine: three quarters of the images.", timeout=60_000)
    first, second = page.evaluate("window.heard")
    assert second - first >= 15_000


def test_a_wall_screen_goes_on_when_the_session_has_ended(lanes, visit):
    page = visit("mbp", "/iep/queues/?wall=1")
    expect(page.get_by_role("link")).to_have_count(1)  # to the main content, for the keyboard
    expect(page.get_by_role("button")).to_have_count(0)
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    _more(lanes, 3)
    expect(_card(page)).to_contain_text("15 of 40 images")
    page.reload()
    expect_heading(page, BOARD)
    page.goto("/iep/queues/")
    expect_heading(page, "Sign in")
