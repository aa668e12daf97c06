"""Out to a node: each image by C-STORE (PS3.4 B)."""

from __future__ import annotations

from iep import dicom, storage
from iep.dicom import DicomFailure
from iep.models import Transfer, TransferInstance
from iep.services.lanes.retrying import node_works
from iep.states.transfers import InstanceState

from .between import Between, not_here, one_image, tried, waiting


def send(between: Between, transfer: Transfer) -> None:
    """C-STORE each image that has not gone yet. Raises Left, DicomFailure."""
    rows = transfer.instances.filter(state=InstanceState.WAITING).order_by()
    kinds = set(rows.values_list("sop_class", "transfer_syntax").distinct())
    if not kinds:
        return
    sender = between.line.to(transfer.node, kinds)
    has_worked = False
    for line in waiting(transfer):
        between.go_on(next_size=line.size)
        try:
            with one_image(line):
                status = _send_one(sender, line)
        except DicomFailure as failure:
            tried(between, line, failure)
            continue
        ours = between.session.done(between.held, line.pk, status=status, size=line.size)
        has_worked = has_worked or _works(transfer)
        if not ours:
            between.go_on(is_ours=False)


def _send_one(sender: dicom.Sender, line: TransferInstance) -> int:
    if line.file_id is None:
        raise not_here()
    path = storage.path_of(line.file_id)
    if not path.is_file():
        raise not_here()
    return sender.send(
        path,
        sop_uid=line.sop_uid,
        sop_class=line.sop_class,
        transfer_syntax=line.transfer_syntax,
    )


def _works(transfer: Transfer) -> bool:
    node_works(transfer.node_id)
    return True
