"""One study of Kingsmere's, for whoever opens every address."""

import uuid

import numpy as np
from django.utils import timezone

from iep import storage
from iep.models import ReceivedFile, Study
from tests.iep.viewer.frames import grey
from tests.world import World

UID = "2.25.4711.1"


def a_study(cast: World) -> Study:
    """It came unasked, is whole and nobody's, and has one image; made once."""
    found = Study.objects.filter(study_uid=UID).first()
    if found is not None:
        return found
    study = Study.objects.create(
        study_uid=UID, organisation=cast.place("RZ1"), origin="dicom", state="failed_verification",
        state_since=timezone.now(), due_at=timezone.now(), header_name="Testpatient^Agnes",
        received=1, modalities=["CT"], description="CT head",
    )  # fmt: skip
    key = uuid.uuid5(uuid.NAMESPACE_OID, UID)  # always the same, so that one file is all there is
    file = ReceivedFile.objects.create(
        id=key, state="kept", origin="dicom", study=study, size=1, sha256="0" * 64,
        sop_uid=f"{UID}.1", series_uid=f"{UID}.2", modality="CT", organisation=cast.place("RZ1"),
    )  # fmt: skip
    written = storage.writer()
    written.write(grey(np.zeros((8, 8), np.uint8)))
    written.keep(file.pk)
    return study


def file_of(cast: World) -> ReceivedFile:
    return a_study(cast).files.get()
