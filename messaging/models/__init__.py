"""What messaging keeps: partners, the inbox, the outbox, the state of each link, mail.

Other rooms enter for foreign keys; they ask `queries` and `services` for anything else.
"""

from .messages import InboundMessage, OutboundMessage, new_lease
from .partners import Partner

__all__ = ["InboundMessage", "OutboundMessage", "Partner", "new_lease"]
