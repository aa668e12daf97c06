"""What others may ask of us: echo, store and storage commitment.

Nothing is answered with success before its bytes are on the disk and its row is committed; who
may call, and from where, is asked before anything is agreed. What is not offered (find, get, move)
is refused when the association opens.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
import uuid
from functools import partial
from socketserver import ThreadingMixIn
from typing import Any, Protocol

import structlog
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.transport import AssociationServer, RequestHandler

from iep import storage
from messaging import tls

from . import commitment, contexts
from .peers import Caller, CommitmentAnswer, Incoming, Peer
from .receiving import NO_SUCH_CLASS, OUT_OF_RESOURCES, Body
from .wire import ACSE_SECONDS, NETWORK_SECONDS, Line, Wire, hurry, make_ae

log = structlog.get_logger(__name__)

CANNOT_UNDERSTAND = 0xC000
END_SECONDS = 5.0  # to finish what is being stored when we are told to stop
_CALLED_UNKNOWN = (1, 1, 7)  # result, source, reason: PS3.8 9.3.4
_CALLING_UNKNOWN = (1, 1, 3)
_TOO_MANY = (2, 3, 2)
_NOT_NOW = (2, 3, 1)


class Rules(Protocol):
    """What the listener asks the house, from many threads at once. It answers, and never raises."""

    def recognise(self, caller: Caller) -> Caller | None:
        """The caller with its `key`, when this AE title may call from this address; else None."""

    def is_ready(self) -> bool:
        """Whether callers can be told apart at all now."""

    def anchors(self) -> str:
        """PEM: whose certificates may open a line with TLS."""

    def has_room(self, caller: Caller, size: int) -> bool:
        """Whether so many more bytes of this caller may come."""

    def store(self, incoming: Incoming) -> int:
        """A DICOM status: 0x0000 only when the bytes are kept and their row is committed."""

    def held(self, caller: Caller, sop_uids: list[str]) -> set[str] | None:
        """Which of these are safely here; None when that cannot be found out now."""

    def peer_of(self, caller: Caller) -> Peer | None:
        """Where to send a later answer; None: nowhere but on the same association."""

    def committed(self, caller: Caller, answer: CommitmentAnswer) -> bool:
        """A peer answered our question for commitment; False when that cannot be kept now."""


class Listener:
    """Everything that one process listens with: its ports, its associations, their limits."""

    def __init__(
        self,
        rules: Rules,
        *,
        ae_title: str,
        most: int = 40,
        most_per_peer: int = 8,
        most_bytes: int = 4 * 1024**3,
        network_seconds: float = NETWORK_SECONDS,
        acse_seconds: float = ACSE_SECONDS,
    ) -> None:
        self.rules, self.ae_title = rules, ae_title
        self.most, self.most_per_peer, self.most_bytes = most, most_per_peer, most_bytes
        self.ae = make_ae(ae_title, network_seconds=network_seconds)
        self.ae.acse_timeout = acse_seconds
        self.is_ending = False
        self._lines: dict[Line, Caller | None] = {}
        self._lock = threading.Lock()
        self.reporter = commitment.Reporter()
        self._servers: list[Server] = []

    # --- Ports -----------------------------------------------------------------------------------

    def open(self, host: str, port: int, *, tls_key: str = "") -> int:
        """Listen there; the port, as 0 is any. Raises OSError, tls.BadCertificate."""
        secrets = Secrets(self.rules, tls_key) if tls_key else None
        server = Server(self, (host, port), secrets)
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        where = server.server_address[1]
        log.info("dicom_listening", host=host, port=where, tls=bool(tls_key))
        return int(where)

    def close(self) -> None:
        """Take nobody in, finish what is being stored, end the rest."""
        self.is_ending = True
        for server in self._servers:
            server.shutdown()
        deadline = time.monotonic() + END_SECONDS
        while self._busy() and time.monotonic() < deadline:
            time.sleep(0.02)
        for line in self.lines():
            line.abort()
        self.reporter.close()

    def lines(self) -> list[Line]:
        with self._lock:
            return list(self._lines)

    def _busy(self) -> bool:
        return any(line.is_serving or line.dimse.is_in_the_middle for line in self.lines())

    # --- Who comes in ----------------------------------------------------------------------------

    def has_seat(self) -> bool:
        """Whether one more connection is taken at all, to be told yes or no."""
        with self._lock:
            return len(self._lines) < 2 * self.most and not self.is_ending

    def sit(self, line: Line) -> None:
        with self._lock:
            self._lines[line] = None

    def leave(self, line: Line) -> None:
        with self._lock:
            self._lines.pop(line, None)

    def door(self, line: Line) -> tuple[int, int, int] | None:
        """Whether this association is refused, and how; anything unforeseen is a refusal."""
        try:
            return self._door(line)
        except Exception as failure:  # noqa: BLE001 - the outermost: nobody comes in by a fault
            log.warning("dicom_door_failed", error=type(failure).__name__)
            return _NOT_NOW

    def _door(self, line: Line) -> tuple[int, int, int] | None:
        asked = line.requestor.primitive
        caller = Caller(
            calling=asked.calling_ae_title.strip(),
            called=asked.called_ae_title.strip(),
            address=line.requestor.address_info.address,
            association=uuid.uuid4(),
            certificate=_certificate(line.dul.socket.socket),
        )
        refusal = self._refusal(line, caller)
        if refusal is not None:
            log.warning("dicom_refused", address=caller.address, reason=refusal)
            return refusal
        wanted = [str(each.abstract_syntax) for each in asked.presentation_context_definition_list]
        line.acceptor.supported_contexts = contexts.supported(wanted)
        line.has_room = partial(self.rules.has_room, self.caller_of(line))
        return None

    def _refusal(self, line: Line, caller: Caller) -> tuple[int, int, int] | None:
        if self.is_ending or not self.rules.is_ready():
            return _NOT_NOW
        if caller.called != self.ae_title:
            return _CALLED_UNKNOWN
        known = self.rules.recognise(caller)
        if known is None:
            return _CALLING_UNKNOWN
        with self._lock:
            theirs = [each for each in self._lines.values() if each and each.key == known.key]
            taken = sum(each is not None for each in self._lines.values())
            if taken >= self.most or len(theirs) >= self.most_per_peer:
                return _TOO_MANY
            self._lines[line] = known
        return None

    def caller_of(self, line: Line) -> Caller:
        with self._lock:
            caller = self._lines[line]
        if caller is None:
            raise LookupError("nobody was let in on this association")
        return caller

    # --- What they ask ---------------------------------------------------------------------------

    @property
    def handlers(self) -> list[tuple[Any, Any]]:
        return [
            (evt.EVT_C_ECHO, lambda event: 0x0000),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_N_ACTION, self._asked_to_commit),
            (evt.EVT_N_EVENT_REPORT, self._told_of_commitment),
        ]

    def _store(self, event: evt.Event) -> int:
        caller = self.caller_of(event.assoc)
        try:
            return take(event, caller, self.rules.store)
        except Exception as failure:  # noqa: BLE001 - the outermost: no success by a fault
            log.warning("dicom_not_stored", node=str(caller.key), error=type(failure).__name__)
            return OUT_OF_RESOURCES

    def _asked_to_commit(self, event: evt.Event) -> tuple[int, Dataset | None]:
        """An N-ACTION of PS3.4 J.3.2: answered now, and reported on when we have looked."""
        caller = self.caller_of(event.assoc)
        asked = commitment.asked(event)
        if asked is None:
            return commitment.INVALID_ARGUMENT, None
        held = self.rules.held(caller, [instance for _, instance in asked.instances])
        if held is None:
            return commitment.PROCESSING_FAILURE, None
        report = commitment.report_on(asked, held)
        peer = self.rules.peer_of(caller)
        if peer is not None:
            self.reporter.send(peer, report, event.assoc)
        else:
            event.assoc.afterwards.append(partial(commitment.send_on, event.assoc, report))
        return 0x0000, None

    def _told_of_commitment(self, event: evt.Event) -> tuple[int, Dataset | None]:
        answer = commitment.read_report(event)
        if answer is None:
            return commitment.INVALID_ARGUMENT, None
        kept = self.rules.committed(self.caller_of(event.assoc), answer)
        return (0x0000 if kept else commitment.PROCESSING_FAILURE), None


def take(event: evt.Event, caller: Caller, store: Any) -> int:
    """What to answer to a C-STORE; its bytes are dropped unless `store` keeps them."""
    body = event.request.DataSet
    if not isinstance(event.request, C_STORE) or not isinstance(body, Body):
        return CANNOT_UNDERSTAND
    try:
        if body.refusal is not None or body.written is None:
            log.warning("dicom_object_refused", node=str(caller.key), why=body.why)
            return body.refusal or OUT_OF_RESOURCES
        if body.sop_class != event.context.abstract_syntax:
            return NO_SUCH_CLASS
        return int(
            store(
                Incoming(body.written, body.sop_uid, body.sop_class, body.transfer_syntax, caller)
            )
        )
    finally:
        body.drop()


def _certificate(line: socket.socket | None) -> bytes:
    return (line.getpeercert(binary_form=True) or b"") if isinstance(line, ssl.SSLSocket) else b""


class Secrets:
    """TLS for callers: renewed when somebody's certificates change."""

    def __init__(self, rules: Rules, key_name: str) -> None:
        self._rules, self._key_name = rules, key_name
        self._anchors: str | None = None
        self._context: ssl.SSLContext | None = None
        self.context()

    def context(self) -> ssl.SSLContext:
        """Raises tls.BadCertificate: our own key pair is not there."""
        anchors = self._rules.anchors()
        if self._context is None or anchors != self._anchors:
            self._context = tls.listening(trust_anchors=anchors, key_name=self._key_name)
            self._anchors = anchors
        return self._context


class Handler(RequestHandler):
    """One connection: its handshake, then its association; both in its own threads."""

    server: Server

    def handle(self) -> None:
        if (wrapped := self._in_secret()) is None:
            return
        self.request = wrapped
        line = self._create_association()
        self.server.listener.sit(line)
        line.start()

    def _in_secret(self) -> socket.socket | None:
        """The line after the handshake; None when there is no trust. A silent peer is cut."""
        seconds = self.server.ae.acse_timeout
        hurry(self.request, seconds)
        if self.server.secrets is None:
            return self.request
        try:
            return self.server.secrets.context().wrap_socket(self.request, server_side=True)
        except (OSError, tls.BadCertificate) as failure:
            why = getattr(failure, "verify_message", "") or type(failure).__name__
            log.warning("dicom_tls_refused", address=self.client_address[0], why=why)
            self.request.close()
            return None

    def _create_association(self) -> Line:
        listener, ae = self.server.listener, self.server.ae
        line = Seat(ae, "acceptor")
        line.listener, line.door, line.most_bytes = listener, listener.door, listener.most_bytes
        line._server = self.server
        line.name = f"AcceptorThread@{uuid.uuid4()}"  # the library finds its own by this
        line.set_socket(Wire(line, client_socket=self.request))
        line.acceptor.maximum_length = ae.maximum_pdu_size
        line.acceptor.ae_title = listener.ae_title
        line.acceptor.address_info = self.local
        line.acceptor.implementation_class_uid = ae.implementation_class_uid
        line.acceptor.implementation_version_name = ae.implementation_version_name
        line.requestor.address_info = self.remote
        line.bind(evt.EVT_ACCEPTED, _take_time)
        for event, handler in listener.handlers:
            line.bind(event, handler)
        return line


def _take_time(event: evt.Event) -> None:
    """Who was let in has the network's time for each word; until then it was the short one."""
    event.assoc.dul.socket.socket.settimeout(event.assoc.network_timeout)


class Seat(Line):
    """An association that somebody opened to us."""

    listener: Listener

    def run_reactor(self) -> None:
        try:
            super().run_reactor()
        finally:
            self.dul.socket._shutdown_socket()
            self.listener.leave(self)


class Server(ThreadingMixIn, AssociationServer):
    """One port. Several processes may share it: the kernel hands out the connections."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self, listener: Listener, address: tuple[str, int], secrets: Secrets | None
    ) -> None:
        self.listener, self.secrets = listener, secrets
        super().__init__(listener.ae, address, listener.ae_title, [], None, [], Handler)
        listener.ae._servers.append(self)

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """A flood of connections is cut before it costs a thread each."""
        return self.listener.has_seat()

    def shutdown_request(self, request: Any) -> None:
        request.close()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The connection lives on in the threads of its association."""
        try:
            self.finish_request(request, client_address)
        except Exception:  # noqa: BLE001 - one connection's fault is not the others'
            self.handle_error(request, client_address)
            self.shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.warning("dicom_connection_failed", address=client_address[0])


def serve(
    rules: Rules,
    stop: threading.Event,
    *,
    host: str,
    port: int,
    ae_title: str,
    tls_port: int = 0,
    tls_key: str = "",
    most: int = 40,
    most_per_peer: int = 8,
    most_bytes: int = 4 * 1024**3,
) -> None:
    """Listen until `stop` is set. Raises OSError when the port is taken, tls.BadCertificate."""
    storage.clear_aside()
    listener = Listener(
        rules, ae_title=ae_title, most=most, most_per_peer=most_per_peer, most_bytes=most_bytes
    )
    try:
        if tls_port:
            listener.open(host, tls_port, tls_key=tls_key)
        listener.open(host, port)
        stop.wait()
    finally:
        listener.close()
