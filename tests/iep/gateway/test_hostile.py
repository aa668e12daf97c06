"""A gateway on the other side that does not keep to what it says: read within bounds, and judged.

It speaks plain HTTP on this machine, and shares no code with the product.
"""

import contextlib
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from iep import storage
from iep.dicom import DicomFailure
from iep.gateway import client

pytestmark = pytest.mark.django_db
MB = 1024 * 1024
PLAIN, RELATED = "application/dicom", 'multipart/related; type="application/dicom"; boundary=edge'
PART = b"--edge\r\nContent-Type: application/dicom\r\n\r\n"
END = b"\r\n--edge--\r\n"


class Other:
    """What the other side answers to a GET, and how much of it went out."""

    def __init__(self) -> None:
        self.content_type, self.promised, self.sent = PLAIN, "", 0
        self.pieces = [b"{}"]
        self.for_ever = b""

    def image(self, raw: bytes, **changes) -> bytes:
        said = {
            "study_uid": "1.2.3", "series_uid": "1.2.3.1", "sop_uid": "1.2.3.4",
            "sop_class": "1.2.840.10008.5.1.4.1.1.2", "transfer_syntax": "1.2.840.10008.1.2.1",
            "size": len(raw), "sha256": hashlib.sha256(raw).hexdigest(), **changes,
        }  # fmt: skip
        self.promised, self.pieces = json.dumps(said), [raw]
        return raw


@pytest.fixture
def other(sides, settings):
    answers = Other()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", answers.content_type)
            self.send_header("Connection", "close")
            if answers.promised:
                self.send_header("Gateway-Instance", answers.promised)
            self.end_headers()
            with contextlib.suppress(OSError):  # they hung up
                for piece in answers.pieces:
                    self._write(piece)
                while answers.for_ever:
                    self._write(answers.for_ever)

        def _write(self, piece: bytes) -> None:
            self.wfile.write(piece)
            answers.sent += len(piece)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    settings.DEBUG = True  # else nothing but https is spoken
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    sides.serve_at(f"http://127.0.0.1:{server.server_address[1]}")
    yield answers
    answers.for_ever = b""
    server.shutdown()
    server.server_close()
    thread.join(30)


@pytest.fixture
def pull(sides, other):
    row = sides.ask()

    def pulled() -> bytes:
        kept = client.pull_instance(
            row.node, row, "1.2.3.4", lambda pulled: pulled.written.path.read_bytes()
        )
        assert aside() == 0
        return kept

    pulled.row = row
    return pulled


def aside() -> int:
    folder = storage._root() / "aside"
    return len(list(folder.glob("*"))) if folder.exists() else 0


def failure_of(ask) -> DicomFailure:
    with pytest.raises(DicomFailure) as caught:
        ask()
    assert aside() == 0
    return caught.value


def test_what_is_as_promised_is_kept(other, pull):
    raw = other.image(bytes(128) + b"DICM" + b"x" * 3000)
    assert pull() == raw
    other.content_type, other.pieces = RELATED, [b"a preamble\r\n", PART, raw, END, b"an epilogue"]
    assert pull() == raw


@pytest.mark.parametrize(
    "pieces",
    [
        [],  # bare
        [PART],  # the image has no end
        [b"a preamble\r\n"],
        [PART, bytes(1000), END],  # nor has what comes after it
    ],
)
def test_who_sends_for_ever_is_not_listened_to_for_ever(other, pull, pieces):
    other.image(bytes(1000))
    other.content_type = RELATED if pieces else PLAIN
    other.pieces, other.for_ever = pieces, b"y" * 65536
    failure = failure_of(pull)
    assert failure.family == "refused"
    assert "something other than what it says" in failure.sentence
    assert other.sent < 32 * MB  # what the sockets hold


def test_an_image_that_is_too_large_is_not_begun(other, pull, settings):
    settings.DICOM_MAX_OBJECT_BYTES = 999
    other.image(bytes(1000))
    failure = failure_of(pull)
    assert (failure.family, failure.is_permanent) == ("refused", True)
    assert "larger than we take" in failure.sentence


def test_an_image_for_which_there_is_no_room_is_not_begun(other, pull, monkeypatch):
    asked = []
    monkeypatch.setattr(storage, "room", lambda **how: asked.append(how["size"]))
    other.image(bytes(1000))
    with pytest.raises(OSError, match="No space left"):
        pull()
    assert asked == [1000]
    assert aside() == 0


@pytest.mark.parametrize(
    "promised", ["{", "[]", "null", "7", '{"size": 1}', "[" * 20_000, '"\\ud800"', "\xe9"]
)
def test_a_promise_that_cannot_be_read_is_a_refusal(other, pull, promised):
    other.image(bytes(1000))
    other.promised = promised
    assert failure_of(pull).family == "refused"


def test_a_promise_of_another_image_is_a_refusal(other, pull):
    other.image(bytes(1000), sop_uid="1.2.3.5")
    assert failure_of(pull).family == "refused"


@pytest.mark.parametrize("listed", ["null", "7", '"many"', "{}", "[null]", "[[]]"])
def test_a_list_of_images_that_is_none_is_a_refusal(other, pull, listed):
    other.content_type = "application/json"
    other.pieces = [f'{{"instances": {listed}}}'.encode()]
    node = pull.row.node
    for ask in (client.instances_of, client.received_by):
        failure = failure_of(lambda ask=ask: ask(node, pull.row))
        assert (failure.phase, failure.family) == ("find", "refused")
