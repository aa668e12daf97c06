"""C-GET and C-MOVE: images of others, brought here (PS3.4 C.4.2, C.4.3)."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.presentation import build_role

from iep import storage

from . import contexts
from .calling import associated
from .errors import DicomFailure, Family, Phase
from .finding import find_instances, retrieve_keys, status_of
from .line import Line
from .peers import Caller, FoundInstance, Incoming, Peer
from .scp import take
from .wire import NETWORK_SECONDS

_AT_ONCE = 500  # instances of one C-GET or C-MOVE
_COMMON = (  # asked for when a peer does not say what it has: what a hospital makes every day
    "1.2.840.10008.5.1.4.1.1.2",  # CT
    "1.2.840.10008.5.1.4.1.1.4",  # MR
    "1.2.840.10008.5.1.4.1.1.1",  # CR
    "1.2.840.10008.5.1.4.1.1.1.1",  # DX
    "1.2.840.10008.5.1.4.1.1.6.1",  # US
    "1.2.840.10008.5.1.4.1.1.7",  # secondary capture
)


class _Fetching(Line):
    """An association over which objects come that we asked for."""

    caller: Caller
    store: Callable[[Incoming], int]
    go_on: Callable[[bool], bool]
    taken = 0
    is_enough = False

    def has_room(self, size: int) -> bool:
        return storage.room(for_blue_light=True)  # it was asked for; the lane looks at its priority

    def take(self, event: evt.Event) -> int:
        try:
            status = take(event, self.caller, self.store)
        except Exception:
            self.is_enough = True
            raise
        self.taken += status == 0x0000 or status >> 8 == 0xB0
        if not self.go_on(False):
            self.is_enough = True
            self.abort(block=False)
            self.dimse.msg_queue.put((None, None))  # who waits for the next one waits no longer
        return status

    def waits_on(self) -> bool:
        self.is_enough = self.is_enough or not self.go_on(True)
        return not self.is_enough


def fetch(
    peer: Peer,
    study_uid: str,
    sop_uids: Sequence[str],
    *,
    store: Callable[[Incoming], int],
    go_on: Callable[[bool], bool] = lambda is_idle: True,
    listed: Sequence[FoundInstance] = (),
) -> int:
    """C-GET of these instances ([] is the whole study); how many `store` took.

    `store` is called for each as it comes and returns a DICOM status; what it answers success to is
    its to keep. `go_on` is asked after each, and (is_idle) again and again while the peer says
    nothing; False ends the association there. Where `listed` has what they list, they are not
    asked for it again. Raises DicomFailure.
    """
    if listed:
        questions, classes = _of_series(study_uid, listed)
    else:
        questions, classes = _questions(peer, study_uid, sop_uids)
    total = 0
    for keys in questions:
        line = _get(peer, keys, classes, store, go_on)
        total += line.taken
        if line.is_enough:
            break
    return total


def _questions(
    peer: Peer, study_uid: str, sop_uids: Sequence[str]
) -> tuple[list[Any], tuple[str, ...]]:
    """What to ask for: the whole study, or its series one by one (PS3.4 C.4.3.2.1)."""
    try:
        found = find_instances(peer, study_uid)
    except DicomFailure as failure:
        if sop_uids or failure.family not in (Family.NO_CONTEXT, Family.REFUSED):
            raise
        return [retrieve_keys(study_uid)], _COMMON
    wanted = set(sop_uids)
    there = [each for each in found if not wanted or each.sop_uid in wanted]
    if not there:
        words = f"{peer.ae_title} does not have these images."
        raise DicomFailure(Phase.FETCH, Family.NOT_FOUND, words, is_permanent=True)
    questions, classes = _of_series(study_uid, there)
    return (questions if wanted else [retrieve_keys(study_uid)]), classes


def _of_series(study_uid: str, there: Sequence[FoundInstance]) -> tuple[list[Any], tuple[str, ...]]:
    """So many instances of one series at a time, and the classes that are to be agreed."""
    classes = tuple(dict.fromkeys(each.sop_class for each in there if each.sop_class)) or _COMMON
    of_series: dict[str, list[str]] = {}
    for each in there:
        of_series.setdefault(each.series_uid, []).append(each.sop_uid)
    return [
        retrieve_keys(study_uid, series, uids[at : at + _AT_ONCE])
        for series, uids in of_series.items()
        for at in range(0, len(uids), _AT_ONCE)
    ], classes


def _get(
    peer: Peer,
    keys: Any,
    classes: Sequence[str],
    store: Callable[[Incoming], int],
    go_on: Callable[[bool], bool],
) -> _Fetching:
    def prepare(line: Line) -> None:
        assert isinstance(line, _Fetching)  # noqa: S101 - said to the type checker
        line.store, line.go_on = store, go_on
        line.caller = Caller(peer.ae_title, peer.our_ae_title, peer.host, uuid.uuid4())
        line.bind(evt.EVT_C_STORE, line.take)

    roles = [build_role(UID(each), scp_role=True) for each in classes]
    wanted = contexts.to_fetch(classes)
    asked = associated(
        peer, wanted, phase=Phase.FETCH, extra=roles, kind=_Fetching, prepare=prepare
    )
    with asked as line:
        if not any(each.abstract_syntax == contexts.STUDY_GET for each in line.accepted_contexts):
            words = f"{peer.ae_title} does not offer this."
            raise DicomFailure(Phase.FETCH, Family.NO_CONTEXT, words, is_permanent=True)
        last = _last(line.send_c_get(keys, contexts.STUDY_GET))
        if not line.is_enough:
            _judge(status_of(last, line, peer, Phase.FETCH), line.taken, peer)
    return line


def _last(answers: Iterable[tuple[Any, Any]]) -> Any:
    """The last of them: those before it say how far it is. None: there is none."""
    return next(iter(deque(answers, maxlen=1)), (None, None))[0]


def _judge(status: int, taken: int, peer: Peer) -> None:
    """What a last answer means (PS3.4 C.4.2.1.5 and C.4.3.1.4). Some failed: the ledger knows."""
    if status == 0x0000 or (status == 0xB000 and taken):
        return
    if status >> 8 == 0xA7:
        words = f"{peer.ae_title} could not send them: out of resources."
        raise DicomFailure(Phase.FETCH, Family.OUT_OF_RESOURCES, words, status)
    words = f"{peer.ae_title} refused to send them, with status {status:04X}."
    raise DicomFailure(Phase.FETCH, Family.REFUSED, words, status, status == 0xA801)


def move(peer: Peer, study_uid: str, sop_uids: Sequence[str], *, to_ae: str) -> int:
    """C-MOVE of these instances ([] is the whole study) to `to_ae`; how many the peer sent.

    They come by associations of their own, to our listener. Raises DicomFailure.
    """
    questions, _ = _questions(peer, study_uid, sop_uids)
    total = 0
    with associated(peer, contexts.plain(contexts.STUDY_MOVE), phase=Phase.FETCH) as line:
        line.dimse_timeout = NETWORK_SECONDS  # an archive may say nothing while it sends
        for keys in questions:
            last = _last(line.send_c_move(keys, to_ae, contexts.STUDY_MOVE))
            status = status_of(last, line, peer, Phase.FETCH)
            sent = int(last.get("NumberOfCompletedSuboperations") or 0)
            sent += int(last.get("NumberOfWarningSuboperations") or 0)
            _judge(status, sent, peer)
            total += sent
    return total
