"""What a transaction is about, and what the other side would decline it for.

"Please ensure you specify who the requesting clinician, consultant and department is, else your
request may be declined"; "Stating 'All imaging' will not be accepted" (the trust's guideline).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from iep.all_imaging import asks_for_all
from iep.errors import NotAccepted
from iep.models import Institution, Ticket
from iep.states.priorities import Eligibility, Priority
from iep.states.transactions import TransactionKind
from patients.models import Patient


@dataclass(frozen=True)
class About:
    """Whose images, which ones, and who wants them, as the side that asks wrote it.

    `exams` are dicts with `description`, and `acquired_on` (ISO), `modality`, `code`, `study_uid`
    where they are known.
    """

    patient: Patient | None = None
    family_name: str = ""
    given_names: str = ""
    birth_date: date | None = None
    nhs_number: str = ""
    local_number: str = ""
    exams: list[dict[str, str]] = field(default_factory=list)
    requester_name: str = ""
    consultant: str = ""
    department: str = ""
    reason: str = ""
    eligibility: str = ""
    needed_by: date | None = None
    comments: str = ""
    care_reason: str = ""


def about_ticket(ticket: Ticket) -> About:
    """What the formal written request says, for the transaction that is made of it."""
    return About(
        patient=ticket.patient,
        family_name=ticket.family_name,
        given_names=ticket.given_names,
        birth_date=ticket.birth_date,
        nhs_number=ticket.nhs_number,
        local_number=ticket.s_number,
        exams=[_exam(each) for each in ticket.exams.all()],
        requester_name=ticket.requester_name,
        consultant=ticket.consultant,
        department=ticket.department,
        reason=ticket.reason,
        eligibility=ticket.eligibility,
        needed_by=ticket.needed_by,
        comments=ticket.instructions,
    )


def _exam(exam: Any) -> dict[str, str]:
    return {
        "acquired_on": exam.acquired_on.isoformat() if exam.acquired_on else "",
        "modality": exam.modality,
        "description": exam.description,
        "code": exam.code,
    }


def refuse_what_they_would_decline(
    said: About, kind: TransactionKind | str, institution: Institution, priority: int
) -> None:
    if not institution.is_active:
        raise NotAccepted("inactive", f"{institution.full_name} is no longer used. Choose another.")
    if kind == TransactionKind.DIRECT:
        return
    if any(asks_for_all(text) for text in _texts(said)):
        raise NotAccepted(
            "all_imaging",
            "Say which examinations, each with its date. “All imaging” is not accepted.",
        )
    _refuse_gaps(said)
    refuse_blue_light_without_reason(priority, said.eligibility)


_PERSON = ("patient", "family_name", "given_names", "birth_date", "nhs_number", "local_number")


def refuse_another_person(before: About, said: About) -> None:
    """What is matched to our record is that person's: nothing that is typed makes it another's."""
    if before.patient is None:
        return
    if any(getattr(before, name) != getattr(said, name) for name in _PERSON):
        raise NotAccepted(
            "other_person",
            "The patient is matched to our record and cannot be changed here. "
            "Open another ticket for another patient.",
        )


def refuse_blue_light_without_reason(priority: int, eligibility: str) -> None:
    """One of three reasons makes it Blue Light, and nothing else does (hazard H39)."""
    if priority == Priority.BLUE_LIGHT and eligibility not in set(Eligibility):
        raise NotAccepted("not_blue", "Say what makes it Blue Light.")


def _texts(said: About) -> list[str]:
    return [each.get("description", "") for each in said.exams] + [said.comments]


def _refuse_gaps(said: About) -> None:
    gaps = {
        "the requester": said.requester_name.strip(),
        "the consultant": said.consultant.strip(),
        "the department": said.department.strip(),
    }
    missing = [words for words, value in gaps.items() if not value]
    if missing:
        raise NotAccepted("incomplete", f"Name {_listed(missing)}, or it may be declined.")
    if not (said.family_name and said.birth_date and (said.nhs_number or said.local_number)):
        raise NotAccepted(
            "no_patient", "Give the patient's name, date of birth and NHS number or S number."
        )
    if not said.exams or not all(each.get("description", "").strip() for each in said.exams):
        raise NotAccepted("no_exam", "Name at least one examination, with its type and body part.")


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
