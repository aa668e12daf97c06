"""`make run`: the whole service on this machine, with a hospital that answers.

Checks the ports, starts PostgreSQL and the broker unless their addresses are given, brings the
database to today's shape, starts every process, and keeps them running until Ctrl-C.
"""

import argparse
import fcntl
import http.client
import json
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo import parts
from demo.embedded import CannotStart, Home, Postgres, Valkey
from demo.embedded.addresses import forget_addresses, write_addresses
from demo.embedded.places import write_private
from demo.processes import Child, wait_until
from demo.supervisor import Supervisor

LOG_LIMIT = 5_000_000  # bytes; a longer log is put aside at the next start
READY_WITHIN = 90.0  # seconds


class Stopped(Exception):
    """A person asked to stop before everything was up."""


def say(sentence: str) -> None:
    print(sentence, flush=True)


# --- One at a time --------------------------------------------------------------------------------


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data folder's lock; the system lets it go however this process ends."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotStart(
                f"The demo is running already (process {lock.read().strip()}). "
                "Stop it with Ctrl-C where it runs."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def check_ports(data_dir: Path) -> None:
    """Name what is taken. After a kill -9 the processes of the last run get a moment to end."""
    killed_before = (data_dir / "servers.json").exists()
    wait_until(lambda: not _taken(), seconds=10.0 if killed_before else 0.0, every=0.2)
    if taken := _taken():
        raise CannotStart("\n".join(taken))


def _taken() -> list[str]:
    return [
        f"Port {port.number} is taken ({port.whose}). Another one: "
        f"make run {port.variable}={port.number + 10000}"
        for port in parts.PORTS
        if port.is_taken()
    ]


# --- The demo -------------------------------------------------------------------------------------


class Demo:
    """One run: `up()`, then `watch()`, and `down()` in any case."""

    def __init__(self, data_dir: Path, *, parent: int | None = None) -> None:
        """`parent`: a process to stop with, as `make run` does with make."""
        self.data_dir = data_dir
        self.supervisor = Supervisor(say)
        self.parent = parent
        self.servers = 0
        self.env: dict[str, str] = {}
        self.began = time.monotonic()

    def up(self) -> None:
        """Everything, in the order in which each needs the one before."""
        self.supervisor.obey_signals()
        if self.parent:
            self.supervisor.stop_with(self.parent)
        check_ports(self.data_dir)
        self._put_long_logs_aside()
        database_url, redis_url = self._database(), self._broker()
        self.env = parts.environment(
            self.data_dir,
            database_url=database_url,
            redis_url=redis_url,
            password=self._password(),
        )
        write_addresses(self.data_dir, self.env)
        self._prepare()
        say("Starting the web pages, the workers, the listeners and the stand-in hospital")
        for child in parts.children(self.data_dir, self.env):
            self.supervisor.add(child)
        self._wait_until_ready()

    def watch(self) -> None:
        self.supervisor.watch()

    def down(self) -> None:
        """Stop what was started, the servers last; leave no address that nobody answers."""
        if self.supervisor.watched:
            say("\nStopping")
        self.supervisor.stop_all(last=self.servers)
        forget_addresses(self.data_dir)

    def _database(self) -> str:
        if given := os.environ.get("DATABASE_URL"):
            say("Using the PostgreSQL of DATABASE_URL")
            return given
        say("Starting PostgreSQL")
        server = Postgres(self.data_dir, say=say)
        self.supervisor.add(server.child, start=server.start)
        self.servers += 1
        return server.url()

    def _broker(self) -> str:
        if given := os.environ.get("REDIS_URL"):
            say("Using the broker of REDIS_URL")
            return given
        say("Starting the broker (Valkey)")
        server = Valkey(self.data_dir, say=say)
        self.supervisor.add(server.child, start=server.start)
        self.servers += 1
        return server.url()

    def _password(self) -> str:
        """DEMO_PASSWORD, or one made once for this data folder."""
        kept = self.data_dir / "demo-password"
        if given := os.environ.get("DEMO_PASSWORD"):
            return given
        if not kept.exists():
            write_private(kept, "-".join(secrets.token_hex(2) for _ in range(4)))
        return kept.read_text().strip()

    def _put_long_logs_aside(self) -> None:
        for log in (self.data_dir / "logs").glob("*.log"):
            if log.stat().st_size > LOG_LIMIT:
                log.replace(log.with_suffix(".log.1"))

    def _prepare(self) -> None:
        """Migrations and the seeded world, each doing nothing when it is there already."""
        if (self.data_dir / "demo-users.json").exists():
            say("Bringing the database and the demo's world up to date")
        else:
            say("Making the demo's world, whose past is lived through the real services")
            say("(half a minute or so, this once)")
        step = Child(
            "prepare",
            [sys.executable, "-m", "demo.prepare"],
            log=self.data_dir / "logs" / "prepare.log",
            env={**os.environ, **self.env},
            cwd=parts.ROOT,
        )
        step.start()
        wait_until(lambda: not step.is_running or self.supervisor.stopping, seconds=3600)
        step.stop()
        self._stop_if_asked()
        if step.exit_code:
            raise CannotStart(f"The database could not be prepared:\n{step.last_lines(20)}")

    def _wait_until_ready(self) -> None:
        def settled() -> bool:
            self.supervisor.look()
            return self.supervisor.stopping or self._hopeless() is not None or not away()

        ready = wait_until(settled, seconds=READY_WITHIN, every=0.1)
        self._stop_if_asked()
        if failing := self._hopeless():
            raise CannotStart(f"{failing.name} does not start:\n{failing.last_lines(15)}")
        if not ready:
            logs = self.data_dir / "logs"
            raise CannotStart(f"Not ready after {READY_WITHIN:.0f} s: {away()}. Logs: {logs}")
        seconds = time.monotonic() - self.began
        say(welcome(self.data_dir, seconds, password=self.env["DEMO_PASSWORD"]))

    def _hopeless(self) -> Child | None:
        """One that has failed three times before everything was up."""
        failed = (each.child for each in self.supervisor.watched if each.failures >= 3)
        return next(failed, None)

    def _stop_if_asked(self) -> None:
        if self.supervisor.stopping:
            raise Stopped


def away() -> str:
    """The parts that do not answer yet, as words; empty when all do."""
    doors = (parts.HOSPITAL, parts.HOSPITAL_MLLP, parts.MAIL, parts.HOSPITAL_DICOM)
    missing = [port.whose for port in doors if not _accepts(port)]
    return ", ".join(missing + _not_ready())


def _accepts(port: parts.Port) -> bool:
    try:
        socket.create_connection((parts.HERE, port.number), timeout=1).close()
    except OSError:
        return False
    return True


def _not_ready() -> list[str]:
    """What /readyz says, which asks for the database, the broker and the listener."""
    web = http.client.HTTPConnection(parts.HERE, parts.WEB.number, timeout=5)
    try:
        web.request("GET", "/readyz")
        answer = json.loads(web.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return [parts.WEB.whose]
    finally:
        web.close()
    return [name for name, state in answer.items() if state == "away"]


def welcome(data_dir: Path, seconds: float, *, password: str) -> str:
    """Where to go, who to be, and what each can try."""
    users = json.loads((data_dir / "demo-users.json").read_text())
    rows = [("User", "Who", "Try"), *users]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    table = [f"  {user:<{widths[0]}}  {who:<{widths[1]}}  {what}" for user, who, what in rows]
    return "\n".join(
        [
            f"\nReady in {seconds:.1f} s.",
            "",
            f"  The service   http://{parts.HERE}:{parts.WEB.number}",
            f"  The hospital  http://{parts.HERE}:{parts.HOSPITAL.number}"
            "  (play its radiology and laboratory)",
            f"  Password      {password}  (the same for every user)",
            "",
            *table,
            "",
            f"For when it is down: a page and sealed packs in {data_dir / 'standby' / 'current'}.",
            f"Logs are in {data_dir / 'logs'}. Ctrl-C stops everything and keeps the data; "
            "`make reset` throws the data away.",
        ]
    )


# --- The commands ---------------------------------------------------------------------------------


def run(data_dir: Path, *, parent: int | None) -> None:
    """Until a person stops it."""
    with only_one(data_dir):
        demo = Demo(data_dir, parent=parent)
        try:
            demo.up()
            demo.watch()
        except Stopped:
            pass
        finally:
            demo.down()
    say("Stopped.")


def reset(data_dir: Path) -> None:
    """Throw the data away; refused while the demo runs, and for a folder that is not the demo's."""
    if not (data_dir / "run.lock").exists():
        say(f"{data_dir} holds no demo. Nothing to do.")
        return
    with only_one(data_dir):
        Home(data_dir, account={}, say=say).clear()
        for path in data_dir.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != "run.lock":
                path.unlink()
        (data_dir / "run.lock").unlink()
    say(f"{data_dir} is empty. The next `make run` starts afresh.")


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m demo.run", description=__doc__)
    options.add_argument("--reset", action="store_true", help="throw the demo's data away")
    options.add_argument("--stop-with-parent", action="store_true", help="also when make is killed")
    chosen = options.parse_args()
    data_dir = Path(os.environ.get("DATA_DIR", parts.ROOT / "var")).absolute()
    parent = os.getppid() if chosen.stop_with_parent else None
    try:
        reset(data_dir) if chosen.reset else run(data_dir, parent=parent)
    except CannotStart as refusal:
        sys.exit(f"\n{refusal}")


if __name__ == "__main__":
    main()
