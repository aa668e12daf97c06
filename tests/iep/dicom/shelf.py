"""A small house for the listener: whom it knows is a dictionary, what it keeps lies in storage."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from iep import storage
from iep.dicom import Caller, CommitmentAnswer, Incoming, Listener, Peer
from tests.iep.dicom import files

AE = "ORDERCOMMS"


@dataclass
class Shelf:
    """Rules of iep.dicom's listener."""

    callers: dict[str, str] = field(default_factory=lambda: {"FAR": "", "STORESCU": ""})
    answer_to: Peer | None = None
    trusted: str = ""  # PEM
    kept: dict[str, Path] = field(default_factory=dict)
    answers: list[CommitmentAnswer] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def is_ready(self) -> bool:
        return True

    def titles(self, caller: Caller) -> set[str]:
        return {AE}

    def recognise(self, caller: Caller) -> Caller | None:
        address = self.callers.get(caller.calling)
        known = address is not None and address in ("", caller.address)
        return replace(caller, key=caller.calling) if known else None

    def anchors(self) -> str:
        return self.trusted

    def has_room(self, caller: Caller, size: int) -> bool:
        return storage.room(for_blue_light=False, size=size)

    def store(self, incoming: Incoming) -> int:
        self.kept[incoming.sop_uid] = incoming.written.keep(uuid.uuid4())
        return 0x0000

    def held(self, caller: Caller, sop_uids: list[str]) -> set[str] | None:
        return set(sop_uids) & set(self.kept)

    def peer_of(self, caller: Caller) -> Peer | None:
        return self.answer_to

    def committed(self, caller: Caller, answer: CommitmentAnswer) -> bool:
        self.answers.append(answer)
        return True

    def end(self) -> None:
        self.ended.set()

    def digests(self) -> dict[str, str]:
        return {uid: files.digest(path) for uid, path in self.kept.items()}


@contextmanager
def listening(shelf: Shelf, *, tls_key: str = "", **limits: float) -> Iterator[Peer]:
    """A listener with those rules: the peer to call."""
    listener = Listener(shelf, ae_title=AE, **limits)
    port = listener.open("127.0.0.1", 0, tls_key=tls_key)
    try:
        yield Peer(AE, "FAR", "127.0.0.1", port)
    finally:
        listener.close()


def aside() -> list[Path]:
    """What is half written."""
    return list((storage._root() / "aside").glob("*"))


def stored() -> list[Path]:
    return list(storage._root().glob("*/*.dcm"))
