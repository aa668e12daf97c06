"""F17: whoever connects may be hostile; a good sender must not notice."""

import contextlib
import socket
import statistics
import threading
import time

from tests.failures.test_message_faults import resident_megabytes
from tests.messaging.processes import Line
from tests.messaging.senders import sent

from . import kills, oracle
from .report import Report
from .rig import Rig

MIB = 1024 * 1024


def abused_listener(rig: Rig, report: Report) -> None:
    """Thousands that idle or trickle, a frame without end, 1 GiB: the good sender's p99 <= 1 s."""
    from tests.messaging.senders import make_partner

    make_partner("ris")
    child = rig.add_listener()
    rig.add_worker("hl7_in")
    rig.until(lambda: _accepts(rig.port), seconds=30)
    sender = kills.Sender(rig.port, kills.results("one", rig.size.into), pace=0)
    crowd = Crowd(rig.port)
    crowd.gather(idle=rig.size.idle, slow=rig.size.slow)
    gigabyte = threading.Thread(target=crowd.pour, args=[1024], daemon=True)
    gigabyte.start()
    sender.start()
    seconds, peak = _good_sender(rig, child.process.pid if child.process else 0)
    rig.until(lambda: not sender.is_alive() and not gigabyte.is_alive(), seconds=300)
    peak = max(peak, resident_megabytes(child.process.pid))  # type: ignore[union-attr]
    p99 = statistics.quantiles(seconds, n=100)[98]
    report.check("a good sender's p99", p99 <= 1.0, f"{p99 * 1000:.0f} ms of {len(seconds)}")
    report.check("memory of the listener", peak <= 512, f"{peak:.0f} MiB")
    report.check(
        "a frame of 1 GiB was cut off early", crowd.poured <= 24 * MIB, f"{crowd.poured // MIB} MiB"
    )
    report.check("the listener was never started again", child.exit_code is None)
    crowd.disperse()
    rig.until(oracle.is_quiet, seconds=120)
    oracle.judge_inbound(report, [sender])
    oracle.judge_house(report, rig)
    report.note(f"{crowd.size} connections held, {crowd.refused} refused")


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


def _good_sender(rig: Rig, pid: int) -> tuple[list[float], float]:
    """A message at a time, from its own address, each fifty on a new connection."""
    seconds, peak = [], 0.0
    for n in range(max(100, rig.size.into // 5)):
        if n % 50 == 0:
            line = Line(rig.port, source="127.0.0.9")
        began = time.perf_counter()
        line.send(sent(f"good{n}"))
        assert b"MSA|AA" in line.answer()
        seconds.append(time.perf_counter() - began)
        peak = max(peak, resident_megabytes(pid))
        if n % 50 == 49:
            line.close()
    return seconds, peak


class Crowd:
    """Connections from many addresses that mean no good."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.refused = 0
        self.poured = 0
        self._lines: list[socket.socket] = []
        self._trickling: list[socket.socket] = []
        self._done = threading.Event()

    @property
    def size(self) -> int:
        return len(self._lines)

    def gather(self, *, idle: int, slow: int) -> None:
        for n in range(idle + slow):
            address = f"127.0.{1 + n % 200}.{1 + n % 250}"
            try:
                line = socket.create_connection(
                    ("127.0.0.1", self.port), timeout=5, source_address=(address, 0)
                )
            except OSError:
                self.refused += 1
                continue
            self._lines.append(line)
            if n < slow:
                self._trickling.append(line)
        threading.Thread(target=self._trickle, daemon=True).start()

    def _trickle(self) -> None:
        """A frame's beginning, then a byte at a time."""
        for line in self._trickling:
            with contextlib.suppress(OSError):
                line.sendall(b"\x0bMSH|")
        while not self._done.wait(0.5):
            for line in self._trickling:
                with contextlib.suppress(OSError):
                    line.sendall(b"x")

    def pour(self, mebibytes: int) -> None:
        """One frame, as large as that; counts what the listener took of it."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port)) as line,
        ):
            line.sendall(b"\x0bMSH|^~\\&|RIS|RX1|\r")
            for _ in range(mebibytes):
                line.sendall(b"y" * MIB)
                self.poured += MIB

    def disperse(self) -> None:
        self._done.set()
        for line in self._lines:
            line.close()
