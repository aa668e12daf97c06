"""A virus scanner of another house, as far as it speaks: clamd's PING and INSTREAM (clamd(8)).

The one stand-in for a machine that a test cannot have. It finds the EICAR string, as every scanner
does, and says what clamd says where a stream is longer than it takes.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
FOUND = b"stream: Eicar-Test-Signature FOUND\0"


@dataclass
class Clamd:
    """`address` for CLAMD_ADDRESS; `scanned`: what it was given; `says`: instead of looking."""

    address: str
    most: int = 25 * 1024 * 1024  # bytes: StreamMaxLength
    says: bytes | None = None
    scanned: list[bytes] = field(default_factory=list)

    def serve(self, door: socket.socket) -> None:
        while True:
            try:
                line, _ = door.accept()
            except OSError:
                return
            with line, contextlib.suppress(OSError):
                line.settimeout(30)
                self._answer(line)

    def _answer(self, line: socket.socket) -> None:
        reader = line.makefile("rb")
        command = b""
        while not command.endswith(b"\0"):
            command += reader.read(1) or b"\0"
        if command == b"zPING\0":
            line.sendall(b"PONG\0")
        elif command == b"zINSTREAM\0":
            line.sendall(self._look(reader))

    def _look(self, reader: object) -> bytes:
        content = b""
        while (head := reader.read(4)) != struct.pack("!L", 0):
            (size,) = struct.unpack("!L", head)
            content += reader.read(size)
            if len(content) > self.most:
                return b"INSTREAM size limit exceeded. ERROR\0"
        self.scanned.append(content)
        if self.says is not None:
            return self.says
        return FOUND if EICAR in content else b"stream: OK\0"


@contextlib.contextmanager
def listening(folder: Path | None = None) -> Iterator[Clamd]:
    """On a port of the loopback, or on a socket in the folder."""
    if folder is None:
        door = socket.create_server(("127.0.0.1", 0))
        clamd = Clamd("{}:{}".format(*door.getsockname()))
    else:
        door = socket.socket(socket.AF_UNIX)
        door.bind(str(folder / "c"))
        door.listen()
        clamd = Clamd(str(folder / "c"))
    thread = threading.Thread(target=clamd.serve, args=[door], daemon=True)
    thread.start()
    try:
        yield clamd
    finally:
        with contextlib.suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)
        door.close()
        thread.join(timeout=30)
