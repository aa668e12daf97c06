"""How long to wait before the next attempt."""

import secrets
from datetime import timedelta

_chance = secrets.SystemRandom()


def pause(
    attempt: int, *, first: float = 1.0, factor: float = 2.0, longest: float = 30.0
) -> timedelta:
    """`factor` times as long after each attempt (the first is 1), up to `longest` seconds.

    Between half and the whole of it by chance, so that what failed together does not return
    together.
    """
    seconds = min(longest, first * factor ** min(attempt - 1, 30))
    return timedelta(seconds=seconds * _chance.uniform(0.5, 1.0))
