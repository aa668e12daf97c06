"""F16: a proxy between us and the receiver that plays a bad network.

It stands where tc netem would: what TCP makes of loss and of a small MTU is stalls and small
pieces, and those it plays. It needs no rights on the machine.
"""

import contextlib
import random
import socket
import struct
import threading
import time

from messaging.models import Partner

from . import kills, oracle
from .report import Report
from .rig import Rig

MODES = ("pass", "stalls", "half a second away", "64 kbit/s", "pieces of 536 bytes",
         "reset inside a frame", "black hole", "refused")  # fmt: skip


class Proxy:
    """Forwards to a port, or to a socket of that path, as its mode says."""

    def __init__(self, to: int | str, seed: int) -> None:
        self.to, self.mode = to, "pass"
        self._chance = random.Random(seed)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            if self.mode == "refused":
                _reset(line)
                continue
            try:
                beyond = self._beyond()
            except OSError:
                line.close()
                continue
            for pair in ((line, beyond), (beyond, line)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _beyond(self) -> socket.socket:
        if isinstance(self.to, int):
            return socket.create_connection(("127.0.0.1", self.to))
        line = socket.socket(socket.AF_UNIX)
        line.connect(self.to)
        return line

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                while self.mode == "cut":  # TCP brings later what it could not bring
                    time.sleep(0.02)
                if self.mode == "refused" or not self._pass_on(data, sink):
                    break
        for each in (source, sink):
            _reset(each) if self.mode == "reset inside a frame" else each.close()

    def _pass_on(self, data: bytes, sink: socket.socket) -> bool:
        match self.mode:
            case "stalls":  # a third of the packets come again, after a time-out of TCP's
                time.sleep(0.2 if self._chance.random() < 0.3 else 0)
            case "half a second away":
                time.sleep(0.25)
            case "64 kbit/s":
                time.sleep(len(data) / 8000)
            case "pieces of 536 bytes":
                for start in range(0, len(data), 536):
                    sink.sendall(data[start : start + 536])
                    time.sleep(0.002)
                return True
            case "reset inside a frame":
                sink.sendall(data[: len(data) // 2])
                return False
            case "black hole":
                return True
        sink.sendall(data)
        return True


def _reset(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()


def bad_network(rig: Rig, report: Report) -> None:
    """Each trouble for some seconds; then the line is good, and messages arrive again."""
    receiver = rig.add_receiver()
    proxy = Proxy(receiver.port, rig.seed)
    Partner.objects.filter(slug="ris").update(port=proxy.port)
    rig.add_listener()
    inwards = Proxy(rig.port, rig.seed)
    rig.add_worker("hl7_out")
    rig.add_worker("hl7_in")
    seconds = 4.0 if rig.size.name == "small" else 6.0
    lasting = len(MODES) * (seconds + 3)
    ledger = rig.add_writer("writer-1", rig.size.out // 10, pace=lasting / (rig.size.out / 10))
    messages = kills.results("n", rig.size.into // 10)
    sender = kills.Sender(inwards.port, messages, pace=lasting / len(messages))
    sender.start()
    slowest = 0.0
    for mode in MODES:
        proxy.mode = inwards.mode = mode
        rig.until(lambda: False, seconds=seconds)
        proxy.mode = inwards.mode = "pass"
        began, seen = time.monotonic(), len(receiver.seen)
        rig.until(lambda seen=seen: len(receiver.seen) > seen or oracle.is_quiet(), seconds=40)
        slowest = max(slowest, time.monotonic() - began)
    report.check("recovered within 10 s of the line's", slowest <= 10, f"{slowest:.1f} s")
    writer = rig.children["writer-1"]
    done = rig.until(
        lambda: writer.exit_code == 0 and not sender.is_alive() and oracle.is_quiet(), seconds=180
    )
    report.check("all came to an end", done)
    proxy.close()
    inwards.close()
    oracle.judge_outbound(report, receiver, [ledger], through_proxy=True)
    oracle.judge_effects(report)
    oracle.judge_inbound(report, [sender])
    oracle.judge_house(report, rig)
