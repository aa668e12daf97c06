"""The demo's world, whole: places and people, catalogue, rules, links, patients, and their past.

`seed()` may be called again and again: what is there stays as it is. The same seed gives the same
world, as at the day of its first seeding.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection

from accounts.models import Membership, Organisation, User
from demo.catalogue import seed_catalogue
from demo.desks import seed_desks
from demo.exchange import agree_with_archive, seed_exchange
from demo.exchange_past import seed_past
from demo.history import NotLived, grow, live_stories
from demo.hospital.journal import InUse
from demo.mailboxes import seed_mailboxes
from demo.partners import agree_with_hospital, seed_partners
from demo.patients import seed_patients
from demo.people import HARBOUR, MILLBROOK, seed_people
from demo.rules import seed_rules
from demo.tonight import report_tonight
from requesting.models import Request

PATIENTS = 200
FEWEST_WITH_A_PAST = 200  # fewer patients cannot have lived the stories
A_LARGE_WORLD = 2_000  # patients; its other practices have people of their own
LOCK = 1_948  # the year of the NHS; nobody else seeds meanwhile
Say = Callable[[str], object]

# Who asks at the practices that have no demo user: nobody can sign in as them.
ELSEWHERE = (
    (MILLBROOK, "millbrook-1", "Dr", "Tomasz", "Zieliński", "9900101"),
    (MILLBROOK, "millbrook-2", "Dr", "Abena", "Frimpong", "9900102"),
    (HARBOUR, "harbour-1", "Dr", "Isla", "Drummond", "9900103"),
    (HARBOUR, "harbour-2", "Dr", "Rohan", "Chowdhury", "9900104"),
)


def hospital_folder() -> Path:
    """Where the stand-in hospital keeps its orders."""
    return Path(settings.DATA_DIR) / "hospital"


def seed(
    *,
    patients: int = PATIENTS,
    requests: int | None = None,
    results: int | None = None,
    hospital: Path | None = None,
    say: Say = lambda _: None,
) -> None:
    """See to it that the world is there, in at least that size.

    `requests` counts requisitions (each of one test or several), `results` reports; by default two
    requests a patient and a report and a half for each.
    """
    requests = 2 * patients if requests is None else requests
    results = requests * 3 // 2 if results is None else results
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            _seed(patients, requests, results, hospital or hospital_folder(), say)
            seed_mailboxes()
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _seed(patients: int, requests: int, results: int, hospital: Path, say: Say) -> None:
    seed_people()
    seed_desks()
    seed_catalogue()
    seed_rules()
    seed_partners()
    agree_with_hospital(hospital)
    seed_exchange()
    if added := seed_patients(patients):
        say(f"{added:,} patients")
    archive = hospital.parent / "pacs"
    agree_with_archive(archive)
    seed_past(archive)
    if patients >= A_LARGE_WORLD:
        _people_elsewhere()
    if patients < FEWEST_WITH_A_PAST or not requests:
        return
    _live(hospital, say)
    if report_tonight(hospital):
        say("A CT of tonight, reported")
    if grown := grow(requests=requests, results=results, say=say):
        say(f"{grown:,} more requests of the past")
    agree_with_archive(archive)  # with what has been reported meanwhile


def _live(hospital: Path, say: Say) -> None:
    """The lived part of the past, while there is none."""
    if Request.objects.exists():
        return
    try:
        say(f"{live_stories(hospital)} requests, lived")
    except InUse as refusal:
        raise NotLived(f"{refusal} Stop it, then seed again.") from None


def _people_elsewhere() -> None:
    for place, username, title, first, last, number in ELSEWHERE:
        user, is_new = User.objects.get_or_create(
            username=username,
            defaults={
                "title": title, "first_name": first, "last_name": last, "profession": "GP",
                "registration_body": "GMC", "registration_number": number, "is_demo": True,
            },
        )  # fmt: skip
        if is_new:
            user.set_unusable_password()
            user.save(update_fields=["password"])
        Membership.objects.get_or_create(
            user=user, organisation=Organisation.objects.get(ods_code=place), ended_at=None,
            defaults={"role": "gp"},
        )  # fmt: skip
