"""Stands in for a GP system: prints the link that it would open for its user and patient."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from accounts.launch import GOES, LIVES_SECONDS, Launch, make_token, new_nonce
from accounts.models import Membership
from accounts.queries import memberships_of, user_by_username
from patients.models import Patient
from patients.nhs_number import NotAnNhsNumber, parse
from patients.queries import by_nhs_number

SYSTEM = "demo-gp-system"


class Command(BaseCommand):
    """`manage.py make_launch_link --user gp --nhs-number 9990000018`"""

    help = f"Print a link that opens this service once, within {LIVES_SECONDS} seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        port = os.environ.get("PORT", "8000")
        parser.add_argument("--user", required=True, help="username, such as gp")
        parser.add_argument("--nhs-number", required=True, help="the patient's, such as 9990000018")
        parser.add_argument("--organisation", help="ODS code; else the person's own place")
        parser.add_argument("--go", choices=GOES, default="request")
        parser.add_argument("--address", default=f"http://127.0.0.1:{port}")

    def handle(self, *args: Any, **options: Any) -> None:
        patient = _patient(options["nhs_number"])
        launch = Launch(
            system=SYSTEM,
            nonce=new_nonce(),
            go=options["go"],
            username=options["user"],
            organisation_code=options["organisation"] or _place(options["user"], patient),
            nhs_number=patient.nhs_number or "",
            birth_date=patient.birth_date,
        )
        token = make_token(launch, secret=settings.LAUNCH_SECRETS[SYSTEM])
        self.stdout.write(f"{options['address']}{reverse('launch')}?link={token}")


def _patient(typed: str) -> Patient:
    try:
        patient = by_nhs_number(parse(typed))
    except NotAnNhsNumber as error:
        raise CommandError(str(error)) from None
    if patient is None:
        raise CommandError("Nobody has told this service of that patient.")
    return patient


def _place(username: str, patient: Patient) -> str:
    """Where the patient is registered if the person works there; else where they work."""
    user = user_by_username(username)
    places: list[Membership] = list(memberships_of(user.pk)) if user else []
    if not places:
        raise CommandError(f"There is no user {username} with a place of work.")
    at_practice = [each for each in places if each.organisation_id == patient.practice_id]
    return (at_practice or places)[0].organisation.ods_code
