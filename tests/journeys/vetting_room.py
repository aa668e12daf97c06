"""Requests before Eastmarsh's radiologist, for the journeys: asked and sent by services."""

from datetime import date, timedelta

import time_machine
from django.utils import timezone

from demo.catalogue import seed_catalogue
from demo.partners import seed_partners
from demo.rules import seed_rules
from requesting.models import RequestItem
from tests.requesting.surgery import Surgery, line

CHEST = line("chest-xray", reasons=["cough-for-more-than-3-weeks"])
JAUNDICE = line("us-abdomen", reasons=["jaundice"], details="Dark urine for a week.")
KNEE = line("knee-xray", side="L", details="Locking since a fall.")
DAYS_AGO = timedelta(days=4)


def seed_room() -> Surgery:
    """Northgate asks, Eastmarsh vets; the catalogue has been good for a month."""
    with time_machine.travel(timezone.now() - timedelta(days=30), tick=False):
        seed_catalogue()
        seed_rules()
    seed_partners()
    return Surgery()


def waiting(surgery: Surgery, *tests: dict, ago: timedelta = DAYS_AGO) -> list:
    """One request of each test, for different people, a minute apart, waiting to be vetted."""
    return [_one(surgery, test, count, ago) for count, test in enumerate(tests)]


def _one(surgery: Surgery, test: dict, count: int, ago: timedelta) -> RequestItem:
    moment = timezone.now() - ago + timedelta(minutes=count)
    with time_machine.travel(moment, tick=False):
        return surgery.vetting(test, patient=surgery.patient(birth_date=date(1950 + count, 3, 2)))
