"""What goes wrong on the DICOM network, in families: the family decides what is done next."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """How far it got."""

    CONNECT = "connect"
    ASSOCIATE = "associate"
    ECHO = "echo"
    FIND = "find"
    STORE = "store"
    FETCH = "fetch"
    COMMIT = "commit"


class Family(StrEnum):
    """What kind of failure. All but the last four pass with time, more or less."""

    UNREACHABLE = "unreachable"  # no connection: the machine or the network is away
    REJECTED = "rejected"  # the association was refused, at least for now
    ABORTED = "aborted"  # the association ended in the middle
    TIMEOUT = "timeout"
    OUT_OF_RESOURCES = "out_of_resources"  # 0xA7xx: their disk is full, or they are busy
    REFUSED = "refused"  # they answered, and it is no
    NO_CONTEXT = "no_context"  # they do not take this kind of object, or not in this encoding
    NOT_FOUND = "not_found"
    OURS = "ours"  # nobody foresaw it: a fault in our own system


class DicomFailure(Exception):
    """It did not work. `sentence` is for a person and names no patient; `status` is DICOM's.

    `is_permanent`: the same thing sent again would fail again, so a person must look.
    """

    def __init__(
        self,
        phase: str,
        family: str,
        sentence: str,
        status: int | None = None,
        is_permanent: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.phase, self.family = str(phase), str(family)
        self.sentence, self.status, self.is_permanent = sentence, status, is_permanent


__all__ = ["DicomFailure", "Family", "Phase"]
