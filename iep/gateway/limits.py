"""How often one peer may ask: a bucket for each key, in this process.

With several web processes the whole is as many times larger: it is there so that a peer that runs
wild leaves room for people, not to count exactly.
"""

from __future__ import annotations

import threading
import time

from django.conf import settings

_MOST_KEYS = 1000
_lock = threading.Lock()
_left: dict[str, tuple[float, float]] = {}  # by key: how much is left, and when that was so


def may_ask(key: str) -> bool:
    """Whether there is room for one more request now: settings.GATEWAY_REQUESTS_A_SECOND, and five
    seconds' worth at once."""
    rate = settings.GATEWAY_REQUESTS_A_SECOND
    now = time.monotonic()
    with _lock:
        if len(_left) > _MOST_KEYS:
            _left.clear()
        left, since = _left.get(key, (rate * 5, now))
        left = min(rate * 5, left + (now - since) * rate)
        _left[key] = (max(left - 1, 0.0), now)
        return left >= 1
