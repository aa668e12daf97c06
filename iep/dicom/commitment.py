"""Storage commitment (PS3.4 annex J): who keeps an image says so before anybody deletes it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pynetdicom import evt
from pynetdicom.presentation import build_role

from . import contexts
from .calling import associated
from .contexts import COMMITMENT, COMMITMENT_INSTANCE
from .errors import DicomFailure, Phase
from .line import Line
from .peers import CommitmentAnswer, Peer

log = structlog.get_logger(__name__)

INVALID_ARGUMENT = 0x0115  # PS3.7 annex C
PROCESSING_FAILURE = 0x0110
NO_SUCH_OBJECT = 0x0112
REQUEST = 1  # action type (J.3.2)
ALL_HELD, SOME_FAILED = 1, 2  # event types (J.3.3)

_MOST_WAITING = 1000
_AFTER_SECONDS = 1.0  # an association that asked may still be open: its end is waited for so long
_AGAIN_SECONDS = (0.0, 5.0, 30.0, 120.0)

Instances = tuple[tuple[str, str], ...]  # (SOP class, SOP instance)


@dataclass(frozen=True, slots=True)
class Question:
    uid: str
    instances: Instances


@dataclass(frozen=True, slots=True)
class Report:
    uid: str
    held: Instances
    failed: Instances

    @property
    def event_type(self) -> int:
        return SOME_FAILED if self.failed else ALL_HELD


def asked(event: evt.Event) -> Question | None:
    """What an N-ACTION asks; None when it is no question that can be answered."""
    with contextlib.suppress(Exception):  # whatever they sent
        if event.action_type != REQUEST:
            return None
        told = event.action_information
        question = Question(str(told.TransactionUID), _pairs(told.ReferencedSOPSequence))
        return question if question.uid and question.instances else None
    return None


def read_report(event: evt.Event) -> CommitmentAnswer | None:
    """What an N-EVENT-REPORT says; None when it says nothing."""
    with contextlib.suppress(Exception):  # whatever they sent
        told = event.event_information
        failed = {
            str(each.ReferencedSOPInstanceUID): int(each.get("FailureReason", PROCESSING_FAILURE))
            for each in told.get("FailedSOPSequence", ())
        }
        held = {instance for _, instance in _pairs(told.get("ReferencedSOPSequence", ()))}
        return CommitmentAnswer(str(told.TransactionUID), frozenset(held - set(failed)), failed)
    return None


def report_on(question: Question, held: set[str]) -> Report:
    return Report(
        question.uid,
        tuple(pair for pair in question.instances if pair[1] in held),
        tuple(pair for pair in question.instances if pair[1] not in held),
    )


def question_of(uid: str, instances: Sequence[tuple[str, str]]) -> Dataset:
    told = Dataset()
    told.TransactionUID = uid
    told.ReferencedSOPSequence = _items(instances)
    return told


def send_on(line: Line, report: Report) -> bool:
    """Report on an association that stands; whether they took it."""
    told = Dataset()
    told.TransactionUID = report.uid
    if report.held:  # J.3.3.1.1: a sequence is there only when it has items
        told.ReferencedSOPSequence = _items(report.held)
    if report.failed:
        told.FailedSOPSequence = _items(report.failed, FailureReason=NO_SUCH_OBJECT)
    try:
        status, _ = line.send_n_event_report(
            told, report.event_type, COMMITMENT, COMMITMENT_INSTANCE
        )
    except (RuntimeError, ValueError):  # it ended, or the role was not agreed
        return False
    return "Status" in status and status.Status == 0x0000


def _pairs(items: Any) -> Instances:
    return tuple(
        (str(each.ReferencedSOPClassUID), str(each.ReferencedSOPInstanceUID)) for each in items
    )


def _items(instances: Sequence[tuple[str, str]], **more: int) -> Items:
    items = []
    for sop_class, sop_uid in instances:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_uid
        for name, value in more.items():
            setattr(item, name, value)
        items.append(item)
    return Items(items)


@dataclass(slots=True)
class _Waiting:
    peer: Peer
    report: Report
    asked_on: Line
    attempt: int
    due: float  # monotonic


class Reporter(threading.Thread):
    """Carries answers to peers on associations of our own, a few times; then they ask again."""

    def __init__(self) -> None:
        super().__init__(name="reporter", daemon=True)
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()
        self._is_over = False

    def send(self, peer: Peer, report: Report, asked_on: Line) -> None:
        """Soon. When too many wait already it is left out: whoever asked will ask again."""
        with self._changed:
            if len(self._waiting) < _MOST_WAITING and not self._is_over:
                due = time.monotonic() + _AGAIN_SECONDS[0]
                self._waiting.append(_Waiting(peer, report, asked_on, 0, due))
                self._changed.notify()
            if not self.is_alive() and not self._is_over:
                self.start()

    def close(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify()

    def run(self) -> None:
        while (waiting := self._next()) is not None:
            waiting.asked_on.join(_AFTER_SECONDS)
            if not self._carry(waiting) and waiting.attempt + 1 < len(_AGAIN_SECONDS):
                waiting.attempt += 1
                waiting.due = time.monotonic() + _AGAIN_SECONDS[waiting.attempt]
                with self._changed:
                    self._waiting.append(waiting)

    def _next(self) -> _Waiting | None:
        with self._changed:
            while not self._is_over:
                first = min(self._waiting, key=lambda each: each.due, default=None)
                late = first.due - time.monotonic() if first else None
                if first is not None and late is not None and late <= 0:
                    self._waiting.remove(first)
                    return first
                self._changed.wait(late)
        return None

    def _carry(self, waiting: _Waiting) -> bool:
        """As the SCP of the service, though it is we who call (J.3.3: role selection)."""
        role = build_role(COMMITMENT, scp_role=True)
        try:
            wanted, phase = contexts.plain(COMMITMENT), Phase.COMMIT
            with associated(waiting.peer, wanted, phase=phase, extra=[role]) as line:
                taken = send_on(line, waiting.report)
        except DicomFailure as failure:
            log.warning("commitment_not_reported", family=failure.family, phase=failure.phase)
            return False
        if not taken:
            log.warning("commitment_not_reported", family="refused", phase="commit")
        return taken
