"""The rig: a private PostgreSQL and broker, our processes, and who starts again what has died.

Children follow the thread that starts them, so all is started, tended and killed by one thread:
that of the scenario, in `until`.
"""

import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from demo.embedded import Home, Postgres, Valkey, unprivileged
from demo.processes import Child

from .outside import Receiver
from .size import Size

MOST_STARTS = 40
BASE = "faults_base"  # migrated once; each scenario gets a copy


class Servers:
    """PostgreSQL with fsync and checksums, and a broker; `Rig`s come and go on them."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ordercomms-faults-"))
        self.folder.chmod(0o711)
        self.postgres = Postgres(self.folder, say=lambda _: None).start()
        self.broker = Valkey(self.folder, say=lambda _: None).start()
        os.environ.update(
            DEBUG="1",
            DATA_DIR=str(self.folder),
            DATABASE_URL=self.postgres.url(),
            REDIS_URL=self.broker.url(),
            DJANGO_SETTINGS_MODULE="tests.messaging.process_settings",
            LOG_LEVEL="WARNING",
        )
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))
        self._prepare()

    def _prepare(self) -> None:
        import django

        django.setup()
        self.use(None)
        from django.core.management import call_command

        self.sql(f"CREATE DATABASE {BASE}")
        self.use(BASE)
        call_command("migrate", verbosity=0)
        self.use(None)

    def use(self, name: str | None) -> None:
        """Point this process's Django at a database; None: at the one that always exists."""
        from django.db import connection

        connection.close()
        connection.settings_dict["NAME"] = name or "ordercomms"

    def sql(self, words: str) -> list[tuple]:
        """Outside any transaction, outside any scenario's database."""
        link = psycopg2.connect(self.postgres.url())
        link.autocommit = True
        try:
            with link.cursor() as cursor:
                cursor.execute(words)
                return cursor.fetchall() if cursor.description else []
        finally:
            link.close()

    def stop(self) -> None:
        self.broker.stop()
        self.postgres.stop()
        Home(self.folder, account=unprivileged(), say=lambda _: None).clear()


class Rig:
    """One scenario's world: its database, its processes, its outside."""

    def __init__(self, servers: Servers, fault: str, *, seed: int, size: Size) -> None:
        self.servers, self.fault, self.size, self.seed = servers, fault, size, seed
        self.chance = random.Random(f"{fault} {seed}")
        self.name = f"fault_{fault.lower()}_{seed}"
        self.logs = servers.folder / "logs" / self.name
        self.children: dict[str, Child] = {}
        self.kills: dict[str, int] = {}
        self.receivers: list[Receiver] = []
        self.port = 0
        self.starts: dict[str, int] = {}
        self._started: dict[str, float] = {}

    # --- Coming and going ---

    def open(self) -> None:
        self.servers.sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
        self.servers.sql(f"CREATE DATABASE {self.name} TEMPLATE {BASE}")
        self.servers.use(self.name)
        self.logs.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        for child in self.children.values():
            child.stop()
        for receiver in self.receivers:
            receiver.close()
        self.servers.use(None)
        self.servers.sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    # --- Our processes ---

    def environment(self, **more: str) -> dict[str, str]:
        ours = {"TEST_DATABASE": self.name, "SWEEP_SECONDS": "2", "PYTHONUNBUFFERED": "1"}
        return os.environ | ours | more

    def add(self, name: str, *words: str, **environment: str) -> Child:
        child = Child(
            name=name,
            argv=[sys.executable, *words],
            log=self.logs / f"{name}.log",
            env=self.environment(**environment),
            orphaned_signal=signal.SIGKILL,
        )
        if name in self.children:
            self.children[name].stop()
        self.children[name] = child
        child.start()
        return child

    def add_worker(self, queue: str, name: str = "", **environment: str) -> Child:
        words = ("-m", "celery", "-A", "ordercomms", "worker", "-P", "threads", "-c", "2")
        more = ("-Q", queue, "--without-gossip", "--without-mingle", "-n", f"{name or queue}@rig")
        return self.add(name or queue, *words, *more, **environment)

    def add_listener(self, **environment: str) -> Child:
        from tests.messaging.processes import free_port

        self.port = self.port or free_port()
        return self.add(
            "listener", "manage.py", "mllp_listen", "--port", str(self.port), **environment
        )

    def add_writer(self, name: str, count: int, *, streams: int = 40, pace: float = 0.0) -> Path:
        """A process that orders `count` times; its ledger's path."""
        ledger = self.logs / f"{name}.ledger"
        ledger.unlink(missing_ok=True)
        ledger.touch()
        words = ("-m", "tests.faults.writer", name, str(count), str(streams), str(ledger))
        words += (f"{pace:.4f}",)
        self.add(name, *words)
        return ledger

    def add_receiver(self, **options: Any) -> Receiver:
        """A receiver, and the partner row that leads to it."""
        from tests.messaging.senders import make_partner

        receiver = Receiver(seed=self.seed, **options)
        self.receivers.append(receiver)
        number = len(self.receivers)
        slug = "ris" if number == 1 else f"ris{number}"
        make_partner(slug, port=receiver.port)
        return receiver

    # --- Time passes ---

    def until(
        self,
        question: Callable[[], bool],
        *,
        seconds: float,
        act: Callable[[], None] = lambda: None,
    ) -> bool:
        """Tend the processes, and act, until the answer is yes; False when `seconds` passed."""
        deadline = time.monotonic() + seconds
        while True:
            self.tend()
            act()
            if self._ask(question):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)

    def _ask(self, question: Callable[[], bool]) -> bool:
        """No, while the database is what has just been killed."""
        from django.db import Error, connection

        try:
            return question()
        except Error:
            connection.close()
            return False

    def tend(self) -> None:
        """Start again what has died; a process that ended well has done its work."""
        if not self.servers.postgres.child.is_running:
            self.servers.postgres.start()
        if not self.servers.broker.child.is_running and not getattr(self, "broker_is_away", False):
            self.servers.broker.start()
        for child in self.children.values():
            if child.exit_code not in (None, 0) and self._may_start(child.name):
                self._refuse_a_loop(child)
                child.start()

    def _refuse_a_loop(self, child: Child) -> None:
        """What dies again and again of itself is not a fault that we played."""
        self.starts[child.name] = self.starts.get(child.name, 0) + 1
        if self.starts[child.name] > MOST_STARTS + self.kills.get(child.name, 0):
            raise RuntimeError(f"{child.name} does not stay up: {child.last_lines(3)}")

    def _may_start(self, name: str) -> bool:
        """Once a second at most, as a supervisor would."""
        now, last = time.monotonic(), self._started.get(name, 0.0)
        if now - last < 1:
            return False
        self._started[name] = now
        return True

    def kill(self, name: str) -> bool:
        """Kill -9; whether it ran. "postgres" is the postmaster, "broker" the broker."""
        servers = {"postgres": self.servers.postgres.child, "broker": self.servers.broker.child}
        child = servers.get(name) or self.children[name]
        if not child.is_running or child.process is None:
            return False
        child.process.send_signal(signal.SIGKILL)
        child.process.wait(10)
        self.kills[name] = self.kills.get(name, 0) + 1
        return True

    def all_logs(self) -> Iterator[Path]:
        yield from self.logs.glob("*.log")


@contextmanager
def rigged(servers: Servers, fault: str, *, seed: int, size: Size) -> Iterator[Rig]:
    """A rig that is put away afterwards, whatever happened."""
    rig = Rig(servers, fault, seed=seed, size=size)
    rig.open()
    try:
        yield rig
    finally:
        rig.close()
