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
from typing import Any, Protocol

import structlog
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.dimse_primitives import C_STORE

from iep import storage

from . import commitment, contexts
from .line import Line, make_ae
from .peers import Caller, CommitmentAnswer, Incoming, Peer
from .ports import Secrets, Server
from .receiving import NO_SUCH_CLASS, OUT_OF_RESOURCES, SUCCESS, Body
from .wire import ACSE_SECONDS, NETWORK_SECONDS

log = structlog.get_logger(__name__)

CANNOT_UNDERSTAND = 0xC000
REFUSALS_EVERY_SECONDS = 1.0  # of the log
END_SECONDS = 5.0  # to finish what is being stored when we are told to stop
_CALLED_UNKNOWN = (1, 1, 7)  # result, source, reason: PS3.8 9.3.4
_CALLING_UNKNOWN = (1, 1, 3)
_TOO_MANY = (2, 3, 2)
_NOT_NOW = (2, 3, 1)


class Rules(Protocol):
    """What the listener asks the house, from many threads at once. It answers, and never raises."""

    def recognise(self, caller: Caller) -> Caller | None:
        """The caller with its `key`, when this AE title may call from this address; else None."""

    def titles(self, caller: Caller) -> set[str]:
        """The AE titles by which this caller may call us."""

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

    def end(self) -> None:
        """An association ended, in this thread: nothing of it is asked any more."""


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
        self._coming = 0  # connections that are no associations yet
        self._refused, self._told = 0, -REFUSALS_EVERY_SECONDS
        self._lock = threading.Lock()
        self.reporter = commitment.Reporter()
        self._servers: list[Server] = []

    # --- Ports -----------------------------------------------------------------------------------

    def open(self, host: str, port: int, *, tls_key: str = "") -> int:
        """Listen there; the port, as 0 is any. Raises OSError, tls.BadCertificate."""
        secrets = Secrets(self.rules.anchors, tls_key) if tls_key else None
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
        """Whether one more connection is taken at all; it then has `come_in` to end with."""
        with self._lock:
            if self.is_ending or len(self._lines) + self._coming >= 2 * self.most:
                return False
            self._coming += 1
            return True

    def come_in(self) -> None:
        """A connection is an association now, or has failed to become one."""
        with self._lock:
            self._coming -= 1

    def sit(self, line: Line) -> None:
        with self._lock:
            self._lines[line] = None

    def leave(self, line: Line) -> None:
        self.rules.end()
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
            self._tell_of(caller, refusal)
            return refusal
        wanted = [str(each.abstract_syntax) for each in asked.presentation_context_definition_list]
        line.acceptor.supported_contexts = contexts.supported(wanted)
        line.has_room = partial(self.rules.has_room, self.caller_of(line))
        return None

    def _tell_of(self, caller: Caller, refusal: tuple[int, int, int]) -> None:
        """One line a second, whatever somebody tries; it says how many there were."""
        with self._lock:
            self._refused += 1
            is_silent = time.monotonic() - self._told < REFUSALS_EVERY_SECONDS
            self._told = self._told if is_silent else time.monotonic()
        if not is_silent:
            refused = self._refused
            log.warning("dicom_refused", address=caller.address, reason=refusal, refused=refused)

    def _refusal(self, line: Line, caller: Caller) -> tuple[int, int, int] | None:
        if self.is_ending or not self.rules.is_ready():
            return _NOT_NOW
        known = self.rules.recognise(caller)
        if caller.called not in self.rules.titles(caller):
            return _CALLED_UNKNOWN
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
    """What to answer to a C-STORE. Its bytes are whose who says success; else they are dropped."""
    body = event.request.DataSet
    if not isinstance(event.request, C_STORE) or not isinstance(body, Body):
        return CANNOT_UNDERSTAND
    try:
        if body.refusal is not None or body.written is None:
            log.warning("dicom_object_refused", node=str(caller.key), why=body.why)
            return body.refusal or OUT_OF_RESOURCES
        if body.sop_class != event.context.abstract_syntax:
            return NO_SUCH_CLASS
        came = Incoming(body.written, body.sop_uid, body.sop_class, body.transfer_syntax, caller)
        status = int(store(came))
        if status == SUCCESS or status >> 8 == 0xB0:
            body.hand_over()
        return status
    finally:
        body.drop()


def _certificate(line: socket.socket | None) -> bytes:
    return (line.getpeercert(binary_form=True) or b"") if isinstance(line, ssl.SSLSocket) else b""


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
