"""Write down what was agreed with a partner about synthetic orders, or that it ended."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.policies import SYSTEM
from messaging import services
from messaging.errors import NotSendable
from messaging.models import Partner


class Command(BaseCommand):
    """`manage.py synthetic_orders rz1-ris --patient 9999999999 --code SYNTHETIC [--seconds 60]`."""

    help = "Send a partner synthetic orders, as agreed with it (--seconds 0: no longer)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("partner", help="its short name")
        parser.add_argument("--seconds", type=int, default=60, help="how often; 0: never")
        parser.add_argument("--patient", default="", help="the agreed NHS number, of 999")
        parser.add_argument("--code", default="", help="the agreed code (OBR-4.1)")

    def handle(self, *args: Any, **options: Any) -> None:
        partner = Partner.objects.filter(slug=options["partner"]).first()
        if partner is None:
            raise CommandError(f"There is no partner {options['partner']}.")
        agreed = {name: options[name] for name in ("seconds", "patient", "code")}
        try:
            services.agree_synthetic(partner, **agreed, by=SYSTEM)
        except NotSendable as refusal:
            raise CommandError(refusal.sentence) from None
        every = f"every {options['seconds']} seconds" if options["seconds"] else "no longer"
        self.stdout.write(f"{partner.slug}: synthetic orders {every}")
