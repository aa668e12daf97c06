"""Which images go or come: studies picked at our PACS or at their node, and the lanes' work."""

from __future__ import annotations

from accounts.policies import Acting
from iep.models import Transaction


def stop_all(thing: Transaction, *, by: Acting) -> None:
    """Cancel what waits in the lanes for it. Raises NotAccepted "left" once an image has left."""


def change_priority(thing: Transaction, priority: int, *, by: Acting) -> None:
    """Its transfers that have not ended follow."""
