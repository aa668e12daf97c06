"""manage.py agree_times PARTNER HOURS --by YOU: so soon it speaks of an order that it took.

docs/runbooks/add-a-partner.md says when. Without HOURS it shows what counts now.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from requesting import services
from requesting.queries.reconciling import partner_by_slug, times_of
from results.management.commands.agree_host import acting_for


class Command(BaseCommand):
    help = "Agrees how soon a partner speaks of an order (hours while it is open), or shows it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("partner", help="its slug")
        parser.add_argument("hours", nargs="?", type=float, help="such as 4 or 0.5")
        parser.add_argument("--opens", type=int, default=0, help="hour of the day, in London")
        parser.add_argument("--closes", type=int, default=24)
        parser.add_argument("--weekdays", action="store_true", help="Monday to Friday only")
        parser.add_argument("--usual", action="store_true", help="nothing of its own any more")
        parser.add_argument("--by", default="", help="Your user name, of the central team.")

    def handle(self, *, partner: str, hours: float | None, by: str, **said: Any) -> None:
        row = partner_by_slug(partner)
        if row is None:
            raise CommandError(f"No partner is called “{partner}”.")
        try:
            if said["usual"]:
                services.back_to_usual(row, by=acting_for(by))
            elif hours is not None:
                services.agree_times(
                    row, hours=hours, opens=said["opens"], closes=said["closes"],
                    weekends=not said["weekdays"], by=acting_for(by),
                )  # fmt: skip
        except ValueError as refusal:
            raise CommandError(str(refusal)) from None
        for words in times_of(row):
            self.stdout.write(words)
