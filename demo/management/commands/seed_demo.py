"""`manage.py seed_demo`: the demo's world, deterministic and safe to repeat."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from demo.history import NotLived
from demo.world import PATIENTS, seed


class Command(BaseCommand):
    """Refused where DEBUG is off: invented patients have no place among real ones."""

    help = "Put the demo's places, people, catalogue, patients and their past in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--patients", type=int, default=PATIENTS)
        parser.add_argument("--requests", type=int, help="default: two for each patient")
        parser.add_argument("--results", type=int, help="default: three for two requests")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The demo's world is for demos: set DEBUG=1.")
        try:
            seed(
                patients=options["patients"],
                requests=options["requests"],
                results=options["results"],
                say=self.stdout.write,
            )
        except NotLived as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write("The demo's world is there.")
