"""Which images go or come: studies picked at our PACS or at their machine, and the lanes' work.

What we send comes from our PACS first (purpose `from_pacs`), is on the exchange then, and goes to
the other side's machine by a transfer of its own (purpose `out`). What we fetch comes by `in`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.policies import SYSTEM, Acting
from iep import dicom
from iep.dicom.peers import FoundStudy
from iep.errors import NotAccepted
from iep.look_alikes import normalised
from iep.models import Institution, Node, Study, Transaction, Transfer
from iep.models.directory import NodeKind
from iep.queries.transactions import may_have_left
from iep.services import transfers
from iep.services.lines import peer_of
from iep.services.moving import locked
from iep.services.telling import tell
from iep.services.transactions import record
from iep.states.priorities import Priority
from iep.states.studies import FileState, Origin, StudyState
from iep.states.transactions import (
    BEFORE_IMAGES,
    PURGED_AFTER,
    TAKE_UP_LIMITS,
    TransactionEvent,
    TransactionState,
)
from iep.states.transfers import TransferState

MOST_STUDIES = 50  # of one transaction
LOOK_BACK = timedelta(days=365 * 10)
_ENDED = (TransferState.CANCELLED.value,)


@dataclass(frozen=True)
class Found:
    """A study that a machine has, and what a person has to know before ticking it."""

    study: FoundStudy
    differs: tuple[str, ...]  # what of the patient is not as the transaction has it: in words
    is_foreign: bool  # not made by us: to be sent on only for care, with the reason
    is_chosen: bool = False  # a transfer of this transaction has it already

    @property
    def words(self) -> str:
        """`CT head`; with the modality before it where the description does not begin with it."""
        return named(self.study.modalities, self.study.description)


# --- Looking -------------------------------------------------------------------------------------


def our_pacs(thing: Transaction) -> Node:
    """The PACS of our side of it. Raises NotAccepted "no_pacs"."""
    nodes = Node.objects.filter(is_our_pacs=True, institution__organisation=thing.organisation_id)
    node = nodes.order_by("-is_default", "pk").first()
    if node is None:
        raise NotAccepted("no_pacs", "Our PACS is not in the directory of institutions.")
    return node


def find_at_pacs(thing: Transaction) -> list[Found]:
    """Our studies of its patient, newest first. Raises NotAccepted, iep.dicom.DicomFailure."""
    keys = {"patient_id": thing.local_number} if thing.local_number else _whose(thing)
    return _found(thing, our_pacs(thing), **keys)


def find_at_theirs(thing: Transaction) -> list[Found]:
    """Their studies of its patient, where their machine can be asked (plain DICOM).

    Raises NotAccepted "no_machine", iep.dicom.DicomFailure.
    """
    return _found(thing, _their_machine(thing), **_whose(thing))


def offered(thing: Transaction) -> list[Found]:
    """What can be downloaded: what they put on the exchange, or what their machine has.

    Raises NotAccepted "no_machine", iep.dicom.DicomFailure.
    """
    if not _is_gateway(thing):
        return find_at_theirs(thing)
    busy = set(thing.transfers.exclude(state__in=_ENDED).values_list("study_uid", flat=True))
    return [
        Found(_as_found(each), (), is_foreign=False, is_chosen=each["study_uid"] in busy)
        for each in thing.exams
        if each.get("study_uid")
    ]


def _their_machine(thing: Transaction) -> Node:
    node = _node_of(thing)
    if node.kind != NodeKind.DIMSE:
        raise NotAccepted("no_machine", "They send the list of studies themselves.")
    return node


def _node_of(thing: Transaction) -> Node:
    if thing.node is None:
        name = thing.institution.name
        raise NotAccepted("no_machine", f"{name} has no machine in the directory.")
    return thing.node


def _whose(thing: Transaction) -> dict[str, object]:
    if thing.nhs_number:
        return {"nhs_number": thing.nhs_number}
    return {"family_name": thing.family_name, "birth_date": thing.birth_date}


def _found(thing: Transaction, node: Node, **keys: object) -> list[Found]:
    answers = dicom.find_studies(peer_of(node), **keys)  # type: ignore[arg-type]
    foreign = _foreign(thing, [each.study_uid for each in answers])
    names = _names_of_others(thing)
    chosen = set(thing.transfers.exclude(state__in=_ENDED).values_list("study_uid", flat=True))
    rows = [
        Found(
            study=each,
            differs=differences(thing, each),
            is_foreign=each.study_uid in foreign or normalised(each.institution_name) in names,
            is_chosen=each.study_uid in chosen,
        )
        for each in answers
    ]
    return sorted(rows, key=lambda row: (row.study.acquired_on is None, _newest_first(row)))


def _newest_first(row: Found) -> int:
    return -row.study.acquired_on.toordinal() if row.study.acquired_on else 0


def _foreign(thing: Transaction, uids: Iterable[str]) -> set[str]:
    """Those that came to us from elsewhere."""
    rows = Study.objects.filter(study_uid__in=list(uids), organisation=thing.organisation_id)
    came = rows.exclude(origin=Origin.PACS.value).exclude(state=StudyState.DISCARDED.value)
    return set(came.values_list("study_uid", flat=True))


def _names_of_others(thing: Transaction) -> set[str]:
    others = Institution.objects.exclude(organisation=thing.organisation_id)
    pairs = others.values_list("name", "aliases__name")
    return {normalised(name) for pair in pairs for name in pair if name} - {""}


def differences(thing: Transaction, study: FoundStudy) -> tuple[str, ...]:
    """What of the patient is not as the transaction has it; what they do not say is not it."""
    family = study.patient_name.split("=")[0].partition("^")[0]
    pairs = (
        ("name", normalised(thing.family_name), normalised(family)),
        ("date of birth", thing.birth_date, study.birth_date),
        ("NHS number", thing.nhs_number, re.sub(r"\D", "", study.nhs_number)),
    )
    return tuple(words for words, ours, theirs in pairs if ours and theirs and ours != theirs)


# --- Sending -------------------------------------------------------------------------------------


def send_studies(
    thing: Transaction, study_uids: Sequence[str], *, care_reason: str = "", by: Acting
) -> list[Transfer]:
    """Take these studies of our PACS onto the exchange, and on to the other side's machine.

    The PACS is asked once more, so that nobody sends what they did not see. Raises NotAccepted:
    none_chosen, too_many, no_machine, other_patient, not_found, care_reason, brings; DicomFailure.
    """
    if thing.brings_images:
        raise NotAccepted("brings", "The images of this transaction come to us.")
    _node_of(thing)
    chosen = _chosen(find_at_pacs(thing), study_uids)
    reason = care_reason.strip() or thing.care_reason
    if any(each.is_foreign for each in chosen) and not reason:
        raise NotAccepted(
            "care_reason",
            "Some of these images were not made here. Say why the patient's care needs them there.",
        )
    with transaction.atomic():
        row = locked(thing)
        if row.state in BEFORE_IMAGES:
            row = record(
                row, TransactionEvent.STARTED, by=by, words=f"{len(chosen)} studies chosen",
                care_reason=reason[:200], exams=_merged(row.exams, chosen),
            )  # fmt: skip
            tell(row, "created")  # once more: which studies, and why they are sent on
        return [_take_out(row, each, by) for each in chosen if not each.is_chosen]


def _chosen(found: list[Found], study_uids: Sequence[str]) -> list[Found]:
    wanted = set(study_uids)
    if not wanted:
        raise NotAccepted("none_chosen", "Tick at least one study.")
    if len(wanted) > MOST_STUDIES:
        raise NotAccepted("too_many", f"Up to {MOST_STUDIES} studies go in one transaction.")
    chosen = [each for each in found if each.study.study_uid in wanted]
    if len(chosen) != len(wanted):
        raise NotAccepted("not_found", "A ticked study is no longer there. Look again.")
    for each in chosen:
        if each.differs:
            words = " and ".join(each.differs)
            raise NotAccepted("other_patient", f"A ticked study has another {words}. Ring first.")
    return chosen


def _merged(exams: list[dict[str, str]], chosen: list[Found]) -> list[dict[str, str]]:
    """What was asked for stays; what is sent is added, each with its study."""
    return [each for each in exams if not each.get("study_uid")] + [
        {
            "study_uid": each.study.study_uid,
            "description": each.study.description[:120],
            "modality": "/".join(each.study.modalities)[:16],
            "acquired_on": each.study.acquired_on.isoformat() if each.study.acquired_on else "",
            "code": "",
            "images": str(each.study.instances or ""),
        }
        for each in chosen
    ]


def _take_out(thing: Transaction, each: Found, by: Acting) -> Transfer:
    held = _held(thing, each.study.study_uid)
    if held is not None:
        return send_held(thing, held, by=by)
    return transfers.queue_fetch(
        our_pacs(thing), each.study.study_uid, priority=Priority(thing.priority),
        purpose="from_pacs", title=title_of(thing, each.study), by=by, transaction=thing,
    )  # fmt: skip


def _held(thing: Transaction, study_uid: str) -> Study | None:
    """A copy from our PACS that is here already, whole, for an earlier transaction."""
    copies = Study.objects.filter(
        study_uid=study_uid, organisation=thing.organisation_id, state=StudyState.OUTGOING.value
    )
    return next((each for each in copies if is_whole(each)), None)


def is_whole(study: Study) -> bool:
    """Whether every image that was expected is here and read."""
    kept = study.files.filter(state=FileState.KEPT.value).count()
    return study.expected is not None and 0 < study.expected <= kept


def send_held(thing: Transaction, study: Study, *, by: Acting) -> Transfer:
    """Put a study that is here into the lane to them: on the exchange now, its turn comes.

    The 15 days run from the first study that is on the exchange. Raises NotAccepted "no_machine".
    """
    with transaction.atomic():
        row = locked(thing)
        queued = transfers.queue_send(
            study, _node_of(row), priority=Priority(row.priority), purpose="out", by=by,
            title=title_of(row, study), transaction=row,
        )  # fmt: skip
        if row.state in {TransactionState.STARTED, TransactionState.UPLOADING}:
            row = put_on_exchange(row, by=by)
            record(row, TransactionEvent.DOWNLOAD_ASKED, by=by)
    return queued


def put_on_exchange(row: Transaction, *, by: Acting, words: str = "") -> Transaction:
    """On IEP: from here on it must be taken up in time, and goes after 15 days (hazard H42)."""
    now = timezone.now()
    return record(
        row, TransactionEvent.UPLOADED, by=by, words=words,
        on_iep_at=row.on_iep_at or now, purge_at=row.purge_at or now + PURGED_AFTER,
        due_at=now + TAKE_UP_LIMITS[row.priority],
    )  # fmt: skip


def title_of(thing: Transaction, study: Study | FoundStudy) -> str:
    """`CT head to Nottingham University Hospitals`: no word of it is a name, none has a digit."""
    names = set(normalised(f"{thing.family_name} {thing.given_names}").split())
    words = [
        word for word in re.findall(r"[A-Za-z][A-Za-z-]*", study.description)
        if word.lower() not in names
    ]  # fmt: skip
    what = named(study.modalities, " ".join(words[:6]))
    way = "from" if thing.brings_images else "to"
    return f"{what} {way} {thing.institution.name}"[:80]


def named(modalities: Iterable[str], description: str) -> str:
    """The description, with the modality before it unless it is there."""
    kind = "/".join(modalities)
    if kind and kind.lower() not in description.lower().split():
        return f"{kind} {description}".strip()
    return description.strip() or kind or "Images"


# --- Fetching ------------------------------------------------------------------------------------


def download(thing: Transaction, study_uids: Sequence[str] = (), *, by: Acting) -> list[Transfer]:
    """Fetch these studies of theirs ([]: all that they put on the exchange) into our quarantine.

    Raises NotAccepted: none_chosen, not_found, other_patient, no_machine, sends; DicomFailure.
    """
    if not thing.brings_images:
        raise NotAccepted("sends", "The images of this transaction go to them.")
    wanted = _at_their_gateway(thing, study_uids) if _is_gateway(thing) else None
    chosen = None if wanted is not None else _chosen(find_at_theirs(thing), study_uids)
    with transaction.atomic():
        row = locked(thing)
        if row.state in BEFORE_IMAGES:
            row = record(row, TransactionEvent.STARTED, by=by)
        queued = _queue_in(row, wanted, chosen, by)
        if row.state != TransactionState.DOWNLOADING:
            words = f"{len(queued)} to be downloaded"
            record(row, TransactionEvent.DOWNLOAD_ASKED, by=by, words=words)
    return queued


def _is_gateway(thing: Transaction) -> bool:
    return thing.node is not None and thing.node.kind == NodeKind.GATEWAY


def _at_their_gateway(thing: Transaction, study_uids: Sequence[str]) -> list[dict[str, str]]:
    known = {each["study_uid"]: each for each in thing.exams if each.get("study_uid")}
    wanted = list(study_uids) or list(known)
    if not wanted or not set(wanted) <= set(known):
        raise NotAccepted("none_chosen", "They have not said which studies there are.")
    return [known[uid] for uid in wanted]


def _queue_in(
    row: Transaction,
    wanted: list[dict[str, str]] | None,
    chosen: list[Found] | None,
    by: Acting,
) -> list[Transfer]:
    there = [each.study for each in chosen or [] if not each.is_chosen]
    if wanted is not None:
        busy = set(row.transfers.exclude(state__in=_ENDED).values_list("study_uid", flat=True))
        there = [_as_found(each) for each in wanted if each["study_uid"] not in busy]
    node = _node_of(row)
    return [
        transfers.queue_fetch(
            node, study.study_uid, priority=Priority(row.priority), purpose="in",
            title=title_of(row, study), by=by, transaction=row,
        )
        for study in there
    ]  # fmt: skip


def _as_found(exam: dict[str, str]) -> FoundStudy:
    modalities = tuple(each for each in exam.get("modality", "").split("/") if each)
    day = exam.get("acquired_on", "")
    return FoundStudy(
        study_uid=exam["study_uid"],
        description=exam.get("description", ""),
        modalities=modalities,
        acquired_on=date.fromisoformat(day) if day else None,
        instances=int(exam["images"]) if exam.get("images", "").isdecimal() else None,
    )


# --- Ending --------------------------------------------------------------------------------------


def hold(thing: Transaction) -> list[Transfer]:
    """Its transfers, locked after the transaction is, as the lanes lock them."""
    rows = Transfer.objects.select_for_update().filter(transaction=thing).order_by("pk")
    return list(rows)


def refuse_if_left(held: Sequence[Transfer]) -> None:
    """Raises NotAccepted "left" once the first image may have left for the other side."""
    if may_have_left(held):
        raise NotAccepted(
            "left", "Images have left for them already. Pause the transfer, and ring them."
        )


def stop(held: Iterable[Transfer], *, by: Acting = SYSTEM, words: str = "") -> None:
    """Cancel what of them has not ended."""
    over = {TransferState.DELIVERED, TransferState.CANCELLED}
    for each in held:
        if each.state not in over:
            transfers.cancel(each, by=by, words=words)


def change_priority(thing: Transaction, priority: int, *, why: str, by: Acting) -> None:
    """Its transfers that wait follow; one that runs keeps its place until it yields."""
    live = (TransferState.WAITING.value, TransferState.RUNNING.value, TransferState.PAUSED.value)
    for each in thing.transfers.filter(state__in=live):
        transfers.change_priority(each, Priority(priority), why=why, by=by)
