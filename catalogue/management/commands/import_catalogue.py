"""Import a catalogue release: `manage.py import_catalogue [FOLDER]`. Safe to repeat."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.policies import SYSTEM
from catalogue import services
from catalogue.errors import CatalogueError
from catalogue.importers import OUR_RELEASE, read_release


class Command(BaseCommand):
    help = "Imports a release of tests and codes. What the release lacks is retired."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, default=OUR_RELEASE)
        parser.add_argument("--check", action="store_true", help="read and check; change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            release = read_release(options["folder"])
            if options["check"]:
                self.stdout.write(f"Release {release.version} can be imported.")
                return
            counts = services.import_release(release, by=SYSTEM)
        except CatalogueError as error:
            raise CommandError(f"Nothing was imported.\n{error}") from error
        self.stdout.write(f"Release {release.version} imported: {counts}.")
