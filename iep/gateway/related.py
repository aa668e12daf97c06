"""multipart/related (RFC 2387, RFC 2046 5.1) cut and put together with bounded memory.

Django's own parser is for forms; this one hands each part's bytes on as they come.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path

CHUNK = 256 * 1024  # bytes; what is held of a body at a time
DICOM = "application/dicom"
RELATED = "multipart/related"
_MOST_HEADERS = 8 * 1024  # bytes, of one part
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_END_OF_LINE, _END_OF_HEADERS = b"\r\n", b"\r\n\r\n"


class Malformed(ValueError):
    """The body is cut short, or is not what its headers say. The words are for a person."""


# --- What a header says --------------------------------------------------------------------------


def media_type(content_type: str) -> tuple[str, dict[str, str]]:
    """`multipart/related; type="application/dicom"; boundary=x` as its type and its parameters."""
    message = Message()
    message["Content-Type"] = content_type
    params = message.get_params(failobj=[("", "")])
    return params[0][0].strip().lower(), {name.lower(): value for name, value in params[1:]}


def boundary_of(content_type: str) -> bytes:
    """Raises Malformed."""
    boundary = media_type(content_type)[1].get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise Malformed("The multipart has no boundary that can be used.")
    return boundary.encode("ascii")


# --- Reading -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """One part: read its chunks to the end before asking for the next part."""

    content_type: str  # without parameters; "" where it does not say
    chunks: Iterator[bytes]


class Parts:
    """The parts of a body, as they come off the line. Raises Malformed while it is read."""

    def __init__(self, read: Callable[[int], bytes], boundary: bytes) -> None:
        """`read(n)`: at most n bytes of the body, b"" at its end."""
        self._read = read
        self._delimiter = _END_OF_LINE + b"--" + boundary
        self._buffer = bytearray(_END_OF_LINE)  # so that the first delimiter looks like the others

    def __iter__(self) -> Iterator[Part]:
        for _ in self._until_delimiter():  # a preamble is ignored (RFC 2046)
            pass
        while not self._is_last():
            headers = BytesHeaderParser().parsebytes(self._headers())
            given = headers.get("Content-Type", "")
            chunks = self._until_delimiter()
            yield Part(media_type(given)[0] if given else "", chunks)
            for _ in chunks:  # what the caller did not want
                pass

    def _until_delimiter(self) -> Iterator[bytes]:
        while (found := self._buffer.find(self._delimiter)) < 0:
            ready = len(self._buffer) - len(self._delimiter) + 1
            if ready > 0:
                yield self._take(ready)
            self._more()
        if found:
            yield self._take(found)
        self._take(len(self._delimiter))

    def _is_last(self) -> bool:
        """After a delimiter: `--` ends the body; else a line ends and a part begins."""
        while len(self._buffer) < 2:
            self._more()
        return self._buffer[:2] == b"--"

    def _headers(self) -> bytes:
        """With the end of the delimiter's line before them, which an empty block shares."""
        while (found := self._buffer.find(_END_OF_HEADERS)) < 0:
            if len(self._buffer) > _MOST_HEADERS:
                raise Malformed("A part of the multipart has headers without an end.")
            self._more()
        if found > _MOST_HEADERS:
            raise Malformed("A part of the multipart has headers that are too long.")
        block = self._take(found + len(_END_OF_HEADERS))
        line, _, headers = block.partition(_END_OF_LINE)
        if line.strip():  # only white space may follow a delimiter
            raise Malformed("The multipart is not cut where its boundary says.")
        return headers

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _more(self) -> None:
        chunk = self._read(CHUNK)
        if not chunk:
            raise Malformed("The body ends in the middle of the multipart.")
        self._buffer += chunk


# --- Writing -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OnePart:
    """A multipart of one file: its headers, its length, and its bytes as often as they are asked
    for."""

    path: Path
    size: int  # bytes, of the file
    boundary: str

    @property
    def content_type(self) -> str:
        return f'{RELATED}; type="{DICOM}"; boundary={self.boundary}'

    @property
    def length(self) -> int:
        return len(self._before) + self.size + len(self._after)

    @property
    def _before(self) -> bytes:
        return f"--{self.boundary}\r\nContent-Type: {DICOM}\r\n\r\n".encode("ascii")

    @property
    def _after(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode("ascii")

    def chunks(self) -> Iterator[bytes]:
        """Raises OSError."""
        yield self._before
        yield from file_chunks(self.path)
        yield self._after


def one_part(path: Path) -> OnePart:
    """Raises OSError. The boundary is by chance: 128 bits, which no file can aim at."""
    return OnePart(path, path.stat().st_size, secrets.token_hex(16))


def file_chunks(path: Path) -> Iterator[bytes]:
    """Raises OSError."""
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk
