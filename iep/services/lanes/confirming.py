"""Whether the other side has what we sent: it is asked, and only its word makes "Delivered".

By storage commitment (PS3.4 J) where the node does it, else by counting with C-FIND what is there.
Until every image is confirmed the transfer is "Sent, unconfirmed", and is asked about again. An
archive may answer hours later, when it was asked three times more: its answer to any of those
questions counts, until something is sent again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from uuid import uuid4

import structlog
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.db.transaction import atomic

from iep import dicom
from iep.dicom import CommitmentAnswer, DicomFailure, Family
from iep.models import Transfer
from iep.services.lanes.lines import peer_of
from iep.services.lanes.moves import locked_in_order, moved
from iep.services.lanes.retrying import (
    counted,
    fail,
    is_ours_for_good,
    is_past,
    node_works,
    ours,
    pause_after,
)
from iep.services.lanes.settling import counts_of, finish
from iep.services.lanes.transfers import wake
from iep.states.priorities import Priority
from iep.states.transfers import InstanceState, TransferEvent, TransferState

log = structlog.get_logger(__name__)

MOST_SENDINGS = 3  # of one image that they took and then do not have
_ASKING = timedelta(minutes=2)  # nobody else asks meanwhile
_NOT_DONE = frozenset({Family.NO_CONTEXT, Family.REFUSED})  # they do not answer such a question
LATE = 6  # questions without an answer: what they list is counted
LOST = 30  # what they do not list either after so many is taken to be lost
_REMEMBERED = 512  # questions: more than are asked about one transfer in two days
_ROOT = "2.25."  # of a UID that is a UUID (PS3.5 B.2)
_UID = re.compile(r"2\.25\.(\d{1,39})")
_NUMBERS = 2**16  # the last bits of the UUID number the questions
_SILENT = "They have not said yet whether they have all of it."
_OF_SOME = "They have not spoken of every image yet."

Way = Callable[[Transfer], CommitmentAnswer | None]


def confirm_due(most: int = 20) -> int:
    """Ask about what was sent and is not confirmed yet, the urgent first; how many were asked."""
    for number in range(most):
        transfer = _claim()
        if transfer is None:
            return number
        _confirm(transfer)
    return most


def _claim() -> Transfer | None:
    """One whose time has come; nobody else asks about it for a while. Its uid is our right."""
    with atomic():
        rows = Transfer.objects.filter(
            Q(not_before=None) | Q(not_before__lte=Now()), state=TransferState.UNCONFIRMED
        )
        rows = rows.select_related("node").order_by("priority", "state_since")
        transfer = rows.select_for_update(skip_locked=True, of=("self",)).first()
        if transfer is None:
            return None
        transfer.commitment_uid = _next_uid(transfer.commitment_uid)
        Transfer.objects.filter(pk=transfer.pk).update(
            commitment_uid=transfer.commitment_uid,
            commitment_asked_at=Now(),
            not_before=Now() + _ASKING,
        )
    return transfer


def _next_uid(before: str) -> str:
    """Of a new question; the number after the last one, so that its answer is known by it too."""
    if not before:
        return f"{_ROOT}{uuid4().int // _NUMBERS * _NUMBERS}"
    return f"{_ROOT}{int(before.removeprefix(_ROOT)) + 1}"


def asked_about(uid: str) -> QuerySet[Transfer]:
    """The transfer that this question was about, if it still waits for an answer to it."""
    found = _UID.fullmatch(uid)
    first = int(found[1]) if found else 0
    later = [f"{_ROOT}{first + step}" for step in range(_REMEMBERED)] if found else []
    return Transfer.objects.filter(state=TransferState.UNCONFIRMED, commitment_uid__in=later)


def _confirm(transfer: Transfer) -> None:
    try:
        answer = _ask(transfer)
        node_works(transfer.node_id)
        _note(transfer, answer)
    except DicomFailure as failure:
        log.warning("not_confirmed", transfer=transfer.pk, family=failure.family)
        _ask_later(transfer, failure.sentence)
    except Exception as failure:  # noqa: BLE001 - or it is asked about for ever
        _ask_later(transfer, ours(failure, transfer.pk).sentence, Family.OURS)


def _ask(transfer: Transfer) -> CommitmentAnswer | None:
    """What they say they have. Raises DicomFailure."""
    *first, last = _ways(transfer)
    for way in first:
        try:
            return way(transfer)
        except DicomFailure as failure:
            if failure.family not in _NOT_DONE:
                raise
    return last(transfer)


def _ways(transfer: Transfer) -> tuple[Way, ...]:
    """How it is asked, the better way first. Who takes questions and never answers is counted."""
    if not transfer.node.commits:
        return (_count,)
    return (_count, _commitment) if _is_late(transfer) else (_commitment, _count)


def _is_late(transfer: Transfer) -> bool:
    """The last question was taken, as many before it, and there is no answer."""
    is_silent = transfer.why in (_SILENT, _OF_SOME)  # and not: could not be reached
    return transfer.node.commits and is_silent and transfer.failures >= LATE


def _commitment(transfer: Transfer) -> CommitmentAnswer | None:
    sent = transfer.instances.filter(state=InstanceState.SENT)
    pairs = list(sent.values_list("sop_class", "sop_uid"))
    return dicom.ask_commitment(peer_of(transfer.node), transfer.commitment_uid, pairs)


def _count(transfer: Transfer) -> CommitmentAnswer:
    """As an answer: what they list is held, what they do not list failed.

    Where commitment is awaited they may still be storing it: only much later it has failed.
    """
    sent = transfer.instances.filter(state=InstanceState.SENT)
    uids = set(sent.values_list("sop_uid", flat=True))
    there = _listed(transfer) & uids
    may_come = _is_late(transfer) and transfer.failures < LOST
    missing = {} if may_come else dict.fromkeys(uids - there, _NO_SUCH_OBJECT)
    return CommitmentAnswer(transfer.commitment_uid, frozenset(there), missing)


def _listed(transfer: Transfer) -> set[str]:
    try:
        found = dicom.find_instances(peer_of(transfer.node), transfer.study_uid)
    except DicomFailure as failure:
        if failure.family != Family.NOT_FOUND:
            raise
        return set()
    return {each.sop_uid for each in found}


def _note(transfer: Transfer, answer: CommitmentAnswer | None) -> None:
    """What they said at once: of this transfer, or of another of theirs that was asked before."""
    found = asked_about(answer.uid).filter(node=transfer.node_id).first() if answer else None
    if answer and found:
        record_answer(answer)
    if found is None or found.pk != transfer.pk:
        _ask_later(transfer, _SILENT)


_NO_SUCH_OBJECT = 0x0112  # PS3.4 J.3.3: the reasons of storage commitment


def _ask_later(transfer: Transfer, why: str, family: str = "") -> None:
    """Guarded by our uid: whoever asked since says when it is asked again."""
    with atomic():
        held = locked_in_order(transfer)
        waits = held.state == TransferState.UNCONFIRMED
        if waits and held.commitment_uid == transfer.commitment_uid:
            _wait(held, why, family)


def _wait(held: Transfer, why: str, family: str = "") -> None:
    """Still unconfirmed, and asked again; after hours a person's. The row is locked."""
    if is_ours_for_good(held, family):
        fail(held, f"All was sent, and we cannot ask whether they have it. {why}", family)
        return
    if is_past(held.pk, "state_since"):
        fail(held, f"All was sent, and they do not confirm it. {why}", "unconfirmed")
        return
    failures = counted(held, family)
    later = pause_after(failures, is_blue_light=held.priority == Priority.BLUE_LIGHT)
    Transfer.objects.filter(pk=held.pk).update(
        failures=failures, family=family, why=why[:300], not_before=Now() + later
    )


def _waiting_for(uid: str) -> Transfer | None:
    """The transfer, locked in order, that waits for the answer to this question."""
    found = asked_about(uid).first()
    if found is None:
        return None
    held = locked_in_order(found)
    return held if asked_about(uid).filter(pk=held.pk).exists() else None


def record_answer(answer: CommitmentAnswer) -> bool:
    """They said what they have, at once or (to our listener) later; False: nobody asked that.

    What they do not have is sent again, and is given up when it was sent three times.
    """
    with atomic():
        transfer = _waiting_for(answer.uid)
        if transfer is None:
            return False
        sent = transfer.instances.filter(state=InstanceState.SENT)
        sent.filter(sop_uid__in=answer.held).update(state=InstanceState.CONFIRMED)
        _take_back(transfer, answer.failed)
        _go_on(transfer)
    return True


def _take_back(transfer: Transfer, failed: Iterable[str]) -> None:
    sent = transfer.instances.filter(state=InstanceState.SENT, sop_uid__in=list(failed))
    why = "They took it, and then said that they do not have it."
    gone = sent.filter(attempts__gte=MOST_SENDINGS).update(state=InstanceState.REFUSED, why=why)
    again = list(sent.values_list("pk", "size"))
    sent.update(state=InstanceState.WAITING, why=why)
    transfer.images_done = max(0, transfer.images_done - len(again) - gone)
    transfer.bytes_done = max(0, transfer.bytes_done - sum(size for _, size in again))
    if again:  # what is said of the earlier sending is not said of this one
        transfer.commitment_uid = ""
    transfer.save(update_fields=["images_done", "bytes_done", "commitment_uid"])


def _go_on(transfer: Transfer) -> None:
    count = counts_of(transfer.pk)
    if count[InstanceState.WAITING]:
        words = f"{count[InstanceState.WAITING]} images are sent again: they do not have them."
        moved(transfer, TransferEvent.RETRIED, words=words, why=words, not_before=None, family="")
        wake(transfer)
    elif count[InstanceState.SENT]:
        _wait(transfer, _OF_SOME)
    else:
        finish(transfer, count)
