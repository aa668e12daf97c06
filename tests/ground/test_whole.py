"""What `make run` starts: up, found by a `manage.py` typed by hand, mended, stopped, kept."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from demo import parts
from demo.embedded import Home
from demo.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = ("DATABASE_URL", "REDIS_URL", "DEMO_PASSWORD", "DEBUG", "MAKEFLAGS", "MAKELEVEL")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


def free_ports() -> dict[str, str]:
    """A port that nobody has, for each of ours. All are held until all are chosen."""
    doors = [socket.create_server((parts.HERE, 0)) for _ in parts.PORTS]
    chosen = {
        port.variable: str(door.getsockname()[1])
        for port, door in zip(parts.PORTS, doors, strict=True)
    }
    for door in doors:
        door.close()
    return chosen


class Run:
    """One data folder, its ports, and the demo started on them as often as a test likes."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "var"
        own = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        self.env = own | free_ports() | {"DATA_DIR": str(self.data_dir)}
        self.output = folder / "output"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Seconds until it said that it is ready."""
        began = time.monotonic()
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                ["make", "-o", "setup", "run", f"PY={sys.executable}"],  # the set-up is done
                cwd=ROOT,
                env=self.env,
                stdout=output,
                stderr=output,
            )
        told = wait_until(lambda: "Ctrl-C" in self.said() or not self.is_running(), seconds=90)
        assert told, self.said()
        assert self.is_running(), self.said()
        return time.monotonic() - began

    def said(self) -> str:
        return self.output.read_text()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end(self, how: signal.Signals) -> int:
        """Tell make alone, and wait for it; its exit code."""
        assert self.process
        self.process.send_signal(how)
        return self.process.wait(30)

    def processes(self) -> dict[int, str]:
        """Every process that was told of this data folder, by its words or its environment."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes()
                told = words + (folder / "environ").read_bytes()
            except OSError:
                continue
            if words and os.fsencode(self.data_dir) in told:
                found[int(folder.name)] = words.replace(b"\0", b" ").decode(errors="replace")
        return found

    def page(self, path: str) -> int:
        web = http.client.HTTPConnection(parts.HERE, int(self.env["PORT"]), timeout=10)
        web.request("GET", path)
        status = web.getresponse().status
        web.close()
        return status

    def manage(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def query(self, statement: str) -> object:
        noted = json.loads((self.data_dir / "servers.json").read_text())
        connection = psycopg2.connect(noted["DATABASE_URL"])
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
        connection.close()
        return row


@pytest.fixture
def run() -> Iterator[Run]:
    with tempfile.TemporaryDirectory(prefix="whole-") as folder:
        Path(folder).chmod(0o711)
        run = Run(Path(folder))
        yield run
        if run.is_running():
            run.end(signal.SIGTERM)
        Home(run.data_dir, account={}, say=str).clear()


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

    for words in ("mllp_listen", "postgres -D"):
        victim = next(pid for pid, line in run.processes().items() if words in line)
        os.kill(victim, signal.SIGKILL)
    assert wait_until(lambda: run.said().count("ended (exit code -9)") >= 2, seconds=20)
    assert wait_until(lambda: run.page("/readyz") == 200, seconds=30)

    run.end(signal.SIGKILL)
    assert wait_until(lambda: not run.processes(), seconds=20), run.processes()

    run.start()
    assert run.query("SELECT word FROM kept") == ("kept",)
    run.end(signal.SIGINT)
    assert "Stopped." in run.said()
    assert run.processes() == {}
    assert not (run.data_dir / "servers.json").exists()
