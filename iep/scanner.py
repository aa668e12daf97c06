"""The hospital's virus scanner, where one is set: clamd, by its own protocol (clamd(8), INSTREAM).

`scan` streams a file and returns what was found, "" for nothing. Whoever calls keeps the file where
it is when it raises: what nobody has looked into goes nowhere (hazard H48).
"""

from __future__ import annotations

import re
import socket
import struct
import time
from typing import BinaryIO

from django.conf import settings

CHUNK = 256 * 1024
CONNECT = 5.0  # seconds
PATIENCE = 60.0  # seconds for the whole conversation: less than a worker's lease
MOST_ANSWER = 4096  # bytes
_ANSWER = re.compile(r"stream: (?:(OK)|(.+) FOUND)")


class ScannerAway(Exception):
    """It does not answer, or not in its protocol: to be tried again, and said to people."""

    def __init__(self) -> None:
        super().__init__("The virus scanner does not answer. Try again in a few minutes.")


class NotScanned(Exception):
    """It answers that it could not look into this one; `words` of its own, without the file."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def is_set() -> bool:
    return bool(settings.CLAMD_ADDRESS)


def scan(content: BinaryIO) -> str:
    """What it found ("Eicar-Test-Signature"), or "". Raises ScannerAway, NotScanned.

    Sockets' errors are the scanner's; an error of reading `content` is the caller's (OSError).
    """
    until = time.monotonic() + PATIENCE
    with _line() as line:
        heard = _send(line, b"zINSTREAM\0", until)
        while heard and (chunk := content.read(CHUNK)):
            heard = _send(line, struct.pack("!L", len(chunk)) + chunk, until)
        heard = heard and _send(line, struct.pack("!L", 0), until)
        found = _found(_answer(line, until))
    if not (found or heard):  # it calls clean what it has not heard to the end
        raise ScannerAway
    return found


def answers() -> bool:
    """Whether it is there now (PING), within a second."""
    try:
        with _line(1.0) as line:
            until = time.monotonic() + 1
            _send(line, b"zPING\0", until)
            return _answer(line, until) == "PONG"
    except ScannerAway:
        return False


def _line(patience: float = CONNECT) -> socket.socket:
    """`/run/clamav/clamd.ctl`, or `host:port`. Raises ScannerAway."""
    address = settings.CLAMD_ADDRESS
    try:
        if address.startswith("/"):
            return _local(address, patience)
        host, _, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout=patience)
    except (OSError, ValueError):
        raise ScannerAway from None


def _local(path: str, patience: float) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    try:
        line.settimeout(patience)
        line.connect(path)
    except OSError:
        line.close()
        raise
    return line


def _send(line: socket.socket, data: bytes, until: float) -> bool:
    """False: it hears no more of this one, and has an answer perhaps. Raises ScannerAway."""
    try:
        line.settimeout(_left(until))
        line.sendall(data)
    except TimeoutError:
        raise ScannerAway from None
    except OSError:
        return False
    return True


def _answer(line: socket.socket, until: float) -> str:
    data = b""
    while not data.endswith(b"\0") and len(data) < MOST_ANSWER:
        try:
            line.settimeout(_left(until))
            piece = line.recv(MOST_ANSWER)
        except OSError:
            raise ScannerAway from None
        if not piece:
            break
        data += piece
    return data.rstrip(b"\0\n ").decode("ascii", "replace")


def _left(until: float) -> float:
    if (left := until - time.monotonic()) <= 0:
        raise ScannerAway
    return left


def _found(answer: str) -> str:
    """Only `stream: OK` is clean; whatever is no answer of clamd's is none."""
    if said := _ANSWER.fullmatch(answer):
        return "" if said[1] else _plain(said[2])
    if answer.endswith("ERROR"):
        raise NotScanned(_plain(answer.removesuffix("ERROR").removeprefix("stream: ")))
    raise ScannerAway


def _plain(words: str) -> str:
    """Of a machine of others, on our pages: letters and digits, and not too many."""
    return re.sub(r"[^A-Za-z0-9 ._:+/-]", "", words).strip(" .")[:80] or "no name"
