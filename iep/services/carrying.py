"""The four ways in which images move: sent, fetched, pushed to a gateway, pulled from one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Q

from iep import dicom, storage
from iep.dicom import DicomFailure, Family, Incoming, Phase
from iep.gateway import client
from iep.gateway.shapes import Offered
from iep.models import ReceivedFile, Transaction, Transfer, TransferInstance
from iep.states.priorities import Priority
from iep.states.studies import Origin
from iep.states.transfers import InstanceState, TransferKind

from . import arrivals
from .claiming import Held
from .landing import Landing
from .ledger import Session
from .lines import KeptLine, peer_of
from .retrying import MOST_TRIES_OF_ONE, node_works
from .telling import make_known
from .transfers import expect

_AT_ONCE = 200  # lines of the ledger in memory
_OWN = frozenset(
    {Family.REFUSED, Family.NO_CONTEXT, Family.NOT_FOUND}
)  # the image's, not the node's
_BROKE_OFF = frozenset({Family.ABORTED, Family.TIMEOUT, Family.OUT_OF_RESOURCES})
_ONE_BY_ONE = 2  # failures in a row without an image
_LOOK = 0.5  # seconds between two looks at what came, while they send by themselves
_SUCCESS, _OUT_OF_RESOURCES = 0x0000, 0xA700  # PS3.4 B.2.3


@dataclass(frozen=True)
class Between:
    """What a carrier has at hand. `look(held, ...)` is called between images."""

    held: Held
    session: Session
    look: Callable[..., None]
    line: KeptLine

    def go_on(self, **how: Any) -> None:
        """As services.lanes.Carrier.look. Raises Left: the lane leaves what it has."""
        self.look(self.held, **how)


def _waiting(transfer: Transfer) -> Iterator[TransferInstance]:
    """What is still to be done, each once, a few in memory at a time.

    What was tried before comes last: an image at which the other side breaks off stands in
    nobody's way.
    """
    rows = transfer.instances.filter(state=InstanceState.WAITING).order_by("attempts", "position")
    last = (-1, -1)
    while batch := list(rows.filter(_after(*last))[:_AT_ONCE]):
        yield from batch
        last = (batch[-1].attempts, batch[-1].position)


def _after(attempts: int, position: int) -> Q:
    return Q(attempts__gt=attempts) | Q(attempts=attempts, position__gt=position)


def _tried(between: Between, line: TransferInstance, failure: DicomFailure) -> None:
    """Write down that one image was not taken. Raises the failure when it is not only its own."""
    held, session, why = between.held, between.session, failure.sentence
    if failure.family in _OWN or failure.is_permanent:
        between.go_on(is_ours=session.refused(held, line.pk, why, failure.status))
        return
    if failure.family in _BROKE_OFF:
        if line.attempts + 1 >= MOST_TRIES_OF_ONE and _others_got_through(line):
            session.refused(held, line.pk, why, failure.status)
        else:
            session.missed(held, line.pk, why, failure.status)
    raise failure


def _others_got_through(line: TransferInstance) -> bool:
    done = (InstanceState.SENT, InstanceState.CONFIRMED)
    rows = TransferInstance.objects.filter(transfer=line.transfer_id, state__in=done)
    return rows.exists()


# --- Out: to a node ------------------------------------------------------------------------------


def send(between: Between, transfer: Transfer) -> None:
    """C-STORE each image that has not gone yet. Raises Left, DicomFailure."""
    rows = transfer.instances.filter(state=InstanceState.WAITING).order_by()
    kinds = set(rows.values_list("sop_class", "transfer_syntax").distinct())
    if not kinds:
        return
    sender = between.line.to(transfer.node, kinds)
    has_worked = False
    for line in _waiting(transfer):
        between.go_on(next_size=line.size)
        try:
            status = _send_one(sender, line)
        except DicomFailure as failure:
            _tried(between, line, failure)
            continue
        ours = between.session.done(between.held, line.pk, status=status, size=line.size)
        has_worked = has_worked or _works(transfer)
        if not ours:
            between.go_on(is_ours=False)


def _send_one(sender: dicom.Sender, line: TransferInstance) -> int:
    if line.file_id is None:
        raise _not_here()
    path = storage.path_of(line.file_id)
    if not path.is_file():
        raise _not_here()
    return sender.send(
        path,
        sop_uid=line.sop_uid,
        sop_class=line.sop_class,
        transfer_syntax=line.transfer_syntax,
    )


def _not_here() -> DicomFailure:
    words = "The file is no longer in our own storage."
    return DicomFailure(Phase.STORE, Family.NOT_FOUND, words, is_permanent=True)


def _works(transfer: Transfer) -> bool:
    node_works(transfer.node_id)
    return True


# --- Out: to a gateway ---------------------------------------------------------------------------


def push(between: Between, transfer: Transfer) -> None:
    """Hand each image to another installation, which answers when it is on its disk (STOW)."""
    transaction = _transaction_of(transfer)
    make_known(transaction)
    client.announce(transfer.node, transaction, _manifest(transfer))
    node_works(transfer.node_id)
    for line in _waiting(transfer):
        between.go_on(next_size=line.size)
        try:
            if line.file_id is None:
                raise _not_here()
            client.push_instance(
                transfer.node, transaction, storage.path_of(line.file_id), sop_uid=line.sop_uid,
                sha256=_hash_of(line),
            )  # fmt: skip
        except DicomFailure as failure:
            _tried(between, line, failure)
            continue
        if not between.session.done(between.held, line.pk, size=line.size, is_confirmed=True):
            between.go_on(is_ours=False)


def _transaction_of(transfer: Transfer) -> Transaction:
    if transfer.transaction is None:
        words = "What goes through a gateway belongs to a transaction, and this does not."
        raise DicomFailure(Phase.CONNECT, Family.NOT_FOUND, words, is_permanent=True)
    return transfer.transaction


def _hash_of(line: TransferInstance) -> str:
    return line.file.sha256 if line.file else ""


def _manifest(transfer: Transfer) -> Iterator[Offered]:
    for line in transfer.instances.select_related("file").order_by("position").iterator(500):
        if line.file is not None:
            yield Offered(
                study_uid=transfer.study_uid, series_uid=line.series_uid, sop_uid=line.sop_uid,
                sop_class=line.sop_class, transfer_syntax=line.transfer_syntax,
                size=line.file.size, sha256=line.file.sha256,
            )  # fmt: skip


# --- In: from a node -----------------------------------------------------------------------------


def fetch(between: Between, transfer: Transfer) -> None:
    """C-GET (or C-MOVE) what is not here yet. Raises Left, DicomFailure."""
    if transfer.instances.count() < max(transfer.images, 1):  # they may list more than last time
        _expect(transfer, *dicom.find_whole(peer_of(transfer.node), transfer.study_uid))
        node_works(transfer.node_id)
    _tick_off_what_came(between, transfer)
    if transfer.node.fetches_by_move:
        _move(between, transfer)
    else:
        _get(between, transfer)
    _note_what_did_not_come(between, transfer)


def _expect(transfer: Transfer, found: list[Any], said: int | None = None) -> None:
    """What they list is asked for; what they say that there is besides is missing (hazard H40)."""
    if not found:
        words = "They have no images of this study."
        raise DicomFailure(Phase.FIND, Family.NOT_FOUND, words, is_permanent=True)
    expect(transfer, found)
    transfer.images = max(transfer.instances.count(), said or 0)
    Transfer.objects.filter(pk=transfer.pk).update(images=transfer.images)


def _tick_off_what_came(between: Between, transfer: Transfer) -> None:
    """What is in storage already, though the ledger does not say so: a lane died in between, or
    it came by an association of theirs (C-MOVE).
    """
    waiting = transfer.instances.filter(state=InstanceState.WAITING)
    came = ReceivedFile.objects.filter(
        Q(transfer_id=transfer.pk)
        | Q(transfer_id=None, node=transfer.node, received_at__gte=transfer.created_at),
        study_uid=transfer.study_uid, sop_uid__in=waiting.values("sop_uid"),
    )  # fmt: skip
    lines = dict(waiting.values_list("sop_uid", "pk"))
    for file in came.only("pk", "sop_uid", "size", "transfer_id", "transaction_id").iterator(500):
        if (line := lines.pop(file.sop_uid, None)) is None:
            continue
        if file.transfer_id is None:
            ReceivedFile.objects.filter(pk=file.pk).update(
                transfer_id=transfer.pk, transaction=transfer.transaction
            )
        ours = between.session.done(between.held, line, size=file.size, is_confirmed=True)
        between.go_on(is_ours=ours)


def _get(between: Between, transfer: Transfer) -> None:
    """All that is missing in one question; one by one when that has broken off twice."""
    waiting = transfer.instances.filter(state=InstanceState.WAITING).order_by(
        "attempts", "position"
    )
    lines = list(waiting)
    at_once = 1 if transfer.failures >= _ONE_BY_ONE else max(len(lines), 1)
    for first in range(0, len(lines), at_once):
        between.go_on()
        _get_these(between, transfer, lines[first : first + at_once])


def _get_these(between: Between, transfer: Transfer, lines: list[TransferInstance]) -> None:
    taking = _Taking(between, transfer, {line.sop_uid: line.pk for line in lines})
    wanted = list(taking.landing.lines)
    try:
        dicom.fetch(
            peer_of(transfer.node), transfer.study_uid, wanted, store=taking.take,
            go_on=taking.go_on,
        )  # fmt: skip
    except DicomFailure as failure:
        taking.end()
        if taking.stopped is None:
            if len(lines) > 1:
                raise
            _tried(between, lines[0], failure)
    taking.end()
    if taking.stopped is not None:
        raise taking.stopped


class _Taking:
    """What is done with each image as it comes. What stops it is raised when the line is closed."""

    def __init__(self, between: Between, transfer: Transfer, lines: dict[str, int]) -> None:
        self.between, self.transfer = between, transfer
        self.landing = Landing(transfer, between.held, between.session, lines)
        self.stopped: Exception | None = None
        self._is_ours = True

    def take(self, incoming: Incoming) -> int:
        """A DICOM status: it came whole; that it is here is said by the ledger, a little later."""
        if not has_room(self.transfer):
            self.stopped = NoRoom()
            return _OUT_OF_RESOURCES
        self.landing.add(incoming)
        return _SUCCESS

    def go_on(self, is_idle: bool) -> bool:
        """Whether the next may come: as between two images that are sent."""
        if self.stopped is not None:
            return False
        try:
            if self.landing.is_due:
                self._bring_in()
            self.between.go_on(is_ours=self._is_ours, is_idle=is_idle, first=self._bring_in)
        except Exception as left:  # noqa: BLE001 - it is raised when the association is closed
            self.stopped = left
        return self.stopped is None

    def _bring_in(self) -> bool:
        try:
            self._is_ours = self.landing.bring_in() and self._is_ours
        except OSError:
            raise NoRoom from None
        return self._is_ours

    def end(self) -> None:
        """The association is over: what came is brought in, whatever ended it."""
        try:
            self._bring_in()
        except NoRoom as full:
            self.stopped = self.stopped or full


def has_room(transfer: Transfer) -> bool:
    """Whether another image may come; blue light has the reserve to itself."""
    return storage.room(for_blue_light=transfer.priority == Priority.BLUE_LIGHT)


class NoRoom(Exception):
    """Our own disk is full: nobody else's fault, and no node is held back for it."""


def _move(between: Between, transfer: Transfer) -> None:
    """They open associations of their own to our listener; what comes is ticked off meanwhile."""
    waiting = transfer.instances.filter(state=InstanceState.WAITING).order_by(
        "attempts", "position"
    )
    before = 0
    while uids := list(waiting.values_list("sop_uid", flat=True)[:_AT_ONCE]):
        if not has_room(transfer):
            raise NoRoom
        left = waiting.count()
        if left == before:
            return
        before = left
        between.go_on()
        _ask_to_move(between, transfer, uids)


def _ask_to_move(between: Between, transfer: Transfer, uids: list[str]) -> None:
    """One question, asked beside the lane, which looks around as between two images that it sends.

    A lane that leaves lets it end by itself: what still comes is ticked off by whoever goes on.
    """
    asking = _Asking(transfer, uids)
    asking.start()
    while asking.is_alive():
        asking.join(_LOOK)
        _tick_off_what_came(between, transfer)
        between.go_on()
    _tick_off_what_came(between, transfer)
    if asking.failure is not None:
        raise asking.failure


class _Asking(threading.Thread):
    """A C-MOVE, which says nothing until all of it has been sent."""

    def __init__(self, transfer: Transfer, uids: list[str]) -> None:
        super().__init__(name="c-move", daemon=True)
        node = transfer.node
        self._peer, self._to = peer_of(node), node.our_ae_title or settings.DICOM_AET
        self._study_uid, self._uids = transfer.study_uid, uids
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            dicom.move(self._peer, self._study_uid, self._uids, to_ae=self._to)
        except Exception as failure:  # noqa: BLE001 - the lane raises it
            self.failure = failure


def _note_what_did_not_come(between: Between, transfer: Transfer) -> None:
    """They ended without an error, and some are not here: asked for again, then given up."""
    words = "They said that they have it, and did not send it."
    for line in list(transfer.instances.filter(state=InstanceState.WAITING)):
        enough = line.attempts + 1 >= MOST_TRIES_OF_ONE
        write = between.session.refused if enough else between.session.missed
        between.go_on(is_ours=write(between.held, line.pk, words))


# --- In: from a gateway --------------------------------------------------------------------------


def pull(between: Between, transfer: Transfer) -> None:
    """Fetch each image of another installation (WADO); size and hash are those they say."""
    transaction = _transaction_of(transfer)
    if not transfer.instances.exists():
        _expect(transfer, client.instances_of(transfer.node, transaction, transfer.study_uid))
        node_works(transfer.node_id)
    _tick_off_what_came(between, transfer)
    for line in _waiting(transfer):
        between.go_on(next_size=line.size)
        try:
            size = _pull_one(transfer, transaction, line.sop_uid)
        except DicomFailure as failure:
            _tried(between, line, failure)
            continue
        if not between.session.done(between.held, line.pk, size=size, is_confirmed=True):
            between.go_on(is_ours=False)


def _pull_one(transfer: Transfer, transaction: Transaction, sop_uid: str) -> int:
    def store(pulled: client.Pulled) -> int:
        return arrivals.receive(
            pulled.written, origin=Origin.GATEWAY, node=transfer.node, transfer=transfer,
            transaction=transaction, study_uid=pulled.offered.study_uid,
            series_uid=pulled.offered.series_uid, sop_uid=sop_uid,
            sop_class=pulled.offered.sop_class, transfer_syntax=pulled.offered.transfer_syntax,
        ).size  # fmt: skip

    if not has_room(transfer):
        raise NoRoom()
    try:
        return client.pull_instance(transfer.node, transaction, sop_uid, store)
    except OSError:
        raise NoRoom() from None


CARRIERS: dict[TransferKind, Callable[[Between, Transfer], None]] = {
    TransferKind.SEND: send,
    TransferKind.PUSH: push,
    TransferKind.FETCH: fetch,
    TransferKind.PULL: pull,
}
