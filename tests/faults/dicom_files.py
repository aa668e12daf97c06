"""F19: files that mean harm, through the sandbox alone and through quarantine."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.found import CORPORA
from tests.iep.arrivals.bytes import image
from tests.iep.arrivals.hostile import COSTLY, PREAMBLES, SHAPES

from .report import Report
from .rig import Rig

SHARE_STORED = 10  # one in so many goes the whole way
COSTLY_ONE_IN = 400
MOST_CHILD_MEGABYTES = 512
MOST_GROWTH_MEGABYTES = 32
MOST_SECONDS = 10.0  # of one file's processor time; the wall has twice as much
BROKEN = frozenset({"crashed", "time", "garbage", "memory", "unreadable"})


def hostile_files(rig: Rig, report: Report) -> None:
    """Each is read or refused with a reason; the parent lives, and nothing lies outside storage."""
    folder = rig.servers.folder / f"files-{rig.seed}"
    folder.mkdir()
    _alone(rig, report, folder)
    _corpus(report)
    _whole_way(rig, report)
    left = [path.name for path in folder.iterdir()]
    report.check("nothing was written beside the file that is read", left == ["file"], left)


def _files(rig: Rig, count: int, name: str) -> Iterator[tuple[str, bytes]]:
    """Every shape in turn; those that are costly to make are made seldom."""
    random = Random(f"{rig.seed} {name}")
    cheap = sorted(set(SHAPES) - COSTLY)
    costly = {shape: [SHAPES[shape](random) for _ in range(3)] for shape in sorted(COSTLY)}
    for number in range(count):
        if number % COSTLY_ONE_IN == 0:
            shape = random.choice(sorted(costly))
            yield shape, random.choice(costly[shape])
        else:
            shape = cheap[number % len(cheap)]
            yield shape, SHAPES[shape](random)


def _alone(rig: Rig, report: Report, folder: Path) -> None:
    from iep.sandbox import Sandbox

    path, answers, worst, peak = folder / "file", Counter[str](), 0.0, 0.0
    unexplained, escaped, before = 0, 0, _megabytes(os.getpid())
    began = time.monotonic()
    with Sandbox() as sandbox:
        for _, content in _files(rig, rig.size.files, "alone"):
            path.write_bytes(content)
            started = time.monotonic()
            answer = sandbox.read(path)
            worst = max(worst, time.monotonic() - started)
            if sandbox.running is not None:
                peak = max(peak, _megabytes(sandbox.running.process.pid))
            answers[answer.code or "read"] += 1
            unexplained += answer.header is None and not answer.words
            escaped += answer.header is not None and _is_wicked(answer.header.sop_uid)
    seconds = time.monotonic() - began
    growth = _megabytes(os.getpid()) - before
    report.note(f"{rig.size.files} files, {rig.size.files / seconds:.0f} a second: {dict(answers)}")
    report.check("every file was read, or refused with a reason", not unexplained, unexplained)
    report.check("no identifier of theirs can be a path", not escaped, escaped)
    broken = {code: count for code, count in answers.items() if code in BROKEN}
    report.check("no child broke on a file", not broken, broken or 0)
    report.check(f"a child has at most {MOST_CHILD_MEGABYTES} MB", peak <= MOST_CHILD_MEGABYTES,
                 f"{peak:.0f} MB")  # fmt: skip
    report.check(f"no file took more than {MOST_SECONDS:.0f} s", worst <= MOST_SECONDS,
                 f"{worst:.2f} s")  # fmt: skip
    report.check(f"the parent grew by at most {MOST_GROWTH_MEGABYTES} MB",
                 growth <= MOST_GROWTH_MEGABYTES, f"{growth:.0f} MB")  # fmt: skip


def _is_wicked(uid: str) -> bool:
    return not uid or not set(uid) <= set("0123456789.")


def _megabytes(process: int) -> float:
    """Resident; 0 for one that has just ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


def _corpus(report: Report) -> None:
    from iep.sandbox import Sandbox

    places = sorted(path for path in (CORPORA / "dicom").rglob("*") if path.is_file())
    if not places:
        report.note("no corpus")
        return
    with Sandbox() as sandbox:
        answers = [sandbox.read(path) for path in places]
    lost = sum(each.header is None and not each.words for each in answers)
    read = sum(each.header is not None for each in answers)
    report.check("every file of other people's corpora was read or refused with a reason",
                 not lost, f"{read} read, {len(places) - read - lost} refused")  # fmt: skip
    broken = sum(each.code in BROKEN for each in answers)
    report.check("no child broke on one of them", not broken, broken)


def _whole_way(rig: Rig, report: Report) -> None:
    """Stored, quarantined, read, grouped: and every byte that is kept has a row."""
    from django.db.models import Count

    from demo.people import seed_people
    from iep import storage
    from iep.models import ReceivedFile, Study
    from iep.services.arrival import arrivals

    seed_people()
    node = _their_machine()
    before = _megabytes(os.getpid())
    count = max(200, rig.size.files // SHARE_STORED)
    kinds = sorted(PREAMBLES)
    for number, (_, content) in enumerate(_files(rig, count, "stored")):
        if number % 3 == 0:
            content = image(preamble=PREAMBLES[kinds[number % len(kinds)]], study_uid="2.25.5")
        written = storage.writer()
        written.write(content)
        arrivals.receive(written, origin="dicom", node=node)
    while arrivals.read_waiting(patience=30):
        pass
    rows = dict(ReceivedFile.objects.values_list("state").annotate(Count("pk")))
    report.note(f"{count} files stored: {rows}, {Study.objects.count()} studies")
    report.check("every file is kept, refused or dropped: none waits",
                 sum(rows.values()) == count and "quarantined" not in rows, rows)  # fmt: skip
    silent = ReceivedFile.objects.filter(state="refused", why="").count()
    report.check("every refusal has its reason", not silent, silent)
    known = set(ReceivedFile.objects.exclude(state="discarded").values_list("pk", flat=True))
    there = set(storage.kept_ids(older_than=-60))
    report.check("storage has exactly the files that have a row", there == known,
                 f"{len(there - known)} without a row, {len(known - there)} gone")  # fmt: skip
    programs = sum(
        any(storage.path_of(pk).read_bytes()[:128])
        for pk in ReceivedFile.objects.filter(state="kept").values_list("pk", flat=True)
    )
    report.check("no kept file begins with anything", not programs, programs)
    growth = _megabytes(os.getpid()) - before
    report.check(f"the worker grew by at most {MOST_GROWTH_MEGABYTES} MB",
                 growth <= MOST_GROWTH_MEGABYTES, f"{growth:.0f} MB")  # fmt: skip


def _their_machine() -> object:
    from accounts.models import Organisation
    from demo.people import KINGSMERE
    from iep.models import Institution, Node

    trust = Organisation.objects.get(ods_code=KINGSMERE)
    us = Institution.objects.create(code="RZ1", name="Kingsmere", organisation=trust)
    them = Institution.objects.create(code="RZM", name="St Mary’s", city="Invention")
    Node.objects.create(
        institution=us, name="PACS", ae_title="PACS", kind="dimse", is_our_pacs=True
    )
    return Node.objects.create(institution=them, name="MARY", ae_title="MARY", kind="dimse")
