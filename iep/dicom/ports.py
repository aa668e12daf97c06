"""Ports: connections come in, each with its handshake, and become associations."""

from __future__ import annotations

import socket
import ssl
import uuid
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any, Protocol

import structlog
from pynetdicom import AE, evt
from pynetdicom.transport import AssociationServer, RequestHandler

from messaging import tls

from .line import Door, Line
from .wire import Wire, hurry

log = structlog.get_logger(__name__)


class House(Protocol):
    """Whoever opened the port."""

    ae: AE
    ae_title: str
    most_bytes: int
    door: Door
    handlers: list[tuple[Any, Any]]

    def has_seat(self) -> bool: ...
    def come_in(self) -> None: ...
    def sit(self, line: Line) -> None: ...
    def leave(self, line: Line) -> None: ...


class Secrets:
    """TLS for callers: renewed when somebody's certificates change."""

    def __init__(self, anchors_now: Callable[[], str], key_name: str) -> None:
        self._anchors_now, self._key_name = anchors_now, key_name
        self._anchors: str | None = None
        self._context: ssl.SSLContext | None = None
        self.context()

    def context(self) -> ssl.SSLContext:
        """Raises tls.BadCertificate: our own key pair is not there."""
        anchors = self._anchors_now()
        if self._context is None or anchors != self._anchors:
            self._context = tls.listening(trust_anchors=anchors, key_name=self._key_name)
            self._anchors = anchors
        return self._context


class Handler(RequestHandler):
    """One connection: its handshake, then its association; both in its own threads."""

    server: Server

    def handle(self) -> None:
        try:
            if (wrapped := self._in_secret()) is not None:
                self.request = wrapped
                line = self._create_association()
                self.server.listener.sit(line)
                line.start()
        finally:
            self.server.listener.come_in()

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

    listener: House

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

    def __init__(self, listener: House, address: tuple[str, int], secrets: Secrets | None) -> None:
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
