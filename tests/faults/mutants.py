"""F32: the controls taken away one by one; for each, a test that must then fail.

A suite that passes on a broken design proves nothing. Each mutant is made in a copy of the
project; one that can no longer be made, because its line has changed, is a broken promise too.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .report import Report
from .rig import Rig

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "var", "node_modules", "__pycache__", "docs")
# What names this rig's own servers: the copy's tests have theirs.
OURS = ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "DJANGO_SETTINGS_MODULE", "TEST_DATABASE")


@dataclass(frozen=True)
class Mutant:
    """What is taken away: in which file, which text becomes which; and who must notice."""

    words: str
    file: str
    before: str
    after: str
    tests: str  # files
    named: str  # which of their tests: an expression of pytest's -k


INBOX, DELIVERY = "tests/messaging/test_inbox.py", "tests/messaging/test_delivery.py"
FAULTS = "tests/failures/test_message_faults.py"
MUTANTS = (
    Mutant("acknowledged before it is stored", "messaging/services/receiving.py",
           "    _store(arrivals)\n", "", INBOX, "stored_byte_for_byte"),
    Mutant("no look at MSA-2", "messaging/acknowledgement.py",
           'if message.get("MSA", 2) != control_id:', "if False:",
           DELIVERY, "nothing_else_counts"),
    Mutant("the line is kept after a time-out", "messaging/mllp.py",
           "meet the next question\n            self.close()\n", "meet the next question\n",
           DELIVERY, "nobody_answered_in_time"),
    Mutant("places in a stream without its lock", "messaging/services/outbox.py",
           '"SELECT pg_advisory_xact_lock(%s, hashtext(%s))"',
           '"SELECT %s::text || %s::text"', FAULTS, "two_writers"),
    Mutant("a stream's next does not wait", "messaging/services/delivery.py",
           '        .distinct("stream")\n', '        .distinct("stream", "sequence")\n',
           DELIVERY, "next_of_a_stream"),
    Mutant("no fencing token", "messaging/services/outcome.py",
           "        pk=message.pk, lease_token=token, state=OutState.SENDING\n",
           "        pk=message.pk, state=OutState.SENDING\n", DELIVERY, "older_lease"),
    Mutant("AR is tried again", "messaging/services/outcome.py",
           "        if answer.code == REJECTED:\n", "        if False:\n",
           DELIVERY, "rejected_message"),
    Mutant("an error is tried for ever", "messaging/services/outcome.py",
           "    if failures >= MOST_FAILURES:\n", "    if False:\n",
           DELIVERY, "retried_eight_times"),
    Mutant("no breaker", "messaging/services/outcome.py",
           "    if failures >= held.breaker_opens or unproved:\n", "    if False:\n",
           "tests/messaging/test_links.py", "never_acknowledges_for_an_hour"),
    Mutant("processed whatever its state", "messaging/services/inbox.py",
           ".filter(pk=message_id, state=InState.RECEIVED, attempts=attempt)",
           ".filter(pk=message_id)", INBOX, "lost_its_claim"),
    Mutant("repeats are not compared", "messaging/services/receiving.py",
           "    if arrival.sha256 in known:\n", "    if True:\n", INBOX, "same_control_id"),
    Mutant("test messages where live ones are agreed", "messaging/services/receiving.py",
           "header.get(11) != feed.processing_id or not may_process(feed.processing_id):",
           "header is None:", INBOX, "cannot_take"),
    Mutant("not read back before it is queued", "messaging/services/outbox.py",
           "    wire.verify_round_trip(message)\n", "", DELIVERY, "does_not_read_back"),
    Mutant("delimiters are not escaped", "messaging/wire/leaves.py",
           '"|": "\\\\F\\\\"', '"|": "|"', "tests/properties/test_wire.py", "test_wire"),
    Mutant("the birth date does not matter", "patients/matching.py",
           "    return None if ours == theirs else BIRTH_DATE_DIFFERS\n", "    return None\n",
           "tests/patients/test_matching.py", "test_matching"),
    Mutant("an unknown flag is normal", "results/ranges.py",
           "FLAGS.get(flag, S.ABNORMAL)", "FLAGS.get(flag, S.NORMAL)",
           "tests/results/test_ranges.py", "test_ranges"),
    Mutant("what is held for a form is sent", "messaging/services/delivery.py",
           "state__in=(OutState.WAITING, OutState.SENDING)",
           "state__in=(OutState.WAITING, OutState.SENDING, OutState.HELD)",
           "tests/failures/test_downtime_doubles.py", "test_downtime_doubles"),
)  # fmt: skip
FEW = 4  # of them in the small size


def every_mutant_is_caught(rig: Rig, report: Report) -> None:
    """Each in a copy of its own; the tests named for it must fail, and pass on the whole copy."""
    chosen = rig.chance.sample(MUTANTS, FEW) if rig.size.name == "small" else MUTANTS
    with _copy() as folder:
        files = " ".join(sorted({file for mutant in chosen for file in mutant.tests.split()}))
        healthy = _passes(folder, files, " or ".join(mutant.named for mutant in chosen))
        report.check("those tests pass while nothing is taken away", healthy)
        for mutant in chosen:
            report.check(f"caught: {mutant.words}", *_is_caught(folder, mutant))


@contextmanager
def _copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ordercomms-mutant-") as name:
        folder = Path(name) / "main"
        shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
        Path(name).chmod(0o755)
        yield folder


def _is_caught(folder: Path, mutant: Mutant) -> tuple[bool, str]:
    file = folder / mutant.file
    whole = file.read_text()
    if whole.count(mutant.before) != 1:
        return False, f"{mutant.file} has changed: the mutant cannot be made"
    file.write_text(whole.replace(mutant.before, mutant.after))
    try:
        return not _passes(folder, mutant.tests, mutant.named), mutant.named
    finally:
        file.write_text(whole)


def _passes(folder: Path, files: str, named: str) -> bool:
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    words = ["-m", "pytest", "-q", "-x", "-p", "no:randomly", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, *words, *files.split(), "-k", named], cwd=folder, env=environment,
        capture_output=True, check=False, timeout=600,
    )  # fmt: skip
    if done.returncode not in (0, 1):  # 5: no test has that name
        raise RuntimeError(f"pytest said {done.returncode} of {files}: {done.stdout[-300:]!r}")
    return done.returncode == 0
