"""What people (and the other services) ask of the lanes: queue, pause, move, cancel, send again.

Nothing here speaks to a peer: a row is written, a NOTIFY goes with the commit, and a lane takes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Case, F, QuerySet, When
from django.db.transaction import atomic
from django.utils import timezone

from accounts.policies import Acting
from iep.errors import NotAccepted
from iep.models import (
    Node,
    ReceivedFile,
    Study,
    Transaction,
    Transfer,
    TransferInstance,
)
from iep.models.directory import NodeKind
from iep.queries.lanes.progress import is_stalled
from iep.services.lanes.moves import locked_in_order, moved
from iep.services.moving import locked, write_event
from iep.states.priorities import ELIGIBILITY_WORDS, PRIORITY_WORDS, Eligibility, Priority
from iep.states.studies import FileState
from iep.states.transactions import Direction
from iep.states.transfers import (
    InstanceState,
    TransferEvent,
    TransferKind,
    TransferState,
)

CHANNEL = "iep_lanes"  # NOTIFY; the payload is direction and priority: "out 0"


def queue_send(
    study: Study,
    node: Node,
    *,
    priority: Priority,
    purpose: str,
    title: str,
    by: Acting,
    transaction: Transaction | None = None,
    files: Iterable[ReceivedFile] | None = None,
) -> Transfer:
    """Queue a study's kept files (or just `files`) for a node; a lane sends them.

    `purpose` is "out" or "to_pacs"; `title` says what it is without a name or number ("CT head to
    Nottingham"). Raises NotAccepted when there is nothing to send.
    """
    kept = list(files) if files is not None else list(_kept_files(study))
    if not kept:
        raise NotAccepted("no_images", "There are no images to send.")
    kind = TransferKind.PUSH if node.kind == NodeKind.GATEWAY else TransferKind.SEND
    with atomic():
        transfer = _create(
            kind, node, priority=priority, purpose=purpose, title=title, transaction=transaction,
            by=by, study=study, study_uid=study.study_uid,
            images=len(kept), bytes_total=sum(each.size for each in kept),
        )  # fmt: skip
        TransferInstance.objects.bulk_create(
            _line_of(transfer, position, each) for position, each in enumerate(kept, 1)
        )
    return transfer


def _kept_files(study: Study) -> Iterable[ReceivedFile]:
    rows = ReceivedFile.objects.filter(study=study, state=FileState.KEPT)
    return rows.order_by("series_number", "series_uid", "instance_number", "sop_uid")


def _line_of(transfer: Transfer, position: int, file: ReceivedFile) -> TransferInstance:
    return TransferInstance(
        transfer=transfer,
        position=position,
        file=file,
        size=file.size,
        sop_uid=file.sop_uid,
        sop_class=file.sop_class,
        transfer_syntax=file.transfer_syntax,
        series_uid=file.series_uid,
    )


def queue_fetch(
    node: Node,
    study_uid: str,
    *,
    priority: Priority,
    purpose: str,
    title: str,
    by: Acting,
    transaction: Transaction | None = None,
    expected: Sequence[Any] | None = None,
) -> Transfer:
    """Queue the fetching of a study from a node (iep.dicom.FoundInstance rows in `expected`).

    Without `expected` the lane asks the node first which instances there are. `purpose` is "in" or
    "from_pacs".
    """
    kind = TransferKind.PULL if node.kind == NodeKind.GATEWAY else TransferKind.FETCH
    with atomic():
        transfer = _create(
            kind, node, priority=priority, purpose=purpose, title=title, transaction=transaction,
            by=by, study_uid=study_uid, images=len({each.sop_uid for each in expected or ()}),
        )  # fmt: skip
        expect(transfer, expected or ())
    return transfer


def expect(transfer: Transfer, found: Iterable[Any]) -> None:
    """Write down which instances the other side has; those that are known already stay."""
    TransferInstance.objects.bulk_create(
        (
            TransferInstance(
                transfer=transfer,
                position=position,
                sop_uid=each.sop_uid,
                sop_class=each.sop_class,
                series_uid=each.series_uid,
            )
            for position, each in enumerate(found, 1)
        ),
        ignore_conflicts=True,
    )


def _create(
    kind: TransferKind, node: Node, *, priority: Priority, title: str, by: Acting, **fields: Any
) -> Transfer:
    direction = Direction.OUT if kind in (TransferKind.SEND, TransferKind.PUSH) else Direction.IN
    number = _next_number()
    transfer = Transfer.objects.create(
        pk=number, rank=number, kind=kind.value, direction=direction.value, node=node,
        priority=priority.value, title=title[:80], state_since=timezone.now(),
        created_by=by.label[:150], **fields,
    )  # fmt: skip
    write_event(transfer, TransferEvent.QUEUED, "", by=by)
    wake(transfer)
    return transfer


def _next_number() -> int:
    """The key is known before the row is: the rank begins as it, so that each has its own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('iep_transfer', 'id'))")
        return int(cursor.fetchone()[0])


def wake(transfer: Transfer) -> None:
    """Wake the lanes of that direction when this transaction commits."""
    with connection.cursor() as cursor:
        words = f"{transfer.direction} {int(transfer.priority)}"
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, words])


# --- What people do with one ----------------------------------------------------------------------


def pause(transfer: Transfer, *, by: Acting) -> Transfer:
    """Stop after the image that is on its way; what has been sent stays sent."""
    with atomic():
        return moved(locked_in_order(transfer), TransferEvent.PAUSED, by=by)


def resume(transfer: Transfer, *, by: Acting) -> Transfer:
    """Into its place in the queue again."""
    with atomic():
        held = moved(locked_in_order(transfer), TransferEvent.RESUMED, by=by, not_before=None)
        wake(held)
    return held


def retry(transfer: Transfer, *, by: Acting, series_uid: str = "", words: str = "") -> Transfer:
    """Send (or fetch) again what is missing, and nothing else; of one series when it is named.

    It is tried at once, whatever was agreed with a node that fails. How often it was tried before,
    and why it did not go, stays in the ledger (`tried_before`, `former_why`) and in its history.
    From a lane it is taken only where that has stalled (ux 2.9): NotAccepted while images move.
    """
    with atomic():
        held = locked_in_order(transfer)
        if held.state == TransferState.RUNNING:
            words = _taken_from(held)
        missing = held.instances.filter(state=InstanceState.REFUSED)
        if series_uid:
            missing = missing.filter(series_uid=series_uid)
        again(missing)
        Node.objects.filter(pk=held.node_id).update(retry_at=None)
        moved(
            held, TransferEvent.RETRIED, by=by, words=words, not_before=None, failures=0,
            failing_since=None, finished_at=None, why="", family="", events_told=True,
        )  # fmt: skip
        wake(held)
    return held


def _taken_from(held: Transfer) -> str:
    """What its history says of a lane that moves nothing. That lane's right has ended; an image
    that it got through all the same counts until another lane has it (`Session.done`)."""
    now = timezone.now()
    last, since = held.last_image_at, held.state_since
    if not is_stalled(held.state, last_image_at=last, since=since, now=now):
        raise NotAccepted("moving", "Its images move: there is nothing to try again.")
    name = held.lane.name if held.lane else ""
    return f"Taken from lane {name}, which had stalled."


def again(missing: QuerySet[TransferInstance]) -> None:
    """To be sent or fetched once more: counted from 0 again, and how it went before is kept."""
    missing.update(
        state=InstanceState.WAITING, attempts=0, status=None, why="",
        tried_before=F("tried_before") + F("attempts"),
        former_why=Case(When(why="", then=F("former_why")), default=F("why")),
    )  # fmt: skip


def cancel(transfer: Transfer, *, by: Acting, words: str = "") -> Transfer:
    """No more of it moves. How many images had moved is written into its history."""
    with atomic():
        held = locked_in_order(transfer)
        said = f"{held.images_done} of {held.images} images had moved. {words}".strip()
        return moved(held, TransferEvent.CANCELLED, by=by, words=said, why=said[:300])


def move_up(transfer: Transfer, *, by: Acting) -> Transfer:
    """Before the one that waits just before it, among its equals."""
    return _exchange(transfer, by=by, up=True)


def move_down(transfer: Transfer, *, by: Acting) -> Transfer:
    """After the one that waits just after it, among its equals."""
    return _exchange(transfer, by=by, up=False)


def move_first(transfer: Transfer, *, by: Acting) -> Transfer:
    """Before all its equals: it starts next."""
    with atomic():
        held = locked(transfer)
        first = _equals(held).order_by("rank").values_list("rank", flat=True).first()
        if first is None or held.rank < first:
            return held
        return moved(held, TransferEvent.NOTED, by=by, words="To start next.", rank=first - 1)


def _equals(transfer: Transfer) -> QuerySet[Transfer]:
    """What waits in the same direction and is as urgent, without it."""
    rows = Transfer.objects.filter(
        direction=transfer.direction, priority=transfer.priority, state=TransferState.WAITING
    )
    return rows.exclude(pk=transfer.pk)


def _exchange(transfer: Transfer, *, by: Acting, up: bool) -> Transfer:
    with atomic():
        near = _equals(transfer)
        mine = Transfer.objects.get(pk=transfer.pk).rank
        near = near.filter(rank__lt=mine).order_by("-rank") if up else near.filter(
            rank__gt=mine
        ).order_by("rank")  # fmt: skip
        other = near.first()
        if other is None:
            raise NotAccepted("at_the_end", "There is nothing to change places with.")
        pair = {each.pk: each for each in map(locked, sorted((transfer, other), key=_key))}
        held, other = pair[transfer.pk], pair[other.pk]
        if held.state != TransferState.WAITING or other.state != TransferState.WAITING:
            raise NotAccepted("moved_on", "One of the two has just begun. Look again.")
        ranks = held.rank, other.rank
        words = ("Moved up, before", "Moved down, after")[not up] + f" {other.title}."
        Transfer.objects.filter(pk=other.pk).update(rank=ranks[0])
        return moved(held, TransferEvent.NOTED, by=by, words=words, rank=ranks[1])


def _key(transfer: Transfer) -> int:
    return transfer.pk  # locked in one order, whoever exchanges with whom


def change_priority(
    transfer: Transfer, priority: Priority, *, by: Acting, why: str = ""
) -> Transfer:
    """More or less urgent. Blue Light needs one of the three reasons (Eligibility, hazard H39)."""
    if priority == Priority.BLUE_LIGHT and why not in {each.value for each in Eligibility}:
        raise NotAccepted("no_reason", "Say why it is Blue Light.")
    reason = f": {ELIGIBILITY_WORDS[Eligibility(why)]}" if priority == Priority.BLUE_LIGHT else ""
    words = f"{PRIORITY_WORDS[priority]}{reason}"
    with atomic():
        held = locked(transfer)
        changes = {"not_before": None} if priority == Priority.BLUE_LIGHT else {}
        moved(held, TransferEvent.NOTED, by=by, words=words, priority=priority.value, **changes)
        wake(held)
    return held
