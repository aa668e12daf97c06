"""What we ask of other machines: echo, find, store, get, move and storage commitment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType

from .peers import CommitmentAnswer, FoundInstance, FoundStudy, Incoming, Peer


def echo(peer: Peer) -> None:
    """C-ECHO. Raises DicomFailure."""
    raise NotImplementedError


def find_studies(
    peer: Peer,
    *,
    patient_id: str = "",
    nhs_number: str = "",
    family_name: str = "",
    birth_date: date | None = None,
    study_uid: str = "",
    accession: str = "",
    acquired_from: date | None = None,
    acquired_to: date | None = None,
) -> list[FoundStudy]:
    """C-FIND on the level STUDY, study root. Raises DicomFailure, ValueError without any key."""
    raise NotImplementedError


def find_instances(peer: Peer, study_uid: str) -> list[FoundInstance]:
    """C-FIND on the level IMAGE, of one study. Raises DicomFailure; not_found when it has none."""
    raise NotImplementedError


class Sender:
    """One association, over which any number of files are sent one after the other.

    `kinds` are the (SOP class, transfer syntax) pairs to be agreed, at most 128. Files are never
    decoded: they go as they lie in storage, without preamble and file meta.
    """

    def __init__(self, peer: Peer, kinds: Iterable[tuple[str, str]]) -> None:
        self.peer, self.kinds = peer, list(kinds)

    def __enter__(self) -> Sender:
        """Raises DicomFailure: no connection, no association."""
        raise NotImplementedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        raise NotImplementedError

    def send(self, path: Path, *, sop_uid: str, sop_class: str, transfer_syntax: str) -> int:
        """The status of a success or of a warning (0x0000, 0xB0xx: they have it).

        Raises DicomFailure. After families no_context, refused and out_of_resources the
        association stands and the next file may be sent; after the others it is gone.
        """
        raise NotImplementedError


def fetch(
    peer: Peer,
    study_uid: str,
    sop_uids: Sequence[str],
    *,
    store: Callable[[Incoming], int],
    go_on: Callable[[], bool] = lambda: True,
) -> int:
    """C-GET of these instances ([] is the whole study); how many `store` took.

    `store` is called for each as it comes and returns a DICOM status; `go_on` is asked after each,
    and False ends the association there. Raises DicomFailure.
    """
    raise NotImplementedError


def move(peer: Peer, study_uid: str, sop_uids: Sequence[str], *, to_ae: str) -> int:
    """C-MOVE of these instances ([] is the whole study) to `to_ae`; how many the peer sent.

    They come by associations of their own, to our listener. Raises DicomFailure.
    """
    raise NotImplementedError


def ask_commitment(
    peer: Peer, uid: str, instances: Sequence[tuple[str, str]]
) -> CommitmentAnswer | None:
    """Storage commitment of [(SOP class, SOP instance)], under the transaction UID `uid`.

    None when they took the question and did not answer at once: the answer comes to our listener
    later, with the same uid. Raises DicomFailure.
    """
    raise NotImplementedError
