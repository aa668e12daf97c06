"""What we ask of other machines: echo, store and storage commitment (the rest: see beside)."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from pynetdicom import evt
from pynetdicom.dimse_primitives import N_EVENT_REPORT

from . import commands, commitment, contexts
from .calling import associated, end, open_line
from .errors import DicomFailure, Family, Phase
from .finding import find_instances, find_studies, status_of
from .line import Line
from .peers import CommitmentAnswer, Peer
from .receiving import data_set_begins
from .retrieving import fetch, move

__all__ = [
    "Sender", "ask_commitment", "echo", "fetch", "find_instances", "find_studies", "move",
]  # fmt: skip

WAIT_FOR_REPORT_SECONDS = 3.0
_NOT_OF_THE_FILE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})  # another time it opens


def echo(peer: Peer) -> None:
    """C-ECHO. Raises DicomFailure."""
    with associated(peer, contexts.plain(contexts.VERIFICATION), phase=Phase.ECHO) as line:
        status = status_of(line.send_c_echo(), line, peer, Phase.ECHO)
    if status != 0x0000:
        words = f"{peer.ae_title} answered C-ECHO with status {status:04X}."
        raise DicomFailure(Phase.ECHO, Family.REFUSED, words, status)


# --- C-STORE -------------------------------------------------------------------------------------


class Sender:
    """One association, over which any number of files are sent one after the other.

    `kinds` are the (SOP class, transfer syntax) pairs to be agreed, at most 127. Files are never
    decoded: they go as they lie in storage, without preamble and file meta.
    """

    def __init__(self, peer: Peer, kinds: Iterable[tuple[str, str]]) -> None:
        self.peer, self.kinds = peer, list(kinds)
        self._line: Line | None = None
        self._agreed: dict[tuple[str, str], int] = {}
        self._number = 0

    def __enter__(self) -> Sender:
        """Raises DicomFailure: no connection, no association."""
        self._line = open_line(self.peer, contexts.to_send(self.kinds))
        self._agreed = {
            (str(each.abstract_syntax), str(each.transfer_syntax[0])): int(each.context_id)
            for each in self._line.accepted_contexts
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if (line := self._line) is None:
            return
        self._line = None
        if line.is_established and (kind is None or _stands(failure)):
            line.release()
        else:
            line.abort()
        end(line)

    def send(self, path: Path, *, sop_uid: str, sop_class: str, transfer_syntax: str) -> int:
        """The status of a success or of a warning (0x0000, 0xB0xx: they have it).

        Raises DicomFailure. After families no_context, refused and out_of_resources the
        association stands and the next file may be sent; after the others it is gone.
        """
        line = self._line
        if line is None:
            raise ValueError("send belongs inside `with`")
        context_id = self._agreed.get((sop_class, transfer_syntax))
        if context_id is None:
            words = f"{self.peer.ae_title} does not take this kind of object in this encoding."
            raise DicomFailure(Phase.STORE, Family.NO_CONTEXT, words, is_permanent=True)
        if not self.is_open:
            raise self._gone(Family.ABORTED, "had ended the association")
        self._number = self._number % 65535 + 1
        command = commands.store(self._number, sop_class, sop_uid)
        return self._judge(self._ask(line, context_id, command, path))

    @property
    def is_open(self) -> bool:
        """Whether the association still stands; a peer ends one on which nothing is said."""
        return self._line is not None and self._line.is_established and self._line.is_alive()

    def _ask(self, line: Line, context_id: int, command: bytes, path: Path) -> int:
        with _OwnFile(path) as file:
            try:
                line.send_file(context_id, command, file)  # type: ignore[arg-type]
            except DicomFailure:
                line.is_established = False  # they have the beginning, and wait for the rest
                raise
            except TimeoutError:
                raise self._gone(Family.TIMEOUT, "took nothing more of an image") from None
            except OSError:
                raise self._gone(Family.ABORTED, "broke off while an image was sent") from None
        _, answer = line.dimse.get_msg(block=True)
        if answer is None and line.dul.is_talking:
            raise self._gone(Family.TIMEOUT, "did not say in time whether it stored an image")
        if answer is None:
            raise self._gone(Family.ABORTED, "broke off before it said that it stored an image")
        if getattr(answer, "MessageIDBeingRespondedTo", None) != self._number:
            raise self._gone(Family.ABORTED, "answered something else than was asked")
        return int(answer.Status)

    def _gone(self, family: Family, words: str) -> DicomFailure:
        if self._line is not None:
            self._line.is_established = False  # it is aborted at the end, not released
        return DicomFailure(Phase.STORE, family, f"{self.peer.ae_title} {words}.")

    def _judge(self, status: int) -> int:
        """What C-STORE's statuses mean for the lane (PS3.4 table B.2-1, PS3.7 annex C)."""
        if status == 0x0000 or status >> 8 == 0xB0:
            return status
        name = self.peer.ae_title
        if status >> 8 == 0xA7:
            words = f"{name} has no room or is too busy for it."
            raise DicomFailure(Phase.STORE, Family.OUT_OF_RESOURCES, words, status)
        if status == 0x0122:
            words = f"{name} does not take this kind of object."
            raise DicomFailure(Phase.STORE, Family.NO_CONTEXT, words, status, True)
        words = f"{name} refused it with status {status:04X}."
        raise DicomFailure(Phase.STORE, Family.REFUSED, words, status, status != 0x0110)


class _OwnFile:
    """The data set of a file of ours: that it cannot be read is no fault of theirs.

    Raises DicomFailure; OSError when it is not the file's fault either.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> _OwnFile:
        try:
            self._file = self._path.open("rb")
            self._file.seek(data_set_begins(self._file))
        except OSError as failure:
            self.__exit__()
            if failure.errno in _NOT_OF_THE_FILE:
                raise
            raise _unreadable() from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def readinto(self, view: memoryview) -> int:
        try:
            return self._file.readinto(view)  # type: ignore[union-attr]
        except OSError:
            raise _unreadable() from None


def _unreadable() -> DicomFailure:
    words = "The file cannot be read from our own storage."
    return DicomFailure(Phase.STORE, Family.REFUSED, words, is_permanent=True)


def _stands(failure: BaseException | None) -> bool:
    """Whether an association can be used after this failure."""
    families = {Family.NO_CONTEXT, Family.REFUSED, Family.OUT_OF_RESOURCES}
    return isinstance(failure, DicomFailure) and failure.family in families


# --- Storage commitment --------------------------------------------------------------------------


class _Asking(Line):
    """An association on which the answer may come at once."""

    answer: CommitmentAnswer | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.has_answer = threading.Event()
        self.bind(evt.EVT_N_EVENT_REPORT, self._hear)

    def reported(self, primitive: N_EVENT_REPORT, context_id: int) -> None:
        """In a thread of its own: the one that reads from the line must go on reading."""
        if self.has_answer.is_set():
            raise ConnectionError("more reports than were asked for")
        arguments = (primitive, context_id)
        threading.Thread(target=self._serve_request, args=arguments, daemon=True).start()

    def _hear(self, event: evt.Event) -> tuple[int, None]:
        answer = commitment.read_report(event)
        if answer is None:
            return commitment.INVALID_ARGUMENT, None
        self.answer = answer
        return 0x0000, None

    def _serve_request(self, msg: Any, context_id: int) -> None:
        super()._serve_request(msg, context_id)
        if isinstance(msg, N_EVENT_REPORT):
            self.has_answer.set()  # and ours was sent


def ask_commitment(
    peer: Peer,
    uid: str,
    instances: Sequence[tuple[str, str]],
    *,
    wait_seconds: float = WAIT_FOR_REPORT_SECONDS,
) -> CommitmentAnswer | None:
    """Storage commitment of [(SOP class, SOP instance)], under the transaction UID `uid`.

    None when they took the question and did not answer at once: the answer comes to our listener
    later, with the same uid. What they say may be of an earlier question. Raises DicomFailure.
    """
    question = commitment.question_of(uid, instances)
    wanted = contexts.plain(contexts.COMMITMENT)
    with associated(peer, wanted, phase=Phase.COMMIT, kind=_Asking) as line:
        assert isinstance(line, _Asking)  # noqa: S101 - said to the type checker
        answer, _ = line.send_n_action(
            question, commitment.REQUEST, contexts.COMMITMENT, contexts.COMMITMENT_INSTANCE
        )
        status = status_of(answer, line, peer, Phase.COMMIT)
        if status != 0x0000:
            words = f"{peer.ae_title} does not promise to keep them: status {status:04X}."
            raise DicomFailure(Phase.COMMIT, Family.REFUSED, words, status)
        line.has_answer.wait(wait_seconds)
    return line.answer
