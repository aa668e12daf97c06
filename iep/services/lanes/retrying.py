"""What follows a failure: which family, how long to wait, when a person has to look.

What passes with time is tried for hours, 10 s apart at first and 10 min at last, and holds back the
whole node, so that ten thousand transfers do not knock on a door that is shut. What the other side
refuses is that one image's: the others go on, and a person sees which are missing. What nobody
foresaw is ours: tried a few times, and then a person's.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Case, DurationField, F, Q, Value, When
from django.db.models.functions import Coalesce, Now
from django.db.transaction import atomic

from iep.dicom import DicomFailure, Family, Phase
from iep.models import Node, Transfer
from iep.services.lanes.claiming import Held, held_row
from iep.services.lanes.moves import moved
from iep.states.priorities import Priority
from iep.states.transfers import TransferEvent

log = structlog.get_logger(__name__)
_chance = secrets.SystemRandom()

OF_THE_NODE = frozenset({
    Family.UNREACHABLE, Family.REJECTED, Family.ABORTED, Family.TIMEOUT, Family.OUT_OF_RESOURCES,
})  # fmt: skip
# So often one image is tried that breaks the association while others get through.
MOST_TRIES_OF_ONE = 5
MOST_OF_OURS = 5  # so often a transfer is tried that ends in a fault of our own
_FIRST, _FACTOR, _LONGEST = 10.0, 2.0, 600.0  # seconds
_NO_DESTINATION = 0xA801  # of a C-MOVE
_LONGEST_BLUE = 60.0  # seconds: a blue light asks more often
# For so long it is tried without one image moving; then it is a person's (and can be sent again).
BUDGETS: dict[int, timedelta] = {
    Priority.BLUE_LIGHT: timedelta(hours=4),
    Priority.NORMAL: timedelta(hours=24),
    Priority.BATCH: timedelta(hours=48),
}


def pause_after(failures: int, *, is_blue_light: bool) -> timedelta:
    """How long to wait after so many failures in a row: half of it to the whole, by chance."""
    longest = _LONGEST_BLUE if is_blue_light else _LONGEST
    seconds = min(longest, _FIRST * _FACTOR ** min(max(failures - 1, 0), 20))
    return timedelta(seconds=seconds * _chance.uniform(0.5, 1.0))


def node_works(node_id: int) -> None:
    """It took an image, or answered: nothing holds its transfers back. Writes only what is news."""
    stale = Q(failures__gt=0) | Q(last_success_at=None)
    stale |= Q(last_success_at__lt=Now() - timedelta(seconds=10))
    Node.objects.filter(stale, pk=node_id).update(
        failures=0, failing_since=None, retry_at=None, phase="", sentence="", last_success_at=Now()
    )


def node_fails(node_id: int, failure: DicomFailure) -> None:
    """Nothing goes to it, or comes from it, before its time; one lane at a time asks then."""
    node = Node.objects.select_for_update(no_key=True).get(pk=node_id)
    Node.objects.filter(pk=node_id).update(
        failures=F("failures") + 1,
        failing_since=Coalesce("failing_since", Now()),
        retry_at=Now() + pause_after(node.failures + 1, is_blue_light=False),
        phase=failure.phase[:20],
        sentence=failure.sentence[:300],
    )
    log.warning("node_failing", node=node_id, phase=failure.phase, family=failure.family)


def record_failure(held: Held, failure: DicomFailure) -> None:
    """It did not get through: later again, or after hours a person's. Ours alone is changed."""
    with atomic():
        transfer = held_row(held)
        if transfer is None:
            log.warning("transfer_lost", transfer=held.transfer_id, fence=held.fence)
            return
        if failure.family in OF_THE_NODE:
            node_fails(transfer.node_id, failure)
        if _is_over(transfer, failure):
            fail(transfer, _so_far(transfer) + failure.sentence, failure.family)
            return
        blue, failures = transfer.priority == Priority.BLUE_LIGHT, counted(transfer, failure.family)
        moved(
            transfer, TransferEvent.DELAYED, words=failure.sentence,
            failures=failures, family=failure.family[:20], why=failure.sentence[:300],
            failing_since=transfer.failing_since or Now(),
            not_before=Now() + pause_after(failures, is_blue_light=blue),
        )  # fmt: skip


def ours(failure: Exception, transfer_id: int) -> DicomFailure:
    """What nobody foresaw, as a failure that follows its family.

    Raises it when it is the database's: then nothing can be written down, and all of it is tried
    again.
    """
    link: Any = connection
    raw = link.Database  # of a connection that is listened on
    theirs = (OperationalError, InterfaceError, raw.OperationalError, raw.InterfaceError)
    if isinstance(failure, theirs):
        raise failure
    log.error("transfer_broke", transfer=transfer_id, error=type(failure).__name__)
    words = "Something went wrong in our own system, not in theirs."
    return DicomFailure(Phase.CONNECT, Family.OURS, words)


def counted(transfer: Transfer, family: str) -> int:
    """How many failures in a row, with this one; before a first fault of ours none counts."""
    is_first = family == Family.OURS and transfer.family != Family.OURS
    return 1 if is_first else transfer.failures + 1


def is_ours_for_good(transfer: Transfer, family: str) -> bool:
    """Whether a fault of our own has come so often that another try will not help."""
    return family == Family.OURS and counted(transfer, family) >= MOST_OF_OURS


def fail(transfer: Transfer, why: str, family: str = "") -> None:
    """A person's, from now on; the row is locked by the caller."""
    moved(transfer, TransferEvent.FAILED, words=why, why=why[:300], family=family[:20])
    log.error("transfer_failed", transfer=transfer.pk, family=family)


def _so_far(transfer: Transfer) -> str:
    if not transfer.images_done:
        return ""
    return f"{transfer.images_done} of {transfer.images} images had moved. "


def _is_over(transfer: Transfer, failure: DicomFailure) -> bool:
    """Whether waiting will not help: they have it not, they will not, or hours have passed.

    What is permanent is a person's at once (a gateway that says "this contradicts what I have", an
    archive that does none of this), with two exceptions that others put right while we wait, and
    that cost one question in ten minutes: an AE title that they do not know is the whole node's
    trouble, named on the board from the second time on; and "I know no such destination" is said
    by many archives of a listener that they do not reach (PS3.4 C.4.2.1.5), which ours is while it
    is started anew.
    """
    if failure.family == Family.NOT_FOUND or is_ours_for_good(transfer, failure.family):
        return True
    is_theirs_to_mend = failure.family in OF_THE_NODE or failure.status == _NO_DESTINATION
    if failure.is_permanent and not is_theirs_to_mend:
        return True
    return is_past(transfer.pk, "failing_since")


def is_past(transfer_id: int, since: str) -> bool:
    """Whether the budget of hours is used up, counted from that field; by the database's clock."""
    budget = Case(
        *(When(priority=each, then=Value(limit)) for each, limit in BUDGETS.items()),
        default=Value(BUDGETS[Priority.NORMAL]),
        output_field=DurationField(),
    )
    rows = Transfer.objects.filter(pk=transfer_id).annotate(over=F(since) + budget)
    return rows.filter(over__lt=Now()).exists()
