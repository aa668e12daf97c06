"""PID, PD1 and EVN to what we know of a person, and back. Translation only.

Enter from `inbound` here, and from the rooms that put a patient into a message or check the one in
it. HL7 v2.4 chapter 3; "Standard for Use of HL7 v2 in the UK" A.3; docs/hl7/adt.md is the table.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from messaging import wire
from messaging.errors import Park

from . import nhs_number
from .matching import Demographics, HospitalNumber
from .models import Gender, Patient

IDENTITY: Final = "patient_identity"  # the reason codes of what we park
NHS_NUMBER: Final = "nhs_number"
DEMOGRAPHICS: Final = "patient_details"
UNKNOWN_CODE: Final = "unknown_code"
TIME: Final = "message_time"

HOSPITAL_NUMBER_TYPES: Final = ("", "MR", "PI", "PT")  # table 0203; others are not the hospital's
EARLIEST_BIRTH: Final = date(1870, 1, 1)
PRACTICE_SHAPE: Final = re.compile(r"[A-Z]\d{5}")

# HL7 table 0001 and the NHS Data Dictionary's person gender codes, which UK systems also send.
GENDERS: Final = {
    "M": Gender.MALE, "1": Gender.MALE,
    "F": Gender.FEMALE, "2": Gender.FEMALE,
    "O": Gender.OTHER, "A": Gender.OTHER, "9": Gender.OTHER,
    "U": Gender.UNKNOWN, "N": Gender.UNKNOWN, "0": Gender.UNKNOWN, "X": Gender.UNKNOWN,
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class PatientUpdate:
    """What a message says of a person.

    `details`: fields of Patient that the message states, and only those: what HL7 leaves empty is
    absent (keep it), what it sends as `""` is here as empty (clear it). `practice_code`: the
    practice's ODS code; "" for none; None where it is not said. `recorded_at` orders the news of
    one source (EVN-2); `sent_at` (MSH-7) decides between two of the same second.
    """

    identity: Demographics
    details: Mapping[str, object]
    practice_code: str | None
    recorded_at: datetime
    sent_at: datetime

    def __repr__(self) -> str:
        return "<PatientUpdate>"


# --- Reading -------------------------------------------------------------------------------------


def demographics(pid: wire.Segment) -> Demographics:
    """Who a PID says it is about, for `matching.compare`. Never raises and never repairs.

    A number that is not right stays wrong, and a date that cannot be read is absent: both then
    stand in the way of a match. Two NHS numbers are no number that anybody has.
    """
    name = _legal_name(pid)
    return Demographics(
        nhs_number="/".join(_nhs_numbers(pid)),
        family_name=_value(name, 1) if name else "",
        given_names=_given_names(name) if name else "",
        birth_date=_date_or_none(pid.get(7)),
        hospital_numbers=_hospital_numbers(pid),
    )


def patient_update(message: wire.Message, *, today: date) -> PatientUpdate:
    """What an ADT message says. Raises Park for what is missing, unreadable or impossible."""
    pid = message.first("PID")
    if pid is None:
        raise Park(IDENTITY, "The message has no PID segment, so it is about nobody.")
    recorded_at, sent_at = _times(message)
    return PatientUpdate(
        identity=_identity(pid, today),
        details=_details(pid, today) | _protection(message.first("PD1")),
        practice_code=_practice_code(message.first("PD1")),
        recorded_at=recorded_at,
        sent_at=sent_at,
    )


def kept_identity(pid: wire.Segment) -> Demographics:
    """Whom a merge keeps (PID). Raises Park."""
    return _with_number(demographics(pid), "PID-3")


def prior_identity(mrg: wire.Segment) -> Demographics:
    """Whom a merge discards: the numbers of MRG-1, and the name of MRG-7 where there is one."""
    name = _legal_name(mrg, 7)
    said = Demographics(
        nhs_number="/".join(_nhs_numbers(mrg, 1)),
        family_name=_value(name, 1) if name else "",
        given_names=_given_names(name) if name else "",
        hospital_numbers=_hospital_numbers(mrg, 1),
    )
    return _with_number(said, "MRG-1")


def _with_number(identity: Demographics, field: str) -> Demographics:
    if identity.nhs_number and (problem := nhs_number.problem(identity.nhs_number)):
        raise Park(NHS_NUMBER, f"{field} has an NHS number that cannot be right. {problem.value}.")
    if not (identity.nhs_number or identity.hospital_numbers):
        raise Park(IDENTITY, f"{field} has no NHS number and no hospital number with its issuer.")
    return identity


def _identity(pid: wire.Segment, today: date) -> Demographics:
    identity = _with_number(demographics(pid), "PID-3")
    if pid.get(7) not in ("", wire.NULL):
        _check_birth_date(identity.birth_date, today)
    return identity


def _check_birth_date(born: date | None, today: date) -> None:
    if born is None:
        raise Park(DEMOGRAPHICS, "PID-7 is not a whole birth date.")
    if not EARLIEST_BIRTH <= born <= today:
        raise Park(DEMOGRAPHICS, "PID-7 is a birth date that nobody living can have.")


def _nhs_numbers(pid: wire.Segment, field: int = 3) -> tuple[str, ...]:
    """The different NHS numbers of PID-3: by type `NH`, or by the authority `NHS`."""
    found = [
        nhs_number.normalise(each.get(1)) or each.get(1)
        for each in pid.repetitions(field)
        if _value(each, 1) and (each.get(5) == "NH" or (each.get(4) == "NHS" and not each.get(5)))
    ]
    return tuple(dict.fromkeys(found))


def _hospital_numbers(pid: wire.Segment, field: int = 3) -> tuple[HospitalNumber, ...]:
    """The numbers of PID-3 that name their issuer. Without one, whose number it is is a guess."""
    found = [
        HospitalNumber(issuer=each.get(4).upper(), value=each.get(1).strip().upper())
        for each in pid.repetitions(field)
        if _value(each, 1) and _value(each, 4) not in ("", "NHS")
        and each.get(5) in HOSPITAL_NUMBER_TYPES
    ]  # fmt: skip
    return tuple(dict.fromkeys(found))


def _details(pid: wire.Segment, today: date) -> dict[str, object]:
    """The fields of Patient that PID states."""
    born = _date_or_none(pid.get(7))
    return {
        **_names(pid),
        **({"birth_date": born} if born else {}),
        **_gender(pid),
        **_address(pid),
        **_phones(pid),
        **_language(pid),
        **_death(pid, born, today),
        **_number_status(pid),
    }


def _legal_name(pid: wire.Segment, field: int = 5) -> wire.Repetition | None:
    """PID-5 of type L; else the first that is not a nickname (table 0200)."""
    names = [name for name in pid.repetitions(field) if _value(name, 1)]
    legal = [name for name in names if name.get(7) == "L"]
    other = [name for name in names if name.get(7) not in ("N", "D")]
    return next(iter([*legal, *other]), None)


def _names(pid: wire.Segment) -> dict[str, object]:
    name = _legal_name(pid)
    said: dict[str, object] = {}
    if name:
        said["family_name"] = _value(name, 1)
        if name.get(2) or name.get(3):
            said["given_names"] = _given_names(name)
        if name.get(5):
            said["title"] = _value(name, 5)
    known_as = [each for each in pid.repetitions(5) if each.get(7) in ("N", "D") and each.get(2)]
    if known_as:
        said["preferred_name"] = _value(known_as[0], 2)
    return said


def _given_names(name: wire.Repetition) -> str:
    return " ".join(filter(None, (_value(name, 2), _value(name, 3))))


def _gender(pid: wire.Segment) -> dict[str, object]:
    code = pid.get(8)
    if not code:
        return {}
    if code == wire.NULL:
        return {"gender": Gender.UNKNOWN}
    if code.upper() not in GENDERS:
        raise Park(UNKNOWN_CODE, "PID-8 has a code for gender that we do not know.")
    return {"gender": GENDERS[code.upper()]}


def _address(pid: wire.Segment) -> dict[str, object]:
    """The home address (XAD-7 `H`), else the first. It is replaced whole or not at all."""
    if not pid.raw(11):
        return {}
    addresses = pid.repetitions(11)
    home = next((each for each in addresses if each.get(7) == "H"), addresses[0])
    lines = [line for component in (1, 2, 3, 4) if (line := _value(home, component))]
    postcode = _value(home, 5).upper()
    if not (lines or postcode or home.get(1) == wire.NULL):
        return {}
    return {"address_lines": lines, "postcode": postcode}


def _phones(pid: wire.Segment) -> dict[str, object]:
    """PID-13, replaced whole: a mobile (XTN-3 `CP`, or a number that begins 07) and another."""
    said = [each for each in pid.repetitions(13) if each.get(2) != "NET"]
    numbers = [(_phone_number(each), each.get(3)) for each in said]
    mobiles = [number for number, kind in numbers if number and _is_mobile(number, kind)]
    others = [number for number, kind in numbers if number and not _is_mobile(number, kind)]
    if not (mobiles or others or any(each.get(1) == wire.NULL for each in said)):
        return {}
    return {"mobile": next(iter(mobiles), ""), "phone": next(iter(others), "")}


def _phone_number(each: wire.Repetition) -> str:
    in_parts = f"{_value(each, 6)} {_value(each, 7)}".strip()
    return _value(each, 1) or _value(each, 12) or in_parts


def _is_mobile(number: str, equipment: str) -> bool:
    digits = re.sub(r"\D", "", number)
    return equipment == "CP" or digits.startswith(("07", "447", "00447"))


def _language(pid: wire.Segment) -> dict[str, object]:
    """PID-15: its words, or its code where it has none."""
    if not pid.get(15) and not pid.get(15, 2):
        return {}
    return {"preferred_language": _clean(pid.get(15, 2)) or _clean(pid.get(15))}


def _death(pid: wire.Segment, born: date | None, today: date) -> dict[str, object]:
    """PID-29 and PID-30. Contradictions are a person's to sort out."""
    flag, when = pid.get(30).upper(), pid.get(29)
    if flag not in ("", "Y", "N", wire.NULL):
        raise Park(UNKNOWN_CODE, "PID-30 is neither Y nor N.")
    died_on = None if when in ("", wire.NULL) else _date_or_none(when)
    if when not in ("", wire.NULL):
        if died_on is None or died_on > today or (born and died_on < born):
            raise Park(DEMOGRAPHICS, "PID-29 is not a possible date of death.")
        if flag in ("N", wire.NULL):
            raise Park(DEMOGRAPHICS, "PID-29 has a date of death and PID-30 says there was none.")
        return {"is_deceased": True, "died_on": died_on}
    if flag == "Y":
        return {"is_deceased": True} | ({"died_on": None} if when else {})
    if flag:
        return {"is_deceased": False, "died_on": None}
    return {"died_on": None} if when else {}


def _number_status(pid: wire.Segment) -> dict[str, object]:
    """PID-32 as HL7 UK uses it: the NHS number status indicator, 01 "present and verified" to 08.

    Table 0445, which others put there, says nothing of that number.
    """
    status = pid.get(32).zfill(2)
    known = re.fullmatch(r"0[1-8]", status)
    return {"nhs_number_verified": status == "01"} if known else {}


def _protection(pd1: wire.Segment | None) -> dict[str, object]:
    """PD1-12: whether address and phone may be shown (PDS sensitive flag)."""
    flag = pd1.get(12).upper() if pd1 else ""
    if flag not in ("", "Y", "N", wire.NULL):
        raise Park(UNKNOWN_CODE, "PD1-12 is neither Y nor N.")
    return {"is_restricted": flag == "Y"} if flag else {}


def _practice_code(pd1: wire.Segment | None) -> str | None:
    """PD1-3: XON-10, or XON-3 before version 2.5. PD1-4 where it has a practice's code in it."""
    if pd1 is None:
        return None
    if wire.NULL in (pd1.get(3), pd1.get(3, 3), pd1.get(3, 10)):
        return ""
    gp = pd1.get(4).upper()
    code = pd1.get(3, 10) or pd1.get(3, 3) or (gp if PRACTICE_SHAPE.fullmatch(gp) else "")
    return code.strip().upper() or None


def _times(message: wire.Message) -> tuple[datetime, datetime]:
    """EVN-2 and MSH-7, each standing in for the other where it is empty."""
    sent, recorded = message.header.get(7), message.get("EVN", 2)
    if not (sent or recorded):
        raise Park(TIME, "Neither MSH-7 nor EVN-2 says when, so older news could win over newer.")
    try:
        return (
            wire.read_timestamp(recorded or sent),
            wire.read_timestamp(sent or recorded),
        )
    except wire.NotATime:
        raise Park(TIME, "MSH-7 or EVN-2 is not a time.") from None


def _date_or_none(text: str) -> date | None:
    try:
        return wire.read_date(text)
    except wire.NotATime:
        return None


def _value(part: wire.Repetition, component: int) -> str:
    """A component as a value of ours: HL7's `""` is empty, and spaces at the ends are noise."""
    return _clean(part.get(component))


def _clean(text: str) -> str:
    return "" if text == wire.NULL else " ".join(text.split())


# --- Writing -------------------------------------------------------------------------------------


def pid_segment(patient: Patient, *, issuers: Collection[str] | None = None) -> wire.Segment:
    """PID as we send it: `9990000018^^^NHS^NH~S1234567^^^RXX^MR` and the rest.

    `issuers` limits the hospital numbers to those that the receiver itself gave. Of a restricted
    patient (PDS sensitive flag) neither address nor phone leaves us.
    """
    first, _, further = patient.given_names.partition(" ")
    fields: dict[int, wire.Value] = {
        1: "1",
        3: wire.Repeat(_numbers_out(patient, issuers)),
        5: [patient.family_name, first, further, "", patient.title, "", "L"],
        7: patient.birth_date.strftime("%Y%m%d"),
        8: patient.gender,
        15: ["", patient.preferred_language],
        29: patient.died_on.strftime("%Y%m%d") if patient.died_on else "",
        30: "Y" if patient.is_deceased else "",
        32: _status_out(patient),
    }
    return wire.segment("PID", fields | _reach_out(patient))


def pd1_segment(patient: Patient) -> wire.Segment | None:
    """PD1 with the practice (PD1-3: name and ODS code). None where there is none to name, or where
    it would say in which place a restricted patient lives."""
    if patient.practice is None or patient.is_restricted:
        return None
    return wire.segment("PD1", {3: [patient.practice.name, "", patient.practice.ods_code]})


def _numbers_out(patient: Patient, issuers: Collection[str] | None) -> list[list[str]]:
    numbers = [[patient.nhs_number, "", "", "NHS", "NH"]] if patient.nhs_number else []
    return numbers + [
        [each.value, "", "", each.issuer, "MR"]
        for each in patient.identifiers.all()
        if each.former_since is None and (issuers is None or each.issuer in issuers)
    ]


def _status_out(patient: Patient) -> str:
    """NHS number status indicator: verified, present but not traced, or to be traced."""
    if not patient.nhs_number:
        return "03"
    return "01" if patient.nhs_number_verified else "02"


def _reach_out(patient: Patient) -> dict[int, wire.Value]:
    """Where the patient can be reached: PID-11 and PID-13."""
    if patient.is_restricted:
        return {}
    lines = [*patient.address_lines[:3], ", ".join(patient.address_lines[3:])]
    street, other, city, county = [*lines, "", "", ""][:4]
    phones = [(patient.phone, "PH"), (patient.mobile, "CP")]
    return {
        11: [street, other, city, county, patient.postcode, "", "H"] if any(lines) else "",
        13: wire.Repeat([[number, "PRN", kind] for number, kind in phones if number]),
    }
