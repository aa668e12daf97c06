"""What messaging keeps: partners, the inbox, the outbox, the state of each link, mail.

Other rooms enter for foreign keys; they ask `queries` and `services` for anything else.
"""

from .changes import PartnerChange
from .mail import Bounce, MailLink, MailMessage, Mailbox
from .messages import InboundMessage, OutboundMessage, new_lease
from .partners import Feed, Partner, PartnerCode

__all__ = [
    "Bounce",
    "Feed",
    "InboundMessage",
    "MailLink",
    "MailMessage",
    "Mailbox",
    "OutboundMessage",
    "Partner",
    "PartnerChange",
    "PartnerCode",
    "new_lease",
]
