"""HL7 trigger event to handler, and delivery outcome to the room that sent the message.

Found through settings.HL7_ROUTING and settings.HL7_DELIVERY_EVENTS, as Django finds its URL
conf, so that `messaging` imports nobody.
"""

from collections.abc import Callable
from typing import Any

ROUTES: dict[tuple[str, str], Callable[..., None]] = {}
DELIVERY: dict[str, Callable[..., Any]] = {}
