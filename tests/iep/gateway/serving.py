"""The product behind a real socket with TLS, in threads of the test."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

from tests.messaging.authority import Authority, write


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing: the address is all there would be to say."""


class _Server(ThreadedWSGIServer):
    def handle_error(self, *_: Any) -> None:
        """A handshake that is refused, a line that is cut: what the tests do to it."""


@contextmanager
def serving(folder: Path, authority: Authority, *, host: str = "localhost") -> Iterator[str]:
    """The address of the product; its certificate is the authority's, for that host."""
    crt, key = write(folder, "web", authority.gives(host, host=host))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    server = _Server(("127.0.0.1", 0), _Quiet, connections_override={})
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
