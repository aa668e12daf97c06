"""manage.py inbox [--json] [--state STATE]: a line for each message that came in, oldest first."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from messaging import ledger
from messaging.states import InState


class Command(BaseCommand):
    help = "Lists the messages that came in, without their content."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="One JSON object a line.")
        parser.add_argument("--state", default="", choices=[state.value for state in InState])

    def handle(self, *, json: bool, state: str, **_: Any) -> None:
        write = ledger.as_json if json else ledger.as_text
        for line in ledger.inbox(state=state):
            self.stdout.write(write(line))
