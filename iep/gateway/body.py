"""The body of a request as it comes off the line: counted, hashed, and never whole in memory."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.http import HttpRequest

from .related import CHUNK, Malformed
from .sign import Unproved


class TooLarge(ValueError):
    """More than may be said at once."""


class NoLength(ValueError):
    """The length of the body was not said in advance."""


class Body:
    """At most `most` bytes, which must have the digest that was signed."""

    def __init__(self, request: HttpRequest, *, digest: bytes, most: int) -> None:
        """Raises NoLength, TooLarge."""
        length = request.META.get("CONTENT_LENGTH", "")
        if not length.isdecimal() or "HTTP_TRANSFER_ENCODING" in request.META:
            raise NoLength("Say how long the body is (Content-Length).")
        self.left = int(length)
        if self.left > most:
            raise TooLarge(f"More than {most} bytes are not taken at once.")
        self._request, self._signed, self._digest = request, digest, hashlib.sha256()

    def read(self, count: int) -> bytes:
        """At most so many bytes, b"" at the end. Raises Malformed: it was cut short."""
        if not self.left:
            return b""
        try:
            chunk: bytes = self._request.read(min(count, self.left))
        except OSError:
            chunk = b""
        if not chunk:
            raise Malformed("The body ends before the length that was said.")
        self.left -= len(chunk)
        self._digest.update(chunk)
        return chunk

    def finish(self) -> None:
        """Read what is left; it was all that was signed. Raises Malformed, Unproved."""
        while self.read(CHUNK):
            pass
        if self._digest.digest() != self._signed:
            raise Unproved("tampered", "The body is not the one that was signed.")

    def json(self) -> dict[str, Any]:
        """The whole of it, believed. Raises Malformed, Unproved."""
        raw = bytearray()
        while chunk := self.read(CHUNK):
            raw += chunk
        self.finish()
        try:
            said = json.loads(raw)
        except (ValueError, RecursionError):
            raise Malformed("The body is not JSON.") from None
        if not isinstance(said, dict):
            raise Malformed("The body is not a JSON object.")
        return said
