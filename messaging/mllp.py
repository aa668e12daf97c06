"""Frames on a stream, and one exchange over a kept connection. Bytes only: no word of HL7.

A frame is VT, the message, FS, CR (HL7 Implementation Guide, appendix C: minimal lower layer
protocol). Bytes between frames are dropped and counted.
"""

import socket
import ssl
import time
from collections.abc import Callable

START = b"\x0b"
END = b"\x1c\r"
MAX_FRAME_BYTES = 16 * 1024 * 1024
FRAME_SECONDS = 30.0  # for a whole frame, from its first byte to its last
CONNECT_SECONDS = 5.0
_CHUNK = 64 * 1024


class FrameTooLarge(Exception):
    """The frame is longer than is allowed. `beginning` is what came first of it."""

    def __init__(self, beginning: bytes) -> None:
        self.beginning = beginning
        super().__init__("frame too large")


def frame(message: bytes) -> bytes:
    """The message in its frame. Refuses (ValueError) a message with frame bytes inside it."""
    if b"\x0b" in message or b"\x1c" in message:
        raise ValueError("A frame delimiter is inside the message.")
    return START + message + END


class Deframer:
    """Cuts a stream into frames, however it is chunked.

    `began_at` is when the first byte of the open frame came, by `clock`; None between frames.
    """

    def __init__(
        self,
        max_bytes: int = MAX_FRAME_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.began_at: float | None = None
        self.dropped = 0  # bytes that belonged to no frame
        self._buffer = bytearray()
        self._searched = 0
        self._max_bytes = max_bytes
        self._clock = clock

    @property
    def held(self) -> int:
        """How many bytes of an open frame are in memory."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete with these bytes. Raises FrameTooLarge."""
        self._buffer += data
        frames: list[bytes] = []
        while self._open() and (message := self._close()) is not None:
            frames.append(message)
        return frames

    def _open(self) -> bool:
        """Stand at the first byte after VT; drop what comes before it."""
        if self.began_at is not None:
            return True
        start = self._buffer.find(START)
        dropped = len(self._buffer) if start < 0 else start
        self.dropped += dropped
        del self._buffer[: dropped + (start >= 0)]
        if start >= 0:
            self.began_at = self._clock()
            self._searched = 0
        return start >= 0

    def _close(self) -> bytes | None:
        """The message up to FS CR, or None while that has not come."""
        end = self._buffer.find(END, self._searched)
        if max(end, len(self._buffer) if end < 0 else 0) > self._max_bytes:
            raise FrameTooLarge(bytes(self._buffer[:4096]))
        if end < 0:
            self._searched = max(0, len(self._buffer) - 1)  # FS may be the last byte yet
            return None
        message = bytes(self._buffer[:end])
        del self._buffer[: end + len(END)]
        self.began_at = None
        return message


# --- The calling side ----------------------------------------------------------------------------


class Failed(Exception):
    """An exchange did not end with an answer. `phase` is resolve, connect, send or acknowledge."""

    def __init__(self, phase: str, sentence: str) -> None:
        self.phase = phase
        self.sentence = sentence
        super().__init__(f"{phase}: {sentence}")


# What to do with a frame that is not the answer: an answer to it if it wants one, or None.
Other = Callable[[bytes], bytes | None]
# Asked twice a second with the seconds waited so far: True ends the wait before its time.
Enough = Callable[[float], bool]
_LOOK_UP_SECONDS = 0.5
_LEAST_SECONDS = 0.1


class Connection:
    """A connection to one peer, opened when needed and kept. For one thread at a time.

    Any failure closes it, so that a late answer can never meet the next question. `secure` gives
    the TLS context of a new connection (ValueError, in words, when there is none to be had);
    without it the line is in clear text.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        secure: Callable[[], ssl.SSLContext] | None = None,
        server_name: str = "",
    ) -> None:
        self.address = (host, port)
        self._secure = secure
        self._server_name = server_name or host
        self._socket: socket.socket | None = None
        self._deframer = Deframer()

    def exchange(
        self,
        message: bytes,
        *,
        seconds: float,
        is_answer: Callable[[bytes], bool],
        other: Other = lambda frame: None,
        enough: Enough = lambda waited: False,
    ) -> bytes:
        """Send, and return the first frame that `is_answer`; any other goes to `other`.

        A kept connection that the peer has meanwhile closed is replaced once, at once. All of it
        ends within `seconds` and the time to connect: a lease is given for so long. Raises Failed
        with the phase.
        """
        kept = self.hear(other)
        deadline = time.monotonic() + seconds
        try:
            return self._exchange(message, deadline, is_answer, other, enough)
        except Failed as failure:
            if not kept or failure.phase not in ("send", "closed"):
                raise _public(failure) from None
        try:
            return self._exchange(message, deadline, is_answer, other, enough)
        except Failed as failure:
            raise _public(failure) from None

    def hear(self, other: Other) -> bool:
        """Give what came by itself to `other`; whether the kept connection still stands."""
        while self._socket is not None:
            try:
                self._socket.settimeout(0)
                data = self._socket.recv(_CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError):
                return True
            except OSError:
                data = b""
            try:
                for received in self._deframer.feed(data):
                    self._pass_on(self._socket, received, other)
            except (Failed, FrameTooLarge):
                data = b""
            if not data:
                self.close()
        return False

    def _exchange(
        self,
        message: bytes,
        deadline: float,
        is_answer: Callable[[bytes], bool],
        other: Other,
        enough: Enough,
    ) -> bytes:
        try:
            began = time.monotonic()
            line = self._socket or self._connect()
            deadline += time.monotonic() - began  # to connect has a limit of its own
            self._send(line, message, max(_LEAST_SECONDS, deadline - time.monotonic()))
            return self._answer(line, deadline, is_answer, other, enough)
        except Exception:  # whatever it was: a late answer must never meet the next question
            self.close()
            raise

    def _pass_on(self, line: socket.socket, received: bytes, other: Other) -> None:
        if (reply := other(received)) is not None:
            self._send(line, reply, CONNECT_SECONDS)

    def _connect(self) -> socket.socket:
        try:
            socket.getaddrinfo(*self.address, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):  # the latter: two dots, or a part of 64 letters
            raise Failed("resolve", "The name of the host is not known.") from None
        try:
            line = socket.create_connection(self.address, timeout=CONNECT_SECONDS)
        except TimeoutError:
            raise Failed("connect", "Nobody answered at that address.") from None
        except OSError:
            raise Failed("connect", "The connection was refused.") from None
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket = line = self._secured(line)
        self._deframer = Deframer()
        return line

    def _secured(self, line: socket.socket) -> socket.socket:
        """The line inside TLS, when that was agreed; their certificate has the agreed name."""
        if self._secure is None:
            return line
        try:
            return self._secure().wrap_socket(line, server_hostname=self._server_name)
        except ssl.SSLCertVerificationError as failure:
            line.close()
            words = f"Its certificate was not accepted: {failure.verify_message}."
            raise Failed("connect", words) from None
        except (OSError, ValueError) as failure:  # a failed handshake is an OSError too
            line.close()
            words = str(failure) if not isinstance(failure, OSError) else "TLS was not agreed."
            raise Failed("connect", words) from None

    def _send(self, line: socket.socket, message: bytes, seconds: float) -> None:
        line.settimeout(seconds)
        try:
            line.sendall(frame(message))
        except OSError:
            raise Failed("send", "The message could not be sent whole.") from None

    def _answer(
        self,
        line: socket.socket,
        deadline: float,
        is_answer: Callable[[bytes], bool],
        other: Other,
        enough: Enough,
    ) -> bytes:
        answer, began = None, time.monotonic()
        while answer is None and (left := deadline - time.monotonic()) > 0:
            if enough(time.monotonic() - began):
                break
            line.settimeout(min(left, _LOOK_UP_SECONDS))
            for received in self._receive(line):
                if answer is None and is_answer(received):
                    answer = received
                else:
                    self._pass_on(line, received, other)
        if answer is not None:
            return answer
        raise Failed("acknowledge", "No acknowledgement came in time.")

    def _receive(self, line: socket.socket) -> list[bytes]:
        try:
            data = line.recv(_CHUNK)
        except TimeoutError:
            return []
        except ssl.SSLError as failure:  # TLS 1.3 tells of a refused certificate only now
            if "ALERT" in (failure.reason or ""):
                raise Failed("connect", "The other side refused our certificate.") from None
            data = b""
        except OSError:
            data = b""
        if not data:
            raise Failed("closed", "The connection was closed before an acknowledgement.")
        try:
            return self._deframer.feed(data)
        except FrameTooLarge:
            raise Failed("acknowledge", "The acknowledgement was too large.") from None

    def close(self) -> None:
        """Close it; the next exchange opens a new one."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None


def _public(failure: Failed) -> Failed:
    """`closed` is our word for a peer that hung up while we waited for its acknowledgement."""
    if failure.phase == "closed":
        return Failed("acknowledge", failure.sentence)
    return failure
