"""Invented patients for ADT messages, with NHS numbers of the 999 range: never issued."""

from __future__ import annotations

import random
from datetime import date, timedelta

from .hl7 import Field
from .memory import Memory

FAMILIES = (
    "Abernethy", "Bakshi", "Carrow", "Dunmore", "Eastlake", "Farouk", "Greaves", "Holloway",
    "Idowu", "Jessop", "Kowalczyk", "Larkfield", "Marchetti", "Nakamura", "Oyelaran", "Pemberton",
)  # fmt: skip
GIVEN = {
    "F": ("Amina", "Beatrix", "Chioma", "Dorothy", "Esme", "Freya", "Gwen", "Hana"),
    "M": ("Arjun", "Bernard", "Callum", "Dmitri", "Edwin", "Femi", "Gareth", "Hugo"),
}
STREETS = ("Orchard Way", "Mill Lane", "Station Road", "Quarry Close", "Abbey Street")
TOWNS = (("Dartford", "DA1"), ("Bexleyheath", "DA6"), ("Sidcup", "DA15"), ("Gravesend", "DA11"))


def check_digit(nine: str) -> int:
    """The tenth digit of an NHS number; 10 means that there is none (modulus 11)."""
    total = sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True))
    return (11 - total % 11) % 11


def nhs_number(chance: random.Random) -> str:
    """From 999 900 0000 upwards: the seeded patients' numbers are below."""
    while True:
        nine = f"9999{chance.randrange(100_000):05d}"
        digit = check_digit(nine)
        if digit < 10:
            return f"{nine}{digit}"


def address(chance: random.Random) -> list[object]:
    """XAD: street, other, town, county, postcode. The postcodes are not in use."""
    town, area = chance.choice(TOWNS)
    postcode = f"{area} {chance.randrange(10)}{chance.choice('CIKMOV')}{chance.choice('CIKMOV')}"
    return [f"{chance.randrange(1, 190)} {chance.choice(STREETS)}", "", town, "Kent", postcode]


def phone(chance: random.Random) -> str:
    """Ofcom keeps 01632 960 000 to 960 999 for drama."""
    return f"01632 960{chance.randrange(1000):03d}"


def practice(memory: Memory, chance: random.Random) -> list[str]:
    """Code and name of a practice that was agreed; empty where none was."""
    return list(chance.choice(memory.departments.practices or [("", "")]))


def new_patient(chance: random.Random, today: date) -> dict[str, Field]:
    """PID fields by number."""
    sex = chance.choice("FM")
    born = today - timedelta(days=chance.randrange(18 * 365, 92 * 365))
    title = "Mr" if sex == "M" else chance.choice(("Mrs", "Ms", "Miss"))
    name = [chance.choice(FAMILIES), chance.choice(GIVEN[sex]), "", "", title]
    where = [str(part) for part in address(chance)]
    return {
        "3": [[[nhs_number(chance)], [""], [""], ["NHS"], ["NH"]]],
        "5": [[[part] for part in name]],
        "7": [[[f"{born:%Y%m%d}"]]],
        "8": [[[sex]]],
        "11": [[[part] for part in where]],
        "13": [[[phone(chance)]]],
    }
