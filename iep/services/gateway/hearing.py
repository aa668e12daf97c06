"""What the other installation says of a transaction, and the effect that it has here: once.

Everything is said under an id that stays the same when it is said again; what had its effect is
written down with it (GatewayHeard), in one transaction. What comes late, or no longer fits the
state here, has no effect but a line in the history. Nothing of it is told back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid5

from django.db import IntegrityError
from django.db import transaction as database

from accounts.policies import Acting, partner_acting
from iep import storage
from iep.errors import NoSuchMove, NotAccepted
from iep.gateway.shapes import MOST_INSTANCES, Kept, Offered
from iep.models import GatewayHeard, ManifestLine, Transaction
from iep.queries.exchange.gateway import Peer, shared
from iep.services.arrival import arrivals
from iep.services.exchange import attaching, outcomes, saying, sending, setbacks, transactions
from iep.services.gateway.telling import listening
from iep.services.moving import locked, move
from iep.states.priorities import PRIORITY_WORDS, Priority
from iep.states.studies import FileState, Origin
from iep.states.transactions import (
    LABELS,
    DeclineReason,
    Direction,
    TransactionEvent,
    TransactionState,
    decline_words,
)

E = TransactionEvent
# Who was asked decides; who sends says how far the sending is; who receives, the receiving.
_OF_WHO_WAS_ASKED = frozenset({E.ACCEPTED, E.DECLINED})
_OF_WHO_RECEIVES = frozenset({E.DOWNLOAD_ASKED, E.DOWNLOADING, E.DELIVERED})
_OF_WHO_SENDS = frozenset({
    E.STARTED, E.UPLOADING, E.UPLOADED, E.FAILED, E.PURGED,
    E.DOWNLOAD_ASKED, E.DOWNLOADING,  # a lane of theirs delivers it
})  # fmt: skip
_ON_THE_MOVE = (_OF_WHO_SENDS | _OF_WHO_RECEIVES) - {E.FAILED, E.PURGED, E.DELIVERED, E.STARTED}
HEARD_EVENTS = _OF_WHO_WAS_ASKED | _OF_WHO_SENDS | _OF_WHO_RECEIVES | {E.CANCELLED}
# No more images are taken for one of these.
_CLOSED = frozenset({
    TransactionState.CANCELLED, TransactionState.DECLINE, TransactionState.PURGED,
    TransactionState.FIXED_UP,
})  # fmt: skip
_ENDINGS = {
    "application/pdf": "pdf",
    "application/rtf": "rtf",
    "application/msword": "doc",
    attaching.KINDS["docx"][0]: "docx",
    "image/tiff": "tif",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    attaching.KINDS["txt"][0]: "txt",
}


class Conflict(NotAccepted):
    """It contradicts what is here already: the same again would be refused again."""


class NotFound(NotAccepted):
    """No transaction of that id between us and them."""


def _acting(peer: Peer) -> Acting:
    return partner_acting(peer.node.institution.name)


def found(peer: Peer, shared_id: UUID) -> Transaction:
    """Raises NotFound; another institution's transaction is not found either."""
    row = shared(peer, shared_id)
    if row is None:
        words = "There is no transaction of that id between us. Say first that it was created."
        raise NotFound("unknown_transaction", words)
    return row


# --- Made ----------------------------------------------------------------------------------------


def created(
    peer: Peer, shared_id: UUID, said: UUID, *, kind: str, priority: int, about: dict[str, Any]
) -> Transaction:
    """They made a transaction, changed its details, or ask again after we declined.

    `about`: fields of services.exchange.about.About. Raises Conflict: kind or side is another.
    """
    try:
        return _created(peer, shared_id, said, kind, priority, about)
    except IntegrityError:  # two of their workers at once: the first has made it by now
        return _created(peer, shared_id, said, kind, priority, about)


def _created(
    peer: Peer, shared_id: UUID, said: UUID, kind: str, priority: int, about: dict[str, Any]
) -> Transaction:
    with database.atomic(), listening():
        row = shared(peer, shared_id)
        if row is None:
            row = transactions.create(
                kind=kind,
                direction=Direction.IN,
                institution=peer.node.institution,
                node=peer.node,
                organisation=peer.ours.organisation,
                shared_id=shared_id,
                priority=priority,
                by=_acting(peer),
                **about,
            )
            _is_new(peer, said, row, "created")
            return row
        if row.kind != kind:
            words = "The type of a transaction cannot be changed. Start again."
            raise Conflict("fixed", words)
        if row.direction == Direction.OUT:  # ours: they say which studies they send, and why
            about = {name: about[name] for name in ("exams", "care_reason") if about[name]}
            priority = row.priority
        return _said_anew(peer, row, said, priority, about)


def _said_anew(
    peer: Peer, row: Transaction, said: UUID, priority: int, about: dict[str, Any]
) -> Transaction:
    row = locked(row)
    if not _is_new(peer, said, row, "created"):
        return row
    by = _acting(peer)
    if row.state == TransactionState.DECLINE and row.direction == Direction.IN:
        return transactions.process_again(row, priority=priority, by=by, **about)
    if priority != row.priority:
        row, about = _prioritised(row, priority, about, by)
    changed = {name: value for name, value in about.items() if value != getattr(row, name)}
    if not changed:
        return row
    words = "They changed the details."
    row = transactions.record(row, E.NOTED, words=words, by=by, **changed)
    is_answer = row.state == TransactionState.AWAITING_DETAILS
    return saying.answered(row, by=by) if is_answer else row


def _prioritised(
    row: Transaction, priority: int, about: dict[str, Any], by: Acting
) -> tuple[Transaction, dict[str, Any]]:
    """With their priority, and its transfers with it; one that somebody here has raised stays so.
    What else they say is left."""
    if priority > row.priority and _is_raised_here(row):
        ours, theirs = (PRIORITY_WORDS[Priority(each)] for each in (row.priority, priority))
        words = f"They say {theirs}. Here it stays {ours}, as somebody here decided."
        why = ("reason", "eligibility")
        about = {name: value for name, value in about.items() if name not in why}
        return transactions.record(row, E.NOTED, words=words, by=by), about
    why_now = about["eligibility" if priority == Priority.BLUE_LIGHT else "reason"]
    return transactions.change_priority(row, priority, why_now, by=by), about


def _is_raised_here(row: Transaction) -> bool:
    said = row.events.filter(
        event=E.NOTED.value, words__startswith=transactions.PRIORITY_SAID
    ).order_by("pk").last()  # fmt: skip
    return said is not None and said.by_user_id is not None


def _is_new(peer: Peer, said: UUID, row: Transaction, what: str) -> bool:
    """Whether it is said for the first time; written down as heard. The row is locked or new."""
    _, is_new = GatewayHeard.objects.get_or_create(
        node=peer.node,
        said=said,
        defaults={"transaction": row, "what": what[:20], "effect": row.state},
    )
    return is_new


# --- Decided, and how far ------------------------------------------------------------------------


def event(
    peer: Peer, row: Transaction, said: UUID, what: TransactionEvent, *, words: str, reason: str
) -> Transaction:
    """They say what became of it over there. Said late, or out of place, it is only noted.

    Raises NotAccepted: it is not theirs to say.
    """
    if not _is_theirs_to_say(row, what):
        words = f"“{LABELS[_label_of(what)]}” is not for your side of this transaction to say."
        raise Conflict("not_yours_to_say", words)
    with database.atomic(), listening():
        row = locked(row)
        if not _is_new(peer, said, row, what.value):
            return row
        try:
            with database.atomic():
                done = _effect(peer, row, what, words, reason)
        except (NoSuchMove, NotAccepted):
            note = f"They say: {LABELS[_label_of(what)]}. {words}".strip()
            done = move(locked(row), E.NOTED, by=_acting(peer), words=note[:300])
    return done


def _is_theirs_to_say(row: Transaction, what: TransactionEvent) -> bool:
    if what in _OF_WHO_WAS_ASKED:
        return row.direction == Direction.OUT
    if what in (E.CANCELLED, E.DELIVERED, E.FAILED):
        return True
    return what in (_OF_WHO_SENDS if row.brings_images else _OF_WHO_RECEIVES)


def _label_of(what: TransactionEvent) -> TransactionState:
    return {
        E.DECLINED: TransactionState.DECLINE,
        E.UPLOADED: TransactionState.ON_IEP,
        E.DOWNLOAD_ASKED: TransactionState.DOWNLOAD_REQUEST,
    }.get(what) or TransactionState(what.value)


def _effect(
    peer: Peer, row: Transaction, what: TransactionEvent, words: str, reason: str
) -> Transaction:
    """Raises NoSuchMove, NotAccepted: then it has none."""
    by = _acting(peer)
    if what == E.ACCEPTED:
        return transactions.accept(row, by=by)
    if what == E.DECLINED:
        chosen = DeclineReason(reason)
        rest = words.removeprefix(decline_words(row.kind)[chosen]).lstrip(". ")
        return transactions.decline(row, chosen, rest or words, by=by)
    if what == E.CANCELLED:
        done = transactions.cancel(row, words or "Cancelled by them.", by=by)
        setbacks.called_off(done, by=by)
        return done
    if what == E.DELIVERED:
        _refuse_unless_whole(row)
    if what == E.FAILED:
        return setbacks.failed(row, words or "It failed there.", by=by)
    if what in _ON_THE_MOVE and row.state == TransactionState.FAILED:
        row = transactions.record(row, E.RETRIED, by=by, why="")
    if what == E.UPLOADED:
        return sending.put_on_exchange(row, by=by, words=words)
    return transactions.record(row, what, words=words, by=by)


def _refuse_unless_whole(row: Transaction) -> None:
    """That all of it is here we say ourselves, when all of it is here; and that all of it is there
    has to agree with what our lanes have had confirmed (hazard H40). Raises NotAccepted."""
    if row.brings_images:
        raise NotAccepted("ours_to_say", "Delivered is said by the side that received.")
    offered = row.on_iep_at is not None or row.transfers.filter(purpose="out").exists()
    if not (offered and outcomes.is_all_sent(row)):
        raise NotAccepted("not_sent", "Not everything of it has left here.")


# --- Messages and documents ----------------------------------------------------------------------


def message(peer: Peer, row: Transaction, shared_id: UUID, said: dict[str, Any]) -> None:
    """A message to us, kept once. `said`: text, by, at. Raises NotAccepted."""
    with listening():
        transactions.heard(
            row, said["text"], by_name=said["by"], at=said["at"], shared_id=shared_id,
            by=_acting(peer),
        )  # fmt: skip


def document(peer: Peer, row: Transaction, document_id: UUID, said: dict[str, Any]) -> None:
    """A report, kept once, if it is what its hash says. `said`: title, kind, content_type, sha256,
    content (bytes), study_uid, confirmed_by. Raises NotAccepted."""
    if hashlib.sha256(said["content"]).hexdigest() != said["sha256"]:
        raise NotAccepted("hash", "The document is not the one that its SHA-256 is of.")
    ending = _ENDINGS.get(said["content_type"])
    if ending is None:
        raise NotAccepted("not_a_report", "A document of that content type is not taken.")
    with listening():
        attaching.attach(
            row, by=_acting(peer), file_name=f"report.{ending}", content=said["content"],
            title=said["title"], study_uid=said["study_uid"], confirmed=True, came_in=True,
            confirmed_by=said["confirmed_by"], id=uuid5(row.pk, str(document_id)),
        )  # fmt: skip


# --- Images --------------------------------------------------------------------------------------


def manifest(peer: Peer, row: Transaction, offered: Iterable[Offered]) -> int:
    """What will come, by which arrivals are counted; how many lines there are now.

    Raises Conflict: an instance that is here already is said to be another; NotAccepted.
    """
    _refuse_if_closed(row)
    wanted = {each.sop_uid: each for each in offered}
    with database.atomic():
        locked(row)
        known = {line.sop_uid: line for line in ManifestLine.objects.filter(transaction=row)}
        if len(known.keys() | wanted.keys()) > MOST_INSTANCES:
            words = f"A transaction has up to {MOST_INSTANCES} images."
            raise NotAccepted("too_many", words)
        new = [_line(row, each) for uid, each in wanted.items() if uid not in known]
        ManifestLine.objects.bulk_create(new, batch_size=1000)
        for uid in wanted.keys() & known.keys():
            _correct(known[uid], wanted[uid])
    return len(known.keys() | wanted.keys())


def _line(row: Transaction, each: Offered) -> ManifestLine:
    return ManifestLine(transaction=row, **each.__dict__)


def _correct(line: ManifestLine, said: Offered) -> None:
    """What has not come may be described anew; what is here stays what it is."""
    if all(getattr(line, name) == value for name, value in said.__dict__.items()):
        return
    if line.file_id is not None:
        raise Conflict("other_image", "An image that is here already has another hash or size.")
    for name, value in said.__dict__.items():
        setattr(line, name, value)
    line.save()


def _refuse_if_closed(row: Transaction) -> None:
    if not row.brings_images:
        raise Conflict("not_yours_to_say", "The images of this transaction go the other way.")
    if row.state in _CLOSED:
        words = f"This transaction is over here: {LABELS[TransactionState(row.state)]}."
        raise Conflict("closed", words)


def keep_all(peer: Peer, row: Transaction, came: list[storage.Writing]) -> list[Kept]:
    """Keep each instance that is one of the manifest, by its hash and size: all of them, or none.

    On return they are on disk and committed. One that is here already is not kept twice.
    Raises Conflict: it is not of the manifest; OSError: no room.
    """
    _refuse_if_closed(row)
    with database.atomic(), ExitStack() as undo:
        kept = [_keep(peer, row, written, undo.callback) for written in came]
        undo.pop_all()
    return kept


def _keep(
    peer: Peer, row: Transaction, written: storage.Writing, when_undone: Callable[..., Any]
) -> Kept:
    written.finish()
    lines = ManifestLine.objects.filter(
        transaction=row, sha256=written.sha256, size=written.size
    ).order_by("pk")
    line = lines.select_for_update(of=("self",)).select_related("file").first()
    if line is None:
        words = "An image is not in the manifest, or is not what the manifest says."
        raise Conflict("not_in_manifest", words)
    if line.file is None or line.file.state == FileState.DISCARDED:
        line.file = arrivals.receive(
            written, origin=Origin.GATEWAY, node=peer.node, transaction=row,
            study_uid=line.study_uid, series_uid=line.series_uid, sop_uid=line.sop_uid,
            sop_class=line.sop_class, transfer_syntax=line.transfer_syntax,
        )  # fmt: skip
        when_undone(storage.discard, line.file.pk)
        line.save(update_fields=["file"])
    return Kept(line.sop_uid, line.file.size, line.file.sha256, line.file.state)
