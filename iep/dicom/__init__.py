"""The DICOM network. Only here are pydicom and pynetdicom imported.

`Peer` says who; `echo`, `find_studies`, `find_instances`, `Sender`, `fetch`, `move` and
`ask_commitment` are what we ask of it, `serve` is what others may ask of us. Every failure is a
DicomFailure with a family. What came is told as an `Incoming`: bytes that lie aside in storage.
"""

from .errors import DicomFailure, Family, Phase
from .peers import Caller, CommitmentAnswer, FoundInstance, FoundStudy, Incoming, Peer
from .scp import Rules, serve
from .scu import Sender, ask_commitment, echo, fetch, find_instances, find_studies, move

__all__ = [
    "Caller",
    "CommitmentAnswer",
    "DicomFailure",
    "Family",
    "FoundInstance",
    "FoundStudy",
    "Incoming",
    "Peer",
    "Phase",
    "Rules",
    "Sender",
    "ask_commitment",
    "echo",
    "fetch",
    "find_instances",
    "find_studies",
    "move",
    "serve",
]
