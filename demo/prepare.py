"""Bring the database to today's shape and put the demo's people and places in it.

`python -m demo.prepare`, one process for both since most of the time goes into starting Django.
Both steps are idempotent: a second run changes nothing.
"""

import os

import django
from django.core.management import call_command


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordercomms.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=1)
    call_command("seed_demo")


if __name__ == "__main__":
    main()
