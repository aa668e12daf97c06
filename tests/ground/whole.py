"""The whole demo as a test starts it: what `make run` starts, on free ports, in its own folder."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg2

from demo import parts
from demo.embedded import Home
from demo.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN = 240.0  # seconds; the first start puts the demo's world in
NOT_OURS = ("DATABASE_URL", "REDIS_URL", "DEMO_PASSWORD", "DEBUG", "MAKEFLAGS", "MAKELEVEL")


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

    def __init__(self, folder: Path, **told: str) -> None:
        """`told`: variables for its processes, such as UNDO_SECONDS="2"."""
        self.data_dir = folder / "var"
        own = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        self.env = own | free_ports() | {"DATA_DIR": str(self.data_dir)} | told
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
        told = wait_until(
            lambda: "Ctrl-C" in self.said() or not self.is_running(), seconds=READY_WITHIN
        )
        assert told, self.said()
        assert self.is_running(), self.said()
        return time.monotonic() - began

    def _has_ended_its_start(self) -> bool:
        return "Ctrl-C" in self.said() or not self.is_running()

    def said(self) -> str:
        return self.output.read_text()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end(self, how: signal.Signals) -> int:
        """Tell make alone, and wait for it; its exit code."""
        assert self.process
        self.process.send_signal(how)
        return self.process.wait(60)  # each part may take its time to end, on a busy machine

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
        return self._get(path)[0]

    def part(self, name: str) -> str:
        """What /readyz says of a part: `ok` or `away`."""
        return json.loads(self._get("/readyz")[1])[name]

    def _get(self, path: str) -> tuple[int, bytes]:
        web = http.client.HTTPConnection(parts.HERE, int(self.env["PORT"]), timeout=10)
        web.request("GET", path)
        answer = web.getresponse()
        body = answer.read()
        web.close()
        return answer.status, body

    def manage(self, *words: str) -> str:
        """What `manage.py` prints when a person types it beside the running demo."""
        return self.manage_bytes(*words).decode()

    def manage_bytes(self, *words: str) -> bytes:
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.env, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def noted(self, variable: str) -> str:
        """The address of a server that it started."""
        return json.loads((self.data_dir / "servers.json").read_text())[variable]

    def query(self, statement: str, *values: str) -> Any:
        """Run it in the demo's database; the first row."""
        connection = psycopg2.connect(self.noted("DATABASE_URL"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            row = cursor.fetchone() if cursor.description else None
        connection.close()
        return row


@contextmanager
def a_run(**told: str) -> Iterator[Run]:
    """A data folder of its own; at the end everything is stopped and thrown away."""
    with TemporaryDirectory(prefix="whole-") as folder:
        Path(folder).chmod(0o711)
        run = Run(Path(folder), **told)
        try:
            yield run
        finally:
            if run.is_running():
                run.end(signal.SIGTERM)
            Home(run.data_dir, account={}, say=str).clear()
