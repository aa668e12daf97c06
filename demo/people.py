"""The demo's places and people. All invented: codes are shaped like ODS codes and belong to nobody,
telephone numbers are of the ranges kept for drama.

`seed_people()` puts them in, again and again with the same outcome; certificates run out so many
days from the day of the last seeding, so that the one in date stays in date.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password, is_password_usable, make_password
from django.db import transaction
from django.utils import timezone

from accounts.models import Entitlement, Membership, Organisation, Site, User

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
OFFICE = {day: ["08:30", "17:00"] for day in WEEKDAYS}
LONG_DAYS = {day: ["08:00", "20:00"] for day in WEEKDAYS} | {"sat": ["09:00", "13:00"]}
EVERY_DAY = {day: ["08:00", "20:00"] for day in (*WEEKDAYS, "sat", "sun")}
MORNINGS = {day: ["08:00", "12:30"] for day in WEEKDAYS}

# --- Places --------------------------------------------------------------------------------------

NORTHGATE, MILLBROOK, HARBOUR = "Y90001", "Y90002", "Y90003"
CLINIC, PCN, CENTRE = "Y90010", "U90001", "Y90099"
KINGSMERE, EASTMARSH, WYCHCOMBE = "RZ1", "RZ2", "RZ3"
TRUSTS = (KINGSMERE, EASTMARSH, WYCHCOMBE)
PRACTICES = (NORTHGATE, MILLBROOK, HARBOUR)
VETS_HERE = "RZ2RAD"  # the department without a RIS of its own that vets


def radiology_of(trust: str) -> str:
    """The code of a trust's radiology department: RZ1RAD."""
    return f"{trust}RAD"


def pathology_of(trust: str) -> str:
    """The code of a trust's pathology department: RZ1PATH."""
    return f"{trust}PATH"


@dataclass(frozen=True)
class Place:
    """An organisation before it is in the database."""

    ods_code: str
    name: str
    kind: str
    parent: str = ""
    discipline: str = ""
    may_request: bool = False
    vets_here: bool = False
    phone: str = ""
    help_phone: str = "020 7946 0100"


def _trust(code: str, name: str, phone: str) -> list[Place]:
    """A trust and its two departments; `phone` is the switchboard."""
    return [
        Place(code, name, "trust", phone=phone, help_phone="020 7946 0120"),
        Place(
            radiology_of(code), f"{name.split()[0]} Radiology", "department", parent=code,
            discipline="radiology", vets_here=radiology_of(code) == VETS_HERE,
            phone=f"{phone} ext 8569",
        ),
        Place(
            pathology_of(code), f"{name.split()[0]} Pathology", "department", parent=code,
            discipline="pathology", phone=f"{phone} ext 8420",
        ),
    ]  # fmt: skip


PLACES = [
    Place(NORTHGATE, "Northgate Surgery", "practice", may_request=True, phone="01632 960010"),
    Place(MILLBROOK, "Millbrook Medical Centre", "practice", may_request=True,
          phone="01632 960020"),
    Place(HARBOUR, "Harbour Lane Practice", "practice", may_request=True, phone="01632 960030"),
    Place(CLINIC, "Riverside Community Clinic", "community", may_request=True,
          phone="01632 960040"),
    Place(PCN, "Three Rivers Primary Care Network", "pcn", phone="01632 960050"),
    *_trust(KINGSMERE, "Kingsmere University Hospitals NHS Trust", "01632 960100"),
    *_trust(EASTMARSH, "Eastmarsh NHS Foundation Trust", "01632 960200"),
    *_trust(WYCHCOMBE, "Wychcombe Hospitals NHS Trust", "01632 960300"),
    Place(CENTRE, "Diagnostics Service Centre", "central", phone="020 7946 0100"),
]  # fmt: skip


@dataclass(frozen=True)
class Building:
    """A site before it is in the database."""

    ods_code: str
    department: str
    name: str
    address: str
    phone: str
    opening_hours: dict[str, list[str]] = field(hash=False)


SITES = [
    Building("RZ101", "RZ1RAD", "Kingsmere Hospital X-ray", "Palace Road, Kingsmere KM1 2ZZ",
             "01632 960101", EVERY_DAY),
    Building("RZ102", "RZ1RAD", "Northgate Health Centre X-ray", "North Street, Northgate NG2 1ZZ",
             "01632 960102", OFFICE),
    Building("RZ103", "RZ1RAD", "Oakfield Diagnostic Centre", "Oakfield Way, Kingsmere KM4 7ZZ",
             "01632 960103", LONG_DAYS),
    Building("RZ104", "RZ1PATH", "Kingsmere Hospital blood tests", "Palace Road, Kingsmere KM1 2ZZ",
             "01632 960104", LONG_DAYS),
    Building("RZ105", "RZ1PATH", "Northgate Health Centre blood tests",
             "North Street, Northgate NG2 1ZZ", "01632 960105", MORNINGS),
    Building("RZ201", "RZ2RAD", "Eastmarsh General X-ray", "Sea Road, Eastmarsh EM1 1ZZ",
             "01632 960201", EVERY_DAY),
    Building("RZ202", "RZ2RAD", "Saltley Community Hospital X-ray", "Mill Lane, Saltley EM5 3ZZ",
             "01632 960202", OFFICE),
    Building("RZ203", "RZ2PATH", "Eastmarsh General blood tests", "Sea Road, Eastmarsh EM1 1ZZ",
             "01632 960203", LONG_DAYS),
    Building("RZ301", "RZ3RAD", "Wychcombe Infirmary X-ray", "Castle Hill, Wychcombe WY1 9ZZ",
             "01632 960301", EVERY_DAY),
    Building("RZ302", "RZ3PATH", "Wychcombe Infirmary blood tests",
             "Castle Hill, Wychcombe WY1 9ZZ", "01632 960302", MORNINGS),
]  # fmt: skip

SERVES = {
    CLINIC: PRACTICES,
    PCN: PRACTICES,
    radiology_of(KINGSMERE): (*PRACTICES, CLINIC),
    pathology_of(KINGSMERE): (*PRACTICES, CLINIC),
    radiology_of(EASTMARSH): PRACTICES,
    pathology_of(EASTMARSH): PRACTICES,
    radiology_of(WYCHCOMBE): (HARBOUR,),
    pathology_of(WYCHCOMBE): (HARBOUR,),
}

# --- People --------------------------------------------------------------------------------------

LIMBS_AND_CHEST = [
    f"{part}-xray"
    for part in (
        "chest", "ankle", "clavicle", "elbow", "femur", "finger", "foot", "forearm", "great-toe",
        "hand", "hand-wrist", "heel", "humerus", "knee", "patella", "scaphoid", "shoulder",
        "thumb", "tibia-fibula", "toes", "wrist",
    )
]  # fmt: skip


@dataclass(frozen=True)
class Leave:
    """A trust's entitlement, in days from the day of seeding."""

    trust: str
    granted: int
    runs_out: int
    scope_words: str = "X-ray of limbs and chest"
    modalities: tuple[str, ...] = ("XR",)
    service_codes: tuple[str, ...] = tuple(LIMBS_AND_CHEST)


@dataclass(frozen=True)
class Person:
    """A user before they are in the database. `roles`: (place, role) pairs."""

    username: str
    title: str
    first_name: str
    last_name: str
    profession: str
    roles: tuple[tuple[str, str], ...]
    try_this: str
    registration: tuple[str, str] = ("", "")
    leaves: tuple[Leave, ...] = ()
    supervisor: str = ""

    @property
    def who(self) -> str:
        """`Dr Anita Patel, GP`."""
        return f"{self.title} {self.first_name} {self.last_name}, {self.profession}"


PEOPLE = (
    Person(
        "gp", "Dr", "Anita", "Patel", "GP", ((NORTHGATE, "gp"),),
        "Request a chest X-ray and bloods, then review the results",
        ("GMC", "9900001"),
    ),
    Person(
        "gp2", "Dr", "Samir", "Shah", "GP", ((NORTHGATE, "gp"), (PCN, "gp")),
        "Work for the surgery, then change to the network, which cannot request yet",
        ("GMC", "9900002"),
    ),
    Person(
        "ahp", "Ms", "Chloe", "Bennett", "Physiotherapist", ((CLINIC, "ahp"),),
        "Request a knee X-ray; a CT head is refused with the reason",
        ("HCPC", "PH990003"), (Leave(KINGSMERE, -400, 330), Leave(EASTMARSH, -340, 25)), "gp",
    ),
    Person(
        "ahp-expired", "Mr", "Daniel", "Osei", "Paramedic", ((NORTHGATE, "ahp"),),
        "Request bloods; an X-ray is refused, the certificate has run out",
        ("HCPC", "PA990004"), (Leave(KINGSMERE, -1116, -21),), "gp",
    ),
    Person(
        "practice-admin", "Mrs", "Joan", "Whitfield", "Practice administrator",
        ((NORTHGATE, "practice-admin"),),
        "Find out where a request has got to; nothing can be changed",
    ),
    Person(
        "radiologist", "Dr", "Helen", "Marsh", "Consultant radiologist",
        ((VETS_HERE, "radiology-vetter"),),
        "Vet what was asked of Eastmarsh: accept, change, ask, reject",
        ("GMC", "9900006"),
    ),
    Person(
        "radiology-admin", "Mr", "Kofi", "Mensah", "Radiology administrator",
        ((VETS_HERE, "radiology-vetter"),),
        "Reject a request with a reason and see it reach the GP",
    ),
    Person(
        "radiographer", "Ms", "Ruth", "Ames", "Radiographer",
        ((radiology_of(KINGSMERE), "radiology-vetter"),),
        "Key in what came to Kingsmere on a downtime form; find a patient at the desk",
        ("HCPC", "RA990010"),
    ),
    Person(
        "lab", "Ms", "Priya", "Nair", "Biomedical scientist",
        ((pathology_of(KINGSMERE), "laboratory"),),
        "See what the laboratory was asked for, and messages that need a person",
        ("HCPC", "BS990008"),
    ),
    Person(
        "mbp", "Mr", "Imran", "Aziz", "Service desk analyst", ((KINGSMERE, "mbp"),),
        "Open a ticket for images from another hospital, watch the lanes, match and file",
    ),
    Person(
        "mbp-lead", "Mrs", "Fiona", "Calder", "Service desk lead", ((KINGSMERE, "mbp-lead"),),
        "Keep the directory of institutions; see how fast Blue Light was",
    ),
    Person(
        "ward", "Dr", "Amara", "Diallo", "Registrar, neurosurgery",
        ((KINGSMERE, "hospital-clinician"),),
        "Ask another hospital for a patient’s images, and see how far it is",
        ("GMC", "9900012"),
    ),
    Person(
        "on-call", "Mr", "Leo", "Brandt", "Radiographer on call",
        ((radiology_of(KINGSMERE), "on-call"),),
        "At night: send a trauma patient’s CT to the trauma centre",
        ("HCPC", "RA990011"),
    ),
    Person(
        "central", "Mr", "Owen", "Davies", "Service manager", ((CENTRE, "central"),),
        "See that it works: parked messages, links, their state",
    ),
    Person(
        "central-2", "Ms", "Grace", "Adeyemi", "Integration analyst", ((CENTRE, "central"),),
        "The second person: apply or refuse a change of a partner",
    ),
)  # fmt: skip

# For the table that `make run` prints: username, who they are, what to try.
DEMO_USERS = [(person.username, person.who, person.try_this) for person in PEOPLE]


# --- Putting them in -----------------------------------------------------------------------------


@transaction.atomic
def seed_people(*, today: date | None = None) -> None:
    """Put every place and person in, or back to what this page says. Deletes nothing."""
    places = {place.ods_code: _place(place) for place in PLACES}
    for place in PLACES:
        if place.parent:
            Organisation.objects.filter(pk=places[place.ods_code].pk).update(
                parent=places[place.parent]
            )
    for code, served in SERVES.items():
        places[code].serves.set([places[each] for each in served])
    for site in SITES:
        _site(site, places)
    password = _password()
    users = {person.username: _user(person, password) for person in PEOPLE}
    for person in PEOPLE:
        _roles(person, users, places)
        _leaves(person, users, places, today or timezone.localdate())


def _place(place: Place) -> Organisation:
    facts = {name: value for name, value in vars(place).items() if name not in ("parent",)}
    return Organisation.objects.update_or_create(ods_code=place.ods_code, defaults=facts)[0]


def _site(site: Building, places: dict[str, Organisation]) -> None:
    facts: dict[str, Any] = vars(site) | {"department": places[site.department]}
    Site.objects.update_or_create(ods_code=site.ods_code, defaults=facts)


def _password() -> str:
    """The hash that every demo user has: the one that is there while it is still right."""
    known = User.objects.filter(is_demo=True).values_list("password", flat=True).first()
    if known and _is_still_right(known):
        return known
    return make_password(settings.DEMO_PASSWORD or None)  # None: nobody can sign in with it


def _is_still_right(known: str) -> bool:
    if not settings.DEMO_PASSWORD:
        return not is_password_usable(known)
    return check_password(settings.DEMO_PASSWORD, known)


def _user(person: Person, password: str) -> User:
    body, number = person.registration
    facts = {
        "title": person.title,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "profession": person.profession,
        "registration_body": body,
        "registration_number": number,
        "registration_checked_on": date(2026, 1, 12) if number else None,
        "password": password,
        "is_demo": True,
        "is_active": True,
    }
    return User.objects.update_or_create(username=person.username, defaults=facts)[0]


def _roles(person: Person, users: dict[str, User], places: dict[str, Organisation]) -> None:
    for code, role in person.roles:
        Membership.objects.update_or_create(
            user=users[person.username],
            organisation=places[code],
            ended_at=None,
            defaults={"role": role, "supervisor": users.get(person.supervisor)},
        )


def _leaves(
    person: Person, users: dict[str, User], places: dict[str, Organisation], today: date
) -> None:
    for leave in person.leaves:
        Entitlement.objects.update_or_create(
            user=users[person.username],
            trust=places[leave.trust],
            defaults={
                "scope_words": leave.scope_words,
                "modalities": list(leave.modalities),
                "service_codes": list(leave.service_codes),
                "granted_on": today + timedelta(days=leave.granted),
                "certificate_expires_on": today + timedelta(days=leave.runs_out),
                "suspended_at": None,
            },
        )
