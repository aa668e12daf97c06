"""What a formal written request must say before anybody works on it. Plain Python.

The fields are those of the trust's own forms (guideline B35/2018, appendices 2, 3 and 6): "Please
ensure all fields are completed, forms will not be accepted without completion."
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from iep.all_imaging import asks_for_all
from iep.states.priorities import Eligibility, Priority, Reason
from iep.states.tickets import TicketKind
from messaging.mail_format import is_address
from patients import nhs_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from accounts.models import Organisation, User
    from iep.models import Institution
    from patients.models import Patient

MOST_EXAMS: Final = 20
MOST_DISCS: Final = 20

# What people call the modalities of DICOM (0008,0060), as the form offers them.
MODALITIES: Final[dict[str, str]] = {
    "CT": "CT",
    "MR": "MRI",
    "XR": "X-ray",
    "US": "Ultrasound",
    "NM": "Nuclear medicine",
    "PT": "PET",
    "MG": "Mammogram",
    "RF": "Fluoroscopy",
    "XA": "Angiogram",
    "DX": "Dental or other digital X-ray",
    "ES": "Endoscopy",
    "ECG": "ECG",
    "OT": "Other",
}

# Field → its label, as the form, the error summary and the chase for details all say it.
LABELS: Final[dict[str, str]] = {
    "kind": "Which way",
    "nhs_number": "NHS number",
    "no_nhs_number_reason": "Why there is no NHS number",
    "address": "Full address",
    "postcode": "Postcode",
    "family_name": "Family name",
    "given_names": "Given names",
    "birth_date": "Date of birth",
    "s_number": "S number",
    "institution": "The other hospital",
    "other_name": "Named person at the other end",
    "other_position": "Their position",
    "other_phone": "Their telephone",
    "other_email": "Their e-mail",
    "exams": "The scans",
    "requester_name": "Requester’s name",
    "requester_phone": "Requester’s telephone",
    "requester_email": "Requester’s e-mail",
    "consultant": "Consultant",
    "department": "Department",
    "priority": "Priority",
    "eligibility": "What makes it Blue Light",
    "reason": "Reason for the priority",
    "reason_words": "The other reason",
    "needed_by": "Needed by",
    "instructions": "Instructions",
    "discs": "Number of discs",
    "internal_address": "Internal post address",
}

# The three pages of the form, and what each of them asks; scans by rows are of the last.
STEPS: Final[dict[str, tuple[str, ...]]] = {
    "way": ("kind", "pasted"),
    "patient": (
        "nhs_number", "no_nhs_number_reason", "address", "postcode", "family_name", "given_names",
        "birth_date", "s_number", "where", "institution", "other_name", "other_position",
        "other_phone", "other_email", "discs", "internal_address",
    ),
    "scans": (
        "exams", "instructions", "requester_name", "requester_phone", "requester_email",
        "consultant", "department", "priority", "eligibility", "reason", "reason_words",
        "needed_by",
    ),
}  # fmt: skip

ALL_IMAGING: Final = (
    "Name each scan. “All imaging” is usually declined. Add the scan and date for each one"
)


@dataclass(frozen=True)
class Exam:
    """One examination that is asked for."""

    description: str  # type and body part: "CT head"
    acquired_on: date | None = None
    modality: str = ""  # a code of MODALITIES
    code: str = ""  # the other hospital's examination code


@dataclass(frozen=True)
class NewTicket:
    """What a person wrote into the form. `organisation` is for the system itself: else the
    trust is that of who opens the ticket."""

    kind: TicketKind
    family_name: str = ""
    given_names: str = ""
    birth_date: date | None = None
    s_number: str = ""
    nhs_number: str = ""
    no_nhs_number_reason: str = ""
    address_lines: tuple[str, ...] = ()
    postcode: str = ""
    exams: tuple[Exam, ...] = ()
    institution: Institution | None = None
    other_name: str = ""
    other_position: str = ""
    other_phone: str = ""
    other_email: str = ""
    requester_name: str = ""
    requester_phone: str = ""
    requester_email: str = ""
    consultant: str = ""
    department: str = ""
    priority: Priority = Priority.NORMAL
    reason: Reason | None = None
    reason_words: str = ""
    eligibility: Eligibility | None = None
    needed_by: date | None = None
    instructions: str = ""
    discs: int | None = None
    internal_address: str = ""
    pasted: str = ""
    patient: Patient | None = field(default=None, repr=False)
    requester: User | None = None
    organisation: Organisation | None = None
    key: UUID | None = None  # of the form: from one form one ticket, however often it is sent


def problems(new: NewTicket, *, today: date, s_number_pattern: str) -> dict[str, str]:
    """Field → what is wrong with it, in the order of the form; empty when nothing is."""
    found = {
        **_of_patient(new, today, s_number_pattern),
        **_of_other_end(new),
        **_of_exams(new, today),
        **_of_requester(new),
        **_of_priority(new, today),
        **_of_disc(new),
    }
    return in_order(found)


def step_of(name: str) -> str:
    """The page on which a field stands; rows of scans are "exam-1-date" and the like."""
    if name.startswith("exam-"):
        return "scans"
    return next((step for step, names in STEPS.items() if name in names), "way")


def in_order(found: dict[str, str]) -> dict[str, str]:
    """The problems as the form has its fields, from top to bottom."""
    return {name: found[name] for name in sorted(found, key=_place)}


def _place(name: str) -> tuple[int, str]:
    base = "exams" if name.startswith("exam-") else name
    return list(LABELS).index(base), name


def _wanted(new: NewTicket, **sentences: str) -> dict[str, str]:
    return {name: words for name, words in sentences.items() if not getattr(new, name)}


# --- The patient ----------------------------------------------------------------------------------


def _of_patient(new: NewTicket, today: date, s_number_pattern: str) -> dict[str, str]:
    found = _wanted(
        new,
        family_name="Enter the patient’s family name",
        given_names="Enter the patient’s given names",
        birth_date="Enter the patient’s date of birth",
        s_number="Enter the patient’s S number",
    )
    if new.birth_date and new.birth_date > today:
        found["birth_date"] = "The date of birth is in the future"
    if new.s_number and not re.fullmatch(s_number_pattern, new.s_number):
        found["s_number"] = "Enter an S number like S1234567: an S, then 6 or 7 digits"
    return found | _of_nhs_number(new)


def _of_nhs_number(new: NewTicket) -> dict[str, str]:
    """The number, or why there is none and then the full address (the portal's own rule)."""
    if new.nhs_number:
        wrong = nhs_number.problem(new.nhs_number)
        return {"nhs_number": wrong.value} if wrong else {}
    found = {}
    if not new.no_nhs_number_reason:
        found["nhs_number"] = "Enter an NHS number, or say why there is none"
    else:
        if len(new.address_lines) < 2:
            found["address"] = "Without an NHS number, enter the full address"
        if not new.postcode:
            found["postcode"] = "Without an NHS number, enter the postcode"
    return found


# --- The other end --------------------------------------------------------------------------------


def _of_other_end(new: NewTicket) -> dict[str, str]:
    where = "go to" if new.kind is TicketKind.EXPORT else "come from"
    found = _wanted(new, institution=f"Choose the hospital that the images {where}")
    if new.kind is TicketKind.EXPORT:
        found |= _wanted(
            new,
            other_name="Name the person who receives the images",
            other_phone="Enter a telephone number of the person who receives the images",
            other_email="Enter an e-mail address of the person who receives the images",
        )
    return found | _of_contact(new.other_phone, new.other_email, "other")


def _of_contact(phone: str, email: str, whose: str) -> dict[str, str]:
    found = {}
    if email and not is_address(email):
        found[f"{whose}_email"] = "Enter an e-mail address like name@example.nhs.uk"
    if phone and sum(character.isdigit() for character in phone) < 4:
        found[f"{whose}_phone"] = "Enter a telephone number or an extension, in digits"
    return found


# --- The scans ------------------------------------------------------------------------------------


def problems_of_scans(exams: Sequence[Exam], *, today: date) -> dict[str, str]:
    """Field → what is wrong with the rows of scans, in their order; empty when nothing is."""
    found = {} if exams else {"exams": "Add each scan that you want, with its date"}
    if len(exams) > MOST_EXAMS:
        found["exams"] = f"At most {MOST_EXAMS} scans in one request: open another for the rest"
    for number, exam in enumerate(exams, 1):
        found |= _of_exam(exam, number, today)
    return found


def _of_exams(new: NewTicket, today: date) -> dict[str, str]:
    found = problems_of_scans(new.exams, today=today)
    if asks_for_all(new.instructions):
        found["instructions"] = ALL_IMAGING
    return found


def _of_exam(exam: Exam, number: int, today: date) -> dict[str, str]:
    found = {}
    if exam.acquired_on is None:
        found[f"exam-{number}-date"] = f"Enter the date of scan {number}, like 22 11 2026"
    elif exam.acquired_on > today:
        found[f"exam-{number}-date"] = f"The date of scan {number} is in the future"
    if not exam.description:
        found[f"exam-{number}-description"] = f"Enter the type and body part of scan {number}"
    elif asks_for_all(exam.description):
        found[f"exam-{number}-description"] = ALL_IMAGING
    elif not exam.modality:
        found[f"exam-{number}-modality"] = f"Choose what kind of scan {number} is"
    if exam.modality and exam.modality not in MODALITIES:
        found[f"exam-{number}-modality"] = f"Choose what kind of scan {number} is"
    return found


# --- Who asks, how urgently, discs ----------------------------------------------------------------


def _of_requester(new: NewTicket) -> dict[str, str]:
    """Missing names are what other hospitals decline for."""
    found = _wanted(
        new,
        requester_name="Enter the name of the person who asks",
        requester_phone="Enter a telephone number of the person who asks",
        requester_email="Enter an e-mail address of the person who asks",
        consultant="Name the consultant",
        department="Name the department",
    )
    return found | _of_contact(new.requester_phone, new.requester_email, "requester")


def _of_priority(new: NewTicket, today: date) -> dict[str, str]:
    """Blue Light by one of three things and nothing else (hazard H39)."""
    found = {}
    is_blue = new.priority is Priority.BLUE_LIGHT
    if is_blue and new.eligibility is None:
        found["eligibility"] = "Choose what makes it Blue Light, or choose Standard"
    if not is_blue and new.eligibility is not None:
        found["eligibility"] = "This is for Blue Light alone. Choose Blue Light, or take it out"
    if new.reason is None:
        found["reason"] = "Choose the reason for the priority"
    elif is_blue != (new.reason is Reason.BLUE_LIGHT):
        said = "The reason and the priority do not go together. "
        found["reason"] = said + ("Choose Blue Light as the reason" if is_blue else _NOT_BLUE)
    if new.reason is Reason.OTHER and not new.reason_words:
        found["reason_words"] = "Say what the other reason is"
    if new.needed_by and new.needed_by < today:
        found["needed_by"] = "The date by which it is needed has passed"
    return found


_NOT_BLUE = "Choose another reason, or Blue Light as the priority"


def _of_disc(new: NewTicket) -> dict[str, str]:
    if new.kind is not TicketKind.DISC:
        return {}
    found = _wanted(new, internal_address="Enter the internal post address")
    if not new.discs or not 1 <= new.discs <= MOST_DISCS:
        found["discs"] = f"Enter how many discs there are, from 1 to {MOST_DISCS}"
    return found
