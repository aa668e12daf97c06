"""In from a node: by C-GET over our own association, or by C-MOVE over theirs (PS3.4 C.4)."""

from __future__ import annotations

import threading

from django.conf import settings

from iep import dicom
from iep.dicom import DicomFailure, FoundInstance, Incoming
from iep.models import Transfer, TransferInstance
from iep.services.lanes.landing import Landing
from iep.services.lanes.lines import peer_of
from iep.services.lanes.retrying import MOST_TRIES_OF_ONE, node_works
from iep.states.transfers import InstanceState

from .between import (
    AT_ONCE,
    Between,
    NoRoom,
    has_room,
    of_our_disk,
    tick_off_what_came,
    tried,
    write_down,
)

_ONE_BY_ONE = 2  # failures in a row without an image
_LOOK = 0.5  # seconds between two looks at what came, while they send by themselves
_SUCCESS, _OUT_OF_RESOURCES = 0x0000, 0xA700  # PS3.4 B.2.3


def fetch(between: Between, transfer: Transfer) -> None:
    """C-GET (or C-MOVE) what is not here yet. Raises Left, DicomFailure."""
    if transfer.instances.count() < max(transfer.images, 1):  # they may list more than last time
        write_down(transfer, *dicom.find_whole(peer_of(transfer.node), transfer.study_uid))
        node_works(transfer.node_id)
    tick_off_what_came(between, transfer)
    if transfer.node.fetches_by_move:
        _move(between, transfer)
    else:
        _get(between, transfer)
    _note_what_did_not_come(between, transfer)


def _get(between: Between, transfer: Transfer) -> None:
    """All that is missing in one question; one by one when that has broken off twice."""
    rows = transfer.instances.filter(state=InstanceState.WAITING).order_by("attempts", "position")
    lines = dict(rows.values_list("sop_uid", "pk"))
    listed = [
        FoundInstance(*each) for each in rows.values_list("sop_uid", "sop_class", "series_uid")
    ]
    at_once = 1 if transfer.failures >= _ONE_BY_ONE else max(len(listed), 1)
    for first in range(0, len(listed), at_once):
        between.go_on()
        _get_these(between, transfer, listed[first : first + at_once], lines)


def _get_these(
    between: Between, transfer: Transfer, listed: list[FoundInstance], lines: dict[str, int]
) -> None:
    wanted = {each.sop_uid: lines[each.sop_uid] for each in listed}
    taking, uids = _Taking(between, transfer, wanted), list(wanted)
    is_known = all(each.sop_class and each.series_uid for each in listed)
    try:
        dicom.fetch(
            peer_of(transfer.node), transfer.study_uid, uids, store=taking.take,
            go_on=taking.go_on, listed=listed if is_known else (),
        )  # fmt: skip
    except DicomFailure as failure:
        taking.end()
        if taking.stopped is None:
            if len(uids) > 1:
                raise
            tried(between, TransferInstance.objects.get(pk=lines[uids[0]]), failure)
    except BaseException:
        taking.end()  # what came is here
        raise
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
        except OSError as failure:
            raise of_our_disk(failure) from None
        return self._is_ours

    def end(self) -> None:
        """The association is over: what came is brought in, whatever ended it."""
        try:
            self._bring_in()
        except NoRoom as full:
            self.stopped = self.stopped or full


def _move(between: Between, transfer: Transfer) -> None:
    """They open associations of their own to our listener; what comes is ticked off meanwhile."""
    waiting = transfer.instances.filter(state=InstanceState.WAITING).order_by(
        "attempts", "position"
    )
    before = 0
    while uids := list(waiting.values_list("sop_uid", flat=True)[:AT_ONCE]):
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
        tick_off_what_came(between, transfer)
        between.go_on()
    tick_off_what_came(between, transfer)
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
