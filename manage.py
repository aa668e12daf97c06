#!/usr/bin/env python
"""The command line of the whole house."""

import json
import os
import sys
from pathlib import Path


def join_the_demo() -> None:
    """Beside a running `make run`, with no database named, use that demo's servers and ports."""
    data_dir = Path(os.environ.get("DATA_DIR", Path(__file__).resolve().parent / "var"))
    noted = data_dir / "servers.json"
    if "DATABASE_URL" not in os.environ and noted.exists():
        for name, value in json.loads(noted.read_text()).items():
            os.environ.setdefault(name, value)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordercomms.settings")
    join_the_demo()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
