"""manage.py show_message ID: the bytes of a message as they came or go, and nothing else."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from messaging import ledger


class Command(BaseCommand):
    help = "Prints the raw bytes of one message, by its id in `inbox` or `outbox`: in-12, out-7."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id")
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--inbound", dest="direction", action="store_const", const="in", default=""
        )
        which.add_argument("--outbound", dest="direction", action="store_const", const="out")

    def handle(self, *, id: str, direction: str, **_: Any) -> None:
        try:
            raw = ledger.raw_of(id, direction=direction)
        except ledger.NoSuchMessage as refusal:
            raise CommandError(str(refusal)) from None
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
