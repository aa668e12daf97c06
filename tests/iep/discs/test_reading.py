"""What is on a disc: the two sets of the corpus, ZIPs that mean harm, people who are not one."""

import errno
import io
import stat
import struct
import uuid
import zipfile
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from iep import media, storage
from iep.errors import NotAccepted
from iep.models import Disc, ReceivedFile, Study
from iep.services.arrival import discs, unpacking
from iep.states.discs import DiscState
from iep.states.priorities import Eligibility, Priority, Reason
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
@pytest.mark.parametrize(
    ("packing", "words"), [(zipfile.ZIP_BZIP2, "BZIP2"), (zipfile.ZIP_LZMA, "LZMA")]
)
def test_what_cannot_be_unpacked_in_small_pieces_is_not_unpacked(desk, tmp_path, packing, words):
    packed = zipped([("a", image()), ("b", bytes(1000))], packing=packing)
    disc = desk.upload(desk.disc(), packed)
    assert disc.state == DiscState.UNREADABLE
    assert f"packed with {words}, which is not opened here" in disc.why
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


def listed(entries: int, *, says: int | None = None, large: bool = False, where: int = 0) -> bytes:
    """An image, and a list of so many entries; `says`: how many, as the end record has it.

    `large`: a ZIP64 record has the truth, and the end record the list without entries; `where`:
    how many bytes its locator points aside (APPNOTE 4.3.14 to 4.3.16).
    """
    content = zipped([("a", image())], packing=zipfile.ZIP_STORED)
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    one = content[start:end]
    body = content[:start] + one * entries
    length, says = len(one) * entries, entries if says is None else says
    if large:
        record = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries,
                             length, start)  # fmt: skip
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(body) + where, 1)
        body, length = body + record + locator, len(one)
    return body + struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, says, says, length, start, 0)


@pytest.mark.hazard("H48")
@pytest.mark.parametrize(
    "content",
    [listed(40_001, says=1), listed(40_001, says=1, large=True)],
    ids=["it says one", "the large record, too"],
)
def test_a_list_is_counted_whatever_it_says_of_itself(desk, content, monkeypatch):
    monkeypatch.setattr(zipfile, "ZipFile", None)  # nobody reads the list before it is counted
    disc = desk.upload(desk.disc(), content)
    assert disc.state == DiscState.UNREADABLE
    assert "20,000" in disc.why


@pytest.mark.hazard("H48")
def test_a_large_record_counts_where_python_reads_it_and_nowhere_else(desk):
    plain = listed(1, large=True)
    assert desk.upload(desk.disc(), plain).state == DiscState.READ
    assert desk.upload(desk.disc(), plain[:-2] + b"\xff\xff" + bytes(65_535)).files_kept == 1
    aside = desk.upload(desk.disc(), listed(1, large=True, where=-8))
    assert (aside.state, "damaged" in aside.why) == (DiscState.UNREADABLE, True)


@pytest.mark.hazard("H48")
def test_a_list_that_is_far_too_long_is_not_read_into_memory(desk, monkeypatch):
    monkeypatch.setattr(media, "MOST_DIRECTORY", 4096)
    long = desk.upload(desk.disc(), listed(200, says=1, large=True))
    assert (long.state, "far too long" in long.why) == (DiscState.UNREADABLE, True)


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
    disc = desk.collected()
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


BLUE = {"priority": Priority.BLUE_LIGHT, "reason": Reason.BLUE_LIGHT,
        "eligibility": Eligibility.THEATRE}  # fmt: skip


class Room:
    """Of the disk: `left` files more have room."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.asked: list[tuple[bool, int]] = []

    def __call__(self, *, for_blue_light: bool, size: int = 0) -> bool:
        self.asked.append((for_blue_light, size))
        self.left -= 1
        return self.left >= 0


@pytest.mark.parametrize("is_blue", [False, True])
def test_without_room_a_disc_waits_with_the_reason_and_goes_on_by_itself(
    desk, monkeypatch, is_blue
):
    disc, content = desk.collected(desk.disc(**BLUE if is_blue else {})), image()
    monkeypatch.setattr(storage, "room", room := Room(left=4))
    disc = desk.upload(disc, *agnes(5), content)
    assert (disc.state, disc.why) == (DiscState.READING, unpacking.NO_ROOM)
    assert (disc.files_done, disc.attempts, disc.unpacked_at) == (4, 0, None)
    assert room.asked[0][0] is is_blue
    assert room.asked[0][1] in {len(each) for each in (*agnes(5), content)}
    assert media.spool(disc.upload_id).is_dir()
    shown = desk.world.client("mbp").get(reverse("iep:disc", args=[disc.pk])).content.decode()
    assert shown.count(unpacking.NO_ROOM) == 1
    room.left = 100
    assert desk.work(disc).files_done == 4, "it is not asked again and again"
    Disc.objects.update(lease_until=timezone.now())
    disc = desk.work(disc)
    assert (disc.state, disc.why, disc.files_found) == (DiscState.READ, "", 6)
    assert ReceivedFile.objects.count() == 6


def test_a_full_disk_is_not_held_against_a_disc(desk, monkeypatch):
    disc = desk.collected()

    def full() -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as disk:
        disk.setattr(storage, "writer", full)
        disc = desk.upload(disc, image())
    assert (disc.state, disc.why, disc.attempts) == (DiscState.READING, unpacking.NO_ROOM, 0)
    Disc.objects.update(lease_until=timezone.now())
    assert desk.work(disc).state == DiscState.READ


def test_thousands_of_files_are_read(desk):
    contents = [image(instance_number=str(each)) for each in range(2500)]
    disc = desk.upload(desk.disc(), zipped((f"I{n}", each) for n, each in enumerate(contents)))
    assert (disc.state, disc.files_kept) == (DiscState.READ, 2500)
    assert Study.objects.get().received == 2500


def test_a_disc_that_another_trust_uploads_is_not_taken(desk, world):
    stranger = world.acting(world.stranger("mbp").username)
    with pytest.raises(NotAccepted):
        discs.uploaded(desk.disc(), upload_id=uuid.uuid4(), size=1, by=stranger)
