"""Processes end with their parent, come back when they fail, and stop in order."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.processes import Child, is_alive, wait_until
from demo.supervisor import Supervisor, Watched

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = "import time; time.sleep(600)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
WITH_A_CHILD = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}])
print(child.pid, flush=True)
time.sleep(600)
"""


def child(folder: Path, source: str, name: str = "part") -> Child:
    return Child(name, [sys.executable, "-c", source], log=folder / f"{name}.log")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(said.append)
    yield supervisor
    supervisor.stop_all()


def test_what_ends_by_itself_is_said_and_started_again(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    part = child(tmp_path, SLEEPER, "worker-hl7_out")
    supervisor.add(part)
    assert part.process
    first = part.process.pid
    part.process.kill()
    part.process.wait()
    supervisor.look()
    assert "worker-hl7_out ended (exit code -9)" in said[0]
    assert str(part.log) in said[0]
    assert not part.is_running
    time.sleep(1.1)
    supervisor.look()
    assert part.is_running
    assert part.process.pid != first


def test_a_process_that_keeps_failing_waits_longer_each_time_up_to_half_a_minute(
    tmp_path: Path,
) -> None:
    part = child(tmp_path, "raise SystemExit(3)")
    watched = Watched(part, part.start)
    watched.begin()
    waits = [watched.wait_before_next_try() for _ in range(7)]
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    watched.started_at -= 61  # it ran for a minute since
    assert watched.wait_before_next_try() == 1
    part.stop()


def test_stopping_leaves_no_child_of_a_child(supervisor: Supervisor, tmp_path: Path) -> None:
    part = child(tmp_path, WITH_A_CHILD)
    supervisor.add(part)
    assert wait_until(lambda: part.last_lines() != "", seconds=20)
    grandchild = int(part.last_lines())
    supervisor.stop_all()
    assert not part.is_running
    assert wait_until(lambda: not is_alive(grandchild), seconds=30)


def test_one_that_does_not_listen_is_ended_when_its_time_is_up(tmp_path: Path) -> None:
    part = child(tmp_path, STUBBORN)
    part.start()
    assert wait_until(lambda: part.last_lines() == "deaf", seconds=20)
    part.stop(patience=0.2)
    assert part.exit_code == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_killed_supervisor_takes_its_children_with_it(tmp_path: Path) -> None:
    source = f"""
import sys, time
from pathlib import Path
from demo.processes import Child
part = Child("part", [sys.executable, "-c", {SLEEPER!r}], log=Path({str(tmp_path)!r}) / "log")
part.start()
print(part.process.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    assert wait_until(lambda: not is_alive(pid), seconds=30)
