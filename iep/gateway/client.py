"""What lanes and services.gateway ask of the other installation. Every call may be repeated.

Failures are those of the DICOM network (iep.dicom.errors), so that a lane treats a gateway as it
treats any peer: by family. Nothing here touches our database but to read whose code is whose.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings

from iep import storage
from iep.dicom.errors import DicomFailure, Family, Phase
from iep.models import Institution, Node, Transaction
from iep.states.priorities import Priority

from . import related
from .line import JSON, Answer, Sent, ask, hang_up, unreadable
from .shapes import Kept, Offered, instance_key, kept_of, offered_of, with_words

Result = TypeVar("Result")
ROOT = "/v1"
# What a lane does with a refusal, by HTTP status: family, and whether it is for good.
_FAMILIES: dict[int, tuple[Family, bool]] = {
    403: (Family.REJECTED, False),  # the whole node's trouble: keys, clocks
    404: (Family.NOT_FOUND, True),
    408: (Family.TIMEOUT, False),
    410: (Family.REFUSED, True),
    413: (Family.REFUSED, True),
    415: (Family.NO_CONTEXT, True),
    429: (Family.OUT_OF_RESOURCES, False),
    503: (Family.OUT_OF_RESOURCES, False),
    507: (Family.OUT_OF_RESOURCES, False),
}
_NOT_YET = frozenset({"unknown_transaction"})  # it is told by and by
_FRAME = 256 * 1024  # bytes of an answer around its one instance: boundaries, headers


@dataclass(frozen=True)
class Pulled:
    """An instance that came: whole, of the size and hash of the manifest, still aside."""

    offered: Offered
    written: storage.Writing


# --- Images --------------------------------------------------------------------------------------


def announce(node: Node, transaction: Transaction, offered: Iterable[Offered]) -> None:
    """Say what will come, before the first instance of it: the other side counts by this manifest.

    Call it at the beginning of each claim of a PUSH with everything that the transfer has; what
    was said before stays. Raises DicomFailure.
    """
    body = {"instances": [with_words(each) for each in offered]}
    _say(node, transaction, "PUT", f"{_path(transaction)}/manifest", body, Phase.STORE)


def push_instance(
    node: Node,
    transaction: Transaction,
    file_path: Path,
    *,
    sop_uid: str,
    sha256: str = "",
) -> Kept:
    """Hand over one instance of the manifest (STOW-RS). On return the other side has it on disk.

    They answer with the size and the SHA-256 of what they keep, and both are those of our file:
    that is what "confirmed" means for a gateway. `sha256`: what our row says of the file; a file
    that is another by now is not sent. The line is kept by thread. Raises DicomFailure.
    """
    try:
        part = related.one_part(Path(file_path))
        ours, digest = _hashes(part)
    except OSError:
        raise unreadable() from None
    if sha256 and ours != sha256:
        words = "The file in our own storage is not the one that came."
        raise DicomFailure(Phase.STORE, Family.REFUSED, words, is_permanent=True)
    sent = Sent(part.content_type, part.length, digest, part.chunks)
    answer = _asked(node, transaction, "POST", f"{_path(transaction)}/studies", sent, Phase.STORE)
    said = answer.json()
    answer.done()
    kept = [kept_of(each) for each in _instances(node, said)]
    if kept != [Kept(sop_uid, part.size, ours, kept[0].state if kept else "")]:
        words = f"{node.name} says that it keeps something other than what was sent."
        raise DicomFailure(Phase.STORE, Family.REFUSED, words, answer.status)
    return kept[0]


def received_by(node: Node, transaction: Transaction) -> list[Kept]:
    """Every instance of this transaction that the other side has, as it stands there now.

    `state` is that of the file: quarantined, kept, refused, discarded. Raises DicomFailure.
    """
    path = f"{_path(transaction)}/received"
    found = _say(node, transaction, "GET", path, None, Phase.COMMIT)
    return [kept_of(each) for each in _instances(node, found)]


def instances_of(node: Node, transaction: Transaction, study_uid: str = "") -> list[Offered]:
    """What the other side has put on the exchange for this transaction; of one study, or of all.

    Raises DicomFailure.
    """
    path = f"{_path(transaction)}/manifest"
    found = _say(node, transaction, "GET", path, None, Phase.FIND)
    offered = [offered_of(each) for each in _instances(node, found)]
    return [each for each in offered if not study_uid or each.study_uid == study_uid]


def pull_instance(
    node: Node, transaction: Transaction, sop_uid: str, store: Callable[[Pulled], Result]
) -> Result:
    """Fetch one instance (WADO-RS); what `store` returned.

    `store` is called once, when all of it is on disk and its size and hash are those that the other
    side says; it keeps the file (arrivals.receive) before it returns. No more is written than they
    promise, and that has room. When it raises, or the instance is cut short, nothing is kept.
    Raises DicomFailure, OSError (our disk).
    """
    path = f"{_path(transaction)}/instances/{instance_key(sop_uid)}"
    answer = _asked(node, transaction, "GET", path, Sent(), Phase.FETCH)
    try:
        offered = _promised(node, answer, sop_uid)
        _need_room(transaction, offered.size)
        return _written(node, answer, offered, store)
    finally:
        answer.done()


def _promised(node: Node, answer: Answer, sop_uid: str) -> Offered:
    """What they say of it in the headers, before the first byte of it is read."""
    try:
        offered = offered_of(json.loads(answer.header("Gateway-Instance") or "{}"))
    except (ValueError, RecursionError):
        raise _other(node) from None
    if offered.sop_uid != sop_uid:
        raise _other(node)
    if offered.size > settings.DICOM_MAX_OBJECT_BYTES:
        words = f"{node.name} has an image that is larger than we take."
        raise DicomFailure(Phase.FETCH, Family.REFUSED, words, is_permanent=True)
    return offered


def _other(node: Node) -> DicomFailure:
    words = f"{node.name} sent something other than what it says it has."
    return DicomFailure(Phase.FETCH, Family.REFUSED, words)


def _need_room(transaction: Transaction, size: int) -> None:
    """Raises OSError: it would take the last of our disk."""
    if not storage.room(for_blue_light=transaction.priority == Priority.BLUE_LIGHT, size=size):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _written(
    node: Node, answer: Answer, offered: Offered, store: Callable[[Pulled], Result]
) -> Result:
    """What came, when it is as promised and `store` has it."""
    written = storage.writer()
    try:
        for chunk in _chunks_of(node, answer, offered.size):
            if written.size + len(chunk) > offered.size:
                raise _other(node)
            written.write(chunk)
        written.finish()
        if (offered.size, offered.sha256) != (written.size, written.sha256):
            raise _other(node)
        return store(Pulled(offered, written))
    except related.Malformed as broken:
        words = f"{node.name} sent only a part of it: {broken}"
        raise DicomFailure(Phase.FETCH, Family.ABORTED, words) from None
    finally:
        written.drop()


def _chunks_of(node: Node, answer: Answer, size: int) -> Iterator[bytes]:
    """The instance's bytes, whether it came as a multipart of one or bare."""
    kind, _ = related.media_type(answer.content_type)
    if kind == related.DICOM:
        return iter(lambda: answer.read(related.CHUNK), b"")
    if kind != related.RELATED:
        words = f"{node.name} answered something that is not an image."
        raise DicomFailure(Phase.FETCH, Family.REFUSED, words, answer.status)
    return _only_part(_bounded(node, answer, size + _FRAME), answer.content_type)


def _only_part(read: Callable[[int], bytes], content_type: str) -> Iterator[bytes]:
    parts = related.Parts(read, related.boundary_of(content_type))
    for number, part in enumerate(parts):
        if number:
            raise related.Malformed("There is more than one instance in it.")
        yield from part.chunks
    while read(related.CHUNK):  # an epilogue says nothing
        pass


def _bounded(node: Node, answer: Answer, most: int) -> Callable[[int], bytes]:
    """Reads of the answer, and not for ever: what is around the instance has an end too."""
    came = 0

    def read(count: int) -> bytes:
        nonlocal came
        chunk = answer.read(count)
        came += len(chunk)
        if came > most:
            raise _other(node)
        return chunk

    return read


def _hashes(part: related.OnePart) -> tuple[str, bytes]:
    """SHA-256 of the file, and of the multipart around it: one look at the file."""
    of_file, of_body, size = hashlib.sha256(), hashlib.sha256(), 0
    chunks = part.chunks()
    of_body.update(next(chunks))
    for chunk in chunks:
        of_body.update(chunk)
        if size < part.size:  # what comes after the file is the end of the multipart
            of_file.update(chunk)
            size += len(chunk)
    if size != part.size:
        raise OSError("the file was cut while it was read")
    return of_file.hexdigest(), of_body.digest()


# --- Words ---------------------------------------------------------------------------------------


def say_created(node: Node, transaction: Transaction, body: dict[str, Any]) -> dict[str, Any]:
    """Make the transaction known there. Raises DicomFailure."""
    return _say(node, transaction, "PUT", _path(transaction), body)


def say(
    node: Node, transaction: Transaction, what: str, said_id: UUID | str, body: dict[str, Any]
) -> dict[str, Any]:
    """Say one thing of it, under its own id. `what`: "events", "messages" or "documents".

    Raises DicomFailure.
    """
    return _say(node, transaction, "PUT", f"{_path(transaction)}/{what}/{said_id}", body)


def hello(node: Node, *, from_code: str) -> dict[str, Any]:
    """Whether they know us, and who they are. Raises DicomFailure."""
    answer = ask(node, "GET", f"{ROOT}/", (from_code, node.institution.code), Sent())
    return _checked(node, answer, Phase.ECHO).json()


def _say(
    node: Node,
    transaction: Transaction,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    phase: Phase = Phase.CONNECT,
) -> dict[str, Any]:
    raw = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    sent = Sent(JSON, len(raw), hashlib.sha256(raw).digest(), lambda: iter((raw,)))
    answer = _asked(node, transaction, method, path, sent, phase)
    try:
        return answer.json()
    finally:
        answer.done()


def _asked(
    node: Node, transaction: Transaction, method: str, path: str, sent: Sent, phase: Phase
) -> Answer:
    parties = (our_code(transaction), node.institution.code)
    return _checked(node, ask(node, method, path, parties, sent), phase)


def our_code(transaction: Transaction) -> str:
    """The code by which the other side knows the trust that this is of. Raises DicomFailure."""
    ours = Institution.objects.filter(organisation=transaction.organisation_id)
    code = ours.values_list("code", flat=True).first()
    if code is None:
        words = "Our own trust is not in the directory of institutions."
        raise DicomFailure(Phase.CONNECT, Family.REFUSED, words, is_permanent=True)
    return code


def _path(transaction: Transaction) -> str:
    return f"{ROOT}/transactions/{transaction.shared_id}"


def _instances(node: Node, found: dict[str, Any]) -> list[Any]:
    """What they list. Raises DicomFailure: it is no list."""
    listed = found.get("instances", [])
    if not isinstance(listed, list):
        words = f"The list of images that {node.name} sent cannot be read."
        raise DicomFailure(Phase.FIND, Family.REFUSED, words)
    return listed


def _checked(node: Node, answer: Answer, phase: Phase) -> Answer:
    """The answer, if it is what was asked for. Raises DicomFailure with their reason."""
    if answer.status in (200, 201):
        return answer
    code, sentence = _reason(answer)
    answer.done()
    hang_up(node.pk)  # what we sent may not have been read to its end
    family, is_permanent = _FAMILIES.get(answer.status, (Family.REFUSED, answer.status == 409))
    if answer.status >= 500 and answer.status not in _FAMILIES:
        family = Family.ABORTED
    if code in _NOT_YET:
        family, is_permanent = Family.REFUSED, False
    raise DicomFailure(phase, family, f"{node.name}: {sentence}"[:300], answer.status, is_permanent)


def _reason(answer: Answer) -> tuple[str, str]:
    """Their code and their sentence, where there are any."""
    try:
        said = answer.json()
    except DicomFailure:
        said = {}
    sentence = "".join(filter(str.isprintable, str(said.get("sentence", ""))))
    return str(said.get("code", "")), sentence or f"it answered {answer.status}."
