"""What is on a disc: the two sets of the corpus, ZIPs that mean harm, people who are not one."""

import io
import stat
import struct
import uuid
import zipfile
from pathlib import Path

import pytest

from iep import media
from iep.errors import NotAccepted
from iep.models import ReceivedFile, Study
from iep.services.arrival import discs, unpacking
from iep.states.discs import DiscState
from iep.states.studies import FileState, StudyState
from iep.states.tickets import TicketState
from tests import found
from tests.iep.arrivals.bytes import image
from tests.iep.discs.conftest import folder, zipped

MEDIA = found.CORPORA / "dicom" / "_media"
needs_corpus = pytest.mark.skipif(not MEDIA.is_dir(), reason=found.ABSENT)


@needs_corpus
@pytest.mark.hazard("H41")
@pytest.mark.parametrize("as_zip", [False, True])
def test_the_disc_of_two_patients_is_stopped_with_every_study_of_it(desk, as_zip):
    contents = folder(MEDIA / "pydicom_two_patients_cd")
    if as_zip:
        contents = [zipped((f"IMAGES/{n}", each) for n, each in enumerate(contents))]
    disc = desk.upload(desk.disc(), *contents)
    assert disc.state == DiscState.STOPPED
    assert "more than one patient" in disc.why
    assert Study.objects.count() > 1
    assert {study.state for study in Study.objects.all()} == {StudyState.STOPPED}


@needs_corpus
def test_a_whole_disc_is_read_and_what_is_no_image_is_counted_with_its_reason(desk):
    contents = folder(MEDIA / "tiny_alpha_cd")
    disc = desk.upload(desk.disc(), *contents)
    images = ReceivedFile.objects.filter(state=FileState.KEPT)
    assert disc.files_found == len(contents)
    assert images.count() == disc.files_kept > 0
    assert disc.files_kept + disc.files_refused + sum(disc.left_out.values()) == len(contents)
    assert {study.state for study in Study.objects.all()} == {StudyState.STOPPED}  # not Agnes


def agnes(count: int = 3) -> list[bytes]:
    return [image(instance_number=str(each)) for each in range(count)]


def test_the_ticket_s_patient_is_read_in_and_waits_to_be_matched(desk):
    disc = desk.upload(desk.disc(), *agnes(), b"autorun", b"MZ\x90\x00viewer" + bytes(300))
    assert (disc.state, disc.files_found, disc.files_kept) == (DiscState.READ, 5, 3)
    assert disc.left_out == {unpacking.NOT_DICOM: 2}
    study = Study.objects.get()
    assert study.state == StudyState.FAILED_VERIFICATION
    assert (study.ticket, study.disc) == (disc.ticket, disc)
    assert study.patient is None
    disc.ticket.refresh_from_db()
    assert disc.ticket.state == TicketState.ARRIVED
    assert disc.ticket.uploaded_by == disc.uploaded_by, "the person, and not our machine"
    assert not media.spool(uuid.UUID(int=0)).parent.exists() or not list(
        media.spool(uuid.UUID(int=0)).parent.iterdir()
    )


@pytest.mark.hazard("H41")
@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"name": "Otherpatient^Agnes"}, "family name"),
        ({"name": "Testpatient^Boris"}, "given name"),
        ({"birth_date": "19580203"}, "date of birth"),
        ({"birth_date": None}, "date of birth"),
        ({"name": None}, "family name"),
    ],
)
def test_a_disc_of_another_patient_than_the_ticket_s_is_stopped(desk, said, words):
    disc = desk.upload(desk.disc(), image(**said), image(**said))
    assert disc.state == DiscState.STOPPED
    assert words in disc.why
    assert Study.objects.get().state == StudyState.STOPPED


@pytest.mark.parametrize("name", ["TESTPATIENT^AGNES", "Testpatient^Agnes Mary^^Mrs"])
def test_how_a_name_is_written_stops_no_disc(desk, name):
    assert desk.upload(desk.disc(), image(name=name)).state == DiscState.READ


def test_a_person_releases_a_stopped_disc_with_a_reason_and_a_mixed_study_stays_stopped(desk):
    alone = image(name="Tastpatient^Agnes", study_uid="2.25.81")
    mixed = [image(study_uid="2.25.82"), image(study_uid="2.25.82", sex="M")]
    disc = desk.upload(desk.disc(), alone, *mixed)
    with pytest.raises(NotAccepted):
        discs.release(disc, why="", by=desk.desk)
    disc = discs.release(disc, why="Rang St Mary’s: a misprint", by=desk.desk)
    assert disc.state == DiscState.READ
    assert Study.objects.get(study_uid="2.25.81").state == StudyState.FAILED_VERIFICATION
    assert Study.objects.get(study_uid="2.25.82").state == StudyState.STOPPED


def escapes(folder: Path) -> list[Path]:
    """Files anywhere below that no name of ours explains."""
    return [
        path for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "aside" and path.suffix != ".dcm"
    ]  # fmt: skip


SLIPS = ["../../escaped", "/etc/escaped", "..\\..\\escaped", "C:\\escaped", "CON", "a" * 250,
         "ok/../../../../escaped", "\u202egnp.exe", "nul\x01"]  # fmt: skip


@pytest.mark.hazard("H48")
def test_no_name_in_a_zip_becomes_a_name_of_ours(desk, tmp_path):
    content = zipped((name, image(instance_number=str(n))) for n, name in enumerate(SLIPS))
    disc = desk.upload(desk.disc(), content)
    assert (disc.state, disc.files_kept) == (DiscState.READ, len(SLIPS))
    assert escapes(tmp_path) == []
    assert not Path("/etc/escaped").exists()


@pytest.mark.hazard("H48")
def test_a_bomb_is_refused_before_it_is_unpacked(desk, tmp_path):
    bomb = zipped([("a", bytes(64 * 1024**2))])
    disc = desk.upload(desk.disc(), bomb)
    assert disc.state == DiscState.UNREADABLE
    assert "200 times" in disc.why
    assert escapes(tmp_path) == []


@pytest.mark.hazard("H48")
def test_a_zip_whose_entries_unpack_to_more_than_they_say_is_left_out(desk):
    content = bytearray(zipped([("b", image()), ("a", image(pixels=bytes(20_000)))]))
    struct.pack_into("<L", content, content.rfind(b"PK\x01\x02") + 24, 400)
    disc = desk.upload(desk.disc(), bytes(content))
    assert (disc.files_kept, disc.left_out) == (1, {unpacking.DAMAGED: 1})


def linked() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("image", image())
    return made.getvalue()


@pytest.mark.hazard("H48")
def test_a_link_is_left_out_and_not_followed(desk):
    disc = desk.upload(desk.disc(), linked())
    assert (disc.state, disc.files_kept, disc.left_out) == (DiscState.READ, 1, {media.LINK: 1})


def test_20001_entries_are_too_many(desk):
    content = zipped((("f" + str(n), b"") for n in range(20_001)), packing=zipfile.ZIP_STORED)
    disc = desk.upload(desk.disc(), content)
    assert disc.state == DiscState.UNREADABLE
    assert "20,000" in disc.why


def encrypted() -> bytes:
    """The flag alone (APPNOTE 4.4.4): nobody opens it to find out."""
    content = bytearray(zipped([("a", image())]))
    content[6] |= 1
    at = content.rfind(b"PK\x01\x02")
    content[at + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (encrypted(), "password"),
        (zipped([]), "no file"),
        (zipped([("a", image())])[:-40], "damaged"),
        (b"PK\x03\x04" + bytes(500), "damaged"),
    ],
    ids=["encrypted", "empty", "cut off", "rubbish"],
)
def test_a_zip_that_cannot_be_read_is_refused_in_words(desk, content, words):
    disc = desk.upload(desk.disc(), content)
    assert disc.state == DiscState.UNREADABLE
    assert words in disc.why


def test_an_upload_of_nothing_is_refused_in_words(desk):
    assert desk.upload(desk.disc()).state == DiscState.UNREADABLE


def test_a_zip_in_a_zip_is_not_opened(desk):
    disc = desk.upload(desk.disc(), zipped([("in.zip", zipped([("a", image())])), ("b", image())]))
    assert (disc.files_kept, disc.left_out) == (1, {unpacking.ARCHIVE: 1})


def test_a_damaged_member_is_left_out_and_the_others_are_read(desk):
    content = bytearray(zipped([("a", image()), ("b", image())], packing=zipfile.ZIP_STORED))
    content[200] ^= 0xFF
    disc = desk.upload(desk.disc(), bytes(content))
    assert (disc.files_kept, disc.left_out) == (1, {unpacking.DAMAGED: 1})


@needs_corpus
@pytest.mark.hazard("H48")
def test_a_broken_dicomdir_is_no_matter_and_where_it_points_is_not_asked(desk):
    directory = (MEDIA / "tiny_alpha_cd" / "DICOMDIR").read_bytes()
    for broken in (directory, directory[: len(directory) // 2], directory.replace(b"PT", b"..")):
        disc = desk.upload(desk.disc(), broken, image())
        assert (disc.state, disc.files_kept) == (DiscState.READ, 1)


def test_a_disc_without_an_image_is_unreadable_and_can_be_uploaded_again(desk):
    disc = desk.upload(desk.disc(), b"nothing")
    assert disc.state == DiscState.UNREADABLE
    disc = desk.upload(disc, image())
    assert (disc.state, disc.files_kept, disc.left_out) == (DiscState.READ, 1, {})


def test_a_worker_that_is_called_away_goes_on_where_it_was(desk):
    contents = agnes(6)
    upload_id = uuid.uuid4()
    disc = desk.disc()
    for content in contents:
        media.new_file(upload_id).write_bytes(content)
    discs.uploaded(disc, upload_id=upload_id, size=1, by=desk.desk)
    for _ in range(5):
        unpacking._unpack(unpacking._claim(), until=0.0)
    disc.refresh_from_db()
    assert (disc.files_done, disc.unpacked_at) == (5, None)
    disc = desk.work(disc)
    assert (disc.state, disc.files_kept) == (DiscState.READ, 6)
    assert ReceivedFile.objects.count() == 6


def test_thousands_of_files_are_read(desk):
    contents = [image(instance_number=str(each)) for each in range(2500)]
    disc = desk.upload(desk.disc(), zipped((f"I{n}", each) for n, each in enumerate(contents)))
    assert (disc.state, disc.files_kept) == (DiscState.READ, 2500)
    assert Study.objects.get().received == 2500


def test_a_disc_that_another_trust_uploads_is_not_taken(desk, world):
    stranger = world.acting(world.stranger("mbp").username)
    with pytest.raises(NotAccepted):
        discs.uploaded(desk.disc(), upload_id=uuid.uuid4(), size=1, by=stranger)
