"""The demo's patients. Every one is invented, and the same seed gives the same people.

NHS numbers are of the range that is never issued: 999 000 0018 upwards, in order, each with its
right check digit. Postcodes have the form of one, in an area that does not exist, ZZ (and never
ZZ99, which the NHS uses for "no fixed abode"). Telephone numbers are of the ranges that Ofcom keeps
for drama. Names are dealt at random from lists; streets and towns are made up.

`seed_patients()` adds who is missing; `--patients 50000` is the same function with a larger count.
"""

from __future__ import annotations

import calendar
import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count as counted
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Organisation
from patients.models import ChangeKind, Gender, Identifier, Patient, PatientChange
from patients.nhs_number import check_digit

from .names import FAMILY, FEMALE, LANGUAGES, MALE, NEEDS, STREET_ENDS, STREETS, TOWNS
from .people import PRACTICES, TRUSTS

SEED = 20261122
FIRST_NINE = 999_000_001  # its check digit is 8: 999 000 0018
BATCH = 2_500
AS_AT = date(2025, 1, 1)  # ages are dealt as at this day, so that nobody is born tomorrow

# Share of a practice's list by age: (youngest, oldest, weight). Older people come more often.
AGES = ((0, 4, 5), (5, 17, 12), (18, 34, 18), (35, 49, 18), (50, 64, 20), (65, 79, 18), (80, 99, 9))

# The first patients of the list are always these, of the first practice: those whom a newcomer and
# the tests meet. What is not said here is dealt like everybody's.
CAST: tuple[dict[str, Any], ...] = (
    {  # 999 000 0018: the patient of the demo
        "family_name": "Phrommasiri", "given_names": "Anuwat", "title": "Mr",
        "birth_date": date(1965, 7, 14), "gender": Gender.MALE,
        "address_lines": ["14 Larkspur Terrace", "Northgate"], "postcode": "ZZ1 4QD",
        "phone": "01632 960114", "mobile": "07700 900114",
    },
    {  # 999 000 0026: of an age at which pregnancy is asked about
        "family_name": "Okonkwo-Bell", "given_names": "Adaeze Ruth", "title": "Ms",
        "birth_date": date(1992, 3, 3), "gender": Gender.FEMALE,
    },
    {  # 999 000 0034: a child
        "family_name": "Ní Dhomhnaill", "given_names": "Saoirse", "title": "Miss",
        "birth_date": date(2019, 9, 21), "gender": Gender.FEMALE, "mobile": "",
    },
    {  # 999 000 0042: an interpreter and a wheelchair
        "family_name": "Łukasiewicz", "given_names": "Stanisław", "title": "Mr",
        "birth_date": date(1948, 1, 30), "gender": Gender.MALE,
        "preferred_language": "Polish", "access_needs": "Polish interpreter; Wheelchair user",
    },
    {  # 999 000 0050: nothing that says where she lives may be shown
        "family_name": "Fairweather", "given_names": "Joyce", "title": "Mrs",
        "birth_date": date(1979, 11, 5), "gender": Gender.FEMALE, "is_restricted": True,
    },
    {  # 999 000 0069: nobody can be asked to do anything for him any more
        "family_name": "Featherstonehaugh", "given_names": "Walter Geoffrey", "title": "Mr",
        "birth_date": date(1934, 6, 2), "gender": Gender.MALE,
        "is_deceased": True, "died_on": date(2024, 10, 9),
    },
)  # fmt: skip
ALIVE_AND_OPEN: dict[str, Any] = {
    "preferred_name": "", "preferred_language": "English", "access_needs": "",
    "is_restricted": False, "is_deceased": False, "died_on": None,
}  # fmt: skip


def seed_patients(count: int = 200) -> int:
    """See to it that the first `count` demo patients are there; how many were added.

    Needs the places of `demo.people`. Adds 50,000 in less than half a minute.
    """
    dice = random.Random(SEED)
    practices = _by_code(PRACTICES)
    there = set(
        Patient.objects.filter(nhs_number__startswith="999").values_list("nhs_number", flat=True)
    )
    # Everybody is dealt, and those who are there already are left as they are: the dice must fall
    # the same way whatever was there before.
    everybody = (_deal(dice, number, practices) for number in islice(nhs_numbers(), count))
    missing = (each for each in everybody if each[0].nhs_number not in there)
    added = 0
    while batch := list(islice(missing, BATCH)):
        _add(batch)
        added += len(batch)
    return added


def nhs_numbers() -> Iterator[str]:
    """The demo range in order, without the nine digits that have no check digit."""
    for nine in counted(FIRST_NINE):
        check = check_digit(str(nine))
        if check is not None:
            yield f"{nine}{check}"


_CAST_NUMBERS = tuple(islice(nhs_numbers(), len(CAST)))


def _by_code(codes: tuple[str, ...]) -> list[Organisation]:
    found = {place.ods_code: place for place in Organisation.objects.filter(ods_code__in=codes)}
    return [found[code] for code in codes]


@transaction.atomic
def _add(batch: list[tuple[Patient, list[Identifier]]]) -> None:
    patients = [patient for patient, _ in batch]
    Patient.objects.bulk_create(patients)
    Identifier.objects.bulk_create([number for _, numbers in batch for number in numbers])
    PatientChange.objects.bulk_create(
        PatientChange(patient=patient, kind=ChangeKind.REGISTERED, by_name="Demo")
        for patient in patients
    )


# --- One person ----------------------------------------------------------------------------------


def _deal(
    dice: random.Random, number: str, practices: list[Organisation]
) -> tuple[Patient, list[Identifier]]:
    """A person and their hospital numbers. Takes from the dice whether they are needed or not."""
    place = int(number[:9]) - FIRST_NINE
    facts = _person(dice)
    practice = dice.choices(practices, weights=(5, 3, 2))[0]
    key = UUID(int=dice.getrandbits(128), version=4)
    trusts = dice.choices((TRUSTS[:1], TRUSTS[:2], TRUSTS[1:2], TRUSTS[2:3]), (60, 15, 15, 10))[0]
    if number in _CAST_NUMBERS:
        facts |= ALIVE_AND_OPEN | CAST[_CAST_NUMBERS.index(number)]
        practice, trusts = practices[0], TRUSTS[:1]
    patient = Patient(
        pk=key, nhs_number=number, nhs_number_verified=True, practice=practice,
        practice_code=practice.ods_code, **facts,
    )  # fmt: skip
    return patient, [
        Identifier(patient=patient, issuer=trust, value=hospital_number(trust, place))
        for trust in trusts
    ]


def hospital_number(trust: str, place: int) -> str:
    """Each trust counts from a million of its own: S1000001, S3000001, S5000001."""
    return f"S{(2 * TRUSTS.index(trust) + 1) * 1_000_000 + place + 1:07d}"


def _person(dice: random.Random) -> dict[str, Any]:
    gender = dice.choices((Gender.FEMALE, Gender.MALE, Gender.OTHER), (510, 485, 5))[0]
    born = _birth_date(dice)
    age = (AS_AT - born).days // 365
    facts = _name(dice, gender, age) | {"gender": gender, "birth_date": born}
    return facts | _home(dice) | _phones(dice, age) | _needs(dice) | _death(dice, born, age)


def _birth_date(dice: random.Random) -> date:
    youngest, oldest, _ = dice.choices(AGES, [weight for *_, weight in AGES])[0]
    year = AS_AT.year - 1 - dice.randint(youngest, oldest)
    day = dice.randrange(366 if calendar.isleap(year) else 365)
    return date(year, 1, 1) + timedelta(days=day)


def _name(dice: random.Random, gender: str, age: int) -> dict[str, str]:
    pool = {Gender.FEMALE: FEMALE, Gender.MALE: MALE}.get(Gender(gender), FEMALE + MALE)
    given = dice.choice(pool)
    second, has_second = dice.choice(pool), dice.random() < 0.35
    given_names = f"{given} {second}" if has_second and second != given else given
    family = dice.choice(FAMILY)
    if dice.random() < 0.06:
        family = f"{family}-{dice.choice(FAMILY)}" if "-" not in family else family
    short = given.split("-")[0][:4] if dice.random() < 0.05 and len(given) > 6 else ""
    return {
        "family_name": family, "given_names": given_names,
        "title": _title(dice, gender, age), "preferred_name": short,
    }  # fmt: skip


def _title(dice: random.Random, gender: str, age: int) -> str:
    rare = dice.random()
    if age >= 24 and rare < 0.02:
        return "Dr"
    if gender == Gender.OTHER:
        return "Mx"
    if gender == Gender.MALE:
        return "Mr" if age >= 16 else "Master"
    if age < 16:
        return "Miss"
    return dice.choices(("Mrs", "Ms", "Miss"), (50, 30, 20))[0]


def _home(dice: random.Random) -> dict[str, Any]:
    street = f"{dice.randint(1, 180)} {dice.choice(STREETS)} {dice.choice(STREET_ENDS)}"
    flat = f"Flat {dice.randint(1, 24)}, " if dice.random() < 0.12 else ""
    letters = "ABDEFGHJLNPQRSTUWXYZ"  # those that the second half of a postcode uses
    end = f"{dice.randint(1, 9)}{dice.choice(letters)}{dice.choice(letters)}"
    return {
        "address_lines": [f"{flat}{street}", dice.choice(TOWNS)],
        "postcode": f"ZZ{dice.randint(1, 20)} {end}",
        "is_restricted": dice.random() < 0.01,
    }


def _phones(dice: random.Random, age: int) -> dict[str, str]:
    home = dice.choice(
        (f"01632 960{dice.randrange(1000):03d}", f"020 7946 0{dice.randrange(1000):03d}")
    )
    mobile = f"07700 900{dice.randrange(1000):03d}"
    has_home, has_mobile = dice.random() < 0.2 + age / 130, age >= 14 and dice.random() < 0.9
    return {"phone": home if has_home else "", "mobile": mobile if has_mobile else ""}


def _needs(dice: random.Random) -> dict[str, str]:
    language, need = dice.choice(LANGUAGES), dice.choice(NEEDS)
    speaks_other, has_need = dice.random() < 0.08, dice.random() < 0.08
    needs = [f"{language} interpreter"] if speaks_other else []
    needs += [need] if has_need else []
    return {
        "preferred_language": language if speaks_other else "English",
        "access_needs": "; ".join(needs),
    }


def _death(dice: random.Random, born: date, age: int) -> dict[str, Any]:
    """A few have died, mostly of the old, before AS_AT; of some the day is not known."""
    has_died = dice.random() < (0.10 if age >= 80 else 0.02 if age >= 50 else 0.001)
    days = dice.randrange(1, 700)
    day_is_known = dice.random() < 0.9
    died_on = max(born, AS_AT - timedelta(days=days)) if has_died and day_is_known else None
    return {"is_deceased": has_died, "died_on": died_on}
