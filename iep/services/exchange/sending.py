"""Which images go or come: studies picked at our PACS or at their machine, and the lanes' work.

What we send comes from our PACS first (purpose `from_pacs`), is on the exchange then, and goes to
the other side's machine by a transfer of its own (purpose `out`). What we fetch comes by `in`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.utils import timezone

from accounts.policies import SYSTEM, Acting
from iep.dicom.peers import FoundStudy
from iep.errors import NotAccepted
from iep.models import Study, Transaction, Transfer
from iep.queries.exchange.transactions import may_have_left
from iep.services.exchange.looking import (
    ENDED,
    Found,
    as_found,
    differences,
    find_at_pacs,
    find_at_theirs,
    is_gateway,
    node_of,
    offered,
    our_pacs,
)
from iep.services.exchange.transactions import record
from iep.services.gateway.telling import tell
from iep.services.lanes import transfers
from iep.services.moving import locked
from iep.states.priorities import Priority
from iep.states.studies import FileState, StudyState
from iep.states.transactions import (
    BEFORE_IMAGES,
    LABELS,
    MAY_MOVE_IMAGES,
    PURGED_AFTER,
    TAKE_UP_LIMITS,
    TransactionEvent,
    TransactionState,
)
from iep.states.transfers import TERMINAL
from iep.titles import what_of

__all__ = [
    "Found", "differences", "download", "find_at_pacs", "find_at_theirs", "hold", "is_whole",
    "offered", "our_pacs", "put_on_exchange", "refuse_if_left", "send_held", "send_studies", "stop",
    "title_of",
]  # fmt: skip
MOST_STUDIES = 50  # of one transaction


# --- Sending -------------------------------------------------------------------------------------


def send_studies(
    thing: Transaction, study_uids: Sequence[str], *, care_reason: str = "", by: Acting
) -> list[Transfer]:
    """Take these studies of our PACS onto the exchange, and on to the other side's machine.

    The PACS is asked once more, so that nobody sends what they did not see. Raises NotAccepted:
    none_chosen, too_many, no_machine, other_patient, not_found, care_reason, brings, over;
    DicomFailure.
    """
    if thing.brings_images:
        raise NotAccepted("brings", "The images of this transaction come to us.")
    node_of(thing)
    chosen = _chosen(find_at_pacs(thing), study_uids)
    reason = care_reason.strip() or thing.care_reason
    if any(each.is_foreign for each in chosen) and not reason:
        raise NotAccepted(
            "care_reason",
            "Some of these images were not made here. Say why the patient's care needs them there.",
        )
    with transaction.atomic():
        row = _open(thing)  # somebody may have ended it while our PACS was asked
        event = TransactionEvent.STARTED if row.state in BEFORE_IMAGES else TransactionEvent.NOTED
        new = [each for each in chosen if not each.is_chosen]
        if new or event is TransactionEvent.STARTED:
            row = record(
                row, event, by=by, words=f"{len(new)} studies chosen",
                care_reason=reason[:200], exams=_merged(row, chosen),
            )  # fmt: skip
            tell(row, "created")  # once more: which studies, and why they are sent on
        return [_take_out(row, each, by) for each in new]


def _open(thing: Transaction) -> Transaction:
    """The row, locked. Raises NotAccepted "over": no image may be queued for it any more."""
    row = locked(thing)
    if row.state not in MAY_MOVE_IMAGES:
        label = LABELS[TransactionState(row.state)]
        raise NotAccepted("over", f"This transaction is over: {label}. Nothing was queued.")
    return row


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


def _merged(row: Transaction, chosen: list[Found]) -> list[dict[str, str]]:
    """What was asked for stays, and what is sent already; what is sent now is added, each with its
    study."""
    going = set(row.transfers.exclude(state__in=ENDED).values_list("study_uid", flat=True))
    going = {"", *going} - {each.study.study_uid for each in chosen}
    return [each for each in row.exams if each.get("study_uid", "") in going] + [
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

    The 15 days run from the first study that is on the exchange. Raises NotAccepted: no_machine,
    over.
    """
    with transaction.atomic():
        row = _open(thing)
        queued = transfers.queue_send(
            study, node_of(row), priority=Priority(row.priority), purpose="out", by=by,
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
    """`CT head to Nottingham University Hospitals`: codes only, never what somebody typed."""
    body_part = study.body_part if isinstance(study, Study) else ""  # C-FIND does not say it
    what = what_of(study.modalities, body_part)
    way = "from" if thing.brings_images else "to"
    return f"{what} {way} {thing.institution.name}"[:80]


# --- Fetching ------------------------------------------------------------------------------------


def download(thing: Transaction, study_uids: Sequence[str] = (), *, by: Acting) -> list[Transfer]:
    """Fetch these studies of theirs ([]: all that they put on the exchange) into our quarantine.

    Raises NotAccepted: none_chosen, not_found, other_patient, no_machine, sends, over;
    DicomFailure.
    """
    if not thing.brings_images:
        raise NotAccepted("sends", "The images of this transaction go to them.")
    wanted = _at_their_gateway(thing, study_uids) if is_gateway(thing) else None
    chosen = None if wanted is not None else _chosen(find_at_theirs(thing), study_uids)
    with transaction.atomic():
        row = _open(thing)
        if row.state in BEFORE_IMAGES:
            row = record(row, TransactionEvent.STARTED, by=by)
        queued = _queue_in(row, wanted, chosen, by)
        if row.state != TransactionState.DOWNLOADING:
            words = f"{len(queued)} to be downloaded"
            record(row, TransactionEvent.DOWNLOAD_ASKED, by=by, words=words)
    return queued


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
        busy = set(row.transfers.exclude(state__in=ENDED).values_list("study_uid", flat=True))
        there = [as_found(each) for each in wanted if each["study_uid"] not in busy]
    node = node_of(row)
    return [
        transfers.queue_fetch(
            node, study.study_uid, priority=Priority(row.priority), purpose="in",
            title=title_of(row, study), by=by, transaction=row,
        )
        for study in there
    ]  # fmt: skip


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
    for each in held:
        if each.state not in TERMINAL:
            transfers.cancel(each, by=by, words=words)


def change_priority(thing: Transaction, priority: int, *, why: str, by: Acting) -> None:
    """Its transfers follow, those too that failed and may be sent again; one that runs keeps its
    place until it yields."""
    for each in thing.transfers.exclude(state__in=TERMINAL):
        transfers.change_priority(each, Priority(priority), why=why, by=by)
