"""Each imported examination gets its own event in the RIS, by HL7 (sources I11; hazards H46, H47).

The message waits in the outbox like every other; what the RIS answers comes to `hear`, what becomes
of the message itself to `record_delivery`. Until the RIS has an entry the images are UNVERIFIED.
"""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organisation
from accounts.policies import Acting, partner_acting
from iep import hl7
from iep.errors import NotAccepted
from iep.hl7 import Answer, Registration, Requester
from iep.models import Study
from iep.queries.registration.registering import ris_of
from iep.services.moving import locked, move
from iep.services.registration import filing
from iep.states.studies import RisState, StudyEvent, StudyState
from messaging.errors import NotEncodable, NotSendable
from messaging.models import OutboundMessage, Partner
from messaging.queries.codes import Code, has_map, theirs
from messaging.services import enqueue, next_control_id
from patients.hl7 import pid_segment

SUBJECT = "iep.Study"
LONGEST_ACCESSION = 16  # DICOM SH
LAST_OF_PID = 30  # of versions 2.3 and 2.3.1
_OFFSET = re.compile(r"[+-][0-9]{4}\Z")


def next_number() -> str:
    """Placer and accession number of one examination: the prefix, eight digits, X.

    A request's placer number ends with a digit, so that neither can ever be the other's.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('iep_accession')")
        number = f"{settings.HL7_SITE_PREFIX}{cursor.fetchone()[0]:08d}X"
    if len(number) > LONGEST_ACCESSION:
        raise OverflowError("HL7_SITE_PREFIX is too long for an accession number")
    return number


def is_ris_of(partner: Partner, study: Study) -> bool:
    ours = ris_of(study.organisation)
    return ours is not None and ours.pk == partner.pk


# --- Asking ---------------------------------------------------------------------------------------


def register(study: Study, *, by: Acting) -> Study:
    """Ask the RIS for an entry, in the caller's transaction; `study` is locked and matched.

    What cannot be sent (no link, no code agreed) is refused with words for a person, and the images
    stay here until it is put right: nothing is guessed.
    """
    try:
        message = _send(study, hl7.NEW)
    except (NotSendable, NotEncodable) as refusal:
        return _refused(study, refusal.sentence, by)
    return move(
        study, StudyEvent.NOTED, by=by, words="The RIS was asked for an entry.",
        ris_state=RisState.SENT.value, ris_message=message, ris_why="",
    )  # fmt: skip


def retry(study: Study, *, exam_code: str = "", why: str = "", by: Acting) -> Study:
    """Ask once more, perhaps by another code (then with a reason). Raises NotAccepted."""
    with transaction.atomic():
        row = locked(study)
        if row.ris_state != RisState.REFUSED or row.patient is None:
            raise NotAccepted("not_refused", "The RIS has not refused this study.")
        if exam_code and exam_code != row.exam_code:
            if not why.strip():
                raise NotAccepted("why", "Say why the examination code is another one.")
            row.exam_code, row.code_why = exam_code, why.strip()[:200]
        return register(row, by=by)


def cancel(study: Study, *, why: str, by: Acting) -> None:
    """Ask the RIS to cancel its entry: the match was taken back. In the caller's transaction."""
    if study.ris_state in (RisState.SENT, RisState.HELD):
        _send(study, hl7.CANCEL, reason=why)


def _send(study: Study, control: str, *, reason: str = "") -> OutboundMessage:
    """Raises NotSendable, NotEncodable; then nothing is in the outbox."""
    partner = ris_of(study.organisation)
    if partner is None:
        words = f"The radiology department of {study.organisation.name} has no link to its RIS."
        raise NotSendable("no_link", words)
    control_id = next_control_id()
    asked = registration_of(study, partner, control, control_id=control_id, reason=reason)
    return enqueue(
        partner=partner, kind=f"{partner.order_message} {control}", subject_type=SUBJECT,
        subject_id=f"{study.placer_number} {control_id}", stream=str(study.pk),
        raw=hl7.render(asked), control_id=control_id,
    )  # fmt: skip


def registration_of(
    study: Study, partner: Partner, control: str, *, control_id: str, reason: str = ""
) -> Registration:
    """The study as that partner likes to be told. Raises NotSendable for a code it has not."""
    code = _code(partner, "exam", study.exam_code)
    trust = study.organisation
    return Registration(
        control=control, control_id=control_id, kind=partner.order_message,
        version=partner.version, charset=partner.character_set,
        processing_id=partner.processing_id, asks=partner.asks,
        sender=(partner.our_application, partner.our_facility),
        receiver=(partner.their_application, partner.their_facility),
        written_at=timezone.now(), placer=study.placer_number, accession=study.our_accession,
        group=study.ticket.reference if study.ticket else "", patient=_pid(study, partner),
        code=code.code, name=code.display or study.description,
        code_system=code.system or hl7.LOCAL, acquired=acquired_at(study),
        section=_section(study, partner), study_uid=study.study_uid, information=_whence(study),
        place_code=trust.ods_code, place_name=trust.name, requester=_requester(study),
        reason=reason,
    )  # fmt: skip


def _code(partner: Partner, kind: str, ours: str) -> Code:
    return theirs(partner, kind, ours) if has_map(partner, kind) else Code(ours)


def _section(study: Study, partner: Partner) -> str:
    modality = next(iter(study.modalities), "")
    if modality and has_map(partner, "modality"):
        return theirs(partner, "modality", modality).code
    return hl7.SECTIONS.get(modality, "RAD")


def acquired_at(study: Study) -> str:
    """OBR-7: date, time and offset as the images have them; never the import's (hazard H47)."""
    day = f"{study.acquired_on:%Y%m%d}" if study.acquired_on else ""
    clock = study.acquired_time.partition(".")[0].replace(":", "")
    if not (day and clock.isdigit() and len(clock) in (4, 6)):
        return day
    return day + clock + (study.utc_offset if _OFFSET.match(study.utc_offset) else "")


def _whence(study: Study) -> str:
    where = study.institution_name or "another hospital"
    return f"Imported images from {where}. Not reported here."


def _pid(study: Study, partner: Partner) -> Any:
    """PID as that version has it; a receiver gets the hospital numbers that it gave."""
    if study.patient is None:
        raise NotSendable("no_patient", "Nobody has said whose images these are.")
    whole = pid_segment(study.patient, issuers=frozenset({partner.their_facility}))
    if partner.version >= "2.4":
        return whole
    cut = "|".join(whole.source.split("|")[: LAST_OF_PID + 1]).rstrip("|")
    return type(whole)(cut, whole.charset)


def _requester(study: Study) -> Requester:
    """Who asked for the images, where that is known."""
    ticket = study.ticket
    if ticket is None:
        return Requester()
    user = ticket.requester
    if user is None or not user.registration_number:
        return Requester(family=ticket.requester_name)
    return Requester(
        user.registration_number, user.registration_body, user.last_name, user.first_name,
        user.title,
    )  # fmt: skip


# --- What came of it ------------------------------------------------------------------------------


def hear(study: Study, answer: Answer, *, by: Acting) -> bool:
    """What the RIS said. False for a word that is none of ours. Saying it again changes nothing.

    Raises NotAccepted where the RIS contradicts itself.
    """
    with transaction.atomic():
        row = locked(study)
        if answer.placer != row.placer_number:  # of a match that was taken back
            _note(row, f"Of the earlier match the RIS says {answer.control}.", by)
            return True
        if answer.control == hl7.NOT_CANCELLED:
            _note(row, f"The RIS cannot cancel: {answer.words}", by)
        elif answer.is_cancellation or answer.is_refusal:
            _refused(row, answer.words or "The RIS gave no reason. Ring the department.", by)
        elif answer.control in (*hl7.TAKEN, hl7.NUMBERED):
            _held(row, answer, by)
        else:
            return False
    return True


def _held(row: Study, answer: Answer, by: Acting) -> None:
    if not answer.filler:
        words = "The RIS took the examination and gave it no number (ORC-3). Ring the department."
        raise NotAccepted("no_number", words)
    if row.ris_state == RisState.HELD:
        if row.ris_number != answer.filler[:40]:
            words = "The RIS gave this examination another number before. Ring the department."
            raise NotAccepted("another_number", words)
        return
    move(
        row, StudyEvent.NOTED, by=by, words=f"In the RIS as {answer.filler[:40]}",
        ris_state=RisState.HELD.value, ris_number=answer.filler[:40], ris_why="",
    )  # fmt: skip
    filing.settle(row, by=by)


def _refused(row: Study, words: str, by: Acting) -> Study:
    """A person's. What was filed has lost its entry: it waits for one again, where all see it."""
    event = StudyEvent.REOPENED if row.state == StudyState.FILED else StudyEvent.NOTED
    return move(
        row, event, by=by, words=f"Not in the RIS: {words}",
        ris_state=RisState.REFUSED.value, ris_why=words[:300],
    )  # fmt: skip


def _note(row: Study, words: str, by: Acting) -> None:
    move(row, StudyEvent.NOTED, by=by, words=words)


def record_delivery(subject_id: str, outcome: str, text: str) -> None:
    """What became of a message: "delivered", "refused" or "failing". Safe to repeat.

    Delivered is no entry yet: the answer says that. A refusal is a person's, in its words.
    """
    placer, _, control_id = subject_id.partition(" ")
    rows = Study.objects.filter(placer_number=placer, ris_message__control_id=control_id)
    study = rows.first()
    if study is None:  # of a match that was taken back, or of a cancellation: on the messages page
        return
    with transaction.atomic():
        row = locked(study)
        if row.ris_state != RisState.SENT:
            return
        by = partner_acting(_name_of(row.organisation))
        if outcome == "refused":
            _refused(row, f"It could not take the message: {text}", by)
        elif outcome == "failing" and row.ris_why != text[:300]:
            move(row, StudyEvent.NOTED, by=by, words=text, ris_why=text[:300])
        elif outcome == "delivered" and row.ris_why:
            move(row, StudyEvent.NOTED, by=by, words="The RIS has the message.", ris_why="")


def _name_of(trust: Organisation) -> str:
    partner = ris_of(trust)
    return partner.name if partner else trust.name
