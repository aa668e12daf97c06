"""What came: kept as received, read (services.arrival.reading), and decided on by a person."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction as database
from django.utils import timezone

from accounts import audit
from accounts.policies import SYSTEM, Acting
from accounts.roles import Permission
from iep import policies, storage
from iep.errors import NotAccepted
from iep.models import Disc, Node, ReceivedFile, Study, Transaction, Transfer
from iep.services.arrival.reading import read_waiting
from iep.services.exchange import outcomes
from iep.services.moving import locked, move
from iep.states.studies import FileState, Origin, StudyEvent, StudyState

if TYPE_CHECKING:
    from iep.storage import Writing


def receive(written: Writing, **about: Any) -> ReceivedFile:
    """Keep the bytes, and one row that says whence they came. On disk and committed on return.

    `about`: as of `row_of`. Raises OSError when the disk is full; then nothing is kept, and the
    caller must not answer success.
    """
    file = row_of(**about)
    receive_all([(file, written)])
    return file


def row_of(
    *,
    origin: Origin | str,
    node: Node | None = None,
    calling: str = "",
    association: UUID | None = None,
    transfer: Transfer | None = None,
    transaction: Transaction | None = None,
    disc: Disc | None = None,
    study_uid: str = "",
    series_uid: str = "",
    sop_uid: str = "",
    sop_class: str = "",
    transfer_syntax: str = "",
) -> ReceivedFile:
    """The row of a file that is not kept yet.

    Nothing in the file is looked at here: it is in quarantine until the sandbox has read it. The
    UIDs are what the association (or the manifest) said.
    """
    return ReceivedFile(
        id=uuid.uuid4(),
        origin=Origin(origin).value,
        node=node,
        calling=calling[:16],
        association=association,
        transfer_id=transfer.pk if transfer else None,
        transaction=transaction,
        disc=disc,
        study_uid=study_uid[:64],
        series_uid=series_uid[:64],
        sop_uid=sop_uid[:64],
        sop_class=sop_class[:64],
        transfer_syntax=transfer_syntax[:64],
    )


def receive_all(came: Sequence[tuple[ReceivedFile, Writing]]) -> None:
    """The bytes first, then the rows: all of them, or none of either. Raises OSError."""
    storage.keep_all([(written, file.pk) for file, written in came])
    try:
        for file, written in came:
            file.size, file.sha256 = written.size, written.sha256
            file.preamble_zeroed = written.preamble_zeroed
        ReceivedFile.objects.bulk_create([file for file, _ in came])
    except BaseException:
        for file, _ in came:
            storage.discard(file.pk)
        raise


def discard(study: Study, *, why: str, by: Acting) -> Study:
    """Give the study up, with the reason; its bytes go. Raises NotAccepted, NoSuchMove."""
    why = _reason(why, "Say why the images are discarded.")
    with database.atomic():
        study = _to_work_on(study, by)
        move(study, StudyEvent.DISCARDED, by=by, words=why, why=why)
        _drop_files(study)
        outcomes.study_discarded(study, why=why, by=by)
    return study


def release(study: Study, *, why: str, by: Acting) -> Study:
    """It is the same person after all: a person looked, and says how they know.

    Raises NotAccepted, NoSuchMove. A study of our own PACS is put right there, and sent again.
    """
    why = _reason(why, "Say how you know that it is the same person.")
    with database.atomic():
        study = _to_work_on(study, by)
        if study.origin == Origin.PACS:
            raise NotAccepted("ours", "Put this study right in our PACS, and send it again.")
        move(study, StudyEvent.RELEASED, by=by, words=why, why="", whole_at=timezone.now())
        if study.expected and study.received < study.expected:
            move(
                study, StudyEvent.STARTED, by=SYSTEM, words="Not all of it is here.", whole_at=None
            )
        else:
            outcomes.study_arrived(study)
    return study


def take_as_it_is(study: Study, *, why: str, by: Acting) -> Study:
    """Go on with the n of m images that came: the rest will not come. Raises NotAccepted."""
    why = _reason(why, "Say why the rest is not waited for.")
    with database.atomic():
        study = _to_work_on(study, by)
        if study.state != StudyState.ARRIVING or not study.received or study.disc_id:
            raise NotAccepted("not_waiting", "This study does not wait for more images.")
        words = f"{study.received} of {study.expected or study.received} images: {why}"
        move(study, StudyEvent.ARRIVED, by=by, words=words, whole_at=timezone.now())
        outcomes.study_taken(study, by=by)
    return study


def look_again(file: ReceivedFile, *, by: Acting) -> ReceivedFile:
    """A refused file goes back into quarantine, to be read once more. Raises NotAccepted."""
    with database.atomic():
        file = _refused(file, by)
        file.state, file.why, file.reason_code = FileState.QUARANTINED.value, "", ""
        file.study, file.attempts = None, 0
        file.save()
        _audit(file, "file_looked_at_again", by)
    return file


def discard_file(file: ReceivedFile, *, why: str, by: Acting) -> ReceivedFile:
    """A refused file is given up, with the reason; its bytes go. Raises NotAccepted."""
    why = _reason(why, "Say why the file is discarded.")
    with database.atomic():
        file = _refused(file, by)
        file.state, file.why = FileState.DISCARDED.value, f"{file.why} Discarded: {why}"[:300]
        file.save()
        _audit(file, "file_discarded", by)
        database.on_commit(lambda: storage.discard(file.pk))
    return file


def _reason(why: str, sentence: str) -> str:
    if not why.strip():
        raise NotAccepted("why", sentence)
    return why.strip()[:300]


def _to_work_on(study: Study, by: Acting) -> Study:
    """Locked, and the person's to work on. The system may (it clears up what has expired)."""
    study = locked(study)
    if not by.is_system and not policies.may_work(by, study.organisation_id):
        raise NotAccepted("not_yours", "This study belongs to another trust.")
    return study


def _refused(file: ReceivedFile, by: Acting) -> ReceivedFile:
    file = ReceivedFile.objects.select_for_update().get(pk=file.pk)
    is_nobodys = file.organisation_id is None and by.may(Permission.EXCHANGE_IMAGES)
    if not (is_nobodys or policies.may_work(by, file.organisation_id)):
        raise NotAccepted("not_yours", "This file belongs to another trust.")
    if file.state != FileState.REFUSED:
        raise NotAccepted("not_refused", "Somebody else has dealt with this file.")
    return file


def _audit(file: ReceivedFile, action: str, by: Acting) -> None:
    audit.record(
        acting=by, action=action, object_type="iep.ReceivedFile", object_id=file.pk, patient_id=""
    )


def _drop_files(study: Study) -> None:
    """The bytes go once the database says that they are gone, never before."""
    files = ReceivedFile.objects.filter(study=study).exclude(state=FileState.DISCARDED.value)
    ids = list(files.select_for_update().values_list("pk", flat=True))
    ReceivedFile.objects.filter(pk__in=ids).update(state=FileState.DISCARDED.value)
    database.on_commit(lambda: _drop_bytes(ids))


def _drop_bytes(ids: list[UUID]) -> None:
    for file_id in ids:
        storage.discard(file_id)


__all__ = [
    "discard", "discard_file", "look_again", "read_waiting", "receive", "receive_all", "release",
    "row_of", "take_as_it_is",
]  # fmt: skip
