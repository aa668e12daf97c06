"""What became of transfers and studies, and what that means for transaction, ticket, requester.

The lanes call `transfer_moved`, arrivals call `study_arrived`, matching calls `study_filed`, each
in the transaction of its own move: what is told here happens with it, or not at all. Delivered is
only what every instance of is confirmed (hazard H40); whatever is less says how much of it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.policies import SYSTEM, Acting
from iep.errors import NotAccepted
from iep.models import Study, Ticket, Transaction, Transfer
from iep.queries.exchange.gateway import announced_studies
from iep.services.exchange import sending, transactions
from iep.services.exchange.counting import arrived, counted
from iep.services.exchange.setbacks import failed
from iep.services.lanes import transfers
from iep.services.moving import locked
from iep.services.ticketing import tickets
from iep.services.ticketing.ticket_mail import tell_requester
from iep.states.studies import Origin, StudyEvent, StudyState
from iep.states.tickets import OPEN, TicketEvent, TicketState
from iep.states.transactions import (
    MAY_MOVE_IMAGES,
    TERMINAL,
    UNFINISHED,
    TransactionEvent,
    TransactionKind,
    TransactionState,
)
from iep.states.transfers import TransferEvent, TransferState

HERE = frozenset({
    StudyState.FAILED_VERIFICATION, StudyState.MATCHED, StudyState.FILED, StudyState.TAKEN_OUT,
})  # fmt: skip
_OVER = TERMINAL | {TransactionState.DELIVERED, TransactionState.DECLINE}


# --- Transfers -----------------------------------------------------------------------------------


def transfer_moved(transfer: Transfer, event: TransferEvent) -> None:
    """A transfer of the transaction runs, was delivered, fell short, failed or was cancelled."""
    if transfer.transaction_id is None or transfer.purpose == "to_pacs":
        return
    with transaction.atomic():
        row = locked(Transaction(pk=transfer.transaction_id))
        if row.state in _OVER:
            return
        _MEANINGS[TransferState(transfer.state)](row, transfer)


def _runs(row: Transaction, transfer: Transfer) -> None:
    """From our PACS it is uploading, to them or to us it is downloading; said once each."""
    if row.state == TransactionState.FAILED:
        row = transactions.record(row, TransactionEvent.RETRIED, by=SYSTEM, why="")
    from_pacs = transfer.purpose == "from_pacs"
    if from_pacs and row.state == TransactionState.STARTED:
        transactions.record(row, TransactionEvent.UPLOADING, by=SYSTEM)
    elif not from_pacs and row.state != TransactionState.DOWNLOADING:
        transactions.record(row, TransactionEvent.DOWNLOADING, by=SYSTEM)


def _delivered(row: Transaction, transfer: Transfer) -> None:
    if transfer.purpose == "from_pacs":
        go_on(row)
    elif transfer.purpose == "out":
        _sent(row)
    else:
        _come(row)


def _short(row: Transaction, transfer: Transfer) -> None:
    """n of m, or nothing at all: a person's, and the requester knows that it is late."""
    if row.state == TransactionState.FAILED:
        return
    failed(row, transfer.why or "The transfer failed.", by=SYSTEM)


def _cancelled(row: Transaction, transfer: Transfer) -> None:
    """By a person. What else of it runs goes on; when nothing does, somebody must decide."""
    live = row.transfers.exclude(state=TransferState.CANCELLED.value).exclude(pk=transfer.pk)
    if row.state == TransactionState.FAILED or live.exists():
        return
    if row.brings_images and row.on_iep_at and row.purge_at:
        sending.put_on_exchange(row, by=SYSTEM, words="The download was cancelled.")
    else:
        failed(row, "The transfer was cancelled. Choose the images again, or cancel.", by=SYSTEM)


def _nothing(row: Transaction, transfer: Transfer) -> None:
    """It waits, or is being confirmed: nothing is new for the transaction."""


_MEANINGS: dict[TransferState, Callable[[Transaction, Transfer], None]] = {
    **dict.fromkeys(TransferState, _nothing),
    TransferState.RUNNING: _runs,
    TransferState.DELIVERED: _delivered,
    TransferState.PARTIAL: _short,
    TransferState.FAILED: _short,
    TransferState.CANCELLED: _cancelled,
}


def go_on(row: Transaction) -> int:
    """What has come from our PACS, whole, goes on to them; how many studies that were.

    Called when a study is here, when its transfer is over, and by the sweep: each study goes once,
    and none of a transaction that is over. The row is locked.
    """
    if row.state not in MAY_MOVE_IMAGES:
        return 0
    fetched = row.transfers.filter(purpose="from_pacs", state=TransferState.DELIVERED.value)
    going = row.transfers.filter(purpose="out").exclude(state=TransferState.CANCELLED.value)
    waiting = fetched.exclude(study_uid__in=going.values("study_uid"))
    sent = 0
    for uid in list(waiting.values_list("study_uid", flat=True).distinct()):
        copies = row.studies.filter(study_uid=uid, state=StudyState.OUTGOING.value)
        for copy in copies:
            if sending.is_whole(copy):
                sending.send_held(row, copy, by=SYSTEM)
                sent += 1
                break
    return sent


def _sent(row: Transaction) -> None:
    """Delivered there when every study of it is, and none is still on its way from our PACS."""
    if not is_all_sent(row):
        return
    images = sum(_live_transfers(row).filter(purpose="out").values_list("images", flat=True))
    done = transactions.record(
        row, TransactionEvent.DELIVERED, by=SYSTEM, images=images, why="",
        words=f"All {images} images are confirmed.",
    )  # fmt: skip
    if done.ticket is not None:
        _finish_if_all_done(done.ticket, "delivered", f"All {images} images were delivered.")


def is_all_sent(row: Transaction) -> bool:
    """By our own ledger: nothing that goes to them is short or on its way. True also where there
    is nothing in our lanes, because they fetch it by theirs."""
    live = _live_transfers(row)
    out = live.filter(purpose="out")
    gone = set(out.values_list("study_uid", flat=True))
    fetched = set(live.filter(purpose="from_pacs").values_list("study_uid", flat=True))
    return not (out.exclude(state=TransferState.DELIVERED.value).exists() or fetched - gone)


def _live_transfers(row: Transaction) -> QuerySet[Transfer]:
    return row.transfers.exclude(state=TransferState.CANCELLED.value)


def _come(row: Transaction) -> None:
    """Delivered to us when every transfer is, and each study is read: Failed verification.

    A study that a person took as it is stays short of what was announced, and all who are told
    are told so (hazard H40).
    """
    live = _live_transfers(row).filter(purpose="in")
    if live.exclude(state=TransferState.DELIVERED.value).exists():
        return
    studies = list(row.studies.exclude(state=StudyState.DISCARDED.value))
    wanted = set(live.values_list("study_uid", flat=True)) or announced_studies(row)
    here = {each.study_uid for each in studies if each.state in HERE}
    if wanted - here or any(each.state not in HERE for each in studies):
        return
    if not studies:
        return
    images, short = counted(studies)
    done = transactions.record(
        row, TransactionEvent.DELIVERED, by=SYSTEM, images=images, why=short,
        words=short or f"All {images} images are here.",
    )  # fmt: skip
    if done.ticket is not None and done.ticket.state in OPEN:
        words = short or f"{images} images"
        tickets.record(done.ticket, TicketEvent.ARRIVED, words=words, by=SYSTEM)
        occasion = f"{'short' if short else 'arrived'} {done.number}"
        tell_requester(done.ticket, occasion, arrived(done, short), SYSTEM)


def _come_later(row: Transaction) -> None:
    """More came after all that was announced had come: it is counted, and said."""
    images, short = counted(row.studies.filter(state__in=[each.value for each in HERE]))
    if images != row.images or short != row.why:
        words = f"More came. {short or f'{images} images are here.'}"
        transactions.record(
            row, TransactionEvent.NOTED, by=SYSTEM, words=words, images=images, why=short
        )


# --- Studies -------------------------------------------------------------------------------------


def study_arrived(study: Study) -> None:
    """A study that came is whole. One that belongs to no transaction becomes a direct routing."""
    with transaction.atomic():
        if study.disc_id is not None:
            return  # the ticket of the disc is told by whoever read the disc
        if study.transaction_id is None:
            if study.origin != Origin.PACS and study.node_id is not None:
                transactions.came_unasked(study, by=SYSTEM)
            return
        row = locked(Transaction(pk=study.transaction_id))
        if row.state == TransactionState.DELIVERED and study.origin != Origin.PACS:
            _come_later(row)
        if row.state in _OVER:
            return
        if study.origin == Origin.PACS:
            go_on(row)
        else:
            _come(row)


def study_taken(study: Study, *, by: Acting) -> None:
    """A person took what came for all of it: what fell short of it is not tried again, and its
    transaction has failed no more."""
    if study.transaction_id is not None:
        short = (TransferState.PARTIAL.value, TransferState.FAILED.value)
        for each in Transfer.objects.filter(
            transaction=study.transaction_id, purpose="in", study_uid=study.study_uid,
            state__in=short,
        ):  # fmt: skip
            transfers.cancel(each, by=by, words="It was taken as it is.")
    study_arrived(study)


def study_filed(study: Study) -> None:
    """A study is in PACS and in the RIS: fixed up when it was the last of the transaction."""
    with transaction.atomic():
        ticket = study.ticket
        if study.transaction_id is not None:
            row = locked(Transaction(pk=study.transaction_id))
            ticket = ticket or row.ticket
            if row.state == TransactionState.DELIVERED and _are_filed(row.studies):
                transactions.record(row, TransactionEvent.FIXED_UP, by=SYSTEM)
        if ticket is None:
            return
        ticket.refresh_from_db()
        if ticket.state == TicketState.DONE and study.taken_out_at is not None:
            _there_again(study, ticket)
        if ticket.state not in OPEN:
            return
        tickets.record(
            ticket, TicketEvent.FIXED_UP, by=SYSTEM, words=f"Study of {_day(study)} filed",
            fixed_up_by=study.matched_by or SYSTEM.label,
        )  # fmt: skip
        _finish_if_all_done(ticket, "available", "The images are available in PACS.")


def _there_again(study: Study, ticket: Ticket) -> None:
    words = f"Study of {_day(study)} is in PACS again."
    tickets.record(ticket, TicketEvent.NOTED, words=words, by=SYSTEM)
    tell_requester(ticket, f"again {_time_of(study)}", f"The images of {_day(study)} are in "
                   "PACS again.", SYSTEM)  # fmt: skip


def study_taken_out(study: Study, *, why: str, by: Acting) -> None:
    """Our PACS has the images no more. Who was told that they are there is told that they are not,
    and never why: that is the desk's, and may name somebody.
    """
    words = f"Our PACS took the images of {_day(study)} out again"
    ticket = study.ticket
    if study.transaction_id is not None:
        row = locked(Transaction(pk=study.transaction_id))
        ticket = ticket or row.ticket
        said = f"{words}: {why}"[:300]
        transactions.record(row, TransactionEvent.NOTED, words=said, by=by)
    if ticket is None:
        return
    ticket.refresh_from_db()
    tickets.record(ticket, TicketEvent.NOTED, words=f"{words}.", by=by)
    if ticket.state == TicketState.DONE:
        text = (
            f"The images of {_day(study)} that you asked for are not in PACS any more. The service "
            "desk works on it, and tells you when they are there again. Ring it when you need them "
            "now."
        )
        tell_requester(ticket, f"gone {_time_of(study)}", text, by)


def _time_of(study: Study) -> str:
    """Which study, and the how manieth time: an occasion of its own."""
    times = study.events.filter(event=StudyEvent.TAKEN_OUT.value).count()
    return f"{str(study.pk)[:8]} {times}"


def study_discarded(study: Study, *, why: str, by: Acting) -> None:
    """A study was given up. What came unasked is over when nothing of it is left; what else the
    transaction brought is fixed up when the rest of it is.
    """
    if study.transaction_id is None:
        return
    with transaction.atomic():
        row = locked(Transaction(pk=study.transaction_id))
        if row.state != TransactionState.DELIVERED:
            return
        if _are_filed(row.studies):
            transactions.record(row, TransactionEvent.FIXED_UP, by=by)
            if row.ticket is not None and row.ticket.state in OPEN:
                text = "The images are available in PACS."
                _finish_if_all_done(row.ticket, "available", text)
        elif row.kind == TransactionKind.DIRECT and not _live(row).exists():
            words = f"Discarded: {why}"[:300]
            transactions.record(row, TransactionEvent.DISCARDED, by=by, words=words, why=words)


def _live(row: Transaction) -> Any:
    return row.studies.exclude(state=StudyState.DISCARDED.value)


def _day(study: Study) -> str:
    return f"{study.acquired_on:%d-%b-%Y}" if study.acquired_on else "an unknown day"


def _are_filed(studies: object) -> bool:
    live = studies.exclude(state=StudyState.DISCARDED.value)  # type: ignore[attr-defined]
    return live.exists() and not live.exclude(state=StudyState.FILED.value).exists()


def _finish_if_all_done(ticket: Ticket, occasion: str, text: str) -> None:
    """The ticket ends when all that was made of it has ended well; the requester is told."""
    ticket.refresh_from_db()
    if ticket.state not in OPEN:
        return
    states = {TransactionState.DELIVERED, TransactionState.FIXED_UP} | TERMINAL
    for row in ticket.transactions.all():
        if row.state not in states or (row.brings_images and row.state == "delivered"):
            return
    came = ticket.studies.exclude(state=StudyState.OUTGOING.value)  # what left is filed nowhere
    if came.exists() and not _are_filed(came):
        return
    tickets.record(ticket, TicketEvent.FINISHED, words=text, by=SYSTEM)
    tell_requester(ticket, occasion, text, SYSTEM)


# --- The ticket ends before what was made of it --------------------------------------------------


def hold_transactions_of(ticket: Ticket) -> list[Transaction]:
    """What of it is not over, locked: before the ticket is, as everywhere."""
    rows = Transaction.objects.filter(ticket=ticket.pk, state__in=_CANCELLED_WITH_IT)
    return [locked(each) for each in rows.order_by("pk")]


def cancel_with_ticket(held: Iterable[Transaction], reference: str, *, by: Acting) -> None:
    """Nothing of a cancelled ticket goes on. `held` is of hold_transactions_of.

    Where images have left already a person has to stop it and ring them: while it moves this raises
    NotAccepted "left" (nobody cancels a ticket of which images are on their way without knowing),
    and where it stands still it stays on the desk's list. The system, whom nobody answers, only
    notes it.
    """
    for row in held:
        try:
            with transaction.atomic():
                transactions.cancel(row, f"Its ticket {reference} was cancelled.", by=by)
        except NotAccepted:
            moves = row.transfers.filter(state__in=_MOVES)
            if moves.exists() and not by.is_system:
                raise NotAccepted("left", _LEFT.format(number=row.number)) from None
            words = f"Its ticket {reference} was cancelled. Images had left already."
            transactions.record(row, TransactionEvent.NOTED, by=by, words=words)


def change_priority_with_ticket(
    held: Iterable[Transaction], priority: int, why: str, *, by: Acting
) -> None:
    """As urgent as the ticket is now, and their transfers with them. `held`: as above."""
    for row in held:
        if row.priority != priority:
            transactions.change_priority(row, priority, why, by=by)


_LEFT = (
    "Images of transaction {number} are on their way already. The service desk pauses the transfer "
    "and rings them first."
)
_MOVES = [TransferState.WAITING.value, TransferState.RUNNING.value]
_CANCELLED_WITH_IT = [each.value for each in (*UNFINISHED, TransactionState.DECLINE)]


def sweep_unsent() -> int:
    """Whatever has come from our PACS and, for a fault, did not go on. How many studies went."""
    waiting = Transaction.objects.filter(
        state__in=(TransactionState.STARTED.value, TransactionState.UPLOADING.value,
                   TransactionState.DOWNLOAD_REQUEST.value, TransactionState.DOWNLOADING.value),
        transfers__purpose="from_pacs", transfers__state=TransferState.DELIVERED.value,
    )  # fmt: skip
    sent = 0
    for thing in waiting.distinct()[:100]:
        with transaction.atomic():
            sent += go_on(locked(thing))
    return sent
