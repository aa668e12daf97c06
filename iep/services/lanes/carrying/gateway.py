"""To and from another installation of ours, over its gateway (iep.gateway)."""

from __future__ import annotations

from collections.abc import Iterator

from iep import storage
from iep.dicom import DicomFailure, Family, Phase
from iep.gateway import client
from iep.gateway.shapes import Offered
from iep.models import Transaction, Transfer, TransferInstance
from iep.services.arrival import arrivals
from iep.services.gateway.telling import make_known
from iep.services.lanes.retrying import node_works
from iep.states.studies import Origin

from .between import (
    Between,
    NoRoom,
    has_room,
    not_here,
    of_our_disk,
    one_image,
    tick_off_what_came,
    tried,
    waiting,
    write_down,
)


def push(between: Between, transfer: Transfer) -> None:
    """Hand each image to another installation, which answers when it is on its disk (STOW)."""
    transaction = _transaction_of(transfer)
    make_known(transaction)
    client.announce(transfer.node, transaction, _manifest(transfer))
    node_works(transfer.node_id)
    for line in waiting(transfer):
        between.go_on(next_size=line.size)
        try:
            with one_image(line):
                _push_one(transfer, transaction, line)
        except DicomFailure as failure:
            tried(between, line, failure)
            continue
        if not between.session.done(between.held, line.pk, size=line.size, is_confirmed=True):
            between.go_on(is_ours=False)


def _push_one(transfer: Transfer, transaction: Transaction, line: TransferInstance) -> None:
    if line.file_id is None:
        raise not_here()
    client.push_instance(
        transfer.node, transaction, storage.path_of(line.file_id), sop_uid=line.sop_uid,
        sha256=_hash_of(line),
    )  # fmt: skip


def _transaction_of(transfer: Transfer) -> Transaction:
    if transfer.transaction is None:
        words = "What goes through a gateway belongs to a transaction, and this does not."
        raise DicomFailure(Phase.CONNECT, Family.NOT_FOUND, words, is_permanent=True)
    return transfer.transaction


def _hash_of(line: TransferInstance) -> str:
    return line.file.sha256 if line.file else ""


def _manifest(transfer: Transfer) -> Iterator[Offered]:
    for line in transfer.instances.select_related("file").order_by("position").iterator(500):
        if line.file is not None:
            yield Offered(
                study_uid=transfer.study_uid, series_uid=line.series_uid, sop_uid=line.sop_uid,
                sop_class=line.sop_class, transfer_syntax=line.transfer_syntax,
                size=line.file.size, sha256=line.file.sha256,
            )  # fmt: skip


def pull(between: Between, transfer: Transfer) -> None:
    """Fetch each image of another installation (WADO); size and hash are those they say."""
    transaction = _transaction_of(transfer)
    if not transfer.instances.exists():
        write_down(transfer, client.instances_of(transfer.node, transaction, transfer.study_uid))
        node_works(transfer.node_id)
    tick_off_what_came(between, transfer)
    for line in waiting(transfer):
        between.go_on(next_size=line.size)
        try:
            with one_image(line):
                size = _pull_one(transfer, transaction, line.sop_uid)
        except DicomFailure as failure:
            tried(between, line, failure)
            continue
        if not between.session.done(between.held, line.pk, size=size, is_confirmed=True):
            between.go_on(is_ours=False)


def _pull_one(transfer: Transfer, transaction: Transaction, sop_uid: str) -> int:
    def store(pulled: client.Pulled) -> int:
        return arrivals.receive(
            pulled.written, origin=Origin.GATEWAY, node=transfer.node, transfer=transfer,
            transaction=transaction, study_uid=pulled.offered.study_uid,
            series_uid=pulled.offered.series_uid, sop_uid=sop_uid,
            sop_class=pulled.offered.sop_class, transfer_syntax=pulled.offered.transfer_syntax,
        ).size  # fmt: skip

    if not has_room(transfer):
        raise NoRoom()
    try:
        return client.pull_instance(transfer.node, transaction, sop_uid, store)
    except OSError as failure:
        raise of_our_disk(failure) from None
