"""What messaging keeps: partners, the inbox, the outbox, the state of each link, mail.

Other rooms enter for foreign keys; they ask `queries` and `services` for anything else.
"""

from .changes import PartnerChange
from .drills import Drill, DrillEventRow, DrillNote, DrillSight
from .links import Link, LinkEvent, QueueAlert, SyntheticOrder
from .mail import Bounce, Mailbox, MailLink, MailMessage
from .messages import InboundMessage, OutboundMessage, new_lease
from .operating import Correction, Replay
from .partners import Feed, Partner, PartnerCode

__all__ = [
    "Bounce",
    "Correction",
    "Drill",
    "DrillEventRow",
    "DrillNote",
    "DrillSight",
    "Feed",
    "InboundMessage",
    "Link",
    "LinkEvent",
    "MailLink",
    "MailMessage",
    "Mailbox",
    "OutboundMessage",
    "Partner",
    "PartnerChange",
    "PartnerCode",
    "QueueAlert",
    "Replay",
    "SyntheticOrder",
    "new_lease",
]
