"""How urgent a ticket, a transaction or a transfer is (product.md: one enum, decided)."""

from __future__ import annotations

from datetime import timedelta
from enum import IntEnum, StrEnum


class Priority(IntEnum):
    """Lower goes first, in every lane."""

    BLUE_LIGHT = 0
    NORMAL = 1
    BATCH = 2  # at night only


PRIORITY_WORDS: dict[Priority, str] = {
    Priority.BLUE_LIGHT: "Blue Light",
    Priority.NORMAL: "Standard",
    Priority.BATCH: "Batch (overnight)",
}


class Reason(StrEnum):
    """Why that priority, in the words of the sources' form."""

    BLUE_LIGHT = "blue_light"
    INPATIENT = "inpatient"
    MDT = "mdt"
    OUTPATIENT = "outpatient"
    RESEARCH = "research"
    OTHER = "other"


REASON_WORDS: dict[Reason, str] = {
    Reason.BLUE_LIGHT: "Blue Light: emergency admission or surgery within 12 hours",
    Reason.INPATIENT: "Inpatient admission",
    Reason.MDT: "MDT referral",
    Reason.OUTPATIENT: "Outpatient appointment",
    Reason.RESEARCH: "Research",
    Reason.OTHER: "Other",
}


class Eligibility(StrEnum):
    """What makes it Blue Light; one is required, and nothing else does (hazard H39)."""

    THEATRE = "theatre"
    AMBULANCE = "ambulance"
    WITHIN_12_HOURS = "within_12_hours"


ELIGIBILITY_WORDS: dict[Eligibility, str] = {
    Eligibility.THEATRE: "Due in theatre in the next few hours",
    Eligibility.AMBULANCE: "In an ambulance, on the way",
    Eligibility.WITHIN_12_HOURS: "Emergency admission or surgery within 12 hours",
}

BLUE_LIGHT_CLOCK = timedelta(hours=4)  # from asking to delivered
BLUE_LIGHT_ALARMS = (timedelta(hours=1), timedelta(hours=2))
ON_CALL_PAGE = timedelta(minutes=5)  # then the next of the list (hazard H44)


def keeps_its_clock(before: int, now: int) -> bool:
    """What was asked for as urgently goes on from there; raised to Blue Light it begins anew."""
    return now != Priority.BLUE_LIGHT or before == Priority.BLUE_LIGHT
