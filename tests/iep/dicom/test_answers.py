"""No answer to a question of ours is taken by anybody else (hazard H40)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.pacs.agreed import Agreed, Held, Hospital, Series, uid_of
from demo.pacs.archive import Archive
from iep import dicom
from iep.dicom.line import Line

STUDY = Held(
    ae_title="HOSPITALPACS", study_uid=uid_of("answers"), patient_id="S1234567", issuer="RZ1",
    nhs_number="", family_name="Testpatient", given_names="Agnes", birth_date="19580302", sex="F",
    accession="KM1", acquired_on="20261121", acquired_time="231500", modality="CT",
    description="CT head", body_part="HEAD", institution="Kingsmere",
    series=(Series("Axial", 6, 16, 16), Series("Bone", 3, 16, 16)),
)  # fmt: skip


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[dicom.Peer]:
    agreed = Agreed(hospitals=(Hospital("HOSPITALPACS", "Kingsmere"),), studies=(STUDY,))
    archive = Archive(tmp_path / "pacs", agreed)
    archive.invent()
    with archive:
        yield dicom.Peer("HOSPITALPACS", "ORDERCOMMS", "127.0.0.1", archive.port)


class Preempted(threading.Event):
    """The library's reader, which says that it pauses, is put off the processor just after it was
    let on, and comes back when an answer lies there: as a busy machine does it now and then."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self.line = line
        self.set()

    def wait(self, timeout: float | None = None) -> bool:
        is_set = super().wait(timeout)
        deadline = time.monotonic() + 0.03
        while self.line.dimse.msg_queue.empty() and time.monotonic() < deadline:
            pass
        return is_set


@pytest.mark.hazard("H40")
def test_no_image_is_missing_from_an_answer_though_the_librarys_reader_wakes_at_the_wrong_moment(
    peer: dicom.Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Line.__init__

    def begin(self: Line, *words: object) -> None:
        made(self, *words)
        self._reactor_checkpoint = Preempted(self)

    monkeypatch.setattr(Line, "__init__", begin)
    counts = {len(dicom.find_instances(peer, STUDY.study_uid)) for _ in range(20)}
    assert counts == {9}
