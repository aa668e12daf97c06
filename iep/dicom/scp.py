"""What others may ask of us: echo, store and storage commitment."""

from __future__ import annotations

import threading
from typing import Protocol

from .peers import Caller, CommitmentAnswer, Incoming, Peer


class Rules(Protocol):
    """What the listener asks the house, from many threads at once. It answers, and never raises."""

    def recognise(self, caller: Caller) -> Caller | None:
        """The caller with its `key`, when this AE title may call from this address; else None."""

    def anchors(self) -> str:
        """PEM: whose certificates may open a line with TLS."""

    def has_room(self, caller: Caller, size: int) -> bool:
        """Whether so many more bytes of this caller may come."""

    def store(self, incoming: Incoming) -> int:
        """A DICOM status: 0x0000 only when the bytes are kept and their row is committed."""

    def held(self, caller: Caller, sop_uids: list[str]) -> set[str] | None:
        """Which of these are safely here; None when that cannot be found out now."""

    def peer_of(self, caller: Caller) -> Peer | None:
        """Where to send a later answer."""

    def committed(self, caller: Caller, answer: CommitmentAnswer) -> bool:
        """A peer answered our question for commitment; False when that cannot be kept now."""


def serve(
    rules: Rules,
    stop: threading.Event,
    *,
    host: str,
    port: int,
    ae_title: str,
    tls_port: int = 0,
    tls_key: str = "",
) -> None:
    """Listen until `stop` is set. Raises OSError when the port is taken, tls.BadCertificate."""
    raise NotImplementedError
