"""From matched to filed: copies with our numbers, to our PACS, and the end of it.

`prepare` makes the copies of a study in small transactions, so that whoever dies leaves nothing
half done; the originals stay as they came. A study is filed when PACS has confirmed every image and
the RIS has an entry. Work is found in PostgreSQL (`file_waiting`, a sweep), never in a broker. What
is wrong with one study is written down with it (`filing_why`) and holds up no other.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterable
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Sum
from django.utils import timezone

from accounts.policies import SYSTEM, Acting
from iep import storage
from iep.errors import NotAccepted
from iep.models import Node, ReceivedFile, Study, Transfer
from iep.queries.registration.pacs import PURPOSE, transfers_to_pacs
from iep.sandbox.errands import Errands, NotDone
from iep.services.exchange import outcomes
from iep.services.lanes import transfers
from iep.services.moving import locked, move
from iep.states.priorities import Priority
from iep.states.studies import FileState, RisState, StudyEvent, StudyState
from iep.states.transfers import TransferState
from iep.titles import what_of

log = structlog.get_logger(__name__)

AT_ONCE = 25  # images of one transaction
ON_ITS_WAY = (RisState.SENT.value, RisState.HELD.value)
_CHUNK = 1024 * 1024
# Reasons that pass: the next sweep tries such a study again.
NO_ROOM = "There is no room on our own disk for the copies. It is tried again by itself."
OUR_FAULT = (
    "Something went wrong in our own system. It is tried again by itself. If this stays, tell the "
    "system administrators."
)
_GOES_ON = ("", NO_ROOM, OUR_FAULT)
_UNREADABLE = (
    "An image cannot be read from our own storage. Tell the system administrators, or ask the "
    "sender for the images again."
)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_OF_THE_FILE = frozenset({errno.ENOENT, errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE})


def file_waiting() -> int:
    """The sweep: every matched study one step further. Returns how many were looked at."""
    steps = 0
    for key in _to_do():
        _one_step(key)
        steps += 1
    return steps


def _to_do() -> list[uuid.UUID]:
    """First what is on its way to PACS, of that first what nothing has held up before."""
    rows = Study.objects.filter(state=StudyState.MATCHED, filing_why__in=_GOES_ON)
    rows = rows.order_by(F("in_pacs_at").asc(nulls_first=True), "filing_why", "state_since")
    return list(rows.values_list("pk", flat=True)[:200])


def _one_step(key: uuid.UUID) -> None:
    """Raises OperationalError, InterfaceError: the database's trouble is nobody's in particular."""
    try:
        with Errands() as errands:
            while prepare(key, errands):
                pass
        confirm(key)
    except (OperationalError, InterfaceError):
        raise
    except Exception as failure:  # noqa: BLE001 - whatever it is, the studies behind it go on
        log.error("study_not_filed", study=str(key), error=type(failure).__name__)  # noqa: TRY400
        _wait(key, OUR_FAULT)


# --- Copies, and off they go ----------------------------------------------------------------------


def prepare(key: uuid.UUID, errands: Errands) -> bool:
    """Some more copies of the study; when none is missing, it is queued. Whether to go on."""
    with transaction.atomic():
        study = _claimed(key)
        if study is None or not _is_to_go(study):
            return False
        try:
            with transaction.atomic():  # what was made of these goes with what cannot be made
                more = _copy_some(study, errands)
                if not more:
                    _queue(study)
        except (NotDone, NotAccepted) as refusal:
            _stop(study, refusal.sentence)
            return False
        except OSError as failure:
            _note_the_disk(study, failure)
            return False
    return more


def _claimed(key: uuid.UUID) -> Study | None:
    """Locked for this worker; None where another has it."""
    rows = Study.objects.filter(pk=key).select_for_update(skip_locked=True)
    return Study.objects.get(pk=key) if list(rows.values_list("pk", flat=True)) else None


def _is_to_go(study: Study) -> bool:
    """Matched, the RIS asked, and not on its way already."""
    if study.state != StudyState.MATCHED or study.in_pacs_at or study.filing_why not in _GOES_ON:
        return False
    return study.ris_state in ON_ITS_WAY and not live_transfers(study).exists()


def live_transfers(study: Study) -> Any:
    """To our PACS, not cancelled."""
    return transfers_to_pacs(study).exclude(state=TransferState.CANCELLED)


def _copy_some(study: Study, errands: Errands) -> bool:
    kept = ReceivedFile.objects.filter(study=study, state=FileState.KEPT)
    to_do = kept.exclude(copies__state=FileState.COPY)
    missing = list(to_do.order_by("pk")[:AT_ONCE])
    _need_room(study, to_do.aggregate(size=Sum("size"))["size"] or 0)  # all of it, or none
    made: list[uuid.UUID] = []
    try:
        for file in missing:
            _need_room(study, file.size)
            made.append(_copy(study, file, errands))
    except BaseException:
        for key in made:  # their rows go with the transaction
            storage.discard(key)
        raise
    return bool(missing)


def _need_room(study: Study, size: int) -> None:
    """Raises OSError: so many bytes more would take the last of the disk."""
    if size and not storage.room(for_blue_light=_is_urgent(study), size=size):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _copy(study: Study, original: ReceivedFile, errands: Errands) -> uuid.UUID:
    """One copy: its head from the sandbox, the rest as it lies. Raises NotDone, OSError."""
    path = storage.path_of(original.pk)
    done = errands.do(path, request={"do": "coerce", **identity_of(study)})
    written, key = storage.writer(), uuid.uuid4()
    try:
        written.write(done.data)
        for chunk in _rest(original.pk, done.found.get("rest_at")):
            written.write(chunk)
        written.keep(key)
    except BaseException:
        written.drop()
        raise
    ReceivedFile.objects.create(
        id=key, state=FileState.COPY.value, origin=original.origin, study=study, original=original,
        size=written.size, sha256=written.sha256, study_uid=original.study_uid,
        series_uid=original.series_uid, sop_uid=original.sop_uid, sop_class=original.sop_class,
        transfer_syntax=original.transfer_syntax, modality=original.modality,
        series_number=original.series_number, instance_number=original.instance_number,
        frames=original.frames, rows=original.rows, columns=original.columns,
    )  # fmt: skip
    _remember(study, done.found.get("changed"))
    return key


def _rest(key: uuid.UUID, start: object) -> Iterable[bytes]:
    if not isinstance(start, int):
        return
    with storage.path_of(key).open("rb") as file:
        file.seek(start)
        while chunk := file.read(_CHUNK):
            yield chunk


def _remember(study: Study, changed: object) -> None:
    """What stood there and what stands there now, of the first image: the record shows it."""
    if not study.coercions and isinstance(changed, dict):
        study.coercions = changed
        study.save(update_fields=["coercions"])


def identity_of(study: Study) -> dict[str, str]:
    """What the hospital's record says, as DICOM writes it. Raises NotAccepted."""
    patient = study.patient
    number = our_number(study)
    if patient is None or not number:
        raise NotAccepted("no_number", "The patient has no hospital number of ours any more.")
    first, _, further = patient.given_names.partition(" ")
    names = [patient.family_name, first, further, patient.title]
    return {
        "patient_id": number,
        "issuer": study.organisation.ods_code,
        "name": "^".join(_plain(each) for each in names).rstrip("^"),
        "birth_date": f"{patient.birth_date:%Y%m%d}",
        "sex": patient.gender if patient.gender in ("F", "M", "O") else "",
        "accession": study.our_accession,
        "system": settings.DICOM_AET,
        "at": timezone.now().strftime("%Y%m%d%H%M%S%z"),
    }


def our_number(study: Study) -> str:
    """The hospital number that the study's own trust gave the patient, as it stands now."""
    if study.patient is None:
        return ""
    numbers = study.patient.identifiers.filter(
        issuer=study.organisation.ods_code, former_since__isnull=True
    )
    return numbers.order_by("pk").values_list("value", flat=True).first() or ""


def _plain(name: str) -> str:
    """Without what separates in a PN (PS3.5 6.2.1)."""
    return name.translate(str.maketrans("^=\\", "   ")).strip()


def _queue(study: Study) -> Transfer:
    node = Node.objects.filter(is_our_pacs=True, institution__organisation=study.organisation)
    pacs = node.order_by("-is_default", "pk").first()
    if pacs is None:
        raise NotAccepted("no_pacs", f"{study.organisation.name} has no PACS to send images to.")
    copies = ReceivedFile.objects.filter(study=study, state=FileState.COPY)
    if study.filing_why:
        move(study, StudyEvent.NOTED, by=SYSTEM, words="It goes on.", filing_why="")
    return transfers.queue_send(
        study, pacs, priority=_priority(study), purpose=PURPOSE, title=_title(study), by=SYSTEM,
        files=list(copies.order_by("series_number", "series_uid", "instance_number", "sop_uid")),
    )  # fmt: skip


def _priority(study: Study) -> Priority:
    return Priority.BLUE_LIGHT if _is_urgent(study) else Priority.NORMAL


def _is_urgent(study: Study) -> bool:
    source = study.transaction or study.ticket
    return source is not None and source.priority == Priority.BLUE_LIGHT


def _title(study: Study) -> str:
    """Modality and body part only: a description may hold anything."""
    return f"{what_of(study.modalities, study.body_part)} to our PACS"


def _stop(study: Study, sentence: str) -> None:
    """Nobody can go on but a person: the copies that could not be made stop all of them."""
    with transaction.atomic():
        row = locked(study)
        words = sentence[:300]
        move(row, StudyEvent.NOTED, by=SYSTEM, words=f"Not sent to PACS: {words}", filing_why=words)


def _note_the_disk(study: Study, failure: OSError) -> None:
    """Ours is full: it waits, and holds nothing of it. A file that cannot be read is a person's.

    Raises the failure when it is neither.
    """
    if failure.errno in _FULL:
        drop_copies(study)
        _wait(study.pk, NO_ROOM)
    elif failure.errno in _OF_THE_FILE:
        _stop(study, _UNREADABLE)
    else:
        raise failure


def _wait(key: uuid.UUID, sentence: str) -> None:
    """It is looked at again by the next sweep; why it has not gone is written down once."""
    with transaction.atomic():
        row = locked(Study(pk=key))
        if row.state == StudyState.MATCHED and row.filing_why != sentence:
            words = f"Not sent to PACS yet: {sentence}"
            move(row, StudyEvent.NOTED, by=SYSTEM, words=words, filing_why=sentence)


def try_again(study: Study, *, by: Acting) -> Study:
    """A person has put right why no copy could be made. Raises NotAccepted."""
    with transaction.atomic():
        row = locked(study)
        if not row.filing_why:
            raise NotAccepted("not_stopped", "Nothing stopped this study.")
        return move(row, StudyEvent.NOTED, by=by, words="To be tried again.", filing_why="")


# --- The end --------------------------------------------------------------------------------------


def confirm(key: uuid.UUID) -> None:
    """Note when PACS has confirmed every image; the copies have done their work then."""
    with transaction.atomic():
        study = _claimed(key)
        if study is None or study.state != StudyState.MATCHED:
            return
        live = live_transfers(study)
        done = live.filter(state=TransferState.DELIVERED).first()
        if done is None or live.exclude(pk=done.pk).exists():
            return
        if study.in_pacs_at is None:
            words = f"{done.images} images are in PACS."
            move(study, StudyEvent.NOTED, by=SYSTEM, words=words, in_pacs_at=timezone.now())
            drop_copies(study)
        settle(study, by=SYSTEM)


def settle(study: Study, *, by: Acting) -> None:
    """Filed, when both have it. `study` is locked."""
    is_held = study.ris_state == RisState.HELD
    if study.state == StudyState.MATCHED and study.in_pacs_at and is_held:
        outcomes.study_filed(move(study, StudyEvent.FILED, by=by))


def drop_copies(study: Study) -> None:
    """Their bytes go when this commits; the rows stay, for the ledger of the transfer."""
    copies = ReceivedFile.objects.filter(study=study, state=FileState.COPY)
    keys = list(copies.values_list("pk", flat=True))
    copies.update(state=FileState.DISCARDED.value)
    transaction.on_commit(partial(_discard, keys))


def _discard(keys: list[uuid.UUID]) -> None:
    for key in keys:
        storage.discard(key)
