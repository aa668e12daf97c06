"""The downtime page and packs as a test needs them: a practice with results, a folder, a turn."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from django.db.models import F

from accounts import services
from accounts.models import Standby
from ordercomms.standby import turn
from tests.results.clinic import Clinic
from tests.world import World


def passphrase_for(world: World, username: str = "gp") -> str:
    """Their place's pack has a passphrase from now on."""
    acting = world.acting(username)
    return services.make_pack_key(acting.organisation, by=acting)


def busy_clinic(world: World) -> Clinic:
    """A critical result that nobody has seen, a normal one, an image, and an open request."""
    clinic = Clinic(world)
    clinic.critical()
    clinic.report()
    clinic.imaging("Shadow in the right upper zone.", flag="A")
    clinic.sent("hba1c")
    return clinic


def write() -> None:
    """Now, and it succeeds."""
    assert turn.write_if_due(at_once=True)


def minutes_pass(minutes: float) -> None:
    """As if the last writing was longer ago; the database's clock is nobody's to move."""
    passed = timedelta(minutes=minutes)
    Standby.objects.update(since=F("since") - passed, as_of=F("as_of") - passed)


def current(folder: Path) -> Path:
    return (folder / "current").resolve()


def the_pack(folder: Path) -> Path:
    (path,) = (current(folder) / "packs").iterdir()
    return path


def flipped(raw: bytes, at: int) -> bytes:
    """With one bit of one byte another."""
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def inside(raw: bytes, pattern: bytes) -> range:
    """Where the first match of the pattern's group is."""
    found = re.search(pattern, raw, re.DOTALL)
    assert found
    return range(*found.span(1))


class OtherHost(BaseHTTPRequestHandler):
    """A plain endpoint of PUT, GET and DELETE over a dict; `broken` answers 500 to PUT of it."""

    files: dict[str, bytes]
    broken: str = ""
    asked: list[tuple[str, str]]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.broken and self.broken in self.path:
            return self._answer(500)
        self.asked.append(("PUT", self.path))
        self.files[self.path] = body
        return self._answer(201)

    def do_GET(self) -> None:
        found = self.files.get(self.path)
        self._answer(200 if found is not None else 404, found or b"")

    def do_DELETE(self) -> None:
        self.asked.append(("DELETE", self.path))
        self._answer(204 if self.files.pop(self.path, None) is not None else 404)

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing to the screen."""


@contextmanager
def other_host() -> Iterator[tuple[str, type[OtherHost]]]:
    """Its address, and its handler with what it holds."""
    handler = type("Host", (OtherHost,), {"files": {}, "asked": [], "broken": ""})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/ours", handler
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
