"""The outside world: a receiver and senders that are never killed and keep a ledger.

Their framing and their reading of HL7 are their own, so that a mistake of ours cannot hide.
"""

import contextlib
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

VT, END = b"\x0b", b"\x1c\r"


def control_id(message: bytes) -> str:
    return message.split(b"\r")[0].split(b"|")[9].decode()


def acknowledgement(of: str, code: str, words: str = "") -> bytes:
    """In its frame."""
    header = f"MSH|^~\\&|RIS|RX1|ORDERCOMMS|OC1|20261122||ACK|A{of}|T|2.4\r"
    return VT + f"{header}MSA|{code}|{of}|{words}\r".encode() + END


# --- The receiver --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """One message on the wire: which, what, when, and how it was answered."""

    control_id: str
    raw: bytes
    at: float
    manner: str


GOOD = "AA"
Manners = Callable[[random.Random], str]


def always(manner: str) -> Manners:
    return lambda chance: manner


def mixed(bad: dict[str, float]) -> Manners:
    """Each manner with its share; AA for the rest."""

    def choose(chance: random.Random) -> str:
        drawn = chance.random()
        for manner, share in bad.items():
            drawn -= share
            if drawn < 0:
                return manner
        return GOOD

    return choose


@dataclass
class Receiver:
    """A RIS or LIMS. It stores what it answers AA, and much that it answers otherwise."""

    seed: int
    manners: Manners = field(default_factory=lambda: always(GOOD))
    seen: list[Seen] = field(default_factory=list)
    most_at_once: int = 0
    is_away: bool = False  # hangs up on everybody
    port: int = 0
    wait: float = 0.0  # seconds before each answer

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._lock = threading.Lock()
        self._open = 0
        self._closing = False
        self._socket = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def first_seen(self) -> list[str]:
        return list(dict.fromkeys(each.control_id for each in self.seen))

    @property
    def stored(self) -> set[str]:
        """What it has in effect: not what it refused, and each control id once."""
        return {each.control_id for each in self.seen if each.manner not in REFUSING}

    def close(self) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _listen(self) -> None:
        while not self._closing:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            if self.is_away:
                line.close()
                continue
            threading.Thread(target=self._talk, args=[line], daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        with self._lock:
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        held = b""
        try:
            while (data := line.recv(65536)) and not self.is_away:
                held += data
                while END in held:
                    frame, held = held.split(END, 1)
                    self._take(frame.split(VT, 1)[1], line)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open -= 1
            line.close()

    def _take(self, message: bytes, line: socket.socket) -> None:
        with self._lock:
            manner = self.manners(self._chance)
            before = self.seen[-1].control_id if self.seen else "NONE"
            self.seen.append(Seen(control_id(message), message, time.time(), manner))
        time.sleep(self.wait)
        ANSWERS[manner](line, control_id(message), before)


def _plain(code: str) -> Callable[[socket.socket, str, str], None]:
    return lambda line, of, before: line.sendall(acknowledgement(of, code, "as it was told to"))


def _silent(line: socket.socket, of: str, before: str) -> None:
    """Stores it and says nothing."""


def _late(line: socket.socket, of: str, before: str) -> None:
    """After the time-out: the answer finds the line closed, or worse, the next message."""
    threading.Timer(2.5, _whatever_comes, [line, acknowledgement(of, "AA")]).start()


def _whatever_comes(line: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        line.sendall(data)


def _by_bytes(line: socket.socket, of: str, before: str) -> None:
    for byte in acknowledgement(of, "AA"):
        line.sendall(bytes([byte]))
        time.sleep(0.002)


def _half(line: socket.socket, of: str, before: str) -> None:
    line.sendall(acknowledgement(of, "AA")[:25])
    line.shutdown(socket.SHUT_RDWR)


def _previous(line: socket.socket, of: str, before: str) -> None:
    """The answer to the message before, and then nothing."""
    line.sendall(acknowledgement(before, "AA"))


def _unknown(line: socket.socket, of: str, before: str) -> None:
    line.sendall(acknowledgement("NOSUCHID", "AA"))


def _twice(line: socket.socket, of: str, before: str) -> None:
    line.sendall(acknowledgement(of, "AA") * 2)


def _hang_up(line: socket.socket, of: str, before: str) -> None:
    line.shutdown(socket.SHUT_RDWR)


ANSWERS: dict[str, Callable[[socket.socket, str, str], None]] = {
    GOOD: _plain("AA"), "AE": _plain("AE"), "AR": _plain("AR"), "CE": _plain("CE"),
    "CR": _plain("CR"), "silent": _silent, "late": _late, "byte by byte": _by_bytes,
    "half, then closed": _half, "of the previous": _previous, "of an unknown id": _unknown,
    "two": _twice, "closed after storing": _hang_up,
}  # fmt: skip
REFUSING = {"AE", "AR", "CE", "CR"}


# --- The senders ---------------------------------------------------------------------------------


class Sender(threading.Thread):
    """A LIMS that sends each message until it is acknowledged AA. Its ledger: ids, in order."""

    def __init__(self, port: int, messages: list[bytes], *, pace: float = 0.0) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.messages = messages
        self.pace = pace  # seconds between two messages
        self.accepted: list[str] = []
        self.slowest = 0.0
        self.answers: Counter[str] = Counter()
        self.tries = 0
        self._stop_now = threading.Event()

    def run(self) -> None:
        line: socket.socket | None = None
        for message in self.messages:
            began = time.monotonic()
            while not self._stop_now.is_set():
                try:
                    line = line or self._connect()
                    if self._send(line, message):
                        break
                except OSError:
                    if line:
                        line.close()
                    line = None
                    time.sleep(0.1)
            self.slowest = max(self.slowest, time.monotonic() - began)
            time.sleep(self.pace)

    def give_up(self) -> None:
        self._stop_now.set()

    def _connect(self) -> socket.socket:
        line = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return line

    def _send(self, line: socket.socket, message: bytes) -> bool:
        self.tries += 1
        line.sendall(VT + message + END)
        answer = b""
        while END not in answer:
            data = line.recv(4096)
            if not data:
                raise ConnectionError
            answer += data
        of, code = answer.split(b"MSA|", 1)[1].split(b"|")[1::-1]
        self.answers[code.decode()] += 1
        if of.split(b"\r")[0].decode() != control_id(message):
            raise AssertionError("the answer is to another message")
        if code == b"AA":
            self.accepted.append(control_id(message))
        return code == b"AA"
