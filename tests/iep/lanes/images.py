"""Studies as small as they can be, nodes that lead to a test's peer, and transfers of them."""

import uuid
from io import BytesIO

from django.utils import timezone
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from accounts.models import Organisation
from accounts.policies import SYSTEM
from demo.processes import wait_until
from iep import storage
from iep.models import Institution, Lane, Node, ReceivedFile, Study, Transfer
from iep.services.lanes import claiming, confirming, transfers
from iep.services.lanes.carrier import Carrier
from iep.services.lanes.ledger import Session
from iep.states.priorities import Priority
from iep.states.studies import FileState, Origin, StudyState

CT, EXPLICIT = str(CTImageStorage), str(ExplicitVRLittleEndian)


def new_uid() -> str:
    return f"2.25.{uuid.uuid4().int}"


def image(study_uid: str, series_uid: str, number: int, *, pixels: int = 0) -> tuple[str, bytes]:
    """An instance's UID and its file: a header and so many bytes of pixels."""
    sop_uid = new_uid()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = sop_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, sop_uid
    made.StudyInstanceUID, made.SeriesInstanceUID = study_uid, series_uid
    made.PatientID, made.PatientName = "LANES", "Invented^Nobody"
    made.Modality, made.InstanceNumber = "CT", number
    if pixels:
        made.Rows, made.Columns = (pixels // 1024, 512) if pixels >= 1024 else (1, pixels // 2)
        made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
        made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
        made.PixelRepresentation, made.PixelData = 0, b"\1\2" * (pixels // 2)
    held = BytesIO()
    made.save_as(held, enforce_file_format=True)
    return sop_uid, held.getvalue()


def outgoing(count: int, *, pixels: int = 0, series: int = 1) -> Study:
    """A study of our own PACS that lies here to be sent, in so many series."""
    trust = Organisation.objects.get(ods_code="RZ1")
    study = Study.objects.create(
        study_uid=new_uid(), organisation=trust, origin=Origin.PACS, state=StudyState.OUTGOING,
        state_since=timezone.now(), due_at=timezone.now(), received=count,
    )  # fmt: skip
    uids = [new_uid() for _ in range(series)]
    rows = [_kept(study, uids[n % series], n, pixels) for n in range(count)]
    ReceivedFile.objects.bulk_create(rows)
    return study


def _kept(study: Study, series_uid: str, number: int, pixels: int) -> ReceivedFile:
    sop_uid, raw = image(study.study_uid, series_uid, number, pixels=pixels)
    file_id = uuid.uuid4()
    place = storage.path_of(file_id)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(raw)
    return ReceivedFile(
        id=file_id, state=FileState.KEPT, origin=Origin.PACS, study=study, size=len(raw),
        sha256="0" * 64, study_uid=study.study_uid, series_uid=series_uid, sop_uid=sop_uid,
        sop_class=CT, transfer_syntax=EXPLICIT, instance_number=number,
    )  # fmt: skip


def node(port: int = 0, name: str = "FARPACS", **more: object) -> Node:
    """Where a test's peer listens."""
    place, _ = Institution.objects.get_or_create(code="FAR", defaults={"name": "Faraway"})
    values = {"kind": "DIMSE".lower(), "ae_title": name, "host": "127.0.0.1", "port": port or 1}
    made, _ = Node.objects.get_or_create(
        name=name, defaults={"institution": place, "commits": False, **values, **more}
    )
    return made


def send(
    study: Study, to: Node, *, priority: Priority = Priority.NORMAL, title: str = "CT head"
) -> Transfer:
    return transfers.queue_send(study, to, priority=priority, purpose="out", title=title, by=SYSTEM)


def lane(name: str) -> Lane:
    return Lane.objects.get(name=name)


def run(name: str, *, confirm: bool = True, most: int = 50, **options: object) -> int:
    """Run a lane in this thread until nothing waits, and ask whether all is there."""
    rounds = 0
    with Session(lane(name)) as session:
        assert wait_until(session.open, seconds=30)  # the last one's lock goes with its connection
        carrier = Carrier(session, **options)
        while rounds < most and carrier.work():
            rounds += 1
    if confirm:
        confirming.confirm_due()
    return rounds


def wait_over() -> None:
    """The pauses are over, as if time had passed."""
    Transfer.objects.update(not_before=None)
    Node.objects.update(retry_at=None)


def state(transfer: Transfer) -> str:
    transfer.refresh_from_db()
    return transfer.state


def ledger(transfer: Transfer) -> dict[str, int]:
    """How many images are in which state."""
    found: dict[str, int] = {}
    for each in transfer.instances.all():
        found[each.state] = found.get(each.state, 0) + 1
    return found


def claim(name: str) -> claiming.Held | None:
    return claiming.claim(lane(name))
