"""The copies that PACS gets: our numbers, and everything else as it came, byte for byte."""

import subprocess
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from iep import storage
from iep.dicom.coercing import Identity, NotCoercible, coerced
from iep.models import ReceivedFile
from iep.sandbox.errands import Errands, NotDone
from iep.services.registration import filing
from tests import found
from tests.iep.arrivals import bytes as files

from .room import OUR_NUMBER, fresh

# In the sandbox nobody hears what pydicom says of a bad file.
pytestmark = pytest.mark.filterwarnings("ignore")
IDENTITY = Identity(
    "S1234567", "RZ1", "Testpatient^Agnes^^Mrs", "19580302", "F", "OC100000001X", "ORDERCOMMS",
    "20261122090500+0000",
)  # fmt: skip
WRITTEN = {
    "SpecificCharacterSet", "AccessionNumber", "PatientName", "PatientID", "IssuerOfPatientID",
    "PatientBirthDate", "PatientSex", "OtherPatientIDsSequence", "OriginalAttributesSequence",
    "IssuerOfAccessionNumberSequence", "IssuerOfPatientIDQualifiersSequence",
}  # fmt: skip


def copy_of(raw: bytes, identity: Identity = IDENTITY) -> bytes:
    made = coerced(BytesIO(raw), identity)
    return made.data + (raw[made.rest_at :] if made.rest_at is not None else b"")


def in_syntax(uid: str) -> bytes:
    """A proper image in another transfer syntax, with a private element and a second group."""
    read = dcmread(BytesIO(files.image()))
    read.private_block(0x0011, "INVENTED", create=True).add_new(1, "OB", b"\1\2\3\4")
    read.private_block(0x6011, "INVENTED", create=True).add_new(1, "LO", "kept")
    out = BytesIO()
    read.file_meta.TransferSyntaxUID = uid
    read.PixelData = bytes(range(32))
    if uid == ExplicitVRBigEndian:
        read.set_original_encoding(False, False)
    read.save_as(out, implicit_vr=uid == ImplicitVRLittleEndian,
                 little_endian=uid != ExplicitVRBigEndian)  # fmt: skip
    return out.getvalue()


def same_but_identity(before: bytes, after: bytes) -> None:
    old, new = (dcmread(BytesIO(each), force=True) for each in (before, after))
    assert old.file_meta.TransferSyntaxUID == new.file_meta.TransferSyntaxUID
    tags = {tag for tag in {*old.keys(), *new.keys()} if tag.element}
    others = [tag for tag in tags if keyword_for_tag(tag) not in WRITTEN]
    for tag in others:
        one, two = old.get_item(tag).value, new.get_item(tag).value
        assert one == two or not (one or two), tag


@pytest.mark.hazard("H41")
def test_the_copy_has_our_identity_and_keeps_theirs_beside_it():
    raw = files.image(accession="A1")
    copy = dcmread(BytesIO(copy_of(raw)))
    assert (copy.PatientID, copy.IssuerOfPatientID) == ("S1234567", "RZ1")
    assert (str(copy.PatientName), copy.AccessionNumber) == (
        "Testpatient^Agnes^^Mrs", "OC100000001X",
    )  # fmt: skip
    other = copy.OtherPatientIDsSequence[-1]
    assert (other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID) == (
        "X4711", "STMARY", "TEXT",
    )  # fmt: skip
    kept = copy.OriginalAttributesSequence[0]
    assert (kept.ReasonForTheAttributeModification, kept.ModifyingSystem) == (
        "COERCE", "ORDERCOMMS",
    )  # fmt: skip
    assert kept.SourceOfPreviousValues == "STMARY"
    was = kept.ModifiedAttributesSequence[0]
    assert (was.PatientID, was.AccessionNumber, str(was.PatientName)) == (
        "X4711", "A1", "Testpatient^Agnes",
    )  # fmt: skip
    same_but_identity(raw, copy_of(raw))


def test_what_was_changed_before_stays_written_down():
    twice = copy_of(copy_of(files.image()))
    read = dcmread(BytesIO(twice))
    assert len(read.OriginalAttributesSequence) == 2
    assert read.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].PatientID == "X4711"
    assert [each.PatientID for each in read.OtherPatientIDsSequence] == ["X4711", "S1234567"]


def test_what_was_not_there_is_kept_as_not_there():
    was = dcmread(BytesIO(copy_of(files.image(accession=None)))).OriginalAttributesSequence[0]
    assert was.ModifiedAttributesSequence[0].AccessionNumber in ("", None)


@pytest.mark.parametrize(
    "syntax",
    ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", ExplicitVRBigEndian,
     DeflatedExplicitVRLittleEndian],
)  # fmt: skip
def test_every_way_of_writing_keeps_its_own_and_every_private_element(syntax):
    raw = in_syntax(str(syntax))
    copy = copy_of(raw)
    same_but_identity(raw, copy)
    read = dcmread(BytesIO(copy))
    assert read[0x00111001].value == b"\1\2\3\4"
    assert read[0x60111001].value in ("kept", b"kept")  # implicit VR does not say which
    assert read.PixelData == bytes(range(32))


def test_a_file_that_names_no_character_set_gets_one_for_a_name_that_needs_it():
    name = Identity(**{**IDENTITY.__dict__, "name": "O’Néill^Zoë"})
    read = dcmread(BytesIO(copy_of(files.image(charset=None), name)))
    assert (read.SpecificCharacterSet, str(read.PatientName)) == ("ISO_IR 192", "O’Néill^Zoë")


def test_a_letter_that_the_files_character_set_lacks_goes_without_its_mark():
    name = Identity(**{**IDENTITY.__dict__, "name": "Nový^Zoë"})
    read = dcmread(BytesIO(copy_of(files.image(charset="ISO_IR 144"), name)))
    assert (read.SpecificCharacterSet, str(read.PatientName)) == ("ISO_IR 144", "Novy^Zoe")
    latin = dcmread(BytesIO(copy_of(files.image(charset="ISO_IR 100"), name)))
    assert str(latin.PatientName) == "Nový^Zoë"


@pytest.mark.hazard("H41")
def test_a_header_that_says_the_name_once_more_further_on_is_refused():
    late = files.element(0x00100020, "LO", "SOMEBODYELSE")
    with pytest.raises(NotCoercible, match="out of order"):
        copy_of(files.part10(files.dataset() + late))


def test_what_it_says_of_itself_is_never_printed():
    assert "Testpatient" not in repr(IDENTITY)


CORPUS = sorted(found.CORPORA.joinpath("dicom").rglob("*.dcm"))


@pytest.mark.skipif(not CORPUS, reason=found.ABSENT)
def test_every_image_of_others_is_copied_whole_or_refused_with_words():
    copied = 0
    for path in CORPUS:
        raw = path.read_bytes()
        if raw[128:132] != b"DICM":
            continue
        copy = _copied(raw)
        if isinstance(copy, str):
            assert copy.endswith("."), path.name
            continue
        assert dcmread(BytesIO(copy), force=True, stop_before_pixels=True).PatientID == "S1234567"
        old, new = (dcmread(BytesIO(each), force=True) for each in (raw, copy))
        if "PixelData" in old:
            assert old.get_item("PixelData").value == new.get_item("PixelData").value, path.name
        copied += 1
    assert copied > 200


def _copied(raw: bytes) -> bytes | str:
    try:
        return copy_of(raw)
    except NotCoercible as refusal:
        return refusal.sentence


@pytest.mark.needs_dcmtk
@pytest.mark.django_db
def test_dcmtk_reads_the_copies_as_we_mean_them(desk, tmp_path):
    study = desk.match(desk.arrived())
    filing.file_waiting()
    for copy in ReceivedFile.objects.filter(study=study, state="copy"):
        path = storage.path_of(copy.pk)
        said = subprocess.run(
            [f"{found.dcmtk()}/dcmdump", "-q", "+P", "PatientID", "+P", "AccessionNumber",
             "+P", "ModifyingSystem", str(path)],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert f"[{OUR_NUMBER}]" in said
        assert f"[{study.our_accession}]" in said
        assert "[ORDERCOMMS]" in said
        original = dcmread(storage.path_of(copy.original_id))
        assert original.PatientID == "X4711"
        assert dcmread(path).PixelData == original.PixelData


# --- The child ------------------------------------------------------------------------------------


@pytest.mark.hazard("H48")
def test_a_child_makes_the_head_and_cannot_write_anything_itself(tmp_path):
    path = tmp_path / "image.dcm"
    path.write_bytes(files.image())
    with Errands() as errands:
        done = errands.do(path, request={"do": "coerce", **IDENTITY.__dict__})
    assert done.found["changed"]["PatientID"] == ["X4711", "S1234567"]
    assert dcmread(BytesIO(done.data + path.read_bytes()[done.found["rest_at"] :])).Rows == 4


@pytest.mark.hazard("H48")
@pytest.mark.parametrize("content", [b"", b"\0" * 200, b"MZ" + b"\0" * 4000, bytes(132) + b"x"])
def test_nonsense_is_refused_with_words_and_the_next_is_done(tmp_path, content):
    bad, good = tmp_path / "bad", tmp_path / "good"
    bad.write_bytes(content)
    good.write_bytes(files.image())
    with Errands() as errands:
        with pytest.raises(NotDone) as caught:
            errands.do(bad, request={"do": "coerce", **IDENTITY.__dict__})
        assert caught.value.sentence.endswith(".")
        assert errands.do(good, request={"do": "coerce", **IDENTITY.__dict__}).data


@pytest.mark.django_db
def test_the_originals_are_never_touched(desk):
    study = desk.arrived(3)
    before = {row.pk: storage.path_of(row.pk).read_bytes() for row in study.files.all()}
    desk.match(study)
    filing.file_waiting()
    assert {pk: storage.path_of(pk).read_bytes() for pk in before} == before
    kept = ReceivedFile.objects.filter(study=study, state="kept")
    assert kept.count() == 3
    assert fresh(study).coercions["PatientID"] == ["X4711", OUR_NUMBER]
