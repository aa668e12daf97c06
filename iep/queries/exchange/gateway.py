"""Who speaks at the gateway, what they may see, what was put on the exchange for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Func, Q, QuerySet, UUIDField
from django.utils.dateparse import parse_datetime

from iep.models import Institution, ManifestLine, Node, ReceivedFile, Transaction
from iep.models.directory import NodeKind
from iep.states.studies import FileState
from iep.states.transactions import TransactionState

# While it is one of these, the other side may fetch what was put on the exchange for it.
_ON_THE_EXCHANGE = frozenset({
    TransactionState.ON_IEP, TransactionState.DOWNLOAD_REQUEST, TransactionState.DOWNLOADING,
    TransactionState.DELIVERED, TransactionState.FIXED_UP,
})  # fmt: skip


@dataclass(frozen=True)
class Peer:
    """Who speaks, by the key that was shown, and which of our trusts they speak to."""

    node: Node
    ours: Institution


def peer(key_sha256: str, from_code: str, to_code: str) -> Peer | None:
    """None: nobody here has agreed on that key for that institution, or we are not that trust."""
    nodes = Node.objects.select_related("institution").filter(
        kind=NodeKind.GATEWAY,
        their_key_sha256=key_sha256,
        institution__code=from_code,
        institution__is_active=True,
    )
    ours = Institution.objects.select_related("organisation").filter(
        code=to_code, organisation__isnull=False, is_active=True
    )
    node, trust = nodes.first(), ours.first()
    return Peer(node, trust) if node and trust and key_sha256 else None


def shared(peer: Peer, shared_id: UUID) -> Transaction | None:
    """A transaction between the two; another's is not found."""
    rows = Transaction.objects.select_related("node__institution", "organisation", "institution")
    return rows.filter(
        shared_id=shared_id, node=peer.node, organisation=peer.ours.organisation
    ).first()


# --- Images --------------------------------------------------------------------------------------


def offered_files(thing: Transaction) -> QuerySet[ReceivedFile]:
    """What the other side may fetch for it: kept files of the studies that were chosen for it.

    Nothing for a transaction that brings images to us, before they are all on the exchange, or
    after they were withdrawn.
    """
    files = ReceivedFile.objects.filter(state=FileState.KEPT.value, study__isnull=False)
    failed_there = thing.state == TransactionState.FAILED and thing.on_iep_at is not None
    if thing.brings_images or not (thing.state in _ON_THE_EXCHANGE or failed_there):
        return files.none()
    chosen = Q(study__transaction=thing) | Q(
        study__transfers__transaction=thing, study__transfers__purpose="out"
    )
    ids = files.filter(chosen).values("pk")
    ordered = files.filter(pk__in=ids)
    return ordered.order_by(
        "study_uid", "series_number", "series_uid", "instance_number", "sop_uid"
    )


def file_for_key(thing: Transaction, key: UUID) -> ReceivedFile | None:
    """The offered file whose instance has that key: see iep.gateway.shapes.instance_key."""
    hashed = Func(
        F("sop_uid"),
        template="LEFT(ENCODE(SHA256(CONVERT_TO(%(expressions)s, 'UTF8')), 'hex'), 32)::uuid",
        output_field=UUIDField(),
    )
    return offered_files(thing).annotate(key=hashed).filter(key=key).first()


def expected_of(thing: Transaction, study_uid: str) -> int | None:
    """How many instances of a study the other side says will come; None: they did not say."""
    return ManifestLine.objects.filter(transaction=thing, study_uid=study_uid).count() or None


def announced_studies(thing: Transaction) -> set[str]:
    """Studies that they said they send: by the manifest, and by name in the transaction."""
    named = {each["study_uid"] for each in thing.exams if each.get("study_uid")}
    lines = ManifestLine.objects.filter(transaction=thing).order_by()
    return named | set(lines.values_list("study_uid", flat=True).distinct())


def received_lines(thing: Transaction) -> QuerySet[ManifestLine]:
    """The lines of their manifest for which a file is here, with the file."""
    came = ManifestLine.objects.filter(transaction=thing, file__isnull=False)
    return came.select_related("file").order_by("pk")


# --- What is not told yet ------------------------------------------------------------------------


@dataclass(frozen=True)
class NotTold:
    """What the other side does not know yet."""

    count: int
    since: datetime | None
    why: str  # the last failure, in words; "" while it is only a matter of seconds
    next_at: datetime | None  # when it is tried again, where they refused it


def not_told(thing: Transaction) -> NotTold | None:
    """None: the other installation knows everything; or it is no gateway, and hears nothing."""
    if not thing.to_tell:
        return None
    first = thing.to_tell[0]
    return NotTold(
        len(thing.to_tell),
        parse_datetime(first.get("at", "")),
        first.get("why", ""),
        parse_datetime(first.get("not_before", "")),
    )
