"""The wire and the upper layer (PS3.8): pynetdicom's own, made bounded and quick.

Three things are ours. What is read from a peer has a limit before it is read, and a deadline. The
bytes of an object go from the line to the disk, and from the disk to the line, without queues
between. And small packets are not held back by Nagle's algorithm, which costs 40 ms an image
when the other side delays its acknowledgements. Nothing of the library is patched; these are
subclasses of its parts, of the version in requirements.lock.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, BinaryIO

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import AddressInformation, AssociationSocket

CONNECT_SECONDS = 5.0
ACSE_SECONDS = 10.0
DIMSE_SECONDS = 30.0
NETWORK_SECONDS = 60.0
RECEIVE_PDU = 262_144  # bytes, as we say it to peers
SEND_PDU = 131_072

MOST_PDU = 1024 * 1024  # bytes: 128 contexts with all their encodings are a fifth of it
POLL_SECONDS = 0.005  # how late an association's own words are sent; data wakes at once
_P_DATA = 0x04
_ABORT = b"\x07\0\0\0\0\4\0\0\2\0"  # A-ABORT by the provider, no reason (PS3.8 9.3.8)
_TALKING = "Sta6"  # established: PS3.8 table 9-10


class Wire(AssociationSocket):
    """The connection: with a deadline for everything, and one speaker at a time under TLS."""

    failure: OSError | None = None  # why a connection was not made

    def __init__(self, *arguments: Any, **words: Any) -> None:
        # OpenSSL allows no reading and writing of one line by two threads at once.
        self._turn: AbstractContextManager[Any] = nullcontext()
        self._early = b""  # read already, to see whether there was anything
        super().__init__(*arguments, **words)
        if isinstance(self.socket, ssl.SSLSocket):
            self._turn = threading.RLock()

    def connect(self, primitive: Any) -> None:
        """To a peer; with TLS its name and certificate are looked at before a word is said."""
        try:
            self.socket.settimeout(self.assoc.connection_timeout)
            self.socket.connect(primitive.address_info.as_tuple)
            if self.tls_args:
                context, name = self.tls_args
                self.socket = context.wrap_socket(self.socket, server_hostname=name)
                self._turn = threading.RLock()
            hurry(self.socket, self.assoc.network_timeout)
            self._is_connected = True
            ours = AddressInformation.from_tuple(self.socket.getsockname())
            self.assoc.requestor.address_info = ours
            primitive.result = "Evt2"  # TRANSPORT CONNECT confirmation
        except OSError as failure:
            self.failure = failure
            self._shutdown_socket()
            self.socket = None
            primitive.result = "Evt17"
        finally:
            self.provider_queue.put(primitive)
            self._ready.set()

    @property
    def ready(self) -> bool:
        """Whether bytes wait. It waits for them a little, so that nobody has to ask so often."""
        if self.socket is None or not self._is_connected:
            time.sleep(POLL_SECONDS)
            return False
        try:
            if isinstance(self.socket, ssl.SSLSocket) and (self._early or self.socket.pending()):
                return True
            readable, _, _ = select.select([self.socket], [], [], POLL_SECONDS)
            if readable and isinstance(self.socket, ssl.SSLSocket):
                return self._has_words(self.socket)
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False
        return bool(readable)

    def _has_words(self, line: ssl.SSLSocket) -> bool:
        """Whether what came is for us: TLS has letters of its own, for which nobody may wait."""
        with self._turn:
            seconds = line.gettimeout()
            line.settimeout(0)
            try:
                self._early = line.recv(1)
            except ssl.SSLWantReadError:
                return False
            finally:
                line.settimeout(seconds)
        return True  # or they hung up, which the next reading sees

    def recv(self, nr_bytes: int) -> bytearray:
        """Exactly so many bytes, or fewer when they hung up. Raises OSError, TimeoutError."""
        buffer = bytearray(nr_bytes)
        return buffer[: self.read_into(memoryview(buffer))]

    def read_into(self, view: memoryview) -> int:
        """Fill it; how many bytes came before they hung up. Raises OSError, TimeoutError."""
        got, deadline = 0, time.monotonic() + (self.assoc.network_timeout or NETWORK_SECONDS)
        line = self._line()
        with self._turn:
            if self._early and len(view):
                view[:1], self._early, got = self._early, b"", 1
            while got < len(view) and (came := line.recv_into(view[got:])):
                got += came
                if time.monotonic() > deadline:
                    raise TimeoutError("they send too slowly")
        return got

    def send(self, bytestream: bytes | memoryview) -> None:
        """All of it; a connection that broke is an event."""
        try:
            self.send_all(bytestream)
        except OSError:
            self.event_queue.put("Evt17")

    def send_all(self, data: bytes | memoryview) -> None:
        """All of it. Raises OSError, TimeoutError."""
        with self._turn:
            self._line().sendall(data)

    def _line(self) -> socket.socket:
        if self.socket is None:
            raise ConnectionError("the connection is closed")
        return self.socket

    def _shutdown_socket(self) -> None:
        """Closed in any case: the library leaves it open when the peer was first."""
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                self.socket.close()


def hurry(line: socket.socket, seconds: float | None) -> None:
    """Small packets go at once; nothing on this line takes longer than so many seconds."""
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.settimeout(seconds)


class UpperLayer(DULServiceProvider):
    """Reads and writes PDUs (PS3.8 9.3). Data of an established association goes straight on."""

    def __init__(self, assoc: Association) -> None:
        super().__init__(assoc)
        self.daemon = True
        self._run_loop_delay = 0  # `Wire.ready` waits
        self._buffer = bytearray(RECEIVE_PDU + 6)

    @property
    def is_talking(self) -> bool:
        return self.state_machine.current_state == _TALKING

    def _read_pdu_data(self) -> None:
        """The next PDU; while an object comes, all that wait."""
        try:
            while self._read_one() and self._goes_on and self.socket.ready:
                self._idle_timer.restart()
        except OSError:
            self._hang_up()

    @property
    def _goes_on(self) -> bool:
        """An object is on its way, and nobody here wants to say something else."""
        is_quiet = self.to_provider_queue.empty() and not self._kill_thread
        return self.assoc.dimse.is_in_the_middle and is_quiet

    def _read_one(self) -> bool:
        """Read one PDU; whether it was data, and so no event of the state machine."""
        head = self.socket.recv(6)
        if len(head) < 6:
            self.event_queue.put("Evt17")  # they hung up
            return False
        kind, _, length = struct.unpack(">BBL", head)
        if not 1 <= kind <= 7:
            self.event_queue.put("Evt19")
            return False
        if length > MOST_PDU:
            raise ConnectionError("a PDU of this size was not agreed")
        if kind == _P_DATA and self.is_talking:
            self._take_data(length)
            return True
        self._read_other(head, length)
        return False

    def _take_data(self, length: int) -> None:
        if length > len(self._buffer):
            self._buffer = bytearray(length)
        view = memoryview(self._buffer)[:length]
        if self.socket.read_into(view) < length:
            raise ConnectionError("they hung up in the middle")
        for context_id, control, data in _values(view):
            self.assoc.dimse.take(context_id, control, data)

    def _read_other(self, head: bytearray, length: int) -> None:
        body = self.socket.recv(length)
        if len(body) < length:
            raise ConnectionError("they hung up in the middle")
        try:
            pdu, event = self._decode_pdu(head + body)
        except Exception:  # noqa: BLE001 - whatever they sent, it is no PDU
            self.event_queue.put("Evt19")
            return
        self.event_queue.put(event)
        self._recv_pdu.put(pdu)

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.send_all(_ABORT)
        self.socket._shutdown_socket()
        self.event_queue.put("Evt17")

    def send_pdu(self, primitive: Any) -> None:
        """Data goes now and from this thread, so that no queue fills; the rest in its turn."""
        if isinstance(primitive, P_DATA) and self.is_talking:
            self.socket.send(P_DATA_TF(primitive).encode())
        else:
            super().send_pdu(primitive)


def _values(view: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """The presentation data values of a P-DATA-TF (PS3.8 9.3.5): context, control, bytes."""
    at = 0
    while at < len(view):
        if len(view) - at < 6:
            raise ConnectionError("no presentation data value")
        length, context_id, control = struct.unpack_from(">LBB", view, at)
        if length < 2 or at + 4 + length > len(view):
            raise ConnectionError("a presentation data value of a wrong length")
        yield context_id, control, view[at + 6 : at + 4 + length]
        at += 4 + length


def pieces_of(file: BinaryIO, context_id: int, limit: int) -> Iterator[memoryview]:
    """The rest of the file as P-DATA-TF PDUs, one presentation data value each.

    Every one is of even length (PS3.8 E.1): a deflated data set whose writer left out the zero that
    makes it even (PS3.5 A.5) gets it here; DCMTK waits for ever for such a byte.
    """
    room = (limit - 6) // 2 * 2  # a PDU's own head is not in its limit, its value's is
    buffers = bytearray(12 + room), bytearray(12 + room)
    turn, size = 0, file.readinto(memoryview(buffers[0])[12:])
    while True:
        following = file.readinto(memoryview(buffers[1 - turn])[12:]) if size == room else 0
        if size % 2:
            buffers[turn][12 + size] = 0
            size += 1
        head = _P_DATA, 0, size + 6, size + 2, context_id, 0 if following else 2  # 2: the last
        struct.pack_into(">BBLLBB", buffers[turn], 0, *head)
        yield memoryview(buffers[turn])[: 12 + size]
        if not following:
            return
        turn, size = 1 - turn, following
