"""Our listener and our workers as processes of their own, on the test's database."""

import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from demo.processes import Child, wait_until


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def _environment(**extra: str) -> dict[str, str]:
    return os.environ | {
        "DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "tests.messaging.process_settings",
        "TEST_DATABASE": connection.settings_dict["NAME"],
        "SWEEP_SECONDS": "1",
        **extra,
    }


def _child(name: str, *words: str, **environment: str) -> Child:
    folder = Path(tempfile.mkdtemp(prefix="ordercomms-process-"))
    argv = [sys.executable, *words]
    return Child(name=name, argv=argv, log=folder / "log", env=_environment(**environment))


def listener(port: int, *options: str, **environment: str) -> Child:
    words = ("manage.py", "mllp_listen", "--port", str(port), *options)
    return _child("listener", *words, **environment)


def worker(queue: str, **environment: str) -> Child:
    words = ("-m", "celery", "-A", "ordercomms", "worker", "-P", "threads", "-c", "2", "-Q", queue)
    return _child(queue, *words, "--without-gossip", "--without-mingle", **environment)


@contextmanager
def running(*children: Child) -> Iterator[None]:
    """Start them; afterwards stop them, and show what a failed test's processes said."""
    for child in children:
        child.start()
    try:
        yield
    finally:
        for child in children:
            child.stop()
            sys.stderr.write(f"--- {child.name}\n{child.last_lines(20)}\n")


def accepts_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def listening(*options: str, **environment: str) -> Iterator[tuple[int, Child]]:
    """A listener that takes connections: its port and its process."""
    port = free_port()
    child = listener(port, *options, **environment)
    with running(child):
        wait_until(lambda: accepts_connections(port) or not child.is_running, seconds=30)
        assert child.is_running, child.last_lines(20)
        yield port, child


def crashed(child: Child, *, seconds: float = 30) -> bool:
    """Whether it died at its crash point, as by kill -9."""
    return wait_until(lambda: child.exit_code == 137, seconds=seconds)


def kill(child: Child) -> None:
    """Kill -9, and wait until it is gone."""
    child.process.send_signal(signal.SIGKILL)
    child.process.wait(10)


class Line:
    """A sender's connection. Its framing is its own."""

    def __init__(self, port: int, *, source: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(
            ("127.0.0.1", port), timeout=20, source_address=(source, 0)
        )
        self.held = b""

    def send(self, *messages: bytes) -> None:
        self.write(b"".join(b"\x0b" + message + b"\x1c\x0d" for message in messages))

    def write(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> bytes:
        """The next frame; b"" when the listener hung up."""
        while b"\x1c\x0d" not in self.held:
            data = self.socket.recv(65536)
            if not data:
                return b""
            self.held += data
        frame, self.held = self.held.split(b"\x1c\x0d", 1)
        assert frame.startswith(b"\x0b")
        return frame[1:]

    def is_shut(self) -> bool:
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
