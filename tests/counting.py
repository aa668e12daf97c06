"""What a page costs the database, once what every page remembers for some seconds is remembered."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def cost_of(read: Callable[[], object]) -> int:
    """How many queries: the fewest of three readings after a first.

    A stalled machine may take longer from one reading to the next than a memory lasts.
    """
    read()
    return min(_once(read) for _ in range(3))


def _once(read: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        read()
    return len(captured)
