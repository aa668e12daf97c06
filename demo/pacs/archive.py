"""The archive's machine: one port, an AE title for each hospital, every service that ours uses."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Self

from pydicom.dataset import Dataset
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, _config, build_role, evt
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from . import finding, invent
from .agreed import Agreed, Peer
from .shelf import Image, Shelf

LOG = logging.getLogger("pacs")
logging.getLogger("pynetdicom").setLevel(logging.ERROR)  # it would log what is asked for
PDU = 131_072  # bytes
SLOW_SECONDS = 0.5  # an image
LEAVING_SECONDS = 2.0
COMMIT_AFTER = 0.3  # seconds: as a real archive answers after the association
MODES = ("working", "slow", "away")
ONCE = ("refuse", "lose")
REFUSED, OUT_OF_RESOURCES, NOT_KNOWN = 0xC000, 0xA700, 0xA801
NO_SUCH_OBJECT = 0x0112  # PS3.3 C.14: failure reason of a commitment
_SERVICES = (
    Verification, StorageCommitmentPushModel,
    PatientRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove, StudyRootQueryRetrieveInformationModelMove,
)  # fmt: skip


@dataclass
class Place:
    """One hospital in the archive: its images, and how it behaves."""

    ae_title: str
    name: str
    shelf: Shelf
    mode: str = "working"
    next_image: list[str] = field(default_factory=list)  # what is done with the next that come
    said: list[str] = field(default_factory=list)  # the last happenings, newest first

    def note(self, words: str) -> None:
        self.said.insert(0, f"{time.strftime('%H:%M:%S')} {words}")
        del self.said[20:]


class Archive:
    """Start it with `with Archive(folder, agreed, port=0) as archive:`; port 0 is a free one."""

    def __init__(
        self, folder: Path, agreed: Agreed, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.places = {
            one.ae_title: Place(one.ae_title, one.name, Shelf(folder / one.ae_title))
            for one in agreed.hospitals
        }
        self.peers = {one.ae_title: one for one in agreed.peers}
        self.changed: Callable[[], None] = lambda: None
        self._agreed = agreed
        self._address = (host, port)
        self._server: Any = None

    # --- Running ---------------------------------------------------------------------------------

    def invent(self) -> int:
        """Make what is not there yet; how many images were made."""
        made = 0
        for study in self._agreed.studies:
            shelf = self.places[study.ae_title].shelf
            if len(shelf.of_study(study.study_uid)) < sum(one.images for one in study.series):
                for image in invent.images_of(study):
                    shelf.keep(_as_file(image))
                    made += 1
        return made

    def start(self) -> None:
        self._was = _config.UNRESTRICTED_STORAGE_SERVICE  # of the whole process: tests have others
        _config.UNRESTRICTED_STORAGE_SERVICE = True
        handlers = [
            (evt.EVT_CONN_OPEN, _at_once), (evt.EVT_REQUESTED, self._on_request),
            (evt.EVT_C_ECHO, lambda _: 0x0000), (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_C_FIND, self._on_find), (evt.EVT_C_GET, self._on_get),
            (evt.EVT_C_MOVE, self._on_move), (evt.EVT_N_ACTION, self._on_commit),
        ]  # fmt: skip
        self._server = _entity("ARCHIVE").start_server(
            self._address, block=False, evt_handlers=handlers
        )
        self._address = self._server.server_address[:2]

    def stop(self) -> None:
        """Nobody new; who is leaving leaves by himself: an abort that meets a release is an error
        of the library's state machine (Evt15 in Sta13).
        """
        if self._server:
            entity = self._server.ae
            self._server.shutdown()
            until = time.monotonic() + LEAVING_SECONDS
            while entity.active_associations and time.monotonic() < until:
                time.sleep(0.01)
            entity.shutdown()
            self._server = None
            _config.UNRESTRICTED_STORAGE_SERVICE = self._was

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return int(self._address[1])

    # --- What people do --------------------------------------------------------------------------

    def behave(self, ae_title: str, mode: str) -> None:
        self.places[ae_title].mode = mode
        self._note(self.places[ae_title], f"Now {mode}")

    def next_image(self, ae_title: str, what: str) -> None:
        self.places[ae_title].next_image.append(what)
        self._note(self.places[ae_title], f"The next image: {what}")

    def send(self, ae_title: str, study_uid: str, *, to: str) -> str:
        """Send a study unasked (direct routing); what came of it, in words."""
        place, peer = self.places[ae_title], self.peers[to]
        images = place.shelf.of_study(study_uid)
        sent = _send(place, peer, images)
        words = f"{sent} of {len(images)} images sent to {to}"
        self._note(place, words)
        return words

    def _note(self, place: Place, words: str) -> None:
        place.note(words)
        LOG.info("%s: %s", place.ae_title, words)
        self.changed()

    # --- What comes in ---------------------------------------------------------------------------

    def _on_request(self, event: Any) -> None:
        """Unknown titles are rejected for good; one that is away, for now (PS3.8 9.3.4)."""
        called = event.assoc.requestor.primitive.called_ae_title.strip()
        place = self.places.get(called)
        if place is not None and place.mode != "away":
            return
        reject = (0x02, 0x03, 0x01) if place else (0x01, 0x01, 0x07)
        event.assoc.acse.send_reject(*reject)
        event.assoc.kill()

    def _called(self, event: Any) -> Place:
        return self.places[event.assoc.requestor.primitive.called_ae_title.strip()]

    def _on_store(self, event: Any) -> int:
        place = self._called(event)
        if place.mode == "slow":
            time.sleep(SLOW_SECONDS)
        what = place.next_image.pop(0) if place.next_image else ""
        if what:
            self._note(place, f"An image came, and was told to {what} it")
        if what == "refuse":
            return REFUSED
        if what != "lose":
            try:
                place.shelf.keep(event.encoded_dataset())
            except OSError:
                return OUT_OF_RESOURCES
        return 0x0000

    def _on_find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        for answer in finding.answers(self._called(event).shelf, event.identifier):
            yield 0xFF00, answer

    def _on_get(self, event: Any) -> Iterator[Any]:
        place = self._called(event)
        images = finding.chosen(place.shelf, event.identifier)
        self._note(place, f"Asked for {len(images)} images (C-GET)")
        yield len(images)
        yield from self._read(place, images, event)

    def _on_move(self, event: Any) -> Iterator[Any]:
        place = self._called(event)
        peer = self.peers.get(str(event.move_destination).strip())
        if peer is None:
            yield None, None
            return
        images = finding.chosen(place.shelf, event.identifier)
        self._note(place, f"Asked to move {len(images)} images to {peer.ae_title}")
        classes = {image.facts["SOPClassUID"] for image in images}
        yield (
            peer.host,
            peer.port,
            {
                "ae_title": peer.ae_title,
                "contexts": [build_context(uid, list(AllTransferSyntaxes)[:4]) for uid in classes],
                "evt_handlers": [(evt.EVT_CONN_OPEN, _at_once)],
            },
        )
        yield len(images)
        yield from self._read(place, images, event)

    def _read(self, place: Place, images: list[Image], event: Any) -> Iterator[Any]:
        for image in images:
            if event.is_cancelled:
                yield 0xFE00, None
                return
            if place.mode == "slow":
                time.sleep(SLOW_SECONDS)
            yield 0xFF00, place.shelf.read(image)

    # --- Storage commitment: PS3.4 annex J --------------------------------------------------------

    def _on_commit(self, event: Any) -> tuple[int, None]:
        """Taken now, answered on an association of our own to whoever asked."""
        place, asked = self._called(event), event.action_information
        caller = self.peers.get(event.assoc.requestor.ae_title.strip())
        if caller is None:
            return 0x0110, None
        answering = threading.Thread(target=self._answer, args=(place, caller, asked), daemon=True)
        answering.start()
        return 0x0000, None

    def _answer(self, place: Place, caller: Peer, asked: Dataset) -> None:
        time.sleep(COMMIT_AFTER)
        answer, kind = _committed(place.shelf, asked)
        entity = _entity(place.ae_title, listens=False)
        entity.add_requested_context(StorageCommitmentPushModel)
        role = build_role(StorageCommitmentPushModel, scp_role=True)
        line = entity.associate(
            caller.host, caller.port, ae_title=caller.ae_title, ext_neg=[role], max_pdu=PDU,
            evt_handlers=[(evt.EVT_CONN_OPEN, _at_once)],
        )  # fmt: skip
        if not line.is_established:
            self._note(place, f"{caller.ae_title} does not take the answer of a commitment")
            return
        line.send_n_event_report(
            answer, kind, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        line.release()


def _committed(shelf: Shelf, asked: Dataset) -> tuple[Dataset, int]:
    """The answer, and its event type: 1 all is held, 2 something is not."""
    held, failed = [], []
    for one in asked.ReferencedSOPSequence:
        item = Dataset()
        item.ReferencedSOPClassUID = one.ReferencedSOPClassUID
        item.ReferencedSOPInstanceUID = one.ReferencedSOPInstanceUID
        if one.ReferencedSOPInstanceUID in shelf.images:
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
    return answer, 2 if failed else 1


def _send(place: Place, peer: Peer, images: list[Image]) -> int:
    entity = _entity(place.ae_title, listens=False)
    for uid in {image.facts["SOPClassUID"] for image in images}:
        entity.add_requested_context(uid)
    line = entity.associate(
        peer.host, peer.port, ae_title=peer.ae_title, max_pdu=PDU,
        evt_handlers=[(evt.EVT_CONN_OPEN, _at_once)],
    )  # fmt: skip
    if not line.is_established:
        return 0
    sent = 0
    with contextlib.suppress(RuntimeError, ValueError):  # the line broke, or it is not spoken there
        for image in images:
            answer = line.send_c_store(place.shelf.read(image))
            sent += answer.get("Status") == 0x0000
    line.release()
    return sent


def _entity(title: str, *, listens: bool = True) -> AE:
    entity = AE(ae_title=title)
    entity.maximum_pdu_size = PDU
    entity.maximum_associations = 64
    entity.acse_timeout = entity.dimse_timeout = 30
    entity.network_timeout, entity.connection_timeout = 60, 5
    if listens:
        for uid in _SERVICES:
            entity.add_supported_context(uid)
        for context in AllStoragePresentationContexts:
            # Both roles: whoever asks by C-GET is sent the images on the same association.
            entity.add_supported_context(
                context.abstract_syntax, AllTransferSyntaxes, scu_role=True, scp_role=True
            )
    return entity


def _at_once(event: Any) -> None:
    """Small messages go at once: DICOM asks and answers, and each waits for the other."""
    line = event.assoc.dul.socket.socket
    if line is not None:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _as_file(image: Dataset) -> bytes:
    buffer = BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
