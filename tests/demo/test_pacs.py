"""The stand-in archive, asked by DCMTK: it answers as an archive does, and misbehaves as told."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from demo.pacs import agreed, control, telling
from demo.pacs.archive import Archive
from demo.processes import wait_until

OURS, THEIRS = "HOSPITALPACS", "NORTHMOORPACS"
CT = agreed.Held(
    ae_title=OURS, study_uid=agreed.uid_of("test", "ct"), patient_id="S1000001", issuer="RZ1",
    nhs_number="9990000018", family_name="Phrommasiri", given_names="Anuwat",
    birth_date="19650714", sex="M", accession="KM0000001", acquired_on="20261121",
    acquired_time="231500", modality="CT", description="CT head", body_part="HEAD",
    institution="Kingsmere Hospital",
    series=(agreed.Series("Axial", 4, 64, 64), agreed.Series("Bone", 2, 64, 64)),
)  # fmt: skip
XRAY = agreed.Held(**{
    **{name: getattr(CT, name) for name in CT.__dataclass_fields__},
    "study_uid": agreed.uid_of("test", "cr"), "acquired_on": "20200103", "accession": "KM0000002",
    "modality": "CR", "description": "XR chest", "series": (agreed.Series("PA", 1, 96, 64),),
})  # fmt: skip
AGREED = agreed.Agreed(
    hospitals=(agreed.Hospital(OURS, "Kingsmere"), agreed.Hospital(THEIRS, "Northmoor")),
    studies=(CT, XRAY),
)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    made = Archive(tmp_path / "pacs", AGREED)
    assert made.invent() == 7
    with made:
        yield made


def ask(archive: Archive, *keys: str) -> str:
    words = [word for key in keys for word in ("-k", key)]
    argv = ["findscu", "-S", "-aet", "TESTER", "-aec", OURS, *words]
    argv += ["127.0.0.1", str(archive.port)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_what_is_agreed_is_read_as_it_was_written(tmp_path: Path) -> None:
    agreed.write_agreed(tmp_path, AGREED)
    assert agreed.read_agreed(tmp_path) == AGREED
    assert agreed.read_agreed(tmp_path / "nowhere") == agreed.Agreed()


def test_an_archive_that_starts_again_holds_what_it_held(tmp_path: Path) -> None:
    assert Archive(tmp_path / "pacs", AGREED).invent() == 7
    again = Archive(tmp_path / "pacs", AGREED)
    assert again.invent() == 0
    assert len(again.places[OURS].shelf.of_study(CT.study_uid)) == 6


@pytest.mark.needs_dcmtk
def test_it_echoes_under_each_of_its_titles_and_no_other(archive: Archive) -> None:
    argv = ["echoscu", "-aet", "TESTER", "127.0.0.1", str(archive.port)]
    for called, answers in ((OURS, True), (THEIRS, True), ("NOBODY", False)):
        done = subprocess.run([*argv, "-aec", called], capture_output=True, check=False)
        assert (done.returncode == 0) is answers, called


@pytest.mark.needs_dcmtk
@pytest.mark.parametrize(
    ("keys", "descriptions"),
    [
        (("PatientID=S1000001",), {"CT head", "XR chest"}),
        (("PatientID=9990000018",), {"CT head", "XR chest"}),
        (("PatientName=PHROMM*",), {"CT head", "XR chest"}),
        (("AccessionNumber=KM0000002",), {"XR chest"}),
        (("PatientID=S1000001", "StudyDate=20261120-"), {"CT head"}),
        (("PatientID=S1000001", "ModalitiesInStudy=CR"), {"XR chest"}),
        (("PatientID=S7777777",), set()),
    ],
)
def test_studies_are_found_by_what_is_asked(
    archive: Archive, keys: tuple[str, ...], descriptions: set[str]
) -> None:
    said = ask(archive, "QueryRetrieveLevel=STUDY", "StudyDescription", *keys)
    assert {one for one in ("CT head", "XR chest") if f"[{one}" in said} == descriptions


@pytest.mark.needs_dcmtk
def test_images_are_counted_on_every_level(archive: Archive) -> None:
    study = f"StudyInstanceUID={CT.study_uid}"
    counted = ask(archive, "QueryRetrieveLevel=STUDY", study, "NumberOfStudyRelatedInstances")
    assert "[6" in counted
    series = ask(archive, "QueryRetrieveLevel=SERIES", study, "SeriesDescription")
    assert "[Axial" in series
    assert "[Bone" in series
    images = ask(archive, "QueryRetrieveLevel=IMAGE", study, "SOPInstanceUID", "SOPClassUID")
    assert images.count("SOPClassUID") >= 6


@pytest.mark.needs_dcmtk
def test_a_study_is_fetched_whole_and_says_demo(archive: Archive, tmp_path: Path) -> None:
    got = tmp_path / "got"
    got.mkdir()
    argv = ["getscu", "-S", "-aet", "TESTER", "-aec", OURS, "-od", str(got)]
    argv += ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={CT.study_uid}"]
    done = subprocess.run(
        [*argv, "127.0.0.1", str(archive.port)], capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    images = [dcmread(path) for path in got.iterdir()]
    assert len({image.SOPInstanceUID for image in images}) == 6
    assert {image.Manufacturer for image in images} == {"DEMO"}
    assert all(image.pixel_array.max() > 1000 for image in images)


def _files(archive: Archive, tmp_path: Path, count: int) -> list[str]:
    """Images of another hospital, as DICOM files."""
    shelf = archive.places[OURS].shelf
    return [str(shelf.folder / one.path) for one in shelf.of_study(CT.study_uid)[:count]]


@pytest.mark.needs_dcmtk
def test_the_next_image_is_refused_or_lost_as_told_and_the_rest_is_kept(
    archive: Archive, tmp_path: Path
) -> None:
    archive.next_image(THEIRS, "refuse")
    archive.next_image(THEIRS, "lose")
    argv = ["storescu", "--no-halt", "-v", "-aet", "TESTER", "-aec", THEIRS, "127.0.0.1"]
    files = _files(archive, tmp_path, 4)
    done = subprocess.run(
        [*argv, str(archive.port), *files], capture_output=True, text=True, check=False, timeout=120
    )
    said = done.stdout + done.stderr
    assert said.count("Received Store Response (Success)") == 3
    assert len(archive.places[THEIRS].shelf.images) == 2


@pytest.mark.needs_dcmtk
def test_a_hospital_that_is_away_rejects_while_the_others_answer(archive: Archive) -> None:
    archive.behave(THEIRS, "away")
    argv = ["echoscu", "-aet", "TESTER", "127.0.0.1", str(archive.port), "-aec"]
    away, here = (
        subprocess.run([*argv, called], capture_output=True, check=False).returncode
        for called in (THEIRS, OURS)
    )
    assert away != 0
    assert here == 0


def test_the_page_tells_it_by_files_and_reads_what_became_of_it(
    archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "pacs"
    steering = control.Control(archive, folder)
    steering.start()
    try:
        telling.tell(folder, ae_title=OURS, do="mode", what="slow")
        assert wait_until(lambda: archive.places[OURS].mode == "slow", seconds=30)
        telling.tell(folder, ae_title=OURS, do="mode", what="on fire")
        telling.tell(folder, ae_title="NOBODY", do="mode", what="slow")
        assert wait_until(lambda: not list((folder / telling.TOLD).iterdir()), seconds=30)

        def shown() -> dict:
            return {one["ae_title"]: one for one in (telling.read_state(folder) or {})["hospitals"]}

        assert wait_until(lambda: shown()[OURS]["mode"] == "slow", seconds=30)
        assert shown()[OURS]["images"] == 7
        assert shown()[OURS]["studies"][0]["what"] == "CT head"
    finally:
        steering.stop()
    assert telling.read_state(folder) is None
