"""manage.py reconcile PARTNER FILE: a partner's list beside what we hold."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.policies import SYSTEM
from requesting.errors import Refused
from requesting.partner_lists import NotAList
from requesting.queries.reconciling import partner_by_slug
from results import services


class Command(BaseCommand):
    help = "Compares a partner's list of orders or of reports (CSV) with what we hold."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("partner", help="its slug")
        parser.add_argument("file", type=Path)

    def handle(self, *, partner: str, file: Path, **_: Any) -> None:
        row = partner_by_slug(partner)
        if row is None:
            raise CommandError(f"No partner is called “{partner}”.")
        try:
            came = services.reconcile(row, file.read_bytes(), by=SYSTEM)
        except (NotAList, Refused) as refusal:
            raise CommandError(refusal.sentence) from None
        except OSError as problem:
            raise CommandError(f"{file} cannot be read: {problem.strerror}.") from None
        self.stdout.write(
            f"{came.rows} rows, {came.found} differ, {came.new} new, {came.gone} agree now."
        )
