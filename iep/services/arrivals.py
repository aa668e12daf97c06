"""What came: kept as received, and given up by a person. Reading it is services.reading's."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction as database

from accounts.policies import Acting
from iep import policies, storage
from iep.errors import NotAccepted
from iep.models import Disc, Node, ReceivedFile, Study, Transaction, Transfer
from iep.states.studies import FileState, Origin, StudyEvent

from .moving import locked, move

if TYPE_CHECKING:
    from iep.storage import Writing


def receive(
    written: Writing,
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
    """Keep the bytes, and one row that says whence they came. On disk and committed on return.

    Nothing in them is looked at here: the file is in quarantine until the sandbox has read it.
    The UIDs are what the association (or the manifest) said. Raises OSError when the disk is full;
    then nothing is kept, and the caller must not answer success.
    """
    file = ReceivedFile(
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
    written.keep(file.pk)
    try:
        file.size, file.sha256 = written.size, written.sha256
        file.preamble_zeroed = written.preamble_zeroed
        file.save(force_insert=True)
    except BaseException:
        storage.discard(file.pk)
        raise
    return file


def discard(study: Study, *, why: str, by: Acting) -> Study:
    """Give the study up, with the reason; its bytes go. Raises NotAccepted, NoSuchMove."""
    with database.atomic():
        study = locked(study)
        if by.user is not None and not policies.may_work(by, study.organisation_id):
            raise NotAccepted("not_yours", "This study belongs to another trust.")
        if not why.strip():
            raise NotAccepted("why", "Say why the images are discarded.")
        move(study, StudyEvent.DISCARDED, by=by, words=why.strip(), why=why.strip()[:300])
        _drop_files(study)
    return study


def _drop_files(study: Study) -> None:
    """The bytes go once the database says that they are gone, never before."""
    files = ReceivedFile.objects.filter(study=study).exclude(state=FileState.DISCARDED.value)
    ids = list(files.select_for_update().values_list("pk", flat=True))
    files.filter(pk__in=ids).update(state=FileState.DISCARDED.value)
    database.on_commit(lambda: _drop_bytes(ids))


def _drop_bytes(ids: list[UUID]) -> None:
    for file_id in ids:
        storage.discard(file_id)
