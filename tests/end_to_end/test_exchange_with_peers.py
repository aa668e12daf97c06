"""Images of a far hospital's archive on their whole way into our PACS, with machines of others.

Orthanc sends a study to our listener and another is fetched from it by a lane; both are read in
quarantine; one is matched by a person, registered, copied with our number and stored in our PACS,
which is another Orthanc. All of ours runs as real processes.
"""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from iep.dicom import Peer
from tests.end_to_end.exchange_steps import PATIENT_NUMBER
from tests.end_to_end.installation import Installation, eventually, free_port
from tests.iep.dicom import dcmtk, files, orthanc

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_orthanc,
    pytest.mark.needs_dcmtk,
    pytest.mark.skipif(sys.platform != "linux", reason="stops and kills process groups"),
]

IMAGES = 5
STUDY = "SELECT state FROM iep_study WHERE study_uid = %s"


@pytest.fixture
def kingsmere(tmp_path: Path, empty_database: str) -> Iterator[Installation]:
    """An installation with its listener, its lanes, its worker of images; nobody is known yet."""
    made = Installation("kingsmere", tmp_path, number=13)
    made.env |= {"ODS_CODE": "RZ1", "DICOM_PORT": str(free_port()), "DICOM_AET": "ORDERCOMMS"}
    try:
        made.create(empty_database)
        made.start("listener", "manage.py", "dicom_listen")
        for queue in ("images", "lanes_in", "lanes_out"):
            made.start_worker(queue)
        yield made
    finally:
        made.stop()
        made.drop()


def test_a_study_of_a_far_archive_ends_in_our_pacs_under_our_number(
    kingsmere: Installation, tmp_path: Path
) -> None:
    us = Peer("ORDERCOMMS", "ORTHANC", "127.0.0.1", int(kingsmere.env["DICOM_PORT"]))
    with (
        orthanc.running(tmp_path / "far", us=us) as far,
        orthanc.running(tmp_path / "pacs") as pacs,
    ):
        kingsmere.does("peers", str(far.peer.port), str(pacs.peer.port))
        asked, unasked = study_at(far, tmp_path / "asked"), study_at(far, tmp_path / "unasked")

        transfer = kingsmere.does("fetch", asked[0].study)
        eventually(lambda: reaches_us(far), told=at(kingsmere))
        they_send(far, unasked[0].study)
        eventually(lambda: state(kingsmere, asked) == "failed_verification", told=at(kingsmere))
        carried = "SELECT state FROM iep_transfer WHERE id = %s"  # by a process of its own
        eventually(
            lambda: kingsmere.value(carried, transfer["transfer"]) == "delivered",
            told=at(kingsmere),
        )
        eventually(lambda: state(kingsmere, unasked) == "failed_verification", told=at(kingsmere))
        both = "SELECT kind, direction, state FROM iep_transaction ORDER BY kind"
        eventually(
            lambda: (
                kingsmere.rows(both)
                == [("direct", "in", "delivered"), ("request", "out", "delivered")]
            ),
            told=at(kingsmere),
        )

        assert kingsmere.does("match", asked[0].study) == {"state": "matched"}
        in_pacs = "SELECT in_pacs_at FROM iep_study WHERE study_uid = %s"
        eventually(lambda: kingsmere.value(in_pacs, asked[0].study), told=at(kingsmere))
        assert state(kingsmere, asked) == "matched", "the RIS has not spoken yet"
        our_pacs_has_it_under_our_number(pacs, asked)
        assert kingsmere.does("ris_answers", asked[0].study) == {"state": "filed"}
        assert state(kingsmere, unasked) == "failed_verification", "nobody matched that one"
    kingsmere.assert_no_identifier_in_logs()


class Made:
    """One image as the far hospital made it."""

    def __init__(self, path: Path, study: str) -> None:
        self.study, said = study, dcmread(path)
        said.PatientName, said.PatientID = "Testpatient^Agnes", PATIENT_NUMBER
        said.PatientBirthDate, said.PatientSex = "19580302", "F"
        said.save_as(path)
        self.sop_uid, self.pixels, self.path = str(said.SOPInstanceUID), said.PixelData, path


def study_at(far: orthanc.Orthanc, folder: Path) -> list[Made]:
    """A study in the far archive, put there by DCMTK."""
    uid = str(generate_uid())
    series = str(generate_uid())
    made = [Made(files.make(folder, study=uid, series=series).path, uid) for _ in range(IMAGES)]
    dcmtk.run("storescu", "+sd", str(folder), to=far.peer, calling="MODALITY")
    return made


def reaches_us(far: orthanc.Orthanc) -> bool:
    """By C-ECHO: our listener is up, and knows by now who may call."""
    try:
        far.ask("modalities/us/echo", {})
    except HTTPError:
        return False
    return True


def they_send(far: orthanc.Orthanc, study_uid: str) -> None:
    """Their archive routes it to us, unasked."""
    query = {"Level": "Study", "Query": {"StudyInstanceUID": study_uid}}
    far.ask("modalities/us/store", {"Resources": far.ask("tools/find", query)})


def our_pacs_has_it_under_our_number(pacs: orthanc.Orthanc, images: list[Made]) -> None:
    there = {}
    for instance in pacs.ask("tools/find", {"Level": "Instance", "Query": {}}):
        where = f"http://127.0.0.1:{pacs.web}/instances/{instance}/file"
        with urllib.request.urlopen(where, timeout=60) as answer:
            read = dcmread(BytesIO(answer.read()))
        there[str(read.SOPInstanceUID)] = read
    assert set(there) == {each.sop_uid for each in images}
    for each in images:
        read = there[each.sop_uid]
        assert (read.PatientID, read.StudyDate) == (PATIENT_NUMBER, "20260102")
        assert read.PixelData == each.pixels


def state(kingsmere: Installation, images: list[Made]) -> str | None:
    return kingsmere.value(STUDY, images[0].study)


def at(kingsmere: Installation) -> Any:
    """How things stand, for whoever reads that it did not work."""

    def told() -> str:
        rows = [
            str(kingsmere.rows("SELECT kind, direction, state, why FROM iep_transaction")),
            str(kingsmere.rows("SELECT kind, state, images_done, why FROM iep_transfer")),
            str(kingsmere.rows("SELECT state, received, why FROM iep_study")),
            str(kingsmere.rows("SELECT state, why FROM iep_receivedfile")),
        ]
        return "\n".join([*rows, *(each[-1500:] for each in kingsmere.logs().values())])

    return told
