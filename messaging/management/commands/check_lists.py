"""manage.py check_lists: rows that no list shows, by table. Ends with 1 when there is one (H22)."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string


class Command(BaseCommand):
    help = "Counts the rows of every queue that are on no list of any page: all must be 0."
    requires_system_checks: list[str] = []

    def handle(self, **_: Any) -> None:
        counts: dict[str, int] = import_string(settings.UNLISTED)()
        for name, count in counts.items():
            self.stdout.write(f"{count:>8}  {name}")
        if lost := sum(counts.values()):
            raise CommandError(f"{lost} rows are on no list.")
