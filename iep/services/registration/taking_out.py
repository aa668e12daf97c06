"""What our PACS took out again: said by a person, seen by everybody, and sent again or given up.

A PACS may delete or reject what it has confirmed: its unverified list is cleared, a person there
finds the wrong patient. Nobody tells us, so a person of the desk does, or asks PACS first. Until
then this installation would go on saying "in PACS" (hazard H40).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from iep import dicom
from iep.errors import NotAccepted
from iep.models import Node, Study
from iep.policies import may_work
from iep.queries.lanes import state as lane_state
from iep.queries.registration.pacs import transfers_to_pacs
from iep.services.exchange import outcomes
from iep.services.lanes import transfers
from iep.services.lanes.lines import peer_of
from iep.services.moving import locked, move
from iep.services.registration import filing
from iep.states.studies import StudyEvent, StudyState
from iep.states.transfers import TransferState

_SENT = (StudyState.MATCHED, StudyState.FILED)


def take_out(study: Study, *, why: str, by: Acting) -> Study:
    """PACS has removed the images, or some of them: it is a person's, and the requester is told.

    Raises NotAccepted: not_yours, why, not_there (none has left), sending (a lane sends them now).
    """
    with transaction.atomic():
        row = _to_work_on(study, by)
        if not why.strip():
            raise NotAccepted("why", "Say why PACS took the images out, and who told you.")
        _stop_sending(row, by)
        row = move(
            row, StudyEvent.TAKEN_OUT, by=by, words=why.strip(), why=why.strip()[:300],
            in_pacs_at=None, taken_out_at=timezone.now(), filing_why="",
        )  # fmt: skip
        filing.drop_copies(row)
        outcomes.study_taken_out(row, why=why.strip(), by=by)
    return row


def _to_work_on(study: Study, by: Acting) -> Study:
    row = locked(study)
    if not may_work(by, row.organisation_id):
        raise NotAccepted("not_yours", "Only the image exchange service desk does this.")
    return row


def _stop_sending(row: Study, by: Acting) -> None:
    """What has not gone yet does not go any more. Raises NotAccepted: not_there, sending."""
    held = [locked(each) for each in transfers_to_pacs(row).order_by("pk")]
    if row.state not in _SENT or not any(lane_state.may_have_left(each) for each in held):
        words = "No image of this study has left for PACS. The match can be taken back."
        raise NotAccepted("not_there", words)
    if any(lane_state.is_on_its_way(each) for each in held):
        words = "The images are on their way to PACS at this moment. Look again in a minute."
        raise NotAccepted("sending", words)
    for each in held:
        if each.state not in (TransferState.CANCELLED, TransferState.DELIVERED):
            transfers.cancel(each, by=by, words="PACS took the images out again.")


def send_again(study: Study, *, why: str, by: Acting) -> Study:
    """From what we keep: copied anew, and sent by a lane like the first time.

    Raises NotAccepted: not_yours, why, moved_on.
    """
    with transaction.atomic():
        row = _to_work_on(study, by)
        if row.state != StudyState.TAKEN_OUT:
            raise NotAccepted("moved_on", "This study does not wait to be sent again. Look again.")
        if not why.strip():
            raise NotAccepted("why", "Say why PACS takes them now.")
        return move(row, StudyEvent.SENT_AGAIN, by=by, words=why.strip(), why="")


# --- Whether they are there -----------------------------------------------------------------------


@dataclass(frozen=True)
class AtPacs:
    """How many of a study's images our PACS lists."""

    listed: int
    sent: int
    name: str

    @property
    def words(self) -> str:
        if self.listed >= self.sent:
            return f"{self.name} lists all {self.sent} images."
        found = "none" if not self.listed else f"{self.listed}"
        return (
            f"{self.name} lists {found} of the {self.sent} images. When that is not to be, record "
            "that PACS took them out."
        )


def ask_pacs(study: Study, *, by: Acting) -> AtPacs:
    """Our PACS is asked image by image; nothing is changed. Not in a transaction: it may take long.

    Raises NotAccepted: not_yours, not_there; iep.dicom.DicomFailure.
    """
    if not may_work(by, study.organisation_id):
        raise NotAccepted("not_yours", "Only the image exchange service desk does this.")
    sent = filing.live_transfers(study).order_by("-pk").first()
    if sent is None:
        raise NotAccepted("not_there", "No image of this study was sent to PACS.")
    node = Node.objects.get(pk=sent.node_id)
    audit.record(
        acting=by, action="ask_pacs", object_type="iep.Study", object_id=study.pk,
        patient_id=study.patient_id or "",
    )  # fmt: skip
    listed = _listed(node, study.study_uid)
    ours = set(sent.instances.values_list("sop_uid", flat=True))
    return AtPacs(len(ours & listed), len(ours), node.name)


def _listed(node: Node, study_uid: str) -> set[str]:
    try:
        return {each.sop_uid for each in dicom.find_instances(peer_of(node), study_uid)}
    except dicom.DicomFailure as failure:
        if failure.family == dicom.Family.NOT_FOUND:
            return set()
        raise
