"""Mail: an extra that closes nothing. Other rooms enter here: `post`, `withdraw`, `Attachment`.

Recipients come from the directory alone (`messaging.queries.mail.mailbox_for`).
"""

from messaging.mail_format import Attachment

from .alerting import on_queue_alert
from .directory import (
    correct_mailbox,
    end_mailbox,
    enter_mailbox,
    enter_own_mailbox,
    verify_mailbox,
)
from .operators import handle_bounce, handle_mail, retry_mail, send_to_corrected
from .posting import TASK, post, withdraw
from .returning import read_bounces
from .sending import deliver_due

__all__ = [
    "TASK", "Attachment", "correct_mailbox", "deliver_due", "end_mailbox", "enter_mailbox",
    "enter_own_mailbox", "handle_bounce", "handle_mail", "on_queue_alert", "post", "read_bounces",
    "retry_mail", "send_to_corrected", "verify_mailbox", "withdraw",
]  # fmt: skip
