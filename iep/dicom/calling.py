"""Opening an association, and why it could not be opened."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AddressInformation

from messaging import tls

from .errors import DicomFailure, Family, Phase
from .line import Line, make_ae
from .peers import Peer
from .wire import RECEIVE_PDU, Wire

_REJECTED = {  # source and reason of a rejection (PS3.8 table 9-21)
    (1, 2): "they do not speak this protocol",
    (1, 3): "they do not know our AE title",
    (1, 7): "they are not called by this AE title",
    (3, 1): "they are too busy just now",
    (3, 2): "they have too many associations just now",
}
_END_SECONDS = 1.0
_TITLES = {(1, 3), (1, 7)}


@contextmanager
def associated(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    *,
    phase: Phase,
    extra: Iterable[Any] = (),
    kind: type[Line] = Line,
    prepare: Callable[[Line], None] = lambda line: None,
) -> Iterator[Line]:
    """An association that stands; released at the end, aborted when something was raised.

    `phase` is what it is opened for. `extra` are further negotiation items, `prepare` is called
    before it opens. Raises DicomFailure.
    """
    line = open_line(peer, contexts, extra=extra, kind=kind, prepare=prepare)
    try:
        yield line
    except (RuntimeError, ValueError, TypeError):  # the library's words, for several things
        failure = _spoilt(line, peer, phase)
        line.abort()
        raise failure from None
    except BaseException:
        line.abort()
        raise
    else:
        line.release()
    finally:
        end(line)


def open_line(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    *,
    extra: Iterable[Any] = (),
    kind: type[Line] = Line,
    prepare: Callable[[Line], None] = lambda line: None,
) -> Line:
    """As `associated`; whoever opens it ends it. Raises DicomFailure."""
    try:
        line = kind(make_ae(peer.our_ae_title), "requestor")
        _address(line, peer)
    except OSError as failure:
        raise _unreachable(peer, failure) from None
    except ValueError as failure:  # titles and contexts that cannot be
        raise DicomFailure(
            Phase.ASSOCIATE, Family.REFUSED, f"{peer.ae_title}: {failure}", is_permanent=True
        ) from None
    for number, context in enumerate(contexts):
        context.context_id = 2 * number + 1
    line.requestor.requested_contexts = list(contexts)
    for item in extra:
        line.requestor.add_negotiation_item(item)
    prepare(line)
    line.request()
    if not line.is_established:
        failure_found = _why_not(line, peer)
        end(line)
        raise failure_found
    line.start()
    return line


def _spoilt(line: Line, peer: Peer, phase: Phase) -> DicomFailure:
    """They ended it between two questions, or answered something that nobody can read."""
    if not line.is_established:
        words = f"{peer.ae_title} ended the association while we spoke with it."
        return DicomFailure(phase, Family.ABORTED, words)
    words = f"{peer.ae_title} said something that cannot be read."
    return DicomFailure(phase, Family.REFUSED, words)


def end(line: Line) -> None:
    """Nothing of it stays: no thread, no open connection, nothing half received."""
    if line.is_established:
        line.abort(block=False)
        _until(lambda: not line.dul.is_talking)
    line._kill = True
    line._reactor_checkpoint.set()
    line.dul.kill_dul()
    if line.dul.is_alive():
        line.dul.join(_END_SECONDS)
    if line.dul.socket is not None:
        line.dul.socket._shutdown_socket()
    line.dimse.forget()


def _until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _END_SECONDS
    while not so() and time.monotonic() < deadline:
        time.sleep(0.001)


def _address(line: Line, peer: Peer) -> None:
    there = AddressInformation.from_addr_port(peer.host, peer.port)  # asks the name server
    here = AddressInformation.from_tuple(("0.0.0.0", 0) if there.is_ipv4 else ("::0", 0))  # noqa: S104 - where we call from, not where we listen
    wire = Wire(line, address=here)
    line.set_socket(wire)
    if peer.uses_tls:
        wire.tls_args = _secrets(peer), peer.server_name or peer.host
    line.acceptor.ae_title, line.acceptor.address_info = peer.ae_title, there
    line.requestor.ae_title, line.requestor.address_info = peer.our_ae_title, here
    line.requestor.maximum_length = RECEIVE_PDU
    line.requestor.implementation_class_uid = line.ae.implementation_class_uid
    line.requestor.implementation_version_name = line.ae.implementation_version_name
    line.name = f"RequestorThread@{id(line)}"


def _secrets(peer: Peer) -> ssl.SSLContext:
    try:
        return tls.calling(trust_anchors=peer.trust_anchors, key_name=peer.key_name)
    except tls.BadCertificate as failure:
        raise DicomFailure(
            Phase.CONNECT, Family.REFUSED, f"{peer.ae_title}: {failure}", is_permanent=True
        ) from None


def _unreachable(peer: Peer, failure: OSError) -> DicomFailure:
    if isinstance(failure, ssl.SSLCertVerificationError):
        words = f"{peer.ae_title} showed a certificate that is not theirs"
        return DicomFailure(Phase.CONNECT, Family.REFUSED, f"{words}: {failure.verify_message}.")
    if isinstance(failure, ssl.SSLError):
        words = f"{peer.ae_title} did not agree on TLS: {failure.reason or 'no reason given'}."
        return DicomFailure(Phase.CONNECT, Family.REFUSED, words)
    if isinstance(failure, TimeoutError):
        words = f"{peer.ae_title} did not answer in time when we called."
        return DicomFailure(Phase.CONNECT, Family.TIMEOUT, words)
    words = f"{peer.ae_title} cannot be reached: {failure.strerror or type(failure).__name__}."
    return DicomFailure(Phase.CONNECT, Family.UNREACHABLE, words)


def _why_not(line: Line, peer: Peer) -> DicomFailure:
    wire, answer = line.dul.socket, line.acceptor.primitive
    if isinstance(wire, Wire) and wire.failure is not None:
        return _unreachable(peer, wire.failure)
    if line.is_rejected:
        return _rejected(peer, answer)
    if answer is not None:
        words = f"{peer.ae_title} does not offer this."
        return DicomFailure(Phase.ASSOCIATE, Family.NO_CONTEXT, words, is_permanent=True)
    if line._sent_abort:
        words = f"{peer.ae_title} did not answer in time when we asked for an association."
        return DicomFailure(Phase.ASSOCIATE, Family.TIMEOUT, words)
    words = f"{peer.ae_title} broke off when we asked for an association."
    return DicomFailure(Phase.ASSOCIATE, Family.ABORTED, words)


def _rejected(peer: Peer, answer: Any) -> DicomFailure:
    reason = (answer.result_source, answer.diagnostic)
    words = _REJECTED.get(reason, "they gave no reason")
    return DicomFailure(
        Phase.ASSOCIATE,
        Family.REJECTED,
        f"{peer.ae_title} refused the association: {words}.",
        is_permanent=reason in _TITLES,
    )
