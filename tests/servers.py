"""A private PostgreSQL and a private broker for one run of the tests.

`DATABASE_URL` and `REDIS_URL`, where they are set, name servers to use instead. Under xdist the
controller starts the servers and its workers inherit the addresses; each worker has a broker
database of its own, so that a doorbell is never heard by another worker's tests.
"""

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from demo.embedded import Home, Postgres, Valkey, unprivileged

FAST_FOR_TESTS = {
    "DEBUG": "1",  # demo secrets will do
    "DJANGO_SETTINGS_MODULE": "ordercomms.settings",
}


@dataclass
class Servers:
    """What this process started, and so has to stop."""

    running: list[Postgres | Valkey] = field(default_factory=list)
    folder: Path | None = None
    said: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start what is not given, and put the addresses where settings.py reads them."""
        for name, value in FAST_FOR_TESTS.items():
            os.environ.setdefault(name, value)
        if "PYTEST_XDIST_WORKER" in os.environ:
            _use_own_broker_database(os.environ["PYTEST_XDIST_WORKER"])
            return
        atexit.register(self.stop)
        self.folder = _open_folder()
        os.environ["DATA_DIR"] = str(self.folder)
        if "DATABASE_URL" not in os.environ:
            self._run("DATABASE_URL", Postgres(self.folder, durable=False, say=self.said.append))
        if "REDIS_URL" not in os.environ:
            self._run("REDIS_URL", Valkey(self.folder, say=self.said.append))

    def _run(self, variable: str, server: Postgres | Valkey) -> None:
        self.running.append(server.start())
        os.environ[variable] = server.url()

    def stop(self) -> None:
        """Stop what was started and throw the data away."""
        while self.running:
            self.running.pop().stop()
        if self.folder:
            Home(self.folder, account=unprivileged(), say=self.said.append).clear()
            shutil.rmtree(self.folder)
            self.folder = None


def _open_folder() -> Path:
    """A temporary folder that PostgreSQL's account may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="ordercomms-tests-"))
    folder.chmod(0o711)
    return folder


def _use_own_broker_database(worker: str) -> None:
    """gw0 takes database 1, gw1 database 2: the controller's is 0."""
    address = os.environ["REDIS_URL"]
    if address.startswith("unix://") and "?" not in address:
        os.environ["REDIS_URL"] = f"{address}?db={int(worker.removeprefix('gw')) + 1}"
