"""F18: messages that mean harm, through the socket and the workers, and the codec alone."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from django.utils import timezone

from demo.processes import Child
from messaging import acknowledgement, mllp, wire
from messaging.models import InboundMessage
from tests.failures.test_message_faults import resident_megabytes
from tests.found import MESSAGES
from tests.hostile.judging import broken_promises
from tests.hostile.streams import Hostile, frames_of
from tests.hostile.talking import Attacker, Tally, converse

from . import oracle
from .abuse import MIB, _accepts
from .report import Report
from .rig import Rig

ATTACKERS = 4
MOST_MEGABYTES = 512
HELD = 200  # connections, each with a frame that does not end
HELD_BYTES = 15 * MIB
MOST_SECONDS = 1  # of the processor, for one message


def hostile_messages(rig: Rig, report: Report) -> None:
    """Every frame one answer and one row, processed or parked; nothing dies, memory bounded."""
    from tests.hostile.base import good_messages

    good = good_messages(requests=max(30, rig.size.hostile // 250))
    child = rig.add_listener(MLLP_CONNECTIONS_PER_PEER="300")
    route = {"TEST_ROUTING": "ordercomms.routing.ROUTES"}
    workers = [rig.add_worker("hl7_in", name, **route) for name in ("first", "second")]
    rig.until(lambda: _accepts(rig.port), seconds=30)
    tally = Tally()
    _send_corpus(rig.port, tally, report)
    began = time.monotonic()
    memory = Memory({"listener": child, **{each.name: each for each in workers}})
    _attack(rig, report, tally, memory, good)
    seconds = time.monotonic() - began
    rig.until(_nothing_waits, seconds=60 + rig.size.hostile / 20, act=_hurry)
    report.note(
        f"{tally.frames} frames answered in {seconds:.0f} s, "
        f"processed {time.monotonic() - began - seconds:.0f} s later"
    )
    memory.judge(report)
    _hold_unfinished(rig, report, child, good[0])
    for promise, kept, figures in broken_promises(tally):
        report.check(promise, kept, figures)
    for frame, answer in tally.examples[:3]:
        report.note(f"{frame[:120]!r} was answered {answer[-120:]!r}")
    died = dict(rig.starts)
    report.check("the listener and the workers were never started again", not died, died or 0)
    oracle.judge_house(report, rig)
    _codec_alone(rig, report, good)


def _send_corpus(port: int, tally: Tally, report: Report) -> None:
    """The messages of other people's systems first, on one connection."""
    files = sorted(MESSAGES.rglob("*.hl7")) if MESSAGES.is_dir() else []
    packets = [mllp.START + file.read_bytes() + mllp.END for file in files]
    if packets:
        tally.hear(b"".join(packets), converse(port, packets))
    report.note(f"{len(packets)} messages of other people's systems" if packets else "no corpus")


def _attack(rig: Rig, report: Report, tally: Tally, memory: Memory, good: Sequence[bytes]) -> None:
    share = rig.size.hostile // ATTACKERS
    attackers = [
        Attacker(
            rig.port, tally, seed=f"{rig.seed} {n}", good=good, inputs=share,
            each=min(250, max(1, share // 25)),
        )
        for n in range(ATTACKERS)
    ]  # fmt: skip
    for attacker in attackers:
        attacker.start()

    def look() -> None:
        memory.look(sum(each.sent for each in attackers) / (share * ATTACKERS))

    rig.until(
        lambda: not any(each.is_alive() for each in attackers),
        seconds=120 + rig.size.hostile / 40, act=look,
    )  # fmt: skip
    failures = [each.failure or "not done" for each in attackers if each.sent < share]
    report.check("every hostile sender could send all", not failures, failures or share * ATTACKERS)


def _hurry() -> None:
    """What waits for another attempt has waited long enough: hours are not what is tested here."""
    late = InboundMessage.objects.filter(state="received").exclude(reason_code="")
    late.filter(not_before__gt=timezone.now()).update(not_before=None)


def _nothing_waits() -> bool:
    return not InboundMessage.objects.filter(state="received").exists()


class Memory:
    """Of processes, as the work goes on."""

    def __init__(self, children: Mapping[str, Child]) -> None:
        self._children = children
        self._seen: dict[str, list[tuple[float, float]]] = {name: [] for name in children}

    def look(self, progress: float) -> None:
        for name, child in self._children.items():
            with suppress(OSError, AttributeError, StopIteration):
                self._seen[name].append((progress, resident_megabytes(child.process.pid)))

    def judge(self, report: Report) -> None:
        for name, seen in self._seen.items():
            report.check(*memory_promise(name, seen))


def memory_promise(name: str, seen: Sequence[tuple[float, float]]) -> tuple[str, bool, str]:
    """Bounded, and not growing: the last third takes what the first took, and a little."""
    thirds = [
        [mb for progress, mb in seen if low <= progress <= low + 1 / 3] for low in (0, 1 / 3, 2 / 3)
    ]
    if not all(thirds):
        return f"memory of {name}", False, "not measured"
    first, second, last = (statistics.median(third) for third in thirds)
    peak = max(mb for _, mb in seen)
    kept = peak <= MOST_MEGABYTES and last <= 1.25 * first + 24
    figures = f"{first:.0f}, {second:.0f}, {last:.0f} MiB by thirds, at most {peak:.0f}"
    return f"memory of {name}", kept, figures


# --- Frames that do not end ----------------------------------------------------------------------


def _hold_unfinished(rig: Rig, report: Report, child: Child, good: bytes) -> None:
    """200 connections, each with 15 MiB of a frame that does not end: most have to be cut."""
    pid, lines, peak = child.process.pid, [], [0.0]
    done = threading.Event()

    def pour(number: int) -> None:
        source = f"127.0.{1 + number % 200}.7"
        address = ("127.0.0.1", rig.port)
        with suppress(OSError):
            line = socket.create_connection(address, timeout=60, source_address=(source, 0))
            lines.append(line)
            line.sendall(b"\x0bMSH|^~\\&|LIMS|RZ1|\r" + b"z" * HELD_BYTES)

    def watch() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], resident_megabytes(pid))

    threads = [threading.Thread(target=pour, args=[n], daemon=True) for n in range(HELD)]
    for thread in [watcher := threading.Thread(target=watch, daemon=True), *threads]:
        thread.start()
    for thread in threads:
        thread.join(120)
    open_still = sum(_is_open(line) for line in lines)
    done.set()
    watcher.join()
    for line in lines:
        line.close()
    words = f"memory of the listener, {HELD} frames of 15 MiB that do not end"
    figures = f"at most {peak[0]:.0f} MiB; {open_still} of {len(lines)} connections were kept"
    report.check(words, peak[0] <= MOST_MEGABYTES and child.is_running, figures)
    large = good.rstrip(b"\r") + b"\rNTE|1||" + b"y" * (8 * MIB) + b"\r"
    answer = converse(rig.port, [mllp.START + large.replace(b"|T|", b"|P|", 1) + mllp.END])
    InboundMessage.objects.filter(reason_code="processing_id", raw__isnull=False).order_by("-id")[
        :1
    ].get().delete()
    report.check("afterwards a whole frame of 8 MiB is answered", b"MSA|AR|" in answer, len(large))


def _is_open(line: socket.socket) -> bool:
    """Whether the listener still holds it."""
    line.settimeout(0.01)
    try:
        return line.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


# --- The codec alone -----------------------------------------------------------------------------


class Hung(Exception):
    """One message took too long."""


def _codec_alone(rig: Rig, report: Report, good: Sequence[bytes]) -> None:
    """Twice as many inputs, without sockets or database: no crash, no hang, no memory."""
    hostile, number = Hostile(f"codec {rig.seed}", good), 2 * rig.size.hostile
    faults: list[str] = []
    seen: list[tuple[float, float]] = []
    slowest, deframer = 0.0, mllp.Deframer()
    for n, each in enumerate(hostile.inputs(number)):
        began = time.thread_time()
        try:
            with at_most(MOST_SECONDS):
                for frame in deframer.feed(each.wire):
                    read_whole(frame)
                read_whole(each.message)
        except Exception as failure:  # noqa: BLE001 - that none comes is what is tested
            faults.append(f"{each.kind}: {type(failure).__name__}: {failure}")
        slowest = max(slowest, time.thread_time() - began)
        if n % max(1, number // 200) == 0:
            seen.append((n / number, resident_megabytes(os.getpid())))
    report.check("the codec alone: crashes and hangs", not faults, faults[:3] or 0)
    report.check("the codec alone: slowest", slowest <= MOST_SECONDS, f"{slowest * 1000:.0f} ms")
    report.check(*memory_promise("the codec alone", seen))
    report.note(f"{number} messages read by the codec alone")


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Of this process's own time, so that a busy machine does not count. Main thread only."""

    def stop(*_: object) -> None:
        raise Hung(f"over {seconds} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def read_whole(raw: bytes) -> None:
    """All that is ever asked of a message: its envelope, an answer to it, every leaf of it."""
    answer = acknowledgement.acknowledge(raw, acknowledgement.ACCEPT, at=timezone.now())
    if len(frames_of(mllp.frame(answer))) != 1:
        raise ValueError("the answer is not one frame")
    wire.parse(answer)
    try:
        message = wire.parse(raw, default_charset="8859/1")
    except wire.Unparseable:
        return
    for segment in message:
        for number in range(1, len(segment) + 1):
            segment.text(number)
            for part in segment.repetitions(number)[:50]:
                _ = part.components
    acknowledgement.answer_to(message.control_id, raw)
