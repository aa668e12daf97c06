"""Who waits for whom, and for how long."""

from dataclasses import dataclass
from datetime import timedelta


class NoSuchMove(ValueError):
    """The table has no such move."""

    def __init__(self, thing: str, state: str, event: str) -> None:
        super().__init__(f"A {thing} that is {state} cannot {event}.")


@dataclass(frozen=True)
class Wait:
    """A state that is not the end: whose it is, after how long it is late, where it is listed."""

    owner: str  # "mbp", "on-call", "requester", "worker"
    limit: timedelta
    list_name: str  # a URL name
