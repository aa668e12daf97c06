"""How soon blue light begins behind 10,000 + 10,000 that wait, alone and in bursts of 6 and 20.

The lanes carry standard work the whole time, at 50 ms an image, which leaves the processors some
room. "Begins" is the claim: from when the row was written to when a lane has it.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import Any

from tests.bench.row import Row

WAITING = int(os.environ.get("BENCH_WAITING", "10000"))
BLUE = int(os.environ.get("BENCH_BLUE", "200"))
LANES = (  # a process each, as in production
    *(("lanes_out", f"out-{number}") for number in range(1, 6)),
    *(("lanes_in", f"in-{number}") for number in range(1, 5)),
)
LONG = 200  # images of the studies that keep the lanes busy
SECONDS = 0.05  # an image: half a megabyte from another town


def run() -> Iterator[Row]:
    """In the database that Django is set up for; seeded."""
    from tests.bench.lanes import lane
    from tests.iep.lanes import images

    study, small = images.outgoing(LONG), images.outgoing(1)
    with ExitStack() as stack:
        far = images.node(stack.enter_context(far_pacs(study, small)), name="QUEUEPACS")
        backlog(study, far)
        for queue, names in LANES:
            stack.enter_context(lane(queue, names))
        for direction in ("out", "in"):
            waits = sorted(one_by_one(direction, small, far))
            yield from _rows(f"Blue light {direction} behind {WAITING:,} + {WAITING:,}", waits)
        for count in (6, 20):
            for direction in ("out", "in"):
                yield from _burst(direction, count, study, far)


def _rows(what: str, waits: list[float]) -> Iterator[Row]:
    yield Row(f"{what}: p50", statistics.median(waits), "ms")
    yield Row(f"{what}: p99", waits[min(len(waits) - 1, int(len(waits) * 0.99))], "ms")
    yield Row(f"{what}: worst of {len(waits)}", waits[-1], "ms")


def far_pacs(*studies: Any) -> AbstractContextManager[int]:
    """The port of a PACS that has these studies: a process of its own, slow as a far one is."""
    from iep import storage
    from tests.iep.lanes import peer

    files = [storage.path_of(file.pk) for study in studies for file in study.files.all()]
    return peer.apart(files, seconds=SECONDS)


def backlog(study: Any, far: Any) -> None:
    """Long standard studies first, so that the lanes are busy; then as many as asked."""
    from iep.models import Transfer
    from tests.iep.lanes import images

    for _ in range(60):
        images.send(study, far)
        _fetch(study, far, priority=1)
    rows = [_row(direction, far, study) for direction in ("out", "in") for _ in range(WAITING)]
    Transfer.objects.bulk_create(rows, batch_size=2000)


def _row(direction: str, far: Any, study: Any) -> Any:
    from django.utils import timezone

    from iep.models import Transfer

    return Transfer(
        kind="send" if direction == "out" else "fetch", direction=direction, priority=1,
        rank=10**9, state="waiting", state_since=timezone.now(), node=far, study=study,
        study_uid=study.study_uid, purpose=direction, title="CT head", created_by="bench", images=1,
    )  # fmt: skip


def _fetch(study: Any, far: Any, *, priority: int) -> Any:
    from accounts.policies import SYSTEM
    from iep.dicom import FoundInstance
    from iep.services.lanes import transfers
    from iep.states.priorities import Priority

    listed = [
        FoundInstance(each.sop_uid, each.sop_class, each.series_uid) for each in study.files.all()
    ]
    return transfers.queue_fetch(
        far, study.study_uid, priority=Priority(priority), purpose="in", title="CT head",
        by=SYSTEM, expected=listed,
    )  # fmt: skip


def queue(direction: str, study: Any, far: Any) -> Any:
    from iep.states.priorities import Priority
    from tests.iep.lanes import images

    if direction == "out":
        return images.send(study, far, priority=Priority.BLUE_LIGHT)
    return _fetch(study, far, priority=0)


def one_by_one(direction: str, study: Any, far: Any) -> Iterator[float]:
    """Milliseconds from written to begun, of blue lights at random moments."""
    chance = random.Random(1)
    for _ in range(BLUE):
        yield begun(queue(direction, study, far))
        time.sleep(chance.uniform(0.05, 0.5))


def begun(transfer: Any) -> float:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        transfer.refresh_from_db()
        if transfer.started_at:
            return (transfer.started_at - transfer.created_at).total_seconds() * 1000
        time.sleep(0.05)  # the row says when: asking more often would only be in the way
    raise RuntimeError("A blue light did not begin.")


def _burst(direction: str, count: int, study: Any, far: Any) -> Iterator[Row]:
    """All at once: when each of the first as many as there are lanes began."""
    lanes = 5 if direction == "out" else 4
    burst = [queue(direction, study, far) for _ in range(count)]
    waits = sorted(begun(each) for each in burst[:lanes])
    words = f"Burst of {count} blue lights {direction}, {LONG} images each"
    yield Row(f"{words}: the first {lanes} began, worst", waits[-1], "ms")
    for each in burst:
        from accounts.policies import SYSTEM
        from iep.errors import NoSuchMove
        from iep.services.lanes import transfers

        with suppress(NoSuchMove):
            transfers.cancel(each, by=SYSTEM)
