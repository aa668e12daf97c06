"""F12, F20 to F24: the lanes of the image exchange while things go wrong (reliability.md 3.2)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from .report import Report
from .rig import Rig

NO_RESERVE = {"IMAGES_RESERVE_BYTES": "0", "IMAGES_LEAST_BYTES": "0"}
_MB = 1_000_000


@contextmanager
def _world() -> Iterator[tuple[Any, Any, Any]]:
    """People and places, a far PACS, and its node: (pacs, node, tests.iep.lanes.images)."""
    from demo.people import seed_people
    from tests.iep.lanes import images, peer

    seed_people()
    with peer.listening() as pacs:
        yield pacs, images.node(pacs.port), images


def run_lanes(rig: Rig, queue: str, names: str, **environment: str) -> None:
    """A worker that runs these lanes, under the first one's name; waits until it has them."""
    from iep.models import Lane

    wanted = names.split(",")
    Lane.objects.filter(name__in=wanted).update(worker="")
    rig.add_worker(queue, wanted[0], LANES=names, **{**NO_RESERVE, **environment})
    running = Lane.objects.filter(name__in=wanted).exclude(worker="")
    if not rig.until(lambda: running.count() == len(wanted), seconds=90):
        raise RuntimeError(f"{names} do not run: {rig.children[wanted[0]].last_lines(3)}")


def now(transfer: Any) -> str:
    transfer.refresh_from_db()
    return str(transfer.state)


# --- F12 -----------------------------------------------------------------------------------------


def image_volume_full(rig: Rig, report: Report) -> None:
    """The volume for images fills: standard work waits, blue light has the reserve, it goes on."""
    from django.conf import settings

    with ExitStack() as stack:
        volume = stack.enter_context(_small_volume(rig.logs / "volume", megabytes=40))
        if volume is None:
            report.note("not done here: no right to mount a small volume")
            return
        before, settings.IMAGES_DIR = settings.IMAGES_DIR, rig.logs / "own"
        stack.callback(setattr, settings, "IMAGES_DIR", before)
        pacs, far, images = stack.enter_context(_world())
        standard = _fetch(pacs, far, images, count=80, priority=1)
        run_lanes(rig, "lanes_in", "in-1,in-2", IMAGES_DIR=str(volume),
               IMAGES_RESERVE_BYTES=str(10 * _MB), IMAGES_LEAST_BYTES=str(2 * _MB))  # fmt: skip
        rig.until(lambda: now(standard) == "waiting" and standard.images_done > 0, seconds=60)
        held = standard.images_done
        report.check("standard work stops before the volume is full", 0 < held < 80, held)
        blue = _fetch(pacs, far, images, count=8, priority=0)
        came = rig.until(lambda: now(blue) == "delivered", seconds=60)
        report.check("blue light comes in on the reserve", came, now(blue))
        _judge_files(report, volume)
        _resize(volume, 400)
        began = time.monotonic()
        came = rig.until(lambda: now(standard) == "delivered", seconds=90)
        report.check("standard work goes on by itself within 60 s", came,
                     f"{time.monotonic() - began:.1f} s")  # fmt: skip
        _judge_files(report, volume)


def _fetch(pacs: Any, far: Any, images: Any, *, count: int, priority: int) -> Any:
    from accounts.policies import SYSTEM
    from iep.services.lanes import transfers
    from iep.states.priorities import Priority

    study_uid, series_uid = images.new_uid(), images.new_uid()
    for number in range(count):
        pacs.has(images.image(study_uid, series_uid, number, pixels=512 * 1024)[1])
    return transfers.queue_fetch(
        far, study_uid, priority=Priority(priority), purpose="in", title="CT", by=SYSTEM
    )


@contextmanager
def _small_volume(folder: Path, *, megabytes: int) -> Iterator[Path | None]:
    folder.mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def _resize(volume: Path, megabytes: int) -> None:
    words = ["mount", "-o", f"remount,size={megabytes}m", str(volume)]
    subprocess.run(words, check=True)


def _judge_files(report: Report, volume: Path) -> None:
    """Each row has its whole file."""
    import hashlib

    from iep.models import ReceivedFile

    wrong = 0
    for file in ReceivedFile.objects.all():
        path = volume / str(file.pk)[:2] / f"{file.pk}.dcm"
        raw = path.read_bytes() if path.is_file() else b""
        wrong += hashlib.sha256(raw).hexdigest() != file.sha256
    report.check("rows whose file is not whole", wrong == 0, wrong)


# --- F20, F21 ------------------------------------------------------------------------------------


def blue_light_latency(rig: Rig, report: Report) -> None:
    """Blue light at random moments while thousands wait and every other lane works."""
    from tests.bench import lanes_queue

    slowest = 0.0
    with _busy(rig, 1) as (far, waiting, (small,)):
        for direction in ("out", "in"):
            waits = sorted(lanes_queue.one_by_one(direction, small, far))
            slowest = max(slowest, waits[-1])
            worst, p99 = waits[-1], waits[int(len(waits) * 0.99) - 1]
            words = f"{direction}, {waiting} + {waiting} wait"
            report.check(f"{words}: worst begins within 1 s", worst <= 1000, f"{worst:.0f} ms")
            report.note(f"{words}: p50 {waits[len(waits) // 2]:.0f} ms, p99 {p99:.0f} ms")
        _judge_order(report, slowest)


@contextmanager
def _busy(rig: Rig, *counts: int) -> Iterator[tuple[Any, int, list[Any]]]:
    """All nine lanes run and have standard work for longer than this lasts.

    (the far PACS, how many wait each way, studies of so many images that it has too)
    """
    from tests.bench import lanes_queue

    lanes_queue.WAITING, lanes_queue.BLUE = rig.size.waiting, rig.size.blue
    with _world() as (_, _, images):
        long, *studies = [images.outgoing(count) for count in (lanes_queue.LONG, *counts)]
        with lanes_queue.far_pacs(long, *studies) as port:
            far = images.node(port, name="QUEUEPACS")
            lanes_queue.backlog(long, far)
            for queue, name in lanes_queue.LANES:
                run_lanes(rig, queue, name)
            yield far, rig.size.waiting, studies


def _judge_order(report: Report, slowest: float) -> None:
    """No standard work was claimed while a blue light waited that could have been taken.

    A claim that had looked before the blue light's row was committed is none, nor is one that
    looked while another lane had that row in hand. Either takes no longer than the slowest
    beginning of this run, in milliseconds, and a second at most, as that is promised.
    """
    from iep.models import Transfer, TransferEventRow

    wrong, claim = [], timedelta(milliseconds=min(max(_CLAIM, slowest), 1000))
    for blue in Transfer.objects.filter(priority=0).exclude(started_at=None):
        wrong += TransferEventRow.objects.filter(
            event="claimed", at__gt=blue.created_at + claim, at__lt=blue.started_at - claim,
            transfer__priority__gt=0, transfer__direction=blue.direction,
        ).values_list("transfer", "words")  # fmt: skip
    report.check(
        "standard work that ran ahead of a waiting blue light", not wrong, wrong[:5] or len(wrong)
    )


_CLAIM = 250.0  # milliseconds: a claim, on a machine that does other things too


def blue_light_bursts(rig: Rig, report: Report) -> None:
    """6 and 20 blue lights at once, both ways, of long studies."""
    from accounts.policies import SYSTEM
    from iep.errors import NoSuchMove
    from iep.services.lanes import transfers
    from tests.bench import lanes_queue

    slowest = 0.0
    with _busy(rig, rig.size.study) as (far, _, (study,)):
        for count in (6, 20):
            for direction, lanes in (("out", 5), ("in", 4)):
                burst = [lanes_queue.queue(direction, study, far) for _ in range(count)]
                waits = sorted(lanes_queue.begun(each) for each in burst[:lanes])
                slowest = max(slowest, waits[-1])
                words = f"burst of {count} {direction}: the first {lanes} began within 1 s"
                report.check(words, waits[-1] <= 1000, f"{waits[-1]:.0f} ms")
                for each in burst:
                    with suppress(NoSuchMove):
                        transfers.cancel(each, by=SYSTEM)
        _judge_order(report, slowest)


# --- F22 -----------------------------------------------------------------------------------------


def lane_dies(rig: Rig, report: Report) -> None:
    """Killed, frozen and cut off in the middle of a blue light; what was sent is not sent again."""
    from . import lane_cuts

    with _world() as (pacs, far, images):
        pacs.seconds = 0.01
        for how, sig, most in (("killed", signal.SIGKILL, 2.0), ("frozen", signal.SIGSTOP, 8.0)):
            _one_death(rig, report, pacs, far, images, how=how, sig=sig, most=most)
        lane_cuts.from_the_database(rig, report, pacs, far, images)
        lane_cuts.from_the_node(rig, report, pacs, images)


def _one_death(
    rig: Rig, report: Report, pacs: Any, far: Any, images: Any, *, how: str, sig: int, most: float
) -> None:
    from iep.models import Lane
    from iep.states.priorities import Priority

    victim, heir = ("out-2", "out-3") if how == "killed" else ("out-4", "out-5")
    for name in (victim, heir):
        run_lanes(rig, "lanes_out", name)
    pacs.came.clear()
    Lane.objects.filter(name=heir).update(is_paused=True)  # it takes over, and nothing else
    study = images.outgoing(max(200, rig.size.study))
    transfer = images.send(study, far, priority=Priority.BLUE_LIGHT)
    rig.until(lambda: bool(now(transfer)) and transfer.images_done >= 5, seconds=60)
    process = rig.children[victim].process
    os.kill(process.pid, sig)
    Lane.objects.filter(name=heir).update(is_paused=False)
    began, before = time.monotonic(), transfer.fence
    rig.until(lambda: bool(now(transfer)) and transfer.fence > before, seconds=60)
    took = time.monotonic() - began
    report.check(f"{how}: taken over within {most:.0f} s", took <= most, f"{took:.2f} s")
    if sig == signal.SIGSTOP:
        os.kill(process.pid, signal.SIGCONT)
    done = rig.until(lambda: now(transfer) == "delivered", seconds=120)
    report.check(f"{how}: delivered in the end", done, now(transfer))
    report.check(f"{how}: went on at the next image", transfer.continued_from >= 5,
                 f"from {transfer.continued_from}")  # fmt: skip
    twice = len(pacs.came) - len(set(pacs.came))
    report.check(f"{how}: images sent twice, but the one on its way", twice <= 1, twice)
    report.check(f"{how}: the fence grew once", transfer.fence == before + 1, transfer.fence)
    for name in (victim, heir):
        rig.children.pop(name).stop()


# --- F23 -----------------------------------------------------------------------------------------


def standard_under_blue(rig: Rig, report: Report) -> None:
    """Blue light without end: standard work waits and it is said; one lane may be kept for it."""
    with _world() as (pacs, far, images):
        pacs.seconds = 0.02
        study = images.outgoing(rig.size.study)
        standard = images.send(study, far)
        _keep_blue(images, study, far, rig)
        run_lanes(rig, "lanes_out", "out-2")
        rig.until(lambda: False, seconds=5)
        report.check("blue light goes first in every lane", now(standard) == "waiting",
                     now(standard))  # fmt: skip
        report.check("that it waits is said", _is_said(rig), "on the board")
        run_lanes(rig, "lanes_out", "out-3", LANES_STANDARD_FIRST="out-3")
        done = rig.until(lambda: now(standard) not in ("waiting", "running"), seconds=90)
        report.check("a lane that is kept for standard work takes it", done, now(standard))
        from iep.models import Transfer

        late = Transfer.objects.filter(priority=0, state="waiting").exists()
        report.check("while blue light still waited", late)


def _keep_blue(images: Any, study: Any, far: Any, rig: Rig) -> None:
    from iep.states.priorities import Priority

    for _ in range(60):
        images.send(study, far, priority=Priority.BLUE_LIGHT)


def _is_said(rig: Rig) -> bool:
    """An hour later, as the board would have it."""
    from django.utils import timezone

    from iep.queries.lanes import queues

    return bool(queues._waits(timezone.now() + timedelta(hours=2)))


# --- F24 -----------------------------------------------------------------------------------------


def peer_takes_half(rig: Rig, report: Report) -> None:
    """Each single image of a study is dropped in turn: never shown complete (hazard H40)."""
    with _world() as (pacs, far, images):
        study = images.outgoing(rig.size.study)
        _refused_over_the_wire(rig, report, pacs, images, study, far)
        far.commits = True
        far.save()
        from iep.services.lanes.lines import KeptLine

        complete, wrong = 0, 0
        uids = list(study.files.order_by("instance_number").values_list("sop_uid", flat=True))
        for number, uid in enumerate(uids):
            pacs.kept.clear()
            pacs.refuses, pacs.loses = ({uid}, set()) if number % 2 else (set(), {uid})
            transfer = images.send(study, far)
            images.run("out-2", most=1, line=KeptLine(_in_process(pacs)))
            state = now(transfer)
            complete += state == "delivered"
            confirmed = transfer.instances.filter(state="confirmed").count()
            wrong += confirmed != len(uids) - 1
            _give_up(transfer)
        words = f"{len(uids)} times one of {len(uids)} is missing"
        report.check(f"{words}: shown complete", complete == 0, complete)
        report.check(f"{words}: another number is confirmed than is there", wrong == 0, wrong)


def _give_up(transfer: Any) -> None:
    from accounts.policies import SYSTEM
    from iep.services.lanes import transfers

    transfers.cancel(transfer, by=SYSTEM)


def _in_process(pacs: Any) -> Any:
    """A Sender that hands images to the far PACS without a network: it refuses and loses."""
    from iep.dicom import DicomFailure, Family, Phase

    class Handing:
        def __init__(self, peer: Any, kinds: Any) -> None: ...

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None: ...

        def send(self, path: Path, *, sop_uid: str, **_: object) -> int:
            if sop_uid in pacs.refuses:
                raise DicomFailure(Phase.STORE, Family.REFUSED, "It was refused.", 0xC000)
            if sop_uid not in pacs.loses:
                pacs.kept[sop_uid] = b""
            return 0

    return Handing


def _refused_over_the_wire(
    rig: Rig, report: Report, pacs: Any, images: Any, study: Any, far: Any
) -> None:
    """One of all is refused by a real peer, and goes again alone when a person says so."""
    from accounts.policies import SYSTEM
    from iep.services.lanes import transfers

    uid = rig.chance.choice(list(study.files.values_list("sop_uid", flat=True)))
    pacs.refuses = {uid}
    transfer = images.send(study, far)
    images.run("out-2")
    words = f"{transfer.images - 1} of {transfer.images}"
    report.check("one is refused: PARTIAL", now(transfer) == "partial", transfer.why)
    report.check("and says how many", transfer.why.startswith(words), words)
    pacs.refuses, before = set(), len(pacs.came)
    transfers.retry(transfer, by=SYSTEM)
    images.run("out-2")
    report.check("only the missing one goes again", pacs.came[before:] == [uid],
                 len(pacs.came) - before)  # fmt: skip
    report.check("then it is delivered", now(transfer) == "delivered", transfer.state)
