"""A transfer of Kingsmere's that waits, and a lane: for tests that need any."""

from typing import Any

from accounts.policies import SYSTEM
from iep.models import Lane, Transfer
from iep.services.lanes import transfers
from iep.states.priorities import Priority
from tests.iep.transactions import exchange


def a_transfer(cast: Any) -> Transfer:
    """Of the transaction that the house's other examples use."""
    thing = exchange.example(cast)
    found = thing.transfers.first()
    if found is not None:
        return found
    return transfers.queue_fetch(
        thing.node, "1.2.3", priority=Priority.NORMAL, purpose="in", title="CT head",
        transaction=thing, by=SYSTEM,
    )  # fmt: skip


def a_lane() -> Lane:
    """One that anybody of the desk may pause."""
    return Lane.objects.get_or_create(name="out-2", defaults={"direction": "out"})[0]
