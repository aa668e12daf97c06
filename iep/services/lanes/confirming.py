"""Whether the other side has what we sent: it is asked, and only its word makes "Delivered".

By storage commitment (PS3.4 J) where the node does it, else by counting with C-FIND what is there.
Until every image is confirmed the transfer is "Sent, unconfirmed", and is asked about again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import uuid4

import structlog
from django.db.models import Q
from django.db.models.functions import Now
from django.db.transaction import atomic

from iep import dicom
from iep.dicom import CommitmentAnswer, DicomFailure, Family
from iep.models import Node, Transfer
from iep.services.lanes.lines import peer_of
from iep.services.lanes.moves import locked_in_order, moved
from iep.services.lanes.retrying import fail, is_past, node_works, pause_after
from iep.services.lanes.settling import counts_of, finish
from iep.services.lanes.transfers import wake
from iep.states.priorities import Priority
from iep.states.transfers import InstanceState, TransferEvent, TransferState

log = structlog.get_logger(__name__)

MOST_SENDINGS = 3  # of one image that they took and then do not have
_ASKING = timedelta(minutes=2)  # nobody else asks meanwhile
_NOT_DONE = frozenset({Family.NO_CONTEXT, Family.REFUSED})  # they do no storage commitment


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
        transfer.commitment_uid = f"2.25.{uuid4().int}"
        Transfer.objects.filter(pk=transfer.pk).update(
            commitment_uid=transfer.commitment_uid,
            commitment_asked_at=Now(),
            not_before=Now() + _ASKING,
        )
    return transfer


def _confirm(transfer: Transfer) -> None:
    try:
        answer = _ask(transfer)
    except DicomFailure as failure:
        log.warning("not_confirmed", transfer=transfer.pk, family=failure.family)
        _ask_later(transfer, failure.sentence)
        return
    node_works(transfer.node_id)
    if answer is None:
        _ask_later(transfer, "They have not said yet whether they have all of it.")
    else:
        record_answer(answer)


def _ask(transfer: Transfer) -> CommitmentAnswer | None:
    """What they say they have. Raises DicomFailure."""
    sent = transfer.instances.filter(state=InstanceState.SENT)
    if transfer.node.commits:
        try:
            pairs = list(sent.values_list("sop_class", "sop_uid"))
            return dicom.ask_commitment(peer_of(transfer.node), transfer.commitment_uid, pairs)
        except DicomFailure as failure:
            if failure.family not in _NOT_DONE:
                raise
    return _count(transfer.node, transfer, set(sent.values_list("sop_uid", flat=True)))


def _count(node: Node, transfer: Transfer, sent: set[str]) -> CommitmentAnswer:
    """As an answer: what they list is held, what they do not list failed."""
    try:
        listed = dicom.find_instances(peer_of(node), transfer.study_uid)
    except DicomFailure as failure:
        if failure.family != Family.NOT_FOUND:
            raise
        listed = []
    there = {each.sop_uid for each in listed} & sent
    missing = dict.fromkeys(sent - there, _NO_SUCH_OBJECT)
    return CommitmentAnswer(transfer.commitment_uid, frozenset(there), missing)


_NO_SUCH_OBJECT = 0x0112  # PS3.4 J.3.3: the reasons of storage commitment


def _ask_later(transfer: Transfer, why: str) -> None:
    """Still unconfirmed, and asked again; after hours a person's. Guarded by our uid."""
    with atomic():
        held = _still_asked(transfer.commitment_uid)
        if held is None:
            return
        if is_past(held.pk, "state_since"):
            fail(held, f"All was sent, and they do not confirm it. {why}", "unconfirmed")
            return
        later = pause_after(held.failures + 1, is_blue_light=held.priority == Priority.BLUE_LIGHT)
        Transfer.objects.filter(pk=held.pk).update(
            failures=held.failures + 1, why=why[:300], not_before=Now() + later
        )


def _still_asked(uid: str) -> Transfer | None:
    """The transfer, locked in order, that was asked about by this uid and waits for the answer."""
    found = Transfer.objects.filter(commitment_uid=uid).first() if uid else None
    if found is None:
        return None
    held = locked_in_order(found)
    waits = held.state == TransferState.UNCONFIRMED and held.commitment_uid == uid
    return held if waits else None


def record_answer(answer: CommitmentAnswer) -> bool:
    """They said what they have, at once or (to our listener) later; False: nobody asked that.

    What they do not have is sent again, and is given up when it was sent three times.
    """
    with atomic():
        transfer = _still_asked(answer.uid)
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
    transfer.save(update_fields=["images_done", "bytes_done"])


def _go_on(transfer: Transfer) -> None:
    count = counts_of(transfer.pk)
    if count[InstanceState.WAITING]:
        words = f"{count[InstanceState.WAITING]} images are sent again: they do not have them."
        moved(transfer, TransferEvent.RETRIED, words=words, why=words, not_before=None)
        wake(transfer)
    elif count[InstanceState.SENT]:  # they spoke of some only
        Transfer.objects.filter(pk=transfer.pk).update(
            failures=transfer.failures + 1,
            why="They have not spoken of every image yet.",
            not_before=Now() + pause_after(transfer.failures + 1, is_blue_light=False),
        )
    else:
        finish(transfer, count)
