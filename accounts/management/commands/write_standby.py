"""manage.py write_standby: the downtime page and packs, now; before planned work, say."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string

from accounts.queries import standby_state


class Command(BaseCommand):
    help = "Writes the downtime page and packs now, whenever they were written last."

    def handle(self, **_: Any) -> None:
        if not settings.STANDBY_DIR:
            raise CommandError("Set STANDBY_DIR to a folder.")
        if not import_string(settings.STANDBY_WRITER)(at_once=True):
            state = standby_state()
            why = state.sentence if state else ""
            raise CommandError(why or "Somebody else is writing it at this moment.")
        self.stdout.write(f"Written to {settings.STANDBY_DIR}.")
