"""What the people of these tests do, each step in one call."""

import json
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from playwright.sync_api import Locator, Page, expect

from demo.processes import wait_until
from tests.end_to_end.hospital import Hospital, Json
from tests.ground.whole import Run
from tests.journeys.browser import expect_heading

# A man of Northgate of whom nothing was asked of late and nothing is open: no question about
# pregnancy, no box about a duplicate.
QUIET = """
    SELECT p.nhs_number, p.id::text FROM patients_patient p
    JOIN accounts_organisation o ON o.id = p.practice_id
    WHERE o.ods_code = 'Y90001' AND p.gender = 'M' AND NOT p.is_deceased
      AND p.birth_date < '1985-01-01' AND p.nhs_number LIKE '999%'
      AND NOT EXISTS (SELECT 1 FROM requesting_draft d WHERE d.patient_id = p.id)
      AND NOT EXISTS (
        SELECT 1 FROM requesting_request r JOIN requesting_requestitem i ON i.request_id = r.id
        WHERE r.patient_id = p.id AND (r.requested_at > now() - interval '60 days'
              OR i.status NOT IN ('reviewed', 'cancelled')))
    ORDER BY p.nhs_number LIMIT 1
"""


def somebody_quiet(run: Run) -> tuple[str, str]:
    """NHS number and id."""
    found = run.query(QUIET)
    assert found, "the demo has nobody of whom nothing was asked of late"
    return found


def launch_link(run: Run, nhs_number: str) -> str:
    return run.manage("make_launch_link", "--user", "gp", "--nhs-number", nhs_number).strip()


# --- Asking --------------------------------------------------------------------------------------


def add_test(page: Page, typed: str, name: str) -> None:
    """Type and press Enter; the test's card is there, and something is ready to be answered."""
    page.locator("#find").focus()
    page.keyboard.type(typed)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2, name=name, exact=True)).to_be_visible()


def send(page: Page) -> str:
    """Ctrl+Enter, by way of the check page where there is much to read; the reference."""
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: not url.endswith("/request/"))
    if page.url.endswith("/check"):
        page.locator("[data-primary]").click()
    expect_heading(page, "Request sent")
    return page.locator(".nhsuk-panel__body").inner_text().partition(":")[0].strip()


def wait_for_new_orders(hospital: Hospital, before: set[str], *, count: int) -> dict[str, Json]:
    """The orders that arrived since, by the name of their test."""

    def new() -> list[Json]:
        return [order for placer, order in hospital.orders().items() if placer not in before]

    assert wait_until(lambda: len(new()) >= count, seconds=30, every=0.1), new()
    return {order["code"]: order for order in new()}


# --- Messages ------------------------------------------------------------------------------------


def outbox(run: Run) -> dict[str, Json]:
    """`manage.py outbox --json`, by id."""
    lines = [json.loads(line) for line in run.manage("outbox", "--json").splitlines()]
    return {line["id"]: line for line in lines}


def messages_since(run: Run, before: set[str]) -> list[tuple[Json, bytes]]:
    """What was put in the outbox since: each line and the bytes that `show_message` prints."""
    new = [line for id_, line in outbox(run).items() if id_ not in before]
    return [(line, run.manage_bytes("show_message", line["id"])) for line in new]


def assert_on_the_wire(run: Run, before: set[str], placers: list[str]) -> None:
    """Each order went in one acknowledged message, and its bytes are those that were hashed."""

    def still_on_their_way() -> list[dict[str, str]]:
        new = [line for id_, line in outbox(run).items() if id_ not in before]
        return [line for line in new if line["state"] != "acknowledged"]

    # A worker that was killed is started again first, which takes its time on a busy machine.
    wait_until(lambda: not still_on_their_way(), seconds=60, every=0.3)
    assert still_on_their_way() == []
    messages = messages_since(run, before)
    for line, raw in messages:
        assert sha256(raw).hexdigest() == line["sha256"]
        assert line["control_id"].encode() in raw
    for placer in placers:
        assert sum(placer.encode() in raw for _, raw in messages) == 1, placer


# --- Seeing --------------------------------------------------------------------------------------


def seconds_until(question: Callable[[], bool], *, since: float, at_most: float) -> float:
    """How long after `since` it was so; a failure after `at_most` seconds."""
    left = at_most - (time.monotonic() - since)
    seen = wait_until(question, seconds=max(left, 0.0), every=0.05)
    taken = time.monotonic() - since
    assert seen, f"not seen within {at_most} s"
    return taken


def count_shown(page: Page, element: str) -> int:
    return int(page.locator(f"#{element}").inner_text())


def row_of(page: Page, reference: str, test: str, *, at: str = "/requests/") -> Locator:
    """The tracker's row of one test, in the list of all."""
    page.goto(f"{at}?lane=all")
    return page.get_by_role("row").filter(has_text=f"{test}, {reference}")


def status_of(page: Page, reference: str, test: str) -> str:
    """What the tracker's tag says."""
    return tag_in(row_of(page, reference, test))


def tag_in(row: Locator) -> str:
    return row.locator("[data-label=Status] .nhsuk-tag").inner_text()


def wait_for_status(page: Page, reference: str, test: str, wanted: str) -> None:
    def is_so() -> bool:
        return status_of(page, reference, test) == wanted

    assert wait_until(is_so, seconds=20, every=0.3), status_of(page, reference, test)


def actions_recorded(run: Run, patient_id: str) -> set[tuple[Any, ...]]:
    """(username, action) of everything on record about a patient."""
    words = run.query(
        "SELECT json_agg(DISTINCT jsonb_build_array(username, action)) "
        "FROM accounts_accessevent WHERE patient_id = %s",
        patient_id,
    )
    return {tuple(pair) for pair in words[0]}
