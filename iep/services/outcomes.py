"""What became of transfers and studies, and what that means for transaction, ticket, requester.

The lanes call `transfer_moved`, arrivals call `study_arrived`, matching calls `study_filed`, each
in the transaction of its own move: what is told here happens with it, or not at all.
"""

from __future__ import annotations

from accounts.policies import Acting
from iep.models import Study, Transaction, Transfer
from iep.states.transfers import TransferEvent


def transfer_moved(transfer: Transfer, event: TransferEvent) -> None:
    """A transfer of the transaction runs, was delivered, fell short, failed or was cancelled."""


def study_arrived(study: Study) -> None:
    """A study that came is whole. One that belongs to no transaction becomes a direct routing."""


def study_filed(study: Study) -> None:
    """A study is in PACS and in the RIS: fixed up when it was the last of the transaction."""


def declined(thing: Transaction, *, by: Acting) -> None:
    """They will not send it: the ticket comes back to the service desk, the requester is told."""
