"""The DICOM network. Only here are pydicom and pynetdicom imported.

`Peer` says who; `echo`, `find_studies`, `find_instances`, `Sender`, `fetch`, `move` and
`ask_commitment` are what we ask of it, `serve` is what others may ask of us. Every failure is a
DicomFailure with a family. What came is told as an `Incoming`: bytes that lie aside in storage.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .errors import DicomFailure, Family, Phase
from .peers import Caller, CommitmentAnswer, FoundInstance, FoundStudy, Incoming, Peer

if TYPE_CHECKING:
    from .finding import find_whole
    from .scp import Listener, Rules, serve
    from .scu import Sender, ask_commitment, echo, fetch, find_instances, find_studies, move

__all__ = [
    "Caller",
    "CommitmentAnswer",
    "DicomFailure",
    "Family",
    "FoundInstance",
    "FoundStudy",
    "Incoming",
    "Listener",
    "Peer",
    "Phase",
    "Rules",
    "Sender",
    "ask_commitment",
    "echo",
    "fetch",
    "find_instances",
    "find_studies",
    "find_whole",
    "load",
    "move",
    "serve",
]
_ELSEWHERE = {"Listener": ".scp", "Rules": ".scp", "serve": ".scp", "find_whole": ".finding"}


def load() -> None:
    """Now, and not when somebody is first spoken with: half a second."""
    import_module(".scu", __name__)


def __getattr__(name: str) -> object:
    """The network's library is loaded when it is used: a web page has no need of it."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(_ELSEWHERE.get(name, ".scu"), __name__), name)
