"""Mail: an extra that closes nothing. Other rooms enter here: `post`, `withdraw`, `Attachment`.

Recipients come from the directory alone (`messaging.queries.mail.mailbox_for`).
"""

from messaging.mail_format import Attachment

from .posting import TASK, post, withdraw
from .returning import read_bounces
from .sending import deliver_due

__all__ = ["TASK", "Attachment", "deliver_due", "post", "read_bounces", "withdraw"]
