"""A partner's machine at the other end of a real socket. Its framing is its own."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

VT, FS, CR = b"\x0b", b"\x1c", b"\r"
Answer = Callable[[bytes, socket.socket], None]


def control_id(message: bytes) -> bytes:
    return message.split(b"\r")[0].split(b"|")[9]


def is_mere_acknowledgement(message: bytes) -> bool:
    """An MSA, and MSH-15 asks for nothing: to answer it would be to answer an answer."""
    asks = message.split(b"\r")[0].split(b"|")[14:15]
    return b"\rMSA|" in message and asks in ([], [b""])


def ack(of: bytes, code: bytes = b"AA", text: bytes = b"") -> bytes:
    """An acknowledgement in its frame."""
    return VT + b"MSH|^~\\&|RIS|RX1|ORDERCOMMS|OC1|20261122||ACK|P1|T|2.4\rMSA|%b|%b|%b\r" % (
        code, of, text,
    ) + FS + CR  # fmt: skip


def says(code: bytes, text: bytes = b"") -> Answer:
    return lambda message, line: line.sendall(ack(control_id(message), code, text))


def sends(*chunks: bytes) -> Answer:
    """These bytes; `{id}` in them becomes the message's control id."""

    def answer(message: bytes, line: socket.socket) -> None:
        for chunk in chunks:
            line.sendall(chunk.replace(b"{id}", control_id(message)))

    return answer


def byte_by_byte(message: bytes, line: socket.socket) -> None:
    for byte in ack(control_id(message)):
        line.sendall(bytes([byte]))


def silent(message: bytes, line: socket.socket) -> None:
    """Stores the message and says nothing."""


def hangs_up(message: bytes, line: socket.socket) -> None:
    line.shutdown(socket.SHUT_RDWR)


def says_half_and_hangs_up(message: bytes, line: socket.socket) -> None:
    line.sendall(ack(control_id(message))[:20])
    line.shutdown(socket.SHUT_RDWR)


@dataclass
class Peer:
    """Answers each message by the next of `answers`, the last of them for ever."""

    answers: list[Answer] = field(default_factory=lambda: [says(b"AA")])
    received: list[bytes] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    secure: ssl.SSLContext | None = None
    _open: int = 0

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._lines: list[socket.socket] = []

    @property
    def control_ids(self) -> list[str]:
        return [control_id(message).decode() for message in self.received]

    def listen(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._lines.append(line)
            threading.Thread(target=self._talk, args=[line], daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        held = b""
        try:
            if self.secure:
                line = self.secure.wrap_socket(line, server_side=True)
                self._lines.append(line)
            while data := line.recv(65536):
                held += data
                while FS + CR in held:
                    message, held = held.split(FS + CR, 1)
                    self._answer(message.split(VT, 1)[1], line)
        except OSError:
            pass
        finally:
            self._open -= 1
            line.close()

    def _answer(self, message: bytes, line: socket.socket) -> None:
        self.received.append(message)
        if is_mere_acknowledgement(message):
            return
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer(message, line)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for line in self._lines:
            line.close()


@contextmanager
def listening(*answers: Answer, secure: ssl.SSLContext | None = None) -> Iterator[Peer]:
    peer = Peer(list(answers) or [says(b"AA")], secure=secure)
    thread = threading.Thread(target=peer.listen, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        peer.close()
        thread.join(5)
