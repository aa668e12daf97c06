"""MLLP on both sides: a listener for orders, a caller for results.

A frame is VT, the message, FS, CR (HL7 v2.4, appendix C). Threads and blocking sockets: a stand-in
has few connections, and this shares nothing with the product's asyncio listener.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

START, END = b"\x0b", b"\x1c\r"
LONGEST = 8 * 1024 * 1024  # bytes in one frame; more is not a message

Answer = Callable[[bytes], bytes | None]


class Frames:
    """Cuts a stream of bytes into frames, however it is chopped up."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, some: bytes) -> Iterator[bytes]:
        """The frames that are complete now. What stands between frames is dropped."""
        self._held += some
        while (end := self._held.find(END)) >= 0:
            frame = bytes(self._held[:end])
            del self._held[: end + len(END)]
            yield frame[frame.rfind(START) + 1 :] if START in frame else frame
        if len(self._held) > LONGEST:
            raise ConnectionError("a frame without an end")


def framed(raw: bytes) -> bytes:
    return START + raw + END


class Listener:
    """Answers each frame on each connection, in order, with one frame or with silence."""

    def __init__(self, host: str, port: int, answer: Answer) -> None:
        self.host, self.port, self.answer = host, port, answer
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        return self._server is not None

    def open(self) -> None:
        """Listen; port 0 takes a free one and keeps it."""
        if self._server:
            return
        server = socket.create_server((self.host, self.port), backlog=64)
        self.port = server.getsockname()[1]
        self._server = server
        threading.Thread(target=self._accept, args=(server,), daemon=True).start()

    def close(self) -> None:
        """Refuse from now on, and close what is open."""
        server, self._server = self._server, None
        with self._lock:
            connections, self._open = self._open, set()
        for one in [server, *connections]:
            if one:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with self._lock:
                    self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        frames = Frames()
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while some := connection.recv(65536):
                for frame in frames.feed(some):
                    answer = self.answer(frame)
                    if answer is not None:
                        connection.sendall(framed(answer))
        except OSError:
            return  # the peer went away, or we shut the listener
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()


class Caller:
    """One connection to one listener, kept open, made again when it broke."""

    def __init__(self, address: tuple[str, int], *, patience: float = 10.0) -> None:
        self.address, self.patience = address, patience
        self._connection: socket.socket | None = None
        self._frames = Frames()
        self._ready: list[bytes] = []

    def say(self, raw: bytes) -> None:
        """Send one frame. Raises OSError."""
        if self._connection is None:
            self._connection = socket.create_connection(self.address, timeout=5)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._frames, self._ready = Frames(), []
        self._connection.settimeout(self.patience)
        self._connection.sendall(framed(raw))

    def hear(self) -> bytes:
        """The next frame. Raises OSError (also when `patience` seconds passed)."""
        while not self._ready:
            if self._connection is None:
                raise ConnectionError("not connected")
            some = self._connection.recv(65536)
            if not some:
                raise ConnectionError("closed by the other side")
            self._ready += self._frames.feed(some)
        return self._ready.pop(0)

    def hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()
