"""One association on the wire: pynetdicom's own, made bounded and quick.

Three things are ours. What is read from a peer has a limit before it is read, and a deadline. The
bytes of an object go from the line to the disk, and from the disk to the line, without queues
between. And small packets are not held back by Nagle's algorithm, which costs 40 ms an image
when the other side delays its acknowledgements. Nothing of the library is patched; these are
subclasses of its parts, of the version in requirements.lock.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, BinaryIO

import pydicom.config
from pynetdicom import AE, _config, evt
from pynetdicom.acse import ACSE
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ, DIMSEMessage
from pynetdicom.dimse_primitives import C_CANCEL, C_STORE, N_EVENT_REPORT
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.transport import AddressInformation, AssociationSocket

from .receiving import Body

CONNECT_SECONDS = 5.0
ACSE_SECONDS = 10.0
DIMSE_SECONDS = 30.0
NETWORK_SECONDS = 60.0
RECEIVE_PDU = 262_144  # bytes, as we say it to peers
SEND_PDU = 131_072

MOST_PDU = 1024 * 1024  # bytes: 128 contexts with all their encodings are a fifth of it
MOST_COMMAND = 64 * 1024  # bytes of a command set; real ones have some hundred
MOST_HELD = 16 * 1024 * 1024  # bytes of a message in memory: 100,000 instances to commit
MOST_WAITING = 8  # messages; one at a time was agreed
_POLL_SECONDS = 0.005  # how late an association's own words are sent; data wakes at once
_P_DATA = 0x04
_ABORT = b"\x07\0\0\0\0\4\0\0\2\0"  # A-ABORT by the provider, no reason (PS3.8 9.3.8)
_TALKING = "Sta6"  # established: PS3.8 table 9-10

# A log of the library would name patients, and pydicom's warnings quote what is wrong. What a
# peer says in a command set is looked at by us, and what went wrong is logged by us.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
_config.LOG_HANDLER_LEVEL = "none"
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
logging.getLogger("pynetdicom").propagate = False


class Wire(AssociationSocket):
    """The connection: with a deadline for everything, and one speaker at a time under TLS."""

    failure: OSError | None = None  # why a connection was not made

    def __init__(self, *arguments: Any, **words: Any) -> None:
        # OpenSSL allows no reading and writing of one line by two threads at once.
        self._turn: AbstractContextManager[Any] = nullcontext()
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
            time.sleep(_POLL_SECONDS)
            return False
        try:
            if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
                return True
            readable, _, _ = select.select([self.socket], [], [], _POLL_SECONDS)
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False
        return bool(readable)

    def recv(self, nr_bytes: int) -> bytearray:
        """Exactly so many bytes, or fewer when they hung up. Raises OSError, TimeoutError."""
        buffer = bytearray(nr_bytes)
        return buffer[: self.read_into(memoryview(buffer))]

    def read_into(self, view: memoryview) -> int:
        """Fill it; how many bytes came before they hung up. Raises OSError, TimeoutError."""
        got, deadline = 0, time.monotonic() + (self.assoc.network_timeout or NETWORK_SECONDS)
        line = self._line()
        with self._turn:
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


class Messages(DIMSEServiceProvider):
    """Puts fragments together (PS3.7 6.3.1): objects on the disk, everything else in memory."""

    def __init__(self, assoc: Association) -> None:
        super().__init__(assoc)
        self._body: Body | None = None
        self._held = 0  # bytes of this message in memory
        self._heard = 0.0  # monotonic: when the last fragment came
        self._is_over = False

    @property
    def is_in_the_middle(self) -> bool:
        return self.message is not None

    def get_msg(self, block: bool = False) -> Any:
        """As the library's; an acceptor waits a little, so that it need not ask so often."""
        if block:
            return self._wait()
        try:
            seconds = 0.0 if self.assoc.is_requestor else _POLL_SECONDS
            return self.msg_queue.get(block=bool(seconds), timeout=seconds)
        except queue.Empty:
            return None, None

    def _wait(self) -> tuple[Any, Any]:
        """The next message. A time-out counts from the last word: a large object takes longer."""
        self._heard = time.monotonic()
        while True:
            patience = self._heard + (self.dimse_timeout or DIMSE_SECONDS) - time.monotonic()
            try:
                return self.msg_queue.get(timeout=max(0.0, patience))
            except queue.Empty:
                if time.monotonic() >= self._heard + (self.dimse_timeout or DIMSE_SECONDS):
                    return None, None

    def take(self, context_id: int, control: int, data: memoryview) -> None:
        """One fragment. Raises ConnectionError when the rules are broken."""
        self._heard = time.monotonic()
        is_command, is_last = bool(control & 1), bool(control & 2)
        if self._body is not None and not is_command:
            self._body.write(data)
            if self._body.is_absurd:
                raise ConnectionError("they go on sending what was refused")
            if not is_last:
                return
            data = data[:0]
        self._hold(len(data), is_command)
        primitive = P_DATA()
        value = bytes((control,)) + bytes(data)
        primitive.presentation_data_value_list.append((context_id, value))
        self.receive_primitive(primitive)

    def _hold(self, size: int, is_command: bool) -> None:
        self._held += size
        if self._held > (MOST_COMMAND if is_command else MOST_HELD):
            raise ConnectionError("the message is too large")
        if self.msg_queue.qsize() > MOST_WAITING:
            self._catch_up()

    def _catch_up(self) -> None:
        """Answers to a question of ours may come faster than they are read; questions may not."""
        if self.assoc.is_acceptor:
            raise ConnectionError("they do not wait for answers")
        deadline = time.monotonic() + (self.assoc.network_timeout or NETWORK_SECONDS)
        while self.msg_queue.qsize() > MOST_WAITING and not self._is_over:
            if time.monotonic() > deadline:
                raise TimeoutError("nobody reads what they say")
            time.sleep(0.001)

    def receive_primitive(self, primitive: P_DATA) -> None:
        """As the library's, which makes a thread for each N-EVENT-REPORT however many come."""
        if self.message is None:
            self.message = DIMSEMessage()
        try:
            if self.message.decode_msg(primitive, self.assoc):
                self._finish(self.message)
            elif isinstance(self.message, C_STORE_RQ) and self._body is None:
                self._body = self.message.data_set = self._open(self.message)
        except Exception as failure:  # whatever they sent
            raise ConnectionError("this is no message") from failure

    def _open(self, message: DIMSEMessage) -> Body:
        command, line = message.command_set, self.assoc
        body = Body(
            sop_class=str(command.AffectedSOPClassUID),
            sop_uid=str(command.AffectedSOPInstanceUID),
            transfer_syntax=str(line._accepted_cx[message.context_id].transfer_syntax[0]),
            calling=line.requestor.ae_title if line.is_acceptor else line.acceptor.ae_title,
            most=line.most_bytes,
            has_room=line.has_room,
        )
        if self._is_over:
            body.drop()
        return body

    def _finish(self, message: DIMSEMessage) -> None:
        self.message, self._body, self._held = None, None, 0
        primitive = message.message_to_primitive()
        if isinstance(primitive, C_CANCEL):
            return  # nothing that we do for others takes long enough
        if isinstance(primitive, N_EVENT_REPORT) and self.assoc.is_requestor:
            self.assoc.reported(primitive, message.context_id)
        else:
            self.msg_queue.put((message.context_id, primitive))

    def forget(self) -> None:
        """The association is over: nothing half received stays."""
        self._is_over = True
        if self._body is not None:
            self._body.drop()
        with contextlib.suppress(queue.Empty):
            while True:
                _, waiting = self.msg_queue.get_nowait()
                if isinstance(waiting, C_STORE) and isinstance(waiting.DataSet, Body):
                    waiting.DataSet.drop()


class Acceptance(ACSE):
    """Asks the door before anything is agreed: what the door does not say yes to is refused."""

    def _negotiate_as_acceptor(self) -> None:
        refusal = self.assoc.ask_at_the_door()
        if refusal is None:
            super()._negotiate_as_acceptor()
            return
        self.send_reject(*refusal)
        evt.trigger(self.assoc, evt.EVT_REJECTED, {})
        self.assoc.kill()


Door = Callable[["Line"], tuple[int, int, int] | None]


class Line(Association):
    """An association of ours, as either side."""

    door: Door | None = None  # of an acceptor
    most_bytes = 4 * 1024**3  # of one object

    def __init__(self, ae: AE, mode: str) -> None:
        super().__init__(ae, mode)
        seconds = self.network_timeout, self.acse_timeout  # the library sets those of its parts
        self.acse, self.dul, self.dimse = Acceptance(self), UpperLayer(self), Messages(self)
        self.network_timeout, self.acse_timeout = seconds
        self.afterwards: list[Callable[[], None]] = []  # to do when an answer was given
        self.is_serving = False

    def ask_at_the_door(self) -> tuple[int, int, int] | None:
        """None, or result, source and reason of the rejection (PS3.8 9.3.4)."""
        return self.door(self) if self.door else (1, 1, 1)

    def has_room(self, size: int) -> bool:
        """Whether so many bytes more may come; the listener and the fetcher know better."""
        return True

    def reported(self, primitive: N_EVENT_REPORT, context_id: int) -> None:
        """An N-EVENT-REPORT on an association that we opened; who waits for one knows better."""
        raise ConnectionError("nobody waits for a report here")

    def run_reactor(self) -> None:
        try:
            super().run_reactor()
        finally:
            self.dimse.forget()

    def _serve_request(self, msg: Any, context_id: int) -> None:
        self.is_serving = True
        try:
            context = self._accepted_cx.get(context_id)
            if context and isinstance(msg, C_STORE) and msg.is_valid_request:
                self._is_paused = True  # as the library does it for what it serves
                StorageServiceClass(self).SCP(msg, context)
                self._is_paused = False
            else:
                super()._serve_request(msg, context_id)
            while self.afterwards:
                self._is_paused = True
                self.afterwards.pop(0)()
                self._is_paused = False
        finally:
            self.is_serving = False

    # --- Sending ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """The library's own reader rests meanwhile, so that it takes no answer of ours."""
        self._reactor_checkpoint.clear()
        while not self._is_paused and self.is_alive():
            time.sleep(0.0001)
        try:
            yield
        finally:
            self._reactor_checkpoint.set()

    def send_file(self, context_id: int, request: C_STORE, file: BinaryIO) -> None:
        """A C-STORE request whose data set is the rest of the file. Raises OSError: it broke."""
        message = C_STORE_RQ()
        message.primitive_to_message(request)
        message.command_set.CommandDataSetType = 0x0001  # there is one (PS3.7 9.3.1.1)
        message._set_command_group_length()
        for part in message.encode_msg(context_id, self.send_limit):
            self.dul.socket.send_all(P_DATA_TF(part).encode())
        for piece in _pieces(file, context_id, self.send_limit):
            self.dul.socket.send_all(piece)

    @property
    def send_limit(self) -> int:
        """Bytes of a PDU that we send: what they take (0 is anything), and no more than ours."""
        return min(self.dimse.maximum_pdu_size or SEND_PDU, SEND_PDU)


def _pieces(file: Any, context_id: int, limit: int) -> Iterator[memoryview]:
    """The rest of the file as P-DATA-TF PDUs, one presentation data value each."""
    buffers = bytearray(limit + 6), bytearray(limit + 6)  # a PDU's own head is not in its limit
    turn, size = 0, file.readinto(memoryview(buffers[0])[12:])
    while True:
        following = file.readinto(memoryview(buffers[1 - turn])[12:]) if size else 0
        control = 0 if following else 2  # 2: the last fragment
        struct.pack_into(
            ">BBLLBB", buffers[turn], 0, _P_DATA, 0, size + 6, size + 2, context_id, control
        )
        yield memoryview(buffers[turn])[: 12 + size]
        if not following:
            return
        turn, size = 1 - turn, following


def make_ae(title: str, *, network_seconds: float = NETWORK_SECONDS) -> AE:
    """Our application entity, with all four time-outs set."""
    ae = AE(title)
    ae.connection_timeout = CONNECT_SECONDS
    ae.acse_timeout = ACSE_SECONDS
    ae.dimse_timeout = DIMSE_SECONDS
    ae.network_timeout = network_seconds
    ae.maximum_pdu_size = RECEIVE_PDU
    ae.maximum_associations = 10_000  # the door counts
    return ae
