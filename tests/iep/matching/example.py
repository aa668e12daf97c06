"""One study of Kingsmere's, for whoever opens every address."""

from django.utils import timezone

from iep.models import ReceivedFile, Study
from tests.world import World

UID = "2.25.4711.1"


def a_study(cast: World) -> Study:
    """It came unasked, is whole and nobody's; made once. Its one file's bytes are gone."""
    found = Study.objects.filter(study_uid=UID).first()
    if found is not None:
        return found
    study = Study.objects.create(
        study_uid=UID, organisation=cast.place("RZ1"), origin="dicom", state="failed_verification",
        state_since=timezone.now(), due_at=timezone.now(), header_name="Testpatient^Agnes",
        received=1, modalities=["CT"], description="CT head",
    )  # fmt: skip
    ReceivedFile.objects.create(
        state="kept", origin="dicom", study=study, size=1, sha256="0" * 64, sop_uid=f"{UID}.1",
        series_uid=f"{UID}.2", modality="CT", organisation=cast.place("RZ1"),
    )  # fmt: skip
    return study


def file_of(cast: World) -> ReceivedFile:
    return a_study(cast).files.get()
