"""One mail when a queue backs up and one when it clears, to those who run the service."""

from __future__ import annotations

from accounts.policies import SYSTEM
from messaging.mail_states import MailPurpose
from messaging.queries import alerts
from messaging.queries.mail import usable_mailboxes

from .posting import post

SUBJECT_TYPE = "messaging.QueueAlert"


def on_queue_alert(alert_id: int, what: str) -> None:
    """settings.QUEUE_ALERT_EVENTS: `what` is "raised" or "cleared"; in the alert's transaction."""
    alert = alerts.alert(alert_id)
    is_over = what == "cleared"
    subject = "Over: a queue has cleared" if is_over else "Action: a queue backs up"
    text = f"{alert.sentence}\n\n" + (
        "It has cleared." if is_over else f"{alert.owner} Open Messages in Diagnostics ordering."
    )
    for box in usable_mailboxes().filter(purpose=MailPurpose.SERVICE):
        post(
            purpose=MailPurpose.SERVICE, to=box, subject=f"{subject} (alert {alert_id})", text=text,
            subject_type=SUBJECT_TYPE, subject_id=alert_id, by=SYSTEM,
        )  # fmt: skip
