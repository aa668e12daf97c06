"""What a `manage.py` typed by hand beside the running demo is told: addresses and ports."""

import json
from collections.abc import Mapping
from pathlib import Path

from demo.embedded.places import write_private


def write_addresses(data_dir: Path, env: Mapping[str, str]) -> None:
    """Note the demo's environment where manage.py looks for it."""
    write_private(data_dir / "servers.json", json.dumps(dict(env), indent=2))


def forget_addresses(data_dir: Path) -> None:
    """The servers are gone: better no address than one that nobody answers."""
    (data_dir / "servers.json").unlink(missing_ok=True)
