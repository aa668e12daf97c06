"""A trauma patient's images to the trauma centre, as clinical emergency (guideline, appendix 4).

For patients in ED who go there, and for nothing else. The service desk does it in its hours, the
on-call radiographer outside them. Ticket, transaction, report and transfers are made together or
not at all. When PACS does not answer the way out is a disc, with its own ticket.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation
from accounts.policies import Acting
from accounts.roles import Permission
from iep import hours, policies
from iep.asking import MODALITIES, Exam, NewTicket
from iep.dicom.peers import FoundStudy
from iep.errors import NotAccepted
from iep.models import Institution, OnCallPage, Ticket, Transaction
from iep.queries.ticketing.people import s_number_of
from iep.queries.trauma import ReportText, reports_of
from iep.services.exchange import attaching, sending, transactions
from iep.services.ticketing import tickets
from iep.states.priorities import Eligibility, Priority, Reason
from iep.states.tickets import TicketEvent, TicketKind
from iep.states.transactions import TransactionKind
from patients.models import Patient

RECENT = timedelta(hours=24)  # ticked by default
STATEMENT = "A trauma patient in our ED, being sent there as an emergency"
DEPARTMENT = "Emergency Department"
_FILM = {"CR": "XR", "DX": "XR", "PX": "XR"}  # as the form calls plain films


@dataclass(frozen=True)
class Row:
    """A study in the list: ticked when it is recent, with its report where there is one."""

    study: FoundStudy
    differs: tuple[str, ...]
    is_recent: bool
    report: ReportText | None

    @property
    def title(self) -> str:
        kinds = "/".join(self.study.modalities)
        return self.study.description or MODALITIES.get(form_modality(self.study), kinds) or "Study"


@dataclass(frozen=True)
class People:
    """Who asks, who receives. Defaults of the page; each may be put right."""

    other_name: str
    other_phone: str
    other_email: str
    requester_name: str
    requester_phone: str
    requester_email: str
    consultant: str


# --- Looking -------------------------------------------------------------------------------------


def look(patient: Patient, trust: Organisation) -> list[Row]:
    """What our PACS has of the patient, newest first. Raises NotAccepted, DicomFailure."""
    found = sending.find_at_pacs(_draft(patient, trust))
    reports = reports_of(patient, [each.study.accession for each in found], trust)
    now = timezone.localtime()
    return [
        Row(
            study=each.study,
            differs=each.differs,
            is_recent=not each.differs and is_recent(each.study, now),
            report=reports.get(each.study.accession),
        )
        for each in sorted(found, key=_newest)
    ]


def _draft(patient: Patient, trust: Organisation) -> Transaction:
    """Never saved: whose studies are looked for."""
    return Transaction(
        organisation=trust, family_name=patient.family_name, given_names=patient.given_names,
        birth_date=patient.birth_date, nhs_number=patient.nhs_number or "",
        local_number=s_number_of(patient, trust),
    )  # fmt: skip


def _newest(found: sending.Found) -> tuple[int, str]:
    day = found.study.acquired_on
    clock = "".join(chr(255 - ord(each)) for each in found.study.acquired_time)
    return (-day.toordinal() if day else 0, clock)


def is_recent(study: FoundStudy, now: datetime) -> bool:
    """Taken in the last 24 hours; where the time is not said, today or yesterday."""
    if study.acquired_on is None:
        return False
    clock = _clock(study.acquired_time)
    if clock is None:
        return now.date() - study.acquired_on <= timedelta(days=1)
    taken = timezone.make_aware(datetime.combine(study.acquired_on, clock))
    return now - RECENT <= taken <= now + timedelta(hours=1)  # their clock may be fast


def _clock(said: str) -> time | None:
    """TM (PS3.5 6.2): HHMMSS, of which the end may be missing."""
    digits = said.split(".")[0].replace(":", "")
    if len(digits) < 4 or not digits.isdigit():
        return None
    try:
        return time(int(digits[:2]), int(digits[2:4]), int(digits[4:6] or 0))
    except ValueError:
        return None


def form_modality(study: FoundStudy) -> str:
    """The kind of scan as the form of a ticket has it."""
    kinds = [_FILM.get(each, each) for each in study.modalities]
    return next((each for each in kinds if each in MODALITIES), "OT")


def seen_as(reports: Sequence[ReportText]) -> str:
    """What stands for the very words that the person has read."""
    words = "\0".join(sorted(each.whole for each in reports))
    return hashlib.sha256(words.encode()).hexdigest()


def usual_people(centre: Institution, trust: Organisation, by: Acting) -> People:
    """By their duty where no name is known: a duty is true, a guessed name is not."""
    user = by.user
    place = by.organisation
    return People(
        other_name=f"Duty radiology, {centre.name}",
        other_phone=centre.phone,
        other_email=centre.email,
        requester_name=by.label[:120],
        requester_phone=(place.phone if place else "") or trust.phone,
        requester_email=user.email if user else "",
        consultant="Emergency Department consultant on duty",
    )


# --- Who may, and when ---------------------------------------------------------------------------


def may_send_now(by: Acting) -> bool:
    """The desk always; on-call imaging while the desk is closed."""
    if by.may(Permission.EXCHANGE_IMAGES):
        return True
    return by.may(Permission.SEND_TRAUMA) and not hours.is_open()


def _refuse_unless_allowed(by: Acting) -> Organisation:
    trust = policies.trust_of(by)
    allowed = by.may(Permission.EXCHANGE_IMAGES) or by.may(Permission.SEND_TRAUMA)
    if trust is None or not allowed:
        raise PermissionDenied
    if not may_send_now(by):
        raise NotAccepted("in_hours", "The service desk is open and sends it. Ring them.")
    return trust


# --- Sending -------------------------------------------------------------------------------------


def send(
    patient: Patient,
    centre: Institution,
    study_uids: Sequence[str],
    *,
    is_ed_trauma: bool,
    has_read: str,
    people: People,
    by: Acting,
) -> Transaction:
    """Ticket, transaction, reports and transfers, all Blue Light, together or not at all.

    `has_read` is `seen_as` of the reports that were on the page, where the person ticked that they
    read them. Raises NotAccepted: in_hours, not_trauma, none_chosen, not_read, not_a_centre and
    what tickets, transactions and sending refuse; iep.dicom.DicomFailure when PACS does not answer.
    """
    trust = _refuse_unless_allowed(by)
    if not is_ed_trauma:
        raise NotAccepted("not_trauma", "Only for trauma patients in ED. Tick that this is one.")
    if not centre.is_trauma_centre:
        raise NotAccepted("not_a_centre", "Choose a trauma centre.")
    if not study_uids:
        raise NotAccepted("none_chosen", "Tick at least one study.")
    shown = look(patient, trust)
    rows = [each for each in shown if each.study.study_uid in set(study_uids)]
    _refuse_unread(shown, rows, has_read)
    exams = tuple(_exam(each) for each in rows)
    with transaction.atomic():
        new = _new(patient, centre, trust, people, exams)
        ticket = tickets.open_ticket(new, by=by)
        taken(ticket, by)
        thing = transactions.create(
            kind=TransactionKind.TRANSFER, institution=centre, ticket=ticket,
            priority=Priority.BLUE_LIGHT, by=by,
        )  # fmt: skip
        _attach(thing, rows, by)
        sending.send_studies(thing, study_uids, care_reason=STATEMENT, by=by)
    return thing


def _attach(thing: Transaction, rows: Sequence[Row], by: Acting) -> None:
    for each in rows:
        if each.report:
            attaching.attach(
                thing, by=by, text=each.report.whole, title=f"Report: {each.title}"[:120],
                study_uid=each.study.study_uid, confirmed=True,
            )  # fmt: skip


def _refuse_unread(shown: Sequence[Row], rows: Sequence[Row], has_read: str) -> None:
    """What is attached was read as it stands now: all that the page showed is the same."""
    if not any(each.report for each in rows):
        return
    if not has_read:
        raise NotAccepted("not_read", "Read the report, then tick that you have read it.")
    if has_read != seen_as([each.report for each in shown if each.report]):
        raise NotAccepted("not_read", "A report has changed. Read it again.")


def taken(ticket: Ticket, by: Acting) -> None:
    """Who sends it has it: nobody is paged for it."""
    if by.user is not None and not hours.is_open():
        now = timezone.now()
        OnCallPage.objects.create(ticket=ticket, user=by.user, at=now, acknowledged_at=now)


def _exam(row: Row) -> Exam:
    return Exam(
        description=row.title[:120],
        acquired_on=row.study.acquired_on,
        modality=form_modality(row.study),
    )


def _new(
    patient: Patient,
    centre: Institution,
    trust: Organisation,
    people: People,
    exams: tuple[Exam, ...],
    instructions: str = "",
) -> NewTicket:
    number = patient.nhs_number or ""
    return NewTicket(
        kind=TicketKind.EXPORT,
        family_name=patient.family_name, given_names=patient.given_names,
        birth_date=patient.birth_date, s_number=s_number_of(patient, trust), nhs_number=number,
        no_nhs_number_reason="" if number else "Trauma patient, not known yet",
        address_lines=tuple(patient.address_lines), postcode=patient.postcode,
        exams=exams, institution=centre, department=DEPARTMENT,
        priority=Priority.BLUE_LIGHT, reason=Reason.BLUE_LIGHT,
        eligibility=Eligibility.WITHIN_12_HOURS, instructions=instructions, patient=patient,
        **vars(people),
    )  # fmt: skip


# --- When PACS is away ---------------------------------------------------------------------------

ON_DISC = "The images go with the patient on a disc, burnt at the scanner."
DISC = f"PACS does not answer. {ON_DISC}"
DISC_EMPTY = f"PACS had nothing of the patient yet. {ON_DISC}"


def send_disc(
    patient: Patient,
    centre: Institution,
    what: str,
    modality: str,
    *,
    is_ed_trauma: bool,
    people: People,
    by: Acting,
    acquired_on: date | None = None,
    is_empty: bool = False,
) -> Ticket:
    """The ticket of a disc that goes with the patient: its call reference stands on the label.

    `is_empty`: PACS answered, and had nothing. The service desk sees it and sends the images after
    it when PACS has them. Raises NotAccepted.
    """
    trust = _refuse_unless_allowed(by)
    if not is_ed_trauma:
        raise NotAccepted("not_trauma", "Only for trauma patients in ED. Tick that this is one.")
    exam = Exam(
        description=" ".join(what.split())[:120], modality=modality,
        acquired_on=acquired_on or timezone.localdate(),
    )  # fmt: skip
    with transaction.atomic():
        why = DISC_EMPTY if is_empty else DISC
        new = _new(patient, centre, trust, people, (exam,), instructions=why)
        ticket = tickets.open_ticket(new, by=by)
        taken(ticket, by)
        return tickets.record(ticket, TicketEvent.NOTED, words=why, by=by)
