"""Between two images: what is at hand, what is still to be done, what a failure of one means."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from iep import storage
from iep.dicom import DicomFailure, Family, Phase
from iep.models import ReceivedFile, Transfer, TransferInstance
from iep.services.lanes.claiming import Held
from iep.services.lanes.ledger import Session
from iep.services.lanes.lines import KeptLine
from iep.services.lanes.retrying import MOST_TRIES_OF_ONE, ours
from iep.services.lanes.transfers import expect
from iep.states.priorities import Priority
from iep.states.transfers import InstanceState

AT_ONCE = 200  # lines of the ledger in memory
_OWN = frozenset(
    {Family.REFUSED, Family.NO_CONTEXT, Family.NOT_FOUND}
)  # the image's, not the node's
_BROKE_OFF = frozenset({Family.ABORTED, Family.TIMEOUT, Family.OUT_OF_RESOURCES, Family.OURS})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class NoRoom(Exception):
    """Our own disk is full: nobody else's fault, and no node is held back for it."""


def of_our_disk(failure: OSError) -> Exception:
    """As what it is to be raised: a disk that is full has room again, a broken one has not."""
    return NoRoom() if failure.errno in _FULL else failure


@dataclass(frozen=True)
class Between:
    """What a carrier has at hand. `look(held, ...)` is called between images."""

    held: Held
    session: Session
    look: Callable[..., None]
    line: KeptLine

    def go_on(self, **how: Any) -> None:
        """As services.lanes.carrier.Carrier.look. Raises Left: the lane leaves what it has."""
        self.look(self.held, **how)


def waiting(transfer: Transfer) -> Iterator[TransferInstance]:
    """What is still to be done, each once, a few in memory at a time.

    What was tried before comes last: an image at which the other side breaks off stands in
    nobody's way.
    """
    rows = transfer.instances.filter(state=InstanceState.WAITING).select_related("file")
    rows = rows.order_by("attempts", "position")
    last = (-1, -1)
    while batch := list(rows.filter(_after(*last))[:AT_ONCE]):
        yield from batch
        last = (batch[-1].attempts, batch[-1].position)


def _after(attempts: int, position: int) -> Q:
    return Q(attempts__gt=attempts) | Q(attempts=attempts, position__gt=position)


@contextmanager
def one_image(line: TransferInstance) -> Iterator[None]:
    """What nobody foresaw with one image is that image's, so that the others go before it.

    Raises DicomFailure, NoRoom, and what is the database's.
    """
    try:
        yield
    except (DicomFailure, NoRoom):
        raise
    except Exception as failure:  # noqa: BLE001 - whatever it is
        raise ours(failure, line.transfer_id) from None


def tried(between: Between, line: TransferInstance, failure: DicomFailure) -> None:
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


# --- Coming in ---


def write_down(transfer: Transfer, found: list[Any], said: int | None = None) -> None:
    """What they list is asked for; what they say that there is besides is missing (hazard H40)."""
    if not found:
        words = "They have no images of this study."
        raise DicomFailure(Phase.FIND, Family.NOT_FOUND, words, is_permanent=True)
    expect(transfer, found)
    transfer.images = max(transfer.instances.count(), said or 0)
    Transfer.objects.filter(pk=transfer.pk).update(images=transfer.images)


def tick_off_what_came(between: Between, transfer: Transfer) -> None:
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


def has_room(transfer: Transfer) -> bool:
    """Whether another image may come; blue light has the reserve to itself."""
    return storage.room(for_blue_light=transfer.priority == Priority.BLUE_LIGHT)


def not_here() -> DicomFailure:
    words = "The file is no longer in our own storage."
    return DicomFailure(Phase.STORE, Family.NOT_FOUND, words, is_permanent=True)
