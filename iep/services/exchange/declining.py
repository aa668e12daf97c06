"""What a decline leaves behind: lanes that stop, and images that are not kept.

What somebody sends us is declined as a whole, until the first study of it is matched. What had
come is given up, which a person confirms; nothing of it is ever filed.
"""

from __future__ import annotations

from typing import Final

from accounts.policies import Acting
from iep.errors import NoSuchMove, NotAccepted
from iep.models import Study, Transaction
from iep.services.arrival import arrivals
from iep.services.exchange import sending
from iep.states.studies import StudyState
from iep.states.transactions import TransactionEvent, TransactionKind, may_be_declined

_DECIDED: Final = (
    StudyState.MATCHED.value, StudyState.FILED.value, StudyState.TAKEN_OUT.value,
)  # fmt: skip


def refuse(row: Transaction, *, sure: bool) -> None:
    """Raises NoSuchMove: it is too late; NotAccepted: matched, not_confirmed."""
    if not may_be_declined(row.kind, row.state):
        raise NoSuchMove("transaction", row.state, TransactionEvent.DECLINED)
    if not takes(row):
        return
    came = _came(row)
    if any(each.state in _DECIDED for each in came):
        raise NotAccepted(
            "matched", "A study of it is matched to a patient already. Take the match back first."
        )
    if came and not sure:
        raise NotAccepted(
            "not_sure", "Tick that the images that came are not needed: they are removed."
        )


def takes(row: Transaction) -> bool:
    """Whether it is something that they send us, asked for or not."""
    return row.brings_images and row.kind != TransactionKind.REQUEST


def stop(row: Transaction, *, why: str, by: Acting) -> None:
    """After it was declined: its lanes stop, what came is given up."""
    if row.kind == TransactionKind.REQUEST:
        return
    sending.stop(sending.hold(row), by=by, words="The transaction was declined.")
    if takes(row):
        for study in _came(row):
            arrivals.discard(study, why=f"Declined: {why}"[:300], by=by)


def _came(row: Transaction) -> list[Study]:
    return list(row.studies.exclude(state=StudyState.DISCARDED.value).order_by("pk"))
