"""The main job, against what `make run` starts: real PostgreSQL, broker, sockets and browser.

Launch, request, orders on the wire, accepted, reported, reviewed; and what happens when the parts
in between die.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from demo.processes import wait_until
from tests.end_to_end import steps
from tests.end_to_end.conftest import People
from tests.end_to_end.hospital import Hospital
from tests.ground.whole import Run
from tests.journeys.browser import assert_accessible, expect_heading

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

IN_FRONT_OF_A_PERSON = 5.0  # seconds, from when the hospital sends it (issue 2, the loop, 8)
LEAVES_WITHOUT_THE_BROKER = 10.0  # seconds after its release (product.md 4, Runtime)
AWAY_FOR = 60.0  # seconds that the broker is gone (issue 2, shown by)
CODES = ("XCHES", "26604007", "252167001")  # as the catalogue sends them
CHEST, FBC, UE = "Chest X-ray", "Full blood count", "Urea and electrolytes"


def test_a_chest_xray_and_bloods_from_launch_to_reviewed(
    run: Run, hospital: Hospital, people: People
) -> None:
    hospital.wait_for_a_person()
    before, sent_before = set(hospital.orders()), set(steps.outbox(run))
    number, patient_id = steps.somebody_quiet(run)
    link = steps.launch_link(run, number)

    gp = people.nobody()
    gp.goto(link)
    expect(gp.locator("#find")).to_be_focused()
    a_used_link_opens_nothing(people, link)
    reference = ask_for_chest_xray_and_bloods(gp)
    expect(gp.get_by_role("button", name="Undo")).to_have_count(0)
    left = "SELECT count(*) FROM requesting_draft WHERE patient_id = %s"
    assert run.query(left, patient_id) == (0,)

    orders = steps.wait_for_new_orders(hospital, before, count=3)
    chest, fbc, ue = (orders[code]["placer"] for code in CODES)
    steps.assert_on_the_wire(run, sent_before, [chest, fbc, ue])
    hospital.act(chest, "accept")
    hospital.act(fbc, "accept")
    steps.wait_for_status(gp, reference, FBC, "Accepted")
    steps.wait_for_status(gp, reference, CHEST, "Walk-in ready")

    soon_in_front_of_the_requester(gp, hospital, critical=chest, abnormal=fbc, rejected=ue)
    review(gp, number, CHEST, "Refer")
    review(gp, number, FBC, "Tell the patient")
    assert steps.status_of(gp, reference, CHEST) == "Reviewed"
    assert steps.status_of(gp, reference, FBC) == "Reviewed"
    assert steps.status_of(gp, reference, UE) == "Rejected"

    the_practice_sees_all_of_it_and_can_change_none_of_it(people, reference)
    a_result_that_fits_no_request_waits_for_a_person(people, hospital, chest)
    everything_is_on_record(run, patient_id)


def ask_for_chest_xray_and_bloods(page: Page) -> str:
    """By keyboard; the reference."""
    steps.add_test(page, "che", CHEST)
    page.keyboard.press("Space")
    steps.add_test(page, "fbc", FBC)
    steps.add_test(page, "u&e", UE)
    assert_accessible(page)
    return steps.send(page)


# --- Back, and acted on --------------------------------------------------------------------------


def soon_in_front_of_the_requester(
    page: Page, hospital: Hospital, *, critical: str, abnormal: str, rejected: str
) -> None:
    """Two pages stand open and nobody touches them: the lists say what came, in time."""
    mine, results = page.context.new_page(), page.context.new_page()
    mine.goto("/requests/?lane=needs_you")
    results.goto("/results/")
    needing = steps.count_shown(mine, "count-needs_you")
    unread = steps.count_shown(results, "count-mine")

    sent = time.monotonic()
    hospital.act(rejected, "reject", code="LABREJ", words="The sample was haemolysed")
    in_time(lambda: steps.count_shown(mine, "count-needs_you") == needing + 1, sent)
    expect(mine.get_by_text("The list has changed.")).to_be_visible()

    sent = time.monotonic()
    hospital.act(critical, "report", kind="critical")
    in_time(lambda: results.get_by_text("1 new, 1 critical.").is_visible(), sent)
    in_time(lambda: steps.count_shown(mine, "count-needs_you") == needing + 2, sent)
    assert steps.count_shown(results, "count-mine") == unread + 1

    hospital.act(abnormal, "report", kind="abnormal")
    in_time(lambda: steps.count_shown(results, "count-mine") == unread + 2, time.monotonic())
    mine.bring_to_front()  # a tab behind another paints nothing, and a click waits for paint
    mine.get_by_role("link", name="Show it").click()
    expect(mine.get_by_text("The sample was haemolysed").last).to_be_visible()
    mine.close()
    results.close()


def in_time(question: Callable[[], bool], since: float) -> None:
    taken = steps.seconds_until(question, since=since, at_most=IN_FRONT_OF_A_PERSON)
    print(f"in front of the requester after {taken:.1f} s")  # noqa: T201 - shown by pytest -rA


def review(page: Page, nhs_number: str, test: str, outcome: str) -> None:
    """Open it from the list and say what is done about it."""
    page.goto("/results/")
    shown = f"{nhs_number[:3]} {nhs_number[3:6]} {nhs_number[6:]}"
    row = page.get_by_role("row").filter(has_text=shown)
    row.get_by_role("link", name=test).click()
    expect_heading(page, test)
    assert_accessible(page)
    page.get_by_label(outcome, exact=True).check()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".app-done")).to_contain_text(outcome)


# --- Others --------------------------------------------------------------------------------------


def the_practice_sees_all_of_it_and_can_change_none_of_it(people: People, reference: str) -> None:
    page = people.sign_in("practice-admin")
    for test, status in ((CHEST, "Reviewed"), (FBC, "Reviewed"), (UE, "Rejected")):
        row = steps.row_of(page, reference, test, at="/practice/")
        assert steps.tag_in(row) == status
        row.get_by_role("link").click()
        expect_heading(page, test)
        expect(page.locator("main form[method=post]")).to_have_count(0)
    page.goto("/results/")
    expect_heading(page, "Results to review")
    expect(page.locator("main form[method=post]")).to_have_count(0)


def a_used_link_opens_nothing(people: People, link: str) -> None:
    stranger = people.nobody()
    answer = stranger.goto(link)
    assert answer
    assert answer.status == 403
    expect_heading(stranger, "This link was used already")
    assert_accessible(stranger)


def a_result_that_fits_no_request_waits_for_a_person(
    people: People, hospital: Hospital, placer: str
) -> None:
    central = people.sign_in("central")
    central.goto("/messages/")
    parked = central.get_by_text("No request of ours has that number")
    before = parked.count()
    hospital.act(placer, "unknown_request")

    def is_there() -> bool:
        central.reload()
        return parked.count() == before + 1

    assert wait_until(is_there, seconds=15, every=0.5)


def everything_is_on_record(run: Run, patient_id: str) -> None:
    done = steps.actions_recorded(run, patient_id)
    for action in ("launch", "request.submitted", "review_result"):
        assert ("gp", action) in done, sorted(done)
    assert any(who == "practice-admin" for who, _ in done), sorted(done)
    assert any(action == "request.rejected" for _, action in done), sorted(done)


# --- The parts in between die --------------------------------------------------------------------


@pytest.mark.hazard("H13")
def test_an_order_leaves_without_the_broker_and_arrives_once_though_its_worker_is_killed(
    run: Run, hospital: Hospital, people: People
) -> None:
    page = people.nobody()
    with broker_away(run):
        gone = time.monotonic()
        an_order_leaves_in_time(page, run, hospital)
        time.sleep(max(0.0, gone + AWAY_FOR - time.monotonic()))
        assert run.part("broker") == "away"  # all of the minute
    assert wait_until(lambda: run.part("broker") == "ok", seconds=40, every=0.5)
    an_order_leaves_in_time(page, run, hospital)

    before, sent_before = set(hospital.orders()), set(steps.outbox(run))
    hospital.set_mode("silent")
    ask_for_bloods(page, run)
    order = next(iter(steps.wait_for_new_orders(hospital, before, count=1).values()))
    os.kill(pid_of(run, "--queues hl7_out"), signal.SIGKILL)
    hospital.set_mode("working")
    steps.assert_on_the_wire(run, sent_before, [order["placer"]])
    assert set(hospital.orders()) - before == {order["placer"]}


def an_order_leaves_in_time(page: Page, run: Run, hospital: Hospital) -> None:
    """Sent, received by the hospital soon after its release, and known here to be delivered."""
    before, sent_before = set(hospital.orders()), set(steps.outbox(run))
    reference = ask_for_bloods(page, run)
    order = next(iter(steps.wait_for_new_orders(hospital, before, count=1).values()))
    late = seconds_after_release(run, reference, order["received_at"])
    assert late <= LEAVES_WITHOUT_THE_BROKER
    steps.assert_on_the_wire(run, sent_before, [order["placer"]])


def ask_for_bloods(page: Page, run: Run) -> str:
    number, _ = steps.somebody_quiet(run)
    page.goto(steps.launch_link(run, number))
    steps.add_test(page, "fbc", FBC)
    return steps.send(page)


def pid_of(run: Run, words: str) -> int:
    return next(pid for pid, line in run.processes().items() if words in line)


@contextmanager
def broker_away(run: Run) -> Iterator[None]:
    """Killed, and not started again for as long: a folder stands where it would put its socket."""
    socket = Path(urlsplit(run.noted("REDIS_URL")).path)
    os.kill(pid_of(run, "valkey-server"), signal.SIGKILL)
    socket.unlink(missing_ok=True)
    socket.mkdir()
    try:
        assert wait_until(lambda: run.part("broker") == "away", seconds=10, every=0.2)
        yield
    finally:
        socket.rmdir()


def seconds_after_release(run: Run, reference: str, received_at: str) -> float:
    found = run.query(
        "SELECT extract(epoch FROM %s::timestamptz - release_at) "
        "FROM requesting_request WHERE reference = %s",
        received_at,
        reference,
    )
    return float(found[0])
