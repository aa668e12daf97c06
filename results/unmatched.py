"""Results that matched no request: which causes these are, how long they may wait, what a person
may do. Plain Python."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

# The reason codes of parked results that a person may attach to a request: results.inbound and
# results.hl7.reports have them.
CAUSES: Final[dict[str, str]] = {
    "unknown_request": "No request of ours has its number",
    "no_request_number": "It has no request number",
    "request_numbers_differ": "It has two different request numbers",
    "identity_mismatch": "The patient is not the one of the request",
    "no_patient": "It does not say who the patient is",
    "other_department": "The request went to another department",
}
URGENT_LIMIT: Final = timedelta(hours=1)
ROUTINE_LIMIT: Final = timedelta(hours=24)


def due_at(urgency: str, received_at: datetime) -> datetime:
    """When somebody has to have dealt with it. Routine only where the message says so."""
    limit = ROUTINE_LIMIT if urgency == "routine" else URGENT_LIMIT
    return received_at + limit


class State(StrEnum):
    """Of an attachment. Proposed waits for a second person, an hour, on the unmatched list."""

    PROPOSED = "proposed"
    ATTACHED = "attached"
    DECLINED = "declined"


LISTS: Final[dict[State, str]] = dict.fromkeys(State, "results:unmatched")


class CannotAttach(Exception):
    """This result may not be put to that request. `sentence` says why and what to do."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)
