"""A far PACS in a thread: it takes images, lists them, gives them, commits; and is told what to do
badly. It shares no code with the product.
"""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)  # of lines that we cut
REFUSED, NO_ROOM, NO_SUCH_OBJECT = 0xC000, 0xA700, 0x0112


class Pacs:
    """What it has (`kept`, by SOP instance), what came in which order, and how it behaves."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self._read: dict[str, tuple[bytes, Dataset]] = {}  # of `kept`, read once
        self.came: list[str] = []  # every C-STORE, repeats included
        self.refuses: set[str] = set()
        self.breaks_at: set[str] = set()  # aborts the association at these
        self.loses: set[str] = set()  # says success, and does not have it
        self.full = False
        self.seconds = 0.0  # for each image
        self.associations = 0
        self.commits = True  # else an N-ACTION is refused
        self.reports = True  # else it takes an N-ACTION, and says nothing of it
        self.asked: list[str] = []  # transaction UIDs of N-ACTIONs
        self.finds = True  # else a C-FIND fails
        self.aborts = False  # accepts an association, and aborts it when it is told to
        self.aborts_now = threading.Event()
        self.silent: set[str] = set()  # studies of which it gives nothing before `speaks`
        self.keeps_silent, self.speaks = threading.Event(), threading.Event()
        self.withholds: set[str] = set()  # lists these, and does not give them
        self.unlisted: set[str] = set()  # counts these, and does not list them
        self.counts = False  # says at the study how many images it has
        self.sends_to: dict[str, int] = {}  # AE titles that it knows, and their ports (C-MOVE)
        self.taking = threading.Event()  # an image has come
        self.port = 0

    def has(self, raw: bytes) -> None:
        """It has this file from the beginning."""
        read = dcmread(BytesIO(raw))
        self.kept[read.SOPInstanceUID] = raw

    def _as_read(self) -> list[tuple[str, Dataset]]:
        for uid, raw in list(self.kept.items()):
            if self._read.get(uid, (None,))[0] is not raw:
                self._read[uid] = raw, dcmread(BytesIO(raw), force=True)
        return [(uid, self._read[uid][1]) for uid in list(self.kept)]

    # --- What it is asked ---

    def _on_store(self, event: evt.Event) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        self.came.append(uid)
        self.taking.set()
        if self.seconds:
            time.sleep(self.seconds)
        if uid in self.breaks_at:
            event.assoc.abort()
            return 0x0000
        if self.full:
            return NO_ROOM
        if uid in self.refuses:
            return REFUSED
        if uid not in self.loses:
            self.kept[uid] = event.encoded_dataset()
        return 0x0000

    def _on_find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        if not self.finds:
            yield 0xC001, None
            return
        asked, said = event.identifier, set()
        if asked.QueryRetrieveLevel == "STUDY":
            yield from self._study(asked)
            return
        for read in self._listed(str(asked.StudyInstanceUID)):
            answer = Dataset()
            answer.QueryRetrieveLevel = asked.QueryRetrieveLevel
            answer.StudyInstanceUID = read.StudyInstanceUID
            answer.SeriesInstanceUID = read.SeriesInstanceUID
            if asked.QueryRetrieveLevel == "IMAGE":
                if asked.get("SeriesInstanceUID") not in ("", None, read.SeriesInstanceUID):
                    continue
                answer.SOPInstanceUID, answer.SOPClassUID = read.SOPInstanceUID, read.SOPClassUID
            elif read.SeriesInstanceUID in said:
                continue
            said.add(read.SeriesInstanceUID)
            yield 0xFF00, answer

    def _listed(self, study_uid: str) -> Iterator[Dataset]:
        for _, read in self._as_read():
            if read.StudyInstanceUID == study_uid and read.SOPInstanceUID not in self.unlisted:
                yield read

    def _study(self, asked: Dataset) -> Iterator[tuple[int, Dataset]]:
        answer = Dataset()
        answer.QueryRetrieveLevel, answer.StudyInstanceUID = "STUDY", asked.StudyInstanceUID
        if self.counts:
            answer.NumberOfStudyRelatedInstances = str(len(self.kept))
        yield 0xFF00, answer

    def _on_move(self, event: evt.Event) -> Iterator[object]:
        """By an association of its own to a listener that it knows (PS3.4 C.4.2)."""
        port = self.sends_to.get(str(event.move_destination).strip())
        if port is None:
            yield None, None  # A801
            return
        yield "127.0.0.1", port, {"contexts": [build_context(CTImageStorage)]}
        yield from self._on_get(event)

    def _on_get(self, event: evt.Event) -> Iterator[object]:
        wanted = event.identifier.get("SOPInstanceUID", [])
        wanted = {wanted} if isinstance(wanted, str) else set(wanted)
        chosen = []
        for uid, read in self._as_read():
            of_study = read.StudyInstanceUID == event.identifier.StudyInstanceUID
            if of_study and (not wanted or uid in wanted) and uid not in self.withholds:
                chosen.append(read)
        yield len(chosen)
        if event.identifier.StudyInstanceUID in self.silent:
            self.keeps_silent.set()
            self.speaks.wait(60)
        for read in chosen:
            if event.is_cancelled:
                yield 0xFE00, None
                return
            if self.seconds:
                time.sleep(self.seconds)
            self.came.append(str(read.SOPInstanceUID))
            self.taking.set()
            if str(read.SOPInstanceUID) in self.breaks_at:
                event.assoc.abort()
                return
            yield 0xFF00, read

    def _on_commit(self, event: evt.Event) -> tuple[int, None]:
        if not self.commits:
            return 0x0110, None
        asked, line = event.action_information, event.assoc
        self.asked.append(str(asked.TransactionUID))
        if not self.reports:
            return 0x0000, None
        threading.Thread(target=self._commit, args=(asked, line), daemon=True).start()
        return 0x0000, None

    def _commit(self, asked: Dataset, line: object) -> None:
        """Answered on the association that asked (PS3.4 J.3.3)."""
        time.sleep(0.05)
        held, failed = [], []
        for one in asked.ReferencedSOPSequence:
            item = Dataset()
            item.ReferencedSOPClassUID = one.ReferencedSOPClassUID
            item.ReferencedSOPInstanceUID = one.ReferencedSOPInstanceUID
            if one.ReferencedSOPInstanceUID in self.kept:
                held.append(item)
            else:
                item.FailureReason = NO_SUCH_OBJECT
                failed.append(item)
        answer = Dataset()
        answer.TransactionUID = asked.TransactionUID
        if held:
            answer.ReferencedSOPSequence = held
        if failed:
            answer.FailedSOPSequence = failed
        line.send_n_event_report(  # type: ignore[attr-defined]
            answer, 2 if failed else 1, StorageCommitmentPushModel,
            StorageCommitmentPushModelInstance,
        )  # fmt: skip

    def _on_request(self, event: evt.Event) -> None:
        self.associations += 1

    def _on_established(self, event: evt.Event) -> None:
        if self.aborts:
            threading.Thread(target=self._abort, args=[event.assoc], daemon=True).start()

    def _abort(self, line: object) -> None:
        if self.aborts_now.wait(60):
            line.abort()  # type: ignore[attr-defined]


@contextmanager
def listening(port: int = 0) -> Iterator[Pacs]:
    """A far PACS on a port of its own (or of the test's choice)."""
    pacs, entity = Pacs(), AE("FARPACS")
    entity.supported_contexts = AllStoragePresentationContexts
    for context in entity.supported_contexts:
        context.scp_role, context.scu_role = True, True
    for uid in (
        Verification, StorageCommitmentPushModel,
        StudyRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelGet,
        StudyRootQueryRetrieveInformationModelMove,
    ):  # fmt: skip
        entity.add_supported_context(uid)
    entity.maximum_associations = 50
    handlers = [
        (evt.EVT_REQUESTED, pacs._on_request), (evt.EVT_C_STORE, pacs._on_store),
        (evt.EVT_C_FIND, pacs._on_find), (evt.EVT_C_GET, pacs._on_get),
        (evt.EVT_C_MOVE, pacs._on_move),
        (evt.EVT_N_ACTION, pacs._on_commit), (evt.EVT_C_ECHO, lambda _: 0x0000),
        (evt.EVT_CONN_OPEN, _at_once), (evt.EVT_ESTABLISHED, pacs._on_established),
    ]  # fmt: skip
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    pacs.port = server.server_address[1]
    try:
        yield pacs
    finally:
        server.shutdown()


def _at_once(event: evt.Event) -> None:
    import socket

    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


# --- As a process of its own: its work is not that of who measures ---


@contextmanager
def apart(files: Iterable[Path], *, seconds: float = 0.0) -> Iterator[int]:
    """The port of one that has these files, and takes so long for each image."""
    words = [sys.executable, "-m", "tests.iep.lanes.peer", str(seconds)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("".join(f"{path}\n" for path in files) + "\n")
        child.stdin.flush()
        try:
            yield int(child.stdout.readline())
        finally:
            child.kill()


def main() -> None:
    with listening() as pacs:
        pacs.seconds = float(sys.argv[1])
        while path := sys.stdin.readline().strip():
            pacs.has(Path(path).read_bytes())
        print(pacs.port, flush=True)  # noqa: T201
        sys.stdin.read()  # until whoever wanted it is gone


if __name__ == "__main__":
    main()
