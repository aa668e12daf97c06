"""What no test may do: talk to another machine, or log a patient's identifier."""

import ipaddress
import logging
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_HANDLE = logging.Logger.handle  # as it is before any watching
# Any number of the test range, with a valid check digit or not, however it is spaced.
# Not inside a word: one in some thousands of our own random ids has such a run of digits.
NHS_NUMBER = re.compile(r"(?<![\w.])999[ -]?\d{3}[ -]?\d{4}(?!\w)")
_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({})))  # clocks, threads, file and line


class AnotherMachine(AssertionError):
    """A test tried to reach an address outside this machine."""


def _is_here(address: Any) -> bool:
    if not isinstance(address, tuple):  # a Unix socket's path
        return True
    host = address[0]
    if host in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def close_other_machines(patch: pytest.MonkeyPatch) -> None:
    """Let sockets connect to this machine only."""
    for verb in ("connect", "connect_ex"):
        open_verb = getattr(socket.socket, verb)

        def guarded(self: socket.socket, address: Any, _open: Any = open_verb) -> Any:
            if not _is_here(address):
                raise AnotherMachine(f"A test tried to reach {address[0]}.")
            return _open(self, address)

        patch.setattr(socket.socket, verb, guarded)


def identifiers_in(text: str) -> list[str]:
    """The NHS numbers of the test range in a text."""
    return NHS_NUMBER.findall(text)


def _everything_in(record: logging.LogRecord) -> str:
    """The message, the traceback and the extra fields of one record."""
    traceback = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
    extra = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
    return f"{record.getMessage()} {traceback} {extra}"


@contextmanager
def watched_logs() -> Iterator[list[str]]:
    """Collect a line for each record with an identifier in it, whatever its logger or format.

    Watches `Logger.handle`, which every enabled record passes, so neither `propagate = False` nor
    a formatter that drops fields hides one.
    """
    caught: list[str] = []

    def watching(self: logging.Logger, record: logging.LogRecord) -> None:
        if identifiers_in(_everything_in(record)):
            caught.append(f"{record.name} ({record.pathname}:{record.lineno})")
        _HANDLE(self, record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.Logger, "handle", watching)
        yield caught
