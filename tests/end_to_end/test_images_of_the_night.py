"""The whole demo: a trauma patient's images reach the trauma centre, and a study comes unasked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from demo.pacs.telling import read_state, tell
from demo.processes import wait_until
from tests.end_to_end.conftest import PASSWORD, People
from tests.ground.whole import Run, a_run

pytestmark = pytest.mark.slow
SOON = 120  # seconds, on a busy machine
TRAUMA, WESTHAVEN = "NORTHMOORPACS", "WESTHAVENPACS"


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Without the past of its general practice."""
    with a_run(DEMO_PATIENTS="20", DEMO_PASSWORD=PASSWORD) as run:
        request.node.whole_run = run
        run.start()
        yield run


def archive(run: Run, ae_title: str) -> dict[str, Any]:
    """What an archive of the demo says of itself."""
    state = read_state(run.data_dir / "pacs") or {"hospitals": []}
    return next((one for one in state["hospitals"] if one["ae_title"] == ae_title), {})


def studies(run: Run, ae_title: str) -> dict[str, int]:
    return {one["what"]: one["images"] for one in archive(run, ae_title).get("studies", ())}


def test_images_go_to_the_trauma_centre_whole_and_a_study_that_comes_unasked_waits_for_a_person(
    run: Run, people: People
) -> None:
    desk = people.sign_in("mbp")
    desk.goto("/iep/trauma/")
    desk.get_by_label("Patient").fill("S1000001")
    desk.get_by_role("button", name="Find the images").click()
    expect(desk.get_by_label("Send CT chest abdomen pelvis")).to_be_checked()
    desk.get_by_label("A trauma patient in our ED", exact=False).check()
    desk.get_by_role("button", name="Blue Light", exact=False).click()
    desk.wait_for_url(re.compile("/iep/IEP-"))

    wanted = {"CT chest abdomen pelvis": 24, "CT cervical spine": 24}
    assert wait_until(
        lambda: wanted.items() <= studies(run, TRAUMA).items(), seconds=SOON, every=0.5
    ), archive(run, TRAUMA)
    done = "SELECT 1 FROM iep_ticket WHERE state = 'done' AND department = 'Emergency Department'"
    assert wait_until(lambda: run.query(done) is not None, seconds=SOON, every=0.5)

    unasked = next(one for one in archive(run, WESTHAVEN)["studies"] if one["what"] == "CT thorax")
    folder = run.data_dir / "pacs"
    tell(folder, ae_title=WESTHAVEN, do="send", what=unasked["uid"], to="ORDERCOMMS")
    came = "SELECT images FROM iep_transaction WHERE kind = 'direct' AND state = 'delivered'"
    assert wait_until(lambda: run.query(came) is not None, seconds=SOON, every=0.5)
    assert run.query(came) == (30,)
    desk.goto("/iep/arrivals/")
    expect(desk.get_by_text("CT thorax").first).to_be_visible()
