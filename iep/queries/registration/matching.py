"""What the matching screen shows: ticket, header and hospital record, and what differs (I4).

The person is found by numbers only. Nothing scores or guesses: what agrees is said by
`patients.matching`, and whatever does not is a stop in words (hazard H41).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

from django.http import Http404

from accounts.policies import Acting
from iep.models import Study, Ticket, TicketExam
from iep.policies import is_of_trust
from iep.queries.registration.comparing import (
    Row,
    compare_rows,
    header_names,
    holder_of,
    hospital_number,
    numbers_of_header,
)
from iep.queries.registration.pacs import has_left
from iep.states.studies import StudyState
from patients.matching import (
    BIRTH_DATE_DIFFERS,
    FAMILY_NAME_DIFFERS,
    GIVEN_NAME_DIFFERS,
    HOSPITAL_NUMBER_DIFFERS,
    NHS_NUMBER_DIFFERS,
    Demographics,
    HospitalNumber,
)
from patients.models import Patient
from patients.queries import by_identifier, by_nhs_number, match


@dataclass(frozen=True)
class Agreement:
    """Whether these are the person's images. `conflicts` say why not, without any value."""

    conflicts: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return not self.conflicts


TWO_PEOPLE = "the numbers belong to two different people"
CONTRADICTIONS = frozenset({
    FAMILY_NAME_DIFFERS, GIVEN_NAME_DIFFERS, BIRTH_DATE_DIFFERS, NHS_NUMBER_DIFFERS,
    HOSPITAL_NUMBER_DIFFERS,
})  # fmt: skip
NOT_REGISTERED = "nobody is registered under these numbers"


# --- Who it may be --------------------------------------------------------------------------------


def study_for(acting: Acting, study_id: UUID) -> Study:
    """A study of the person's own trust. Raises Http404."""
    rows = Study.objects.select_related(
        "ticket__institution", "ticket__requester", "ticket__patient", "transaction__institution",
        "patient__practice", "organisation", "exam", "node__institution", "vouched_patient",
    )  # fmt: skip
    found = rows.filter(pk=study_id).first()
    if found is None or not is_of_trust(acting, found.organisation_id):
        raise Http404
    return found


def people_for(study: Study) -> list[Patient]:
    """Everybody that a number leads to, each once: one is the rule, two are a stop."""
    found: dict[UUID, Patient] = {}
    for person in _led_to(study):
        if person is not None:
            found.setdefault(person.pk, person)
    return list(found.values())


def _led_to(study: Study) -> Iterator[Patient | None]:
    trust = study.organisation.ods_code
    for source in (study.ticket, study.transaction):
        if source is not None:
            yield source.patient
            yield by_nhs_number(source.nhs_number)
    if study.ticket is not None:
        yield by_identifier(trust, study.ticket.s_number)
    if study.transaction is not None:
        yield holder_of(trust, study.transaction.local_number, study.transaction.birth_date)
    yield by_nhs_number(study.header_nhs_number)
    yield by_identifier(trust, study.header_patient_id) if numbers_of_header(study) else None


def by_number(study: Study, number: str) -> Patient | None:
    """Who is registered under a number that a person keyed: an NHS number, or one of the trust."""
    plain = "".join(number.split()).upper()
    if not plain:
        return None
    if plain.isdigit() and len(plain) == 10:
        return by_nhs_number(plain)
    return by_identifier(study.organisation.ods_code, plain)


def person_for(study: Study, patient_id: str) -> Patient | None:
    """A record that the page may be asked for: one of this trust's, as it stands now."""
    try:
        key = UUID(patient_id)
    except ValueError:
        return None
    rows = Patient.objects.filter(pk=key, merged_into__isnull=True)
    found = rows.filter(identifiers__issuer=study.organisation.ods_code).distinct().first()
    return found or next((each for each in people_for(study) if each.pk == key), None)


def exam_of(study: Study, key: int | None) -> TicketExam | None:
    """A line of the study's own ticket. Raises Http404."""
    if key is None:
        return None
    found = TicketExam.objects.filter(pk=key, ticket=study.ticket_id or None).first()
    if found is None:
        raise Http404
    return found


# --- Whether it is --------------------------------------------------------------------------------


def agreement(study: Study, patient: Patient) -> Agreement:
    """Name, birth date and one number of the header agree with the record, and nothing of header
    or ticket speaks against it (hazard H41)."""
    conflicts = [f"images: {each}" for each in match(patient, _header(study, patient)).conflicts]
    if study.ticket is not None:
        found = match(patient, _ticket(study.ticket, study)).conflicts
        conflicts += [f"ticket: {each}" for each in found if each in CONTRADICTIONS]
    if any(person.pk != patient.pk for person in people_for(study)):
        conflicts.append(TWO_PEOPLE)
    return Agreement(tuple(conflicts))


def _header(study: Study, patient: Patient) -> Demographics:
    family, given = header_names(study)
    said = Demographics(
        nhs_number=study.header_nhs_number, family_name=family, given_names=given,
        birth_date=study.header_birth_date, hospital_numbers=numbers_of_header(study),
    )  # fmt: skip
    if not said.nhs_number and _was_asked_for_by_number(study):
        return replace(said, nhs_number=study.transaction.nhs_number)  # type: ignore[union-attr]
    return said


def _was_asked_for_by_number(study: Study) -> bool:
    """The other hospital named its own number beside the NHS number, and the images carry it."""
    said = study.transaction
    return said is not None and bool(
        said.local_number and said.local_number == study.header_patient_id and said.nhs_number
    )


def _ticket(ticket: Ticket, study: Study) -> Demographics:
    number = HospitalNumber(study.organisation.ods_code, ticket.s_number)
    return Demographics(
        nhs_number=ticket.nhs_number, family_name=ticket.family_name,
        given_names=ticket.given_names, birth_date=ticket.birth_date,
        hospital_numbers=(number,) if ticket.s_number else (),
    )  # fmt: skip


# --- The page -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MatchPage:
    """Everything that the page decides by."""

    study: Study
    rows: list[Row]
    people: list[Patient]
    patient: Patient | None
    agreement: Agreement
    number: str  # of the hospital
    exams: list[TicketExam]
    exam: TicketExam | None
    code: str  # the sender's
    stop: str  # why nobody can go on here, in words; "" where it can be matched
    phone: str  # of the sender
    sender: str
    may_vouch: bool  # something differs, and two persons may go on
    vouched_by_me: bool
    has_left: bool  # for our PACS: an image may be there

    @property
    def is_open(self) -> bool:
        return self.study.state == StudyState.FAILED_VERIFICATION


REGISTER_FIRST = (
    "Nobody is registered under these numbers. Register the patient on the PAS first: "
    "they appear here when the PAS has told us."
)
NO_NUMBER_HERE = (
    "The patient has no hospital number at {trust}. Register them on the PAS first: "
    "the number appears here when the PAS has told us."
)
NO_DAY = "The images do not say on which day they were taken. Ring the sender."
SEVERAL = "These numbers lead to more than one person. Ring the sender, and put the numbers right."


def page_for(study: Study, acting: Acting, *, chosen: Patient | None = None) -> MatchPage:
    people = people_for(study)
    patient = study.patient or chosen or (people[0] if len(people) == 1 else None)
    number = hospital_number(study, patient) if patient else ""
    agreed = agreement(study, patient) if patient else Agreement((NOT_REGISTERED,))
    exams = list(study.ticket.exams.all()) if study.ticket else []
    exam = study.exam or _exam_of(study, exams)
    stop = _stop(study, people, patient, number)
    sender, phone = _sender(study)
    me = acting.user.pk if acting.user else None
    return MatchPage(
        study=study, rows=compare_rows(study, patient), people=people, patient=patient,
        agreement=agreed, number=number, exams=exams, exam=exam, code=sender_code(study, exam),
        stop=stop, phone=phone, sender=sender,
        may_vouch=not stop and not agreed.agrees,
        vouched_by_me=study.vouched_by_id is not None and study.vouched_by_id == me,
        has_left=study.state in (StudyState.MATCHED, StudyState.FILED) and has_left(study),
    )  # fmt: skip


def _stop(study: Study, people: list[Patient], patient: Patient | None, number: str) -> str:
    if patient is None:
        return SEVERAL if people else REGISTER_FIRST
    if not number:
        return NO_NUMBER_HERE.format(trust=study.organisation.name)
    return NO_DAY if study.acquired_on is None else ""


def sender_code(study: Study, exam: TicketExam | None) -> str:
    """What the sender calls the examination: the images' own code, else the ticket's."""
    return study.code or (exam.code if exam else "")


def _exam_of(study: Study, exams: list[TicketExam]) -> TicketExam | None:
    """The only line of the ticket with that day and that kind; else a person says which."""
    fits = [
        row
        for row in exams
        if row.acquired_on in (None, study.acquired_on)
        and (not row.modality or row.modality in study.modalities)
    ]
    return fits[0] if len(fits) == 1 else None


def _sender(study: Study) -> tuple[str, str]:
    """Who sent it, and the number to ring."""
    if study.ticket is not None and study.ticket.other_phone:
        name = study.ticket.other_name
        where = study.ticket.institution
        return f"{name}, {where.full_name}" if where else name, study.ticket.other_phone
    for source in (study.transaction, study.ticket, study.node):
        place = source.institution if source is not None else None
        if place is not None:
            return place.full_name, place.phone
    return study.institution_name or "the sender", ""
