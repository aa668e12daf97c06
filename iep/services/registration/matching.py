"""Whose images these are: a person compares, decides, and may take it back (ux.md I4, H41).

Where name, birth date and one number agree, one person decides. Where something differs, a first
person rings the sender and vouches, and a second one matches; the database holds them apart.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from iep.errors import NotAccepted
from iep.models import Study, TicketExam
from iep.policies import may_work
from iep.queries.lanes import state as lane_state
from iep.queries.registration.comparing import Row, compare_rows, hospital_number
from iep.queries.registration.matching import agreement, people_for, sender_code
from iep.queries.registration.pacs import transfers_to_pacs
from iep.services.lanes import transfers
from iep.services.moving import locked, move
from iep.services.registration import filing, registering
from iep.states.studies import RisState, StudyEvent, StudyState
from iep.states.transfers import TransferState
from patients.models import Patient

__all__ = ["compare", "match", "unmatch", "vouch"]

RING = "Ring the sender. The images and the record do not agree: {conflicts}."


def compare(study: Study) -> list[Row]:
    """Ticket, header and hospital record beside each other, item by item."""
    people = people_for(study)
    return compare_rows(study, people[0] if len(people) == 1 else None)


def match(
    study: Study,
    *,
    patient: Patient,
    exam: TicketExam | None,
    exam_code: str,
    why: str = "",
    by: Acting,
) -> Study:
    """The study is this patient's: registered in the RIS and on its way to PACS, all or nothing.

    `exam_code` is the sender's unless `why` says why not. Raises NotAccepted where name, birth date
    and one number do not agree, unless another person vouched for it (`vouch`); or where the study
    does not wait to be matched. The event's day is the images' own, whatever is asked (H47).
    """
    with transaction.atomic():
        row = _to_match(study, patient, by)
        agreed = agreement(row, patient)
        if not agreed.agrees:
            _check_second_person(row, patient, agreed.conflicts, by)
        code, code_why = _code(row, exam, exam_code, why)
        number = registering.next_number()
        matched = move(
            row, StudyEvent.MATCHED, by=by, words=f"Exam {code}. {code_why}".strip(),
            patient=patient, exam=exam, exam_code=code, code_why=code_why,
            identity_agreed=agreed.agrees, matched_by=by.label[:150],
            matched_by_id=by.user.pk if by.user else None, matched_at=timezone.now(),
            placer_number=number, our_accession=number, why="", filing_why="",
        )  # fmt: skip
        return registering.register(matched, by=by)


def _to_match(study: Study, patient: Patient, by: Acting) -> Study:
    """The study, locked, where this person may match it now. Raises NotAccepted."""
    row = locked(study)
    if not may_work(by, row.organisation_id) or by.user is None:
        raise NotAccepted("not_yours", "Only the image exchange service desk matches images.")
    if row.state != StudyState.FAILED_VERIFICATION:
        raise NotAccepted("moved_on", "Somebody else has dealt with this study. Look again.")
    if patient.merged_into_id is not None:
        raise NotAccepted("merged", "This record was merged into another one. Look again.")
    if not hospital_number(row, patient):
        words = f"The patient has no hospital number at {row.organisation.name}."
        raise NotAccepted("not_registered", f"{words} Register them on the PAS first.")
    if row.acquired_on is None:
        words = "The images do not say on which day they were taken. Ring the sender."
        raise NotAccepted("no_day", words)
    return row


def _check_second_person(
    row: Study, patient: Patient, conflicts: tuple[str, ...], by: Acting
) -> None:
    if row.vouched_by_id is None or row.vouched_patient_id != patient.pk:
        raise NotAccepted("ring_the_sender", RING.format(conflicts="; ".join(conflicts)))
    if by.user is None or row.vouched_by_id == by.user.pk:
        words = "You vouched for it yourself. A second person has to match it."
        raise NotAccepted("same_person", words)


def _code(row: Study, exam: TicketExam | None, code: str, why: str) -> tuple[str, str]:
    """The examination's code, and why it is not the sender's. Raises NotAccepted."""
    if exam is not None and exam.ticket_id != row.ticket_id:
        raise NotAccepted("exam", "This exam is of another ticket.")
    code, why = code.strip(), why.strip()
    if not code:
        raise NotAccepted("no_code", "Enter the sender’s examination code.")
    sender = sender_code(row, exam)
    if sender and code != sender and not why:
        raise NotAccepted("why", "Say why the examination code is not the sender’s.")
    if len(code) > 20:
        raise NotAccepted("no_code", "An examination code has at most 20 characters.")
    return code, why[:200] if code != sender else ""


def vouch(study: Study, *, patient: Patient, why: str, by: Acting) -> Study:
    """The first of two persons says that it is the same person although something differs.

    `why` is what the sender said on the telephone. Raises NotAccepted.
    """
    with transaction.atomic():
        row = _to_match(study, patient, by)
        conflicts = agreement(row, patient).conflicts
        if not conflicts:
            raise NotAccepted("agrees", "Everything agrees: it can be matched.")
        if not why.strip():
            raise NotAccepted("why", "Say whom you rang and what they said.")
        words = f"Rang the sender: {why.strip()} ({'; '.join(conflicts)})"
        return move(
            row, StudyEvent.NOTED, by=by, words=words, vouched_patient=patient,
            vouched_by=by.label[:150], vouched_by_id=by.user.pk if by.user else None,
            vouched_at=timezone.now(), vouched_why=why.strip()[:300],
        )  # fmt: skip


def unmatch(study: Study, *, why: str, by: Acting) -> Study:
    """Nobody's again; the RIS is asked to cancel. Raises NotAccepted once an image has left."""
    with transaction.atomic():
        row = locked(study)
        if not may_work(by, row.organisation_id):
            raise NotAccepted("not_yours", "Only the image exchange service desk matches images.")
        if row.state not in (StudyState.MATCHED, StudyState.TAKEN_OUT):
            raise NotAccepted("moved_on", "This study is not matched. Look again.")
        if not why.strip():
            raise NotAccepted("why", "Say why the match is taken back.")
        _stop_sending(row, by)
        registering.cancel(row, why=why.strip()[:200], by=by)
        audit.record(
            acting=by, action="unmatch_study", object_type="iep.Study", object_id=row.pk,
            patient_id=row.patient_id or "",
        )  # fmt: skip
        return _nobodys(row, why.strip(), by)


def _stop_sending(row: Study, by: Acting) -> None:
    """Looked at under its lock, so that no lane begins meanwhile; then cancelled.

    Raises NotAccepted: sending, left.
    """
    for each in transfers_to_pacs(row).order_by("pk"):
        transfer = locked(each)
        if lane_state.is_on_its_way(transfer):
            words = "The images are on their way to PACS at this moment. Look again in a minute."
            raise NotAccepted("sending", words)
        if lane_state.may_have_left(transfer):
            words = "Images have left for PACS, or may have. Ring the PACS team to take them out."
            raise NotAccepted("left", words)
        if transfer.state != TransferState.CANCELLED:
            transfers.cancel(transfer, by=by, words="The match was taken back.")
    filing.drop_copies(row)


def _nobodys(row: Study, why: str, by: Acting) -> Study:
    former = [*row.former_placers, row.placer_number]
    return move(
        row, StudyEvent.UNMATCHED, by=by, words=why, patient=None, exam=None, exam_code="",
        code_why="", identity_agreed=False, matched_by="", matched_by_id=None, matched_at=None,
        placer_number="", our_accession="", former_placers=former, coercions={}, filing_why="",
        why="", ris_state=RisState.NONE.value, ris_message=None, ris_why="", ris_number="",
        vouched_patient=None, vouched_by="", vouched_by_id=None, vouched_at=None, vouched_why="",
    )  # fmt: skip
