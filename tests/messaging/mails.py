"""Mailboxes and mails as a test needs them: atoms."""

from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation
from accounts.policies import SYSTEM
from demo.hospital.mail import Mail, delivery_report
from messaging.models import Bounce, Mailbox, MailMessage
from messaging.services import mail as services
from messaging.services.mail.returning import take_bounce


def make_mailbox(place: Organisation | None = None, **facts) -> Mailbox:
    """A verified one of a department, for downtime requests, unless told otherwise."""
    if place is None:
        place, _ = Organisation.objects.get_or_create(
            ods_code="RZ1-RAD", defaults={"name": "Radiology", "kind": "department"}
        )
    today = timezone.localdate()
    defaults = {
        "organisation": place, "purpose": "downtime", "address": "xray@stmildred.nhs.example",
        "display_name": "X-ray reception", "verified_on": today, "valid_from": today,
    }  # fmt: skip
    return Mailbox.objects.create(**defaults | facts)


def post(mailbox: Mailbox, **facts) -> MailMessage:
    """A mail to it, in a transaction of its own."""
    defaults = {
        "purpose": mailbox.purpose, "subject": "Downtime request R-4821", "text": "See the form.",
        "reference": "R-4821", "subject_type": "tests.Order", "subject_id": "a", "by": SYSTEM,
    }  # fmt: skip
    with transaction.atomic():
        return services.post(to=mailbox, **defaults | facts)


def came_back(mail: MailMessage) -> Bounce:
    """The mail server took it and returned it: the delivery report was read."""
    as_sent = Mail(1, "", mail.return_path, mail.to_address, bytes(mail.raw))
    take_bounce("report", delivery_report(as_sent))
    return Bounce.objects.get(mail=mail)


def mail_that_came_back(place: Organisation) -> tuple[MailMessage, Bounce]:
    mail = post(make_mailbox(place))
    bounce = came_back(mail)
    mail.refresh_from_db()
    return mail, bounce
