"""A whole installation of the image exchange as a test starts it: its own database, broker number,
folders, web server and workers. The PostgreSQL and the broker are those of the test run.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from demo.processes import wait_until
from tests.closed import identifiers_in

ROOT = Path(__file__).resolve().parents[2]
HERE = "127.0.0.1"


def free_port() -> int:
    with socket.create_server((HERE, 0)) as door:
        return int(door.getsockname()[1])


class Installation:
    """One hospital's. `number` is that of its broker database."""

    def __init__(self, name: str, folder: Path, *, number: int) -> None:
        self.name, self.folder, self.port = name, folder / name, free_port()
        self.database = f"{name}_{os.getpid()}"
        self.folder.mkdir()
        broker = os.environ["REDIS_URL"].partition("?")[0]
        self.env = os.environ | {
            "DEBUG": "1",
            "DATA_DIR": str(self.folder),
            "DATABASE_URL": address_of(self.database),
            "REDIS_URL": f"{broker}?db={number}" if broker.startswith("unix") else broker,
            "SWEEP_SECONDS": "1",
            "IMAGES_RESERVE_BYTES": "0",
            "PYTHONUNBUFFERED": "1",
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def gateway(self) -> str:
        return f"http://{HERE}:{self.port}/iep/gateway"

    # --- Its database ---

    def create(self, template: str = "template1") -> None:
        run_sql(f'CREATE DATABASE "{self.database}" TEMPLATE "{template}"')

    def drop(self) -> None:
        run_sql(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask its database."""
        return run_sql(statement, *values, database=self.database)

    def value(self, statement: str, *values: Any) -> Any:
        """The first column of the first row; None where there is none."""
        found = self.rows(statement, *values)
        return found[0][0] if found else None

    # --- Its processes ---

    def manage(self, *words: str) -> str:
        return self._run("manage.py", *words)

    def does(self, *words: str) -> Any:
        """What its people and its past do: tests/end_to_end/exchange_steps.py."""
        return json.loads(self._run("-m", "tests.end_to_end.exchange_steps", *words))

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *words], cwd=ROOT, env=self.env, capture_output=True,
            check=False, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        return done.stdout.decode()

    def start_web(self) -> None:
        words = ["-m", "granian", "--interface", "wsgi", "--no-access-log", "--workers", "1"]
        words += ["--blocking-threads", "2", "--host", HERE, "--port", str(self.port)]
        self._start("web", *words, "ordercomms.wsgi:application")

    def start_worker(self, queue: str) -> None:
        words = ["-m", "celery", "-A", "ordercomms", "worker", "--queues", queue, "--pool"]
        words += ["threads", "--concurrency", "1", "--hostname", f"{queue}@{self.name}"]
        words += ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        self._start(queue, *words)

    def start(self, name: str, *words: str) -> None:
        """Another process of the product: `manage.py dicom_listen`."""
        self._start(name, *words)

    def _start(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, *words], cwd=ROOT, env=self.env, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def signal(self, name: str, sig: signal.Signals) -> None:
        """To the process and whatever it started."""
        os.killpg(self.running[name].pid, sig)

    def kill(self, name: str) -> None:
        """As a power cut would."""
        self.signal(name, signal.SIGKILL)
        self.running.pop(name).wait(30)

    def stop(self) -> None:
        for name in list(self.running):
            self.signal(name, signal.SIGCONT)
            self.kill(name)

    # --- What it said ---

    def answers(self) -> bool:
        with socket.socket() as door:
            return door.connect_ex((HERE, self.port)) == 0

    def logs(self) -> dict[str, str]:
        return {log.name: log.read_text(errors="replace") for log in self.folder.glob("*.log")}

    def assert_no_identifier_in_logs(self) -> None:
        for name, words in self.logs().items():
            assert not identifiers_in(words), f"{self.name}: {name}"

    def file(self, file_id: str) -> bytes:
        """The bytes of a file in its storage."""
        return (self.folder / "images" / str(file_id)[:2] / f"{file_id}.dcm").read_bytes()


def address_of(database: str) -> str:
    """The test run's server, another database."""
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}"))


def run_sql(statement: str, *values: Any, database: str = "") -> list[tuple[Any, ...]]:
    url = address_of(database) if database else os.environ["DATABASE_URL"]
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def eventually(question: Any, *, told: Any = None, seconds: float = 180.0) -> None:
    """It is so, sooner or later; `told()` says how things stand when it is not."""
    assert wait_until(question, seconds=seconds, every=0.1), told() if told else "not in time"
