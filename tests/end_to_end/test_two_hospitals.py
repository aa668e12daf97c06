"""Two installations of ours on one machine: one asks, the other sends, through real processes.

Each has its database, its web server, its worker of images and its lanes. In the middle of the
study the lane is killed, as a power cut would; it goes on where it was, and nothing is doubled.
"""

from __future__ import annotations

import hashlib
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.installation import Installation, eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="stops and kills process groups"),
]

IMAGES = 150
BEFORE_THE_CUT = 20  # images that have arrived when the lane is killed, at the least
STATE = "SELECT state FROM iep_transaction WHERE shared_id = %s"
DONE = "SELECT images_done FROM iep_transfer"
CAME = "SELECT count(*) FROM iep_receivedfile"


@pytest.fixture
def hospitals(tmp_path: Path, empty_database: str) -> Iterator[tuple[Installation, Installation]]:
    """Kingsmere asks, Eastmarsh has the images; they have agreed on their keys."""
    kingsmere = Installation("kingsmere", tmp_path, number=14)
    eastmarsh = Installation("eastmarsh", tmp_path, number=15)
    kingsmere.env["ODS_CODE"], eastmarsh.env["ODS_CODE"] = "RZ1", "RZ2"
    try:
        kingsmere.create(empty_database)
        eastmarsh.create(empty_database)
        kingsmere.start_web()
        eastmarsh.start_web()
        they_agree(kingsmere, eastmarsh)
        kingsmere.start_worker("images")
        eastmarsh.start_worker("images")
        yield kingsmere, eastmarsh
    finally:
        for each in (kingsmere, eastmarsh):
            each.stop()
            each.drop()


def they_agree(kingsmere: Installation, eastmarsh: Installation) -> None:
    """As the runbook says: each makes a key, and believes the other's fingerprint."""
    both = [(kingsmere, "RZ1", eastmarsh, "RZ2"), (eastmarsh, "RZ2", kingsmere, "RZ1")]
    with ThreadPoolExecutor(2) as at_once:
        seeded = at_once.map(lambda side: side[0].does("seed", side[1], side[3]), both)
        prints = [each["fingerprint"] for each in seeded]
        pairs = zip(both, reversed(prints), strict=True)
        said = at_once.map(lambda pair: _agrees(*pair), pairs)
        assert all("agreed" in each["said"] for each in said)


def _agrees(side: tuple[Installation, str, Installation, str], fingerprint: str) -> Any:
    us, _, them, code = side
    return us.does("agree", code, them.gateway, fingerprint)


@pytest.mark.hazard("H40")
def test_one_hospital_asks_another_and_the_study_arrives_whole_though_the_lane_is_killed(
    hospitals: tuple[Installation, Installation],
) -> None:
    kingsmere, eastmarsh = hospitals
    assert "knows us as RZ1" in kingsmere.manage("agree_gateway", "RZ2", "--check")
    shared = kingsmere.does("ask", "RZ2")["shared_id"]
    eventually(lambda: eastmarsh.value(STATE, shared) == "new", told=lambda: said(hospitals))
    assert eastmarsh.value("SELECT direction FROM iep_transaction") == "in"

    eastmarsh.start_worker("lanes_out")
    eastmarsh.does("send", shared, str(IMAGES))
    eventually(lambda: kingsmere.value(CAME) >= BEFORE_THE_CUT, told=lambda: said(hospitals))
    kingsmere.signal("web", signal.SIGSTOP)  # so that the lane is in the middle of an image
    came, sent = kingsmere.value(CAME), eastmarsh.value(DONE)
    eastmarsh.kill("lanes_out")
    kingsmere.signal("web", signal.SIGCONT)
    assert came < IMAGES, "it was too quick to be cut off in the middle"
    assert eastmarsh.value(STATE, shared) != "delivered"

    eastmarsh.start_worker("lanes_out")
    for each in hospitals:
        eventually(
            lambda each=each: each.value(STATE, shared) == "delivered",
            told=lambda: said(hospitals),
        )
    eventually(
        lambda: (
            not eastmarsh.value("SELECT to_tell FROM iep_transaction")
            and not kingsmere.value("SELECT to_tell FROM iep_transaction")
        ),
        told=lambda: said(hospitals),
    )
    it_went_on_where_it_was(eastmarsh, sent)
    nothing_is_missing_changed_or_doubled(kingsmere, eastmarsh)
    for each in hospitals:
        each.assert_no_identifier_in_logs()


def it_went_on_where_it_was(eastmarsh: Installation, sent: int) -> None:
    continued, done, images = eastmarsh.rows(
        "SELECT continued_from, images_done, images FROM iep_transfer"
    )[0]
    assert continued >= sent > 0, "what was confirmed is not sent again"
    assert done == images == IMAGES


def nothing_is_missing_changed_or_doubled(kingsmere: Installation, eastmarsh: Installation) -> None:
    came = kingsmere.rows("SELECT id, state, sop_uid, sha256 FROM iep_receivedfile")
    assert {state for _, state, _, _ in came} == {"kept"}
    assert len(came) == len({uid for _, _, uid, _ in came}) == IMAGES
    there = dict(eastmarsh.rows("SELECT sop_uid, id::text FROM iep_receivedfile"))
    for file_id, _, sop_uid, sha256 in came:
        raw = kingsmere.file(file_id)
        assert raw == eastmarsh.file(there[sop_uid])
        assert hashlib.sha256(raw).hexdigest() == sha256
    study = kingsmere.rows("SELECT state, expected, received FROM iep_study")
    assert study == [("failed_verification", IMAGES, IMAGES)]


def said(hospitals: Any) -> str:
    """How things stand, for whoever reads that it did not work."""
    lines = []
    for each in hospitals:
        lines += [each.name, str(each.rows("SELECT state, to_tell FROM iep_transaction"))]
        lines += [str(each.rows("SELECT state, images_done, why FROM iep_transfer"))]
        lines += [f"{name}: {words[-1500:]}" for name, words in each.logs().items()]
    return "\n".join(lines)
