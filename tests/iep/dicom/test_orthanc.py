"""With an archive that others wrote: sent to, found in, fetched from, and promised by."""

import contextlib
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from demo.processes import wait_until
from iep.dicom import (
    DicomFailure,
    Incoming,
    Sender,
    ask_commitment,
    echo,
    fetch,
    find_instances,
    find_studies,
    move,
)
from iep.dicom.contexts import DEFLATED
from tests import found
from tests.iep.dicom import files, orthanc
from tests.iep.dicom.shelf import Shelf, aside, listening, stored

pytestmark = pytest.mark.needs_orthanc
_KNOWN = {f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("1", "2", "4", "6.1", "7", "3.1")}


class Far:
    """An Orthanc with a study of two series in it, and our listener beside it."""

    def __init__(self, archive: orthanc.Orthanc, us, shelf: Shelf, images: list[files.Image]):
        self.archive, self.us, self.shelf, self.images = archive, us, shelf, images
        self.peer = archive.peer


@pytest.fixture(scope="module")
def study() -> str:
    return generate_uid()


@pytest.fixture
def far(tmp_path, study):
    shelf = Shelf(callers={"ORTHANC": "", "FAR": ""})
    series = [generate_uid(), generate_uid()]
    images = [
        files.make(tmp_path / "made", study=study, series=series[number % 2], size=20_000)
        for number in range(6)
    ]
    with listening(shelf) as us, orthanc.running(tmp_path, us=us) as archive:
        with Sender(archive.peer, [image.kind for image in images]) as sender:
            for image in images:
                sender.send(
                    image.path, sop_uid=image.sop_uid, sop_class=image.sop_class,
                    transfer_syntax=image.transfer_syntax,
                )  # fmt: skip
        yield Far(archive, us, shelf, images)


class Taking:
    """What a lane does with what comes."""

    def __init__(self) -> None:
        self.kept: dict[str, Path] = {}

    def __call__(self, incoming: Incoming) -> int:
        self.kept[incoming.sop_uid] = incoming.written.keep(uuid4())
        return 0

    def digests(self) -> dict[str, str]:
        return {uid: files.digest(path) for uid, path in self.kept.items()}


def _digests(images) -> dict[str, str]:
    return {image.sop_uid: image.digest for image in images}


def test_a_study_is_sent_found_fetched_moved_and_promised(far, study):
    """One archive for all of it: to start one takes longer than to ask it."""
    echo(far.peer)
    assert far.archive.instances() == {image.sop_uid for image in far.images}
    _is_found(far, study)
    _is_fetched(far, study)
    _is_moved(far, study)
    _is_promised(far)


def _is_found(far, study) -> None:
    number = files.NUMBER.replace(" ", "")
    for question in ({"patient_id": number}, {"family_name": "ZZTOP"}, {"study_uid": study}):
        (found,) = find_studies(far.peer, **question)
        assert (found.study_uid, found.patient_id, found.instances) == (study, number, 6)
        assert found.nhs_number == ""  # nobody says that it is one
        assert found.birth_date.isoformat() == "1950-01-01"
        assert found.acquired_on.isoformat() == "2026-01-02"
        assert found.modalities == ("CT",)
    assert find_studies(far.peer, family_name="NOBODY") == []
    instances = find_instances(far.peer, study)
    assert {each.sop_uid for each in instances} == {image.sop_uid for image in far.images}
    assert {each.sop_class for each in instances} == {files.CT}
    with pytest.raises(DicomFailure) as failure:
        find_instances(far.peer, "1.2.3.4.5")
    assert (failure.value.family, failure.value.is_permanent) == ("not_found", True)


def _is_fetched(far, study) -> None:
    whole = Taking()
    assert fetch(far.peer, study, [], store=whole) == 6
    assert whole.digests() == _digests(far.images)
    some = Taking()
    wanted = far.images[1:4]
    assert fetch(far.peer, study, [image.sop_uid for image in wanted], store=some) == 3
    assert some.digests() == _digests(wanted)
    two = Taking()
    taken = fetch(far.peer, study, [], store=two, go_on=lambda is_idle: len(two.kept) < 2)
    assert taken == len(two.kept) == 2
    refusing = lambda incoming: 0xA700  # noqa: E731
    with pytest.raises(DicomFailure):
        fetch(far.peer, study, [], store=refusing)
    assert aside() == []
    with pytest.raises(DicomFailure) as failure:
        fetch(far.peer, study, ["1.2.3.4.5"], store=some)
    assert failure.value.family == "not_found"


def _is_moved(far, study) -> None:
    assert move(far.peer, study, [], to_ae="ORDERCOMMS") == 6
    assert wait_until(lambda: len(far.shelf.kept) == 6, seconds=60)
    assert far.shelf.digests() == _digests(far.images)
    with pytest.raises(DicomFailure) as failure:
        move(far.peer, study, [], to_ae="NOWHERE")
    assert failure.value.phase == "fetch"


def _is_promised(far) -> None:
    pairs = [(files.CT, image.sop_uid) for image in far.images] + [(files.CT, "1.2.3.4")]
    uid = generate_uid()
    peer = replace(far.peer, our_ae_title="ORDERCOMMS")  # by which it knows where to answer
    answer = ask_commitment(peer, uid, pairs, wait_seconds=0)
    assert answer is None or answer.uid == uid
    assert wait_until(lambda: answer is not None or far.shelf.answers, seconds=60)
    told = answer or far.shelf.answers[0]
    assert told.uid == uid
    assert told.held == {image.sop_uid for image in far.images}
    assert set(told.failed) == {"1.2.3.4"}


def test_what_orthanc_sends_arrives_bit_for_bit_and_is_promised_to_it(far, study):
    far.shelf.answer_to = replace(far.peer, our_ae_title="ORDERCOMMS")
    (found,) = far.archive.ask("tools/find", {"Level": "Study", "Query": {}})
    told = far.archive.ask("modalities/us/store", {"Resources": [found], "StorageCommitment": True})
    assert far.shelf.digests() == _digests(far.images)
    assert len(stored()) == 6
    report = f"storage-commitment/{told['StorageCommitmentTransactionUID']}"
    assert wait_until(lambda: far.archive.ask(report)["Status"] != "Pending", seconds=60)
    answer = far.archive.ask(report)
    assert answer["Status"] == "Success"
    assert len(answer["Success"]) == 6


@pytest.mark.skipif(not files.CORPUS.is_dir(), reason=found.ABSENT)
def test_every_encoding_that_an_archive_keeps_is_fetched_as_it_keeps_it(tmp_path):
    """One image of each encoding, not decoded on its way. Its head Orthanc writes anew."""
    wanted = {
        image.transfer_syntax: image
        for image in files.in_corpus()
        if image.path.stat().st_size < 2_000_000 and image.sop_class in _KNOWN
    }
    with orthanc.running(tmp_path) as archive:
        kept = {}
        with Sender(archive.peer, [image.kind for image in wanted.values()]) as sender:
            for image in wanted.values():
                with contextlib.suppress(DicomFailure):  # Orthanc does not take them all
                    sender.send(
                        image.path, sop_uid=image.sop_uid, sop_class=image.sop_class,
                        transfer_syntax=image.transfer_syntax,
                    )  # fmt: skip
                    kept[image.sop_uid] = image
        assert len(kept) >= 8
        assert DEFLATED[0] in {image.transfer_syntax for image in kept.values()}  # odd in its file
        for image in kept.values():
            study = str(dcmread(image.path, stop_before_pixels=True).StudyInstanceUID)
            taking = Taking()
            assert fetch(archive.peer, study, [image.sop_uid], store=taking) == 1
            (came,) = (dcmread(path) for path in taking.kept.values())
            assert came.file_meta.TransferSyntaxUID == image.transfer_syntax
            assert came.PixelData == dcmread(image.path).PixelData
