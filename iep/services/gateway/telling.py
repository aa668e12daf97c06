"""What the other installation has yet to be told: put down with the business, told by a worker.

An entry is written into `Transaction.to_tell` in the transaction of the move it tells of, so that
none is lost and none is told that did not happen. A sweep tells: one worker at a time for a node
(a session lock, which the server releases when the process dies), the entries of a transaction in
their order, each under an id (`said`) that stays the same, so that telling it twice has one effect
over there. A link that fails holds the node back, with longer and longer pauses; an entry that is
refused holds back its own transaction only, is tried again, and stands on the transaction's page.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from django.db import connection
from django.db import transaction as database
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from iep.dicom.errors import DicomFailure, Family, Phase
from iep.gateway import client, line
from iep.models import Attachment, GatewayNonce, Node, Transaction, TransactionMessage
from iep.models.directory import NodeKind
from iep.services.moving import locked
from iep.states.transactions import TransactionEvent
from messaging import crash
from messaging.services.pauses import pause

log = structlog.get_logger(__name__)

TELL_LOCK = 1106  # the class of our advisory locks on nodes
# What we say by ourselves when it happens here: the rest is said by whoever decided it.
PROGRESS = frozenset({
    TransactionEvent.STARTED, TransactionEvent.UPLOADING, TransactionEvent.UPLOADED,
    TransactionEvent.DOWNLOAD_ASKED, TransactionEvent.DOWNLOADING, TransactionEvent.DELIVERED,
    TransactionEvent.FAILED, TransactionEvent.PURGED,
})  # fmt: skip
# The link's trouble, not the entry's: nobody there would hear anything else either.
_OF_THE_LINK = frozenset({
    Family.UNREACHABLE, Family.TIMEOUT, Family.ABORTED, Family.OUT_OF_RESOURCES, Family.REJECTED,
})  # fmt: skip
_BETWEEN_FAILURES = {"first": 2.0, "longest": 60.0}  # seconds
_BETWEEN_REFUSALS = {"first": 5.0, "longest": 300.0}
_MOST_ROUNDS = 5  # as of the HL7 outbox: what came between the last look and the unlocking
_listening: ContextVar[bool] = ContextVar("listening", default=False)


# --- Putting it down -----------------------------------------------------------------------------


def tell(thing: Transaction, what: str, **facts: Any) -> None:
    """Put down what the other installation has yet to be told. In the caller's transaction.

    `what`: "created" (also: asked again, or details changed), "message" (id=shared id),
    "attachment" (id=), or the value of a TransactionEvent, with `words` and, where it was declined,
    `reason`. The row must come from `locked`, or be new. Nothing happens for a plain DICOM node,
    and while we listen to what they say: that is not told back.
    """
    if thing.node is None or thing.node.kind != NodeKind.GATEWAY or _listening.get():
        return
    entry = {"said": str(uuid4()), "what": what, "at": timezone.now().isoformat(), **facts}
    thing.to_tell = [*thing.to_tell, entry]
    if not thing._state.adding:
        thing.save(update_fields=["to_tell"])


def tell_progress(thing: Transaction, event: TransactionEvent, *, words: str = "") -> None:
    """How far it has got here; what is no progress is told by whoever decides it."""
    if event in PROGRESS:
        tell(thing, event.value, **({"words": words} if words else {}))


@contextmanager
def listening() -> Iterator[None]:
    """What happens inside was told to us by the other side, and is not told back."""
    token = _listening.set(True)
    try:
        yield
    finally:
        _listening.reset(token)


# --- Telling it ----------------------------------------------------------------------------------


def nodes_to_tell() -> list[int]:
    """Nodes for which something waits and whose time has come."""
    waiting = Transaction.objects.exclude(to_tell=[]).filter(
        node__kind=NodeKind.GATEWAY, node__is_paused=False
    )
    due = waiting.filter(node__retry_at=None) | waiting.filter(node__retry_at__lte=Now())
    return list(due.values_list("node_id", flat=True).distinct())


def tell_node(node_id: int) -> int:
    """Tell a node what waits for it, until nothing is due; how many entries were told.

    Returns at once when another worker is at it.
    """
    told = 0
    try:
        for _ in range(_MOST_ROUNDS):
            with _sole(node_id) as mine:
                round_told = _tell_node(node_id) if mine else 0
            told += round_told
            if not round_told:
                break
    finally:
        line.hang_up(node_id)
    return told


def make_known(thing: Transaction) -> None:
    """Before images go: the other side must know of the transaction. Tells it now if it does not.

    Also while its node is left alone: the lane that asks here was let through to try it. Raises
    DicomFailure: it could not be told.
    """
    if thing.node_id is None or not _is_unknown_there(thing):
        return
    with _sole(thing.node_id) as mine:
        while mine and _is_unknown_there(thing) and _may_be_told(thing.node_id, is_probe=True):
            if not _tell_next(thing.pk):
                break
    if why := _is_unknown_there(thing):
        raise DicomFailure(Phase.CONNECT, Family.REFUSED, why)


def _is_unknown_there(thing: Transaction) -> str:
    """Why they have not heard that it was created; "" when they have."""
    waiting = Transaction.objects.values_list("to_tell", flat=True).get(pk=thing.pk)
    for entry in waiting:
        if entry["what"] == "created":
            return str(entry.get("why") or "The other side is being told of this transaction.")
    return ""


def _tell_node(node_id: int) -> int:
    waiting = Transaction.objects.filter(node=node_id).exclude(to_tell=[])
    told = 0
    for pk in list(waiting.order_by("priority", "created_at", "pk").values_list("pk", flat=True)):
        while _may_be_told(node_id) and (outcome := _tell_next(pk)) is not None:
            told += outcome
            if not outcome:
                break
    return told


def _may_be_told(node_id: int, *, is_probe: bool = False) -> bool:
    """Nobody has paused it, and it has not just failed: asked anew before each entry."""
    rows = Node.objects.filter(pk=node_id, is_paused=False)
    due = rows.filter(retry_at=None) | rows.filter(retry_at__lte=Now())
    return (rows if is_probe else due).exists()


@contextmanager
def _sole(node_id: int) -> Iterator[bool]:
    """Hold the node's lock in the database; False when another worker has it."""
    key = [TELL_LOCK, node_id]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _tell_next(pk: Any) -> bool | None:
    """Tell the first entry of a transaction: whether it was heard; None: nothing is due."""
    row = Transaction.objects.select_related("node__institution", "organisation").get(pk=pk)
    if not row.to_tell or row.node is None:
        return None
    entry = row.to_tell[0]
    not_before = parse_datetime(entry.get("not_before", ""))
    if not_before is not None and not_before > timezone.now():
        return None
    try:
        _say(row.node, row, entry)
    except DicomFailure as failure:
        _record_failure(row, entry, failure)
        return False
    crash.point("telling.said")
    _record_told(row, entry)
    return True


def _say(node: Node, row: Transaction, entry: dict[str, Any]) -> None:
    """Raises DicomFailure."""
    what = entry["what"]
    if what == "created":
        client.say_created(node, row, {"said": entry["said"], **described(row)})
    elif what == "message":
        message = TransactionMessage.objects.get(shared_id=entry["id"], transaction=row)
        client.say(node, row, "messages", message.shared_id, _message(message))
    elif what == "attachment":
        document = Attachment.objects.get(pk=entry["id"], transaction=row)
        client.say(node, row, "documents", document.pk, _document(document))
    else:
        facts = {name: entry[name] for name in ("reason", "words") if entry.get(name)}
        client.say(node, row, "events", entry["said"], {"event": what, "at": entry["at"], **facts})


def described(row: Transaction) -> dict[str, Any]:
    """The transaction as the other side is told of it: docs/iep/gateway.md, "Transactions"."""
    return {
        "kind": row.kind,
        "priority": row.priority,
        "reason": row.reason,
        "eligibility": row.eligibility,
        "needed_by": _date(row.needed_by),
        "comments": row.comments,
        "care_reason": row.care_reason,
        "patient": {
            "family_name": row.family_name,
            "given_names": row.given_names,
            "birth_date": _date(row.birth_date),
            "nhs_number": row.nhs_number,
            "local_number": row.local_number,
        },
        "exams": row.exams,
        "requester": {
            "name": row.requester_name,
            "consultant": row.consultant,
            "department": row.department,
        },
    }


def _date(value: Any) -> str | None:
    return value.isoformat() if value else None


def _message(message: TransactionMessage) -> dict[str, Any]:
    return {"text": message.text, "by": message.by_name, "at": message.at.isoformat()}


def _document(document: Attachment) -> dict[str, Any]:
    return {
        "kind": document.kind,
        "title": document.title,
        "content_type": document.content_type,
        "sha256": document.sha256,
        "content": base64.b64encode(bytes(document.content)).decode("ascii"),
        "study_uid": document.study_uid,
        "confirmed_by": document.confirmed_by,
        "confirmed_at": document.confirmed_at.isoformat(),
    }


# --- What came of it -----------------------------------------------------------------------------


def _record_told(row: Transaction, entry: dict[str, Any]) -> None:
    with database.atomic():
        held = locked(row)
        held.to_tell = [each for each in held.to_tell if each["said"] != entry["said"]]
        held.save(update_fields=["to_tell"])
        if entry["what"] == "message":
            said = TransactionMessage.objects.filter(shared_id=entry["id"], transaction=row)
            said.update(told_at=Now())
        elif entry["what"] == "attachment":
            Attachment.objects.filter(pk=entry["id"]).update(told_at=Now())
    _link_works(row)


def _record_failure(row: Transaction, entry: dict[str, Any], failure: DicomFailure) -> None:
    log.warning("gateway_not_told", node=row.node_id, family=failure.family)
    if failure.family in _OF_THE_LINK:
        _link_fails(row, failure)
    _keep_trying(row, entry, failure)


def _nodes_of(row: Transaction) -> QuerySet[Node]:
    return Node.objects.filter(transactions=row)


def _link_works(row: Transaction) -> None:
    failing = _nodes_of(row).exclude(failures=0)
    failing.update(failures=0, failing_since=None, retry_at=None, phase="", sentence="")
    _nodes_of(row).update(last_success_at=Now())


def _link_fails(row: Transaction, failure: DicomFailure) -> None:
    """Nothing is told, and standard work of the lanes waits, until `retry_at`."""
    node = _nodes_of(row).get()
    _nodes_of(row).update(
        failures=F("failures") + 1,
        failing_since=Coalesce("failing_since", Now()),
        retry_at=Now() + pause(node.failures + 1, **_BETWEEN_FAILURES),
        phase=failure.phase[:20],
        sentence=failure.sentence[:300],
    )


def _keep_trying(row: Transaction, entry: dict[str, Any], failure: DicomFailure) -> None:
    """Why it was not told stands in the entry; one that was refused waits for its own time."""
    with database.atomic():
        held = locked(row)
        for each in held.to_tell:
            if each["said"] == entry["said"]:
                each["why"], each["attempts"] = failure.sentence, each.get("attempts", 0) + 1
                if failure.family not in _OF_THE_LINK:
                    each["not_before"] = _later(each["attempts"]).isoformat()
        held.save(update_fields=["to_tell"])


def _later(attempts: int) -> datetime:
    return timezone.now() + pause(attempts, **_BETWEEN_REFUSALS)


def forget_nonces(older_than: timedelta = timedelta(minutes=20)) -> int:
    """A signature that is older is refused for its age: its nonce need not be known any longer."""
    return GatewayNonce.objects.filter(at__lt=Now() - older_than).delete()[0]
