"""manage.py outbox [--json] [--state STATE]: a line for each message that goes, oldest first."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from messaging import ledger
from messaging.states import OutState


class Command(BaseCommand):
    help = "Lists the messages that go out, without their content."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="One JSON object a line.")
        parser.add_argument("--state", default="", choices=[state.value for state in OutState])

    def handle(self, *, json: bool, state: str, **_: Any) -> None:
        write = ledger.as_json if json else ledger.as_text
        for line in ledger.outbox(state=state):
            self.stdout.write(write(line))
