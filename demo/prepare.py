"""Bring the database to today's shape and put the demo's people and places in it.

`python -m demo.prepare`, one process for both since most of the time goes into starting Django.
Both steps are idempotent: a second run changes nothing. `DEMO_PATIENTS` makes a smaller or larger
world than the usual one; below 200 nobody has a past, and it is there in a second.

Leaves the table of demo users where `make run`, which has no Django of its own, reads it.
"""

import json
import os
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordercomms.settings")
    django.setup()
    with connection.cursor() as cursor:  # a power cut now loses what a second run makes again
        cursor.execute("SET synchronous_commit TO off")
    call_command("migrate", interactive=False, verbosity=1)
    size = {"patients": int(os.environ["DEMO_PATIENTS"])} if "DEMO_PATIENTS" in os.environ else {}
    call_command("seed_demo", **size)
    note_users(Path(os.environ["DATA_DIR"]))


def note_users(data_dir: Path) -> None:
    """Username, who they are, what to try: no secret among them."""
    from demo.people import DEMO_USERS

    (data_dir / "demo-users.json").write_text(json.dumps(DEMO_USERS))


if __name__ == "__main__":
    main()
