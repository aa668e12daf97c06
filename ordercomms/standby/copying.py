"""The same generation on another host: each file by HTTPS PUT, the page last.

A plain endpoint that takes PUT, GET and DELETE, such as nginx with `dav_methods PUT DELETE` (which
writes a file aside and renames it). What was put before is on a list there, `written.json`, so
that old packs are deleted whoever put them.

    STANDBY_URL/packs/pack-*.html    names carry the time: never overwritten
    STANDBY_URL/page/form-*.pdf, page/index.html
    STANDBY_URL/written.json         {"generations": [{"name": ..., "files": [...]}]}
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.conf import settings

from ordercomms.standby.writing import Written, files_of

LIST = "written.json"
LARGEST_LIST = 1_000_000  # bytes
_LOCAL = {"127.0.0.1", "localhost", "::1"}


class NotCopied(Exception):
    """Why the other host has it not, as a sentence."""


class _StayThere(HTTPRedirectHandler):
    """A pack goes to the host that was named and to no other."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Host:
    """The other host, asked within STANDBY_TIMEOUT seconds a file."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        is_here = settings.DEBUG and parts.scheme == "http" and parts.hostname in _LOCAL
        if parts.scheme != "https" and not is_here:
            raise NotCopied("STANDBY_URL has to begin with https://.")
        user = f"{parts.username or ''}:{parts.password or ''}"
        place = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        self.base = urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))
        self.headers = {}
        if parts.username:
            token = base64.b64encode(user.encode()).decode()
            self.headers["Authorization"] = f"Basic {token}"
        self._opener = build_opener(_StayThere)

    def put(self, name: str, content: bytes) -> None:
        self._ask("PUT", name, content)

    def get(self, name: str) -> bytes:
        """Its bytes; empty where there is none."""
        return self._ask("GET", name, absent=(404,))

    def delete(self, name: str) -> None:
        self._ask("DELETE", name, absent=(404, 410))

    def _ask(
        self, method: str, name: str, content: bytes | None = None, *, absent: tuple[int, ...] = ()
    ) -> bytes:
        request = Request(  # noqa: S310 - the scheme was looked at
            f"{self.base}/{name}", data=content, method=method, headers=self.headers
        )
        try:
            with self._opener.open(request, timeout=settings.STANDBY_TIMEOUT) as answer:
                return bytes(answer.read(LARGEST_LIST))
        except HTTPError as refused:
            if refused.code in absent:
                return b""
            raise NotCopied(f"The other host answered {refused.code} to {method}.") from None
        except (URLError, OSError) as failure:
            why = type(getattr(failure, "reason", failure)).__name__
            raise NotCopied(f"The other host does not answer ({why}).") from None


def copy(written: Written, *, still_mine: Callable[[], bool]) -> None:
    """Put it there, then delete what is old. Raises NotCopied; then the old one is still whole."""
    host = Host(settings.STANDBY_URL)
    before = _listed(host)
    files = sorted(files_of(written.folder), key=lambda pair: pair[0] == "page/index.html")
    names = [name for name, _ in files]
    kept = [{"name": written.generation, "files": names}]
    kept += [each for each in before if each["name"] != written.generation]
    _list(host, kept)  # first: what is only half there can be found again and deleted
    for name, path in files:
        if not still_mine():
            raise NotCopied("It took so long that another writer went on.")
        host.put(name, path.read_bytes())
    still = kept[: settings.STANDBY_KEEP]
    in_use = {name for each in still for name in each["files"]}
    gone = [name for each in kept[settings.STANDBY_KEEP :] for name in each["files"]]
    for name in gone:
        if name not in in_use:
            host.delete(name)
    if gone:
        _list(host, still)


def _listed(host: Host) -> list[dict[str, Any]]:
    try:
        found = json.loads(host.get(LIST) or b'{"generations": []}')["generations"]
        return [{"name": str(g["name"]), "files": _names(g["files"])} for g in found]
    except (ValueError, KeyError, TypeError):
        raise NotCopied(f"The list on the other host ({LIST}) cannot be read.") from None


def _names(files: list[str]) -> list[str]:
    """Only of our own folders: a list that somebody wrote must not delete anything else."""
    return [
        str(name) for name in files
        if str(name).startswith(("packs/", "page/")) and ".." not in str(name)
    ]  # fmt: skip


def _list(host: Host, generations: list[dict[str, Any]]) -> None:
    host.put(LIST, json.dumps({"generations": generations}).encode())
