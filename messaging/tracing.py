"""Trace ids by W3C Trace Context: from a request to the rows that it leaves and to workers' logs.

A trace id says which lines of the logs belong together, and nothing else. It is on the row and not
in the broker's message, which carries a row's id only. Plain Python.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

# version 00: trace id, parent's span id, flags (W3C Trace Context 3.2). All zeros are invalid.
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")


def trace_of(traceparent: str) -> str:
    """The trace id of a `traceparent` header; a new one where there is none that can be read."""
    found = _TRACEPARENT.fullmatch(traceparent)
    return found[1] if found else secrets.token_hex(16)


def current_trace() -> str:
    """The trace that this thread works for; "" for none."""
    return str(structlog.contextvars.get_contextvars().get("trace_id", ""))


@contextmanager
def following(trace_id: str, **ids: str) -> Iterator[None]:
    """Every line that is logged meanwhile carries the trace's id and a span id of its own."""
    trace = {"trace_id": trace_id or secrets.token_hex(16), "span_id": secrets.token_hex(8)}
    with structlog.contextvars.bound_contextvars(**trace, **ids):
        yield
