"""The running servers' addresses, for a `manage.py` typed by hand."""

import json
from pathlib import Path

from demo.embedded.places import write_private


def write_addresses(data_dir: Path, *, database_url: str, redis_url: str) -> None:
    """Note the servers' addresses, so that a `manage.py` typed by hand finds the same ones."""
    addresses = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    write_private(data_dir / "servers.json", json.dumps(addresses, indent=2))


def forget_addresses(data_dir: Path) -> None:
    """The servers are gone: better no address than one that nobody answers."""
    (data_dir / "servers.json").unlink(missing_ok=True)
