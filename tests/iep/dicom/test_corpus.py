"""Every image that others published arrives as it was sent, bit for bit."""

import hashlib
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from pydicom.filereader import read_file_meta_info

from iep.dicom import DicomFailure, Sender
from iep.dicom.contexts import TAKEN, is_stored
from tests import found
from tests.iep.dicom import dcmtk, files
from tests.iep.dicom.shelf import aside, stored

pytestmark = pytest.mark.skipif(not files.CORPUS.is_dir(), reason=found.ABSENT)
DIRECTORY = "1.2.840.10008.1.3.10"  # DICOMDIR: of a disc, and never sent


@pytest.fixture(scope="module")
def corpus() -> list[files.Image]:
    return files.in_corpus()


def _in_associations(images: list[files.Image]) -> list[list[files.Image]]:
    """No more kinds in one than an association agrees on, and no instance twice."""
    groups: list[list[files.Image]] = [[]]
    for image in images:
        here = groups[-1]
        kinds = {each.kind for each in here} | {image.kind}
        if len(kinds) > 120 or image.sop_uid in {each.sop_uid for each in here}:
            groups.append(here := [])
        here.append(image)
    return groups


def _send_all(peer, images) -> tuple[list[files.Image], dict[Path, DicomFailure]]:
    taken, refused = [], {}
    with Sender(peer, {image.kind for image in images}) as sender:
        for image in images:
            try:
                sender.send(
                    image.path, sop_uid=image.sop_uid, sop_class=image.sop_class,
                    transfer_syntax=image.transfer_syntax,
                )  # fmt: skip
            except DicomFailure as failure:
                refused[image.path] = failure
            else:
                taken.append(image)
    return taken, refused


def test_every_file_arrives_bit_for_bit_or_is_refused_by_name(corpus, ours, shelf):
    assert len(corpus) > 350
    refused: dict[Path, DicomFailure] = {}
    for group in _in_associations(corpus):
        taken, not_taken = _send_all(ours, group)
        refused |= not_taken
        came = {uid: _trimmed(path) for uid, path in shelf.kept.items()}
        assert came == {image.sop_uid: _trimmed(image.path) for image in taken}
        shelf.kept.clear()
    assert {corpus_image.sop_class for corpus_image in corpus if corpus_image.path in refused} == {
        DIRECTORY
    }
    assert all(failure.family == "no_context" for failure in refused.values())
    assert aside() == []


def test_every_encoding_that_occurs_is_taken(corpus):
    assert {image.transfer_syntax for image in corpus} <= set(TAKEN)
    assert all(is_stored(image.sop_class) for image in corpus if image.sop_class != DIRECTORY)


@pytest.mark.parametrize(
    "sop_class",
    [
        "1.2.840.10008.5.1.4.1.2.2.1",  # a question
        "1.2.840.10008.5.1.4.1.1.200.1",  # about protocols
        "1.2.840.10008.1.3.10",  # a disc's directory
        "1.2.840.10008.5.1.4.31",  # a work list
        "1.2.840.10008.5.1.1.9",  # printing
    ],
)
def test_what_is_no_image_is_not_taken(sop_class):
    assert not is_stored(sop_class)


@pytest.mark.parametrize(
    "sop_class",
    [
        "1.2.840.10008.5.1.4.1.1.5",  # nuclear medicine, retired
        "1.2.840.10008.5.1.4.1.1.6",  # ultrasound, retired
        "1.2.840.10008.5.1.4.1.1.9999",  # of a standard to come
        "1.2.840.113619.4.30",  # private
    ],
)
def test_retired_private_and_unknown_images_are_taken(sop_class):
    assert is_stored(sop_class)


@pytest.mark.needs_dcmtk
def test_what_dcmtk_sends_is_kept_as_dcmtk_itself_keeps_it(ours, tmp_path):
    """DCMTK writes anew what it sends, so that its own receiver is the measure."""
    folders = [files.CORPUS / name for name in ("dcm_qa_ts", "pydicom", "highdicom")]
    words = ["+sd", "+r", "-dn", "-nh", *map(str, folders)]
    with dcmtk.storescp(tmp_path / "theirs") as theirs:
        _dcmsend(theirs, words)
    _dcmsend(ours, words)
    theirs = list((tmp_path / "theirs").iterdir())
    assert len(theirs) == len(stored()) > 100
    expected = Counter(_trimmed(path) for path in theirs if not _is_mended(path))
    assert len(expected) > 150
    assert expected - Counter(map(_trimmed, stored())) == Counter()


def _trimmed(path: Path) -> str:
    """Some leave out the zero that makes a deflated data set even (PS3.5 A.5)."""
    return hashlib.sha256(files.data_set(path).rstrip(b"\0")).hexdigest()


def _is_mended(path: Path) -> bool:
    """Of two classes that are newer than it, DCMTK writes something of its own."""
    return str(read_file_meta_info(path).MediaStorageSOPClassUID).startswith("1.2.276.0.7230010")


def _dcmsend(peer, words: list[str]) -> None:
    """Some files of the corpus are broken, and it says so at the end."""
    try:
        dcmtk.run("dcmsend", *words, to=peer)
    except subprocess.CalledProcessError as failure:
        assert "association" not in failure.stderr.lower()  # noqa: PT017 - what else it said
