"""HTTPS to one node: the connection is kept, every request is signed, nothing is followed.

The server's certificate is checked against the node's trust anchors, or the system's where the
node has none. `http:` is spoken on this machine only, and only where DEBUG is on.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from iep.dicom.errors import DicomFailure, Family, Phase
from iep.models import Node
from messaging import tls

from . import sign

CONNECT_SECONDS, SILENT_SECONDS = 5.0, 60.0
_MOST_JSON = 16 * 1024 * 1024  # bytes of an answer
JSON = "application/json"


@dataclass(frozen=True)
class Sent:
    """What goes out: the type, the length, the digest, and the bytes as often as asked for."""

    content_type: str = JSON
    length: int = 0
    digest: bytes = sign.EMPTY
    chunks: Callable[[], Iterator[bytes]] = lambda: iter(())


@dataclass(frozen=True)
class Where:
    """A node's address, taken apart, and how it is believed."""

    is_tls: bool
    host: str
    port: int
    path: str  # before `/v1/...`, without a stroke at its end
    server_name: str
    trust_anchors: str


def where(node: Node) -> Where:
    """Raises DicomFailure: an address that is not spoken to."""
    found = urlsplit(node.base_url)
    is_tls, host = found.scheme == "https", found.hostname or ""
    odd = found.username or found.password or found.query or found.fragment or not host
    if odd or not (is_tls or (found.scheme == "http" and settings.DEBUG and _is_here(host))):
        words = f"The address of {node.name} is not an https address that may be used."
        raise DicomFailure(Phase.CONNECT, Family.REFUSED, words, is_permanent=True)
    port = found.port or (443 if is_tls else 80)
    name = node.server_name or host
    return Where(is_tls, host, port, found.path.rstrip("/"), name, node.trust_anchors)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# --- The connection ------------------------------------------------------------------------------


class _Secure(http.client.HTTPSConnection):
    """Checks the certificate against the name that the node's row gives."""

    def __init__(self, there: Where, context: ssl.SSLContext) -> None:
        super().__init__(there.host, there.port, timeout=CONNECT_SECONDS, context=context)
        self._furnished, self._name = context, there.server_name

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._furnished.wrap_socket(self.sock, server_hostname=self._name)


def _context(there: Where) -> ssl.SSLContext:
    tls.certificates(there.trust_anchors)  # raises BadCertificate
    context = ssl.create_default_context(cadata=there.trust_anchors.strip() or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _new_line(there: Where) -> http.client.HTTPConnection:
    if there.is_tls:
        return _Secure(there, _context(there))
    return http.client.HTTPConnection(there.host, there.port, timeout=CONNECT_SECONDS)


_kept = threading.local()  # a lane is a thread, and each has its own line to a node


def _lines() -> dict[int, tuple[Where, http.client.HTTPConnection]]:
    if not hasattr(_kept, "lines"):
        _kept.lines = {}
    return _kept.lines


def hang_up(node_id: int) -> None:
    """Close this thread's line to the node, if it has one."""
    if held := _lines().pop(node_id, None):
        held[1].close()


def _line_to(node: Node, there: Where) -> http.client.HTTPConnection:
    held = _lines().get(node.pk)
    if held is None or held[0] != there:
        hang_up(node.pk)
        held = _lines()[node.pk] = (there, _new_line(there))
    return held[1]


# --- One request ---------------------------------------------------------------------------------


class Answer:
    """What they answered. Read it to its end, or the line is closed."""

    def __init__(self, node: Node, response: http.client.HTTPResponse, *, is_early: bool) -> None:
        """`is_early`: they answered before we had sent everything, so the line is spoilt."""
        self._node, self._response, self._is_early = node, response, is_early
        self.status = response.status
        self.content_type = response.getheader("Content-Type", "")

    def header(self, name: str) -> str:
        return self._response.getheader(name, "")

    def read(self, count: int) -> bytes:
        """At most so many bytes, b"" at the end. Raises DicomFailure when the line breaks."""
        try:
            chunk = self._response.read(count)
            if not chunk and self._response.length:
                raise http.client.IncompleteRead(b"", self._response.length)
        except (OSError, http.client.HTTPException) as failure:
            hang_up(self._node.pk)
            raise _broken(self._node, failure) from None
        return chunk

    def json(self) -> dict[str, Any]:
        """The whole of it. Raises DicomFailure: it is no JSON object, or is too long."""
        raw = self.read(_MOST_JSON + 1)
        found = _json_object(raw) if len(raw) <= _MOST_JSON else None
        if found is None:
            hang_up(self._node.pk)
            words = f"{self._node.name} answered something that is not of the gateway."
            raise DicomFailure(Phase.CONNECT, Family.REFUSED, words, self.status)
        return found

    def done(self) -> None:
        """The line may be used again only when nothing of this answer is left on it."""
        if self._is_early or not self._response.isclosed():
            hang_up(self._node.pk)
        self._response.close()


def _json_object(raw: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def ask(node: Node, method: str, path: str, parties: tuple[str, str], sent: Sent) -> Answer:
    """Send one signed request; what they answer, whatever it is. Raises DicomFailure.

    A line that was kept may have been closed over there meanwhile: then it goes once more over a
    new one, with a new nonce, as everything here may be said twice.
    """
    there = where(node)
    is_kept = node.pk in _lines()
    try:
        return _ask(node, there, method, path, parties, sent)
    except DicomFailure as failure:
        if not is_kept or failure.family not in (Family.UNREACHABLE, Family.ABORTED):
            raise
    return _ask(node, there, method, path, parties, sent)


def _ask(
    node: Node, there: Where, method: str, path: str, parties: tuple[str, str], sent: Sent
) -> Answer:
    full = f"{there.path}{path}"
    try:
        headers = sign.signed_headers(
            sign.our_key(node.secret_name), method=method, path=full, digest=sent.digest,
            content_type=sent.content_type, parties=parties, created=int(time.time()),
        )  # fmt: skip
        line = _line_to(node, there)
        if line.sock is None:
            line.connect()
            line.sock.settimeout(SILENT_SECONDS)
        response, is_early = _exchange(line, method, full, headers, sent)
        return Answer(node, response, is_early=is_early)
    except (sign.NoKey, tls.BadCertificate) as missing:
        hang_up(node.pk)
        raise DicomFailure(Phase.CONNECT, Family.REFUSED, str(missing)) from None
    except DicomFailure:  # of our own file, in the middle of the request
        hang_up(node.pk)
        raise
    except (OSError, http.client.HTTPException) as failure:
        hang_up(node.pk)
        raise _broken(node, failure) from None


def _ours(sent: Sent) -> Iterator[bytes]:
    """That a file of ours cannot be read is no fault of the line. Raises DicomFailure."""
    try:
        yield from sent.chunks()
    except OSError:
        raise unreadable() from None


def unreadable() -> DicomFailure:
    words = "The file cannot be read from our own storage."
    return DicomFailure(Phase.STORE, Family.REFUSED, words, is_permanent=True)


def _exchange(
    line: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], sent: Sent
) -> tuple[http.client.HTTPResponse, bool]:
    """Their answer, and whether it came early: who refuses may hang up while we still send."""
    line.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers.items():
        line.putheader(name, value)
    line.putheader("Content-Length", str(sent.length))
    line.endheaders()
    try:
        for chunk in _ours(sent):
            line.send(chunk)
    except (BrokenPipeError, ConnectionResetError):
        return line.getresponse(), True
    return line.getresponse(), False


def _broken(node: Node, failure: Exception) -> DicomFailure:
    """In words that name no patient: an exception's own text may hold anything."""
    name = node.name
    if isinstance(failure, ssl.SSLCertVerificationError):
        words = f"The certificate that {name} shows is not believed: {failure.verify_message}."
        return DicomFailure(Phase.CONNECT, Family.REFUSED, words)
    if isinstance(failure, TimeoutError):
        return DicomFailure(Phase.CONNECT, Family.TIMEOUT, f"{name} did not answer in time.")
    if isinstance(failure, ConnectionRefusedError | socket.gaierror):
        return DicomFailure(Phase.CONNECT, Family.UNREACHABLE, f"{name} cannot be reached.")
    return DicomFailure(Phase.CONNECT, Family.ABORTED, f"The line to {name} broke off.")
