"""What a transfer is when each image was tried: delivered only if every one is confirmed."""

from __future__ import annotations

from django.db.models import Count
from django.db.models.functions import Now
from django.db.transaction import atomic

from iep.models import Study, Transfer
from iep.services.lanes.claiming import Held, held_row
from iep.services.lanes.moves import moved
from iep.services.lanes.retrying import fail, pause_after
from iep.states.priorities import Priority
from iep.states.transfers import InstanceState, TransferEvent

CONFIRM_CHANNEL = "iep_confirm"


def counts_of(transfer_id: int) -> dict[InstanceState, int]:
    """How many images are in each state; every state is there."""
    rows = Transfer.objects.get(pk=transfer_id).instances.values("state").order_by()
    found = {row["state"]: row["n"] for row in rows.annotate(n=Count("pk"))}
    return {state: found.get(state.value, 0) for state in InstanceState}


def settle(held: Held) -> None:
    """The lane has come to the end of the ledger; nothing happens when it is no longer ours."""
    with atomic():
        transfer = held_row(held)
        if transfer is None:
            return
        count = counts_of(transfer.pk)
        if count[InstanceState.WAITING]:
            _later(transfer, f"{count[InstanceState.WAITING]} images are tried again.")
        elif count[InstanceState.SENT]:
            words = f"{transfer.images_done} of {transfer.images} images were sent."
            moved(transfer, TransferEvent.SENT, words=words, not_before=None, failures=0, why="")
        else:
            finish(transfer, count)


def _later(transfer: Transfer, words: str) -> None:
    blue = transfer.priority == Priority.BLUE_LIGHT
    why = transfer.instances.filter(state=InstanceState.WAITING).exclude(why="")
    moved(
        transfer, TransferEvent.DELAYED, words=words, failures=transfer.failures + 1,
        why=(why.values_list("why", flat=True).first() or words)[:300],
        failing_since=transfer.failing_since or Now(),
        not_before=Now() + pause_after(transfer.failures + 1, is_blue_light=blue),
    )  # fmt: skip


def finish(transfer: Transfer, count: dict[InstanceState, int]) -> None:
    """Every image is confirmed or refused: which of the three ends it is. The row is locked."""
    refused, confirmed = count[InstanceState.REFUSED], count[InstanceState.CONFIRMED]
    _say_how_many(transfer)
    if not refused and confirmed and confirmed == transfer.images:
        words = f"All {confirmed} images are confirmed."
        moved(
            transfer, TransferEvent.CONFIRMED, words=words, why="", family="", failures=0,
            failing_since=None,
        )  # fmt: skip
        return
    why = transfer.instances.filter(state=InstanceState.REFUSED).exclude(why="")
    first = why.values_list("why", flat=True).first() or _not_listed(transfer, count)
    if confirmed:
        words = f"{confirmed} of {transfer.images} images. {first}"
        moved(transfer, TransferEvent.FELL_SHORT, words=words, why=words[:300], family="refused")
    else:
        fail(transfer, f"None of {transfer.images} images was taken. {first}", "refused")


def _not_listed(transfer: Transfer, count: dict[InstanceState, int]) -> str:
    """Nothing was refused, and it is less than they say that the study has."""
    listed = sum(count.values())
    if listed >= transfer.images:
        return "The other side does not have them."
    return f"They say that the study has {transfer.images} images, and list {listed}."


def _say_how_many(transfer: Transfer) -> None:
    """A study that this brought knows how many there ought to be."""
    Study.objects.filter(files__transfer_id=transfer.pk, expected=None).update(
        expected=transfer.images
    )
