"""What `make run` starts: up, found by a `manage.py` typed by hand, mended, stopped, kept."""

import os
import signal
import sys
from collections.abc import Iterator

import pytest

from demo.processes import wait_until
from tests.closed import identifiers_in
from tests.ground.whole import Run, a_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


@pytest.fixture
def run() -> Iterator[Run]:
    with a_run(DEMO_PATIENTS="20") as run:  # too few to have a past, which takes half a minute
        yield run


def test_it_starts_is_mended_survives_kill_9_keeps_its_data_and_leaves_nothing_behind(
    run: Run,
) -> None:
    run.start()
    assert f"http://127.0.0.1:{run.env['PORT']}" in run.said()
    assert "practice-admin" in run.said()
    assert run.page("/sign-in") == 200

    link = run.manage("make_launch_link", "--user", "gp", "--nhs-number", "9990000018")
    assert f":{run.env['PORT']}/launch" in link
    run.query("CREATE TABLE kept AS SELECT 'kept' AS word")

    for words in ("mllp_listen", "demo.pacs", "postgres -D"):
        victim = next(pid for pid, line in run.processes().items() if words in line)
        os.kill(victim, signal.SIGKILL)
    assert wait_until(lambda: run.said().count("ended (exit code -9)") >= 3, seconds=20)
    assert wait_until(lambda: run.page("/readyz") == 200, seconds=30)

    run.end(signal.SIGKILL)
    assert wait_until(lambda: not run.processes(), seconds=20), run.processes()

    run.start()
    assert run.query("SELECT word FROM kept") == ("kept",)
    run.end(signal.SIGINT)
    assert "Stopped." in run.said()
    assert run.processes() == {}
    assert not (run.data_dir / "servers.json").exists()
    for log in (run.data_dir / "logs").iterdir():
        assert not identifiers_in(log.read_text()), log.name
