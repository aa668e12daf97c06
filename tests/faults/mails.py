"""F11: the mail server refuses, puts off, hangs, takes and returns; our worker dies."""

import time
from collections import Counter

from django.db import Error

from demo.hospital.mail import Sink
from messaging.models import MailLink, MailMessage
from tests.messaging.mails import make_mailbox, post

from .report import Report
from .rig import Rig

MODES = ("refusing", "later", "never", "hanging", "returning")


def bad_mail_server(rig: Rig, report: Report) -> None:
    """Every mail ends with the server once, or with a person; a death sends one more at most."""
    sink = Sink(rig.logs / "mails", rig.logs / "bounces")
    sink.start()
    rig.add_worker(
        "mail",
        EMAIL_URL=f"smtp://127.0.0.1:{sink.port}?tls=none",
        BOUNCES_URL=f"maildir://{rig.logs}/bounces",
        MAIL_EXCHANGE_SECONDS="2",
        TEST_MAIL_EVENTS="tests.messaging.senders.DELIVERY",
    )
    mailbox = make_mailbox()
    share = max(2, rig.size.mails // (len(MODES) + 1))
    for number, mode in enumerate((*MODES, "working")):
        sink.set_mode(mode)
        for n in range(share):
            post(mailbox, subject_id=f"{mode}-{n}")
        rig.until(lambda: False, seconds=4)
        if number % 2:
            rig.kill("mail")
    sink.set_mode("working")
    done = rig.until(_has_ended, seconds=300, act=_hours_pass)
    states = Counter(MailMessage.objects.values_list("state", flat=True))
    report.check("all came to an end", done, dict(states))
    _judge(report, sink, rig)
    sink.stop()


def _has_ended() -> bool:
    return not MailMessage.objects.filter(state__in=("waiting", "sending")).exists()


def _hours_pass() -> None:
    """The pauses are over: hours of tries in minutes."""
    try:
        MailMessage.objects.filter(state="waiting").update(not_before=None)
        MailLink.objects.update(retry_at=None)
    except Error:
        time.sleep(0.1)


def _judge(report: Report, sink: Sink, rig: Rig) -> None:
    taken = Counter(mail.message_id for mail in sink.mails)
    rows = list(MailMessage.objects.all())
    ended = {row.message_id for row in rows if row.state in ("sent", "bounced")}
    lost = ended - set(taken)
    report.check("shown as sent and never taken", not lost, len(lost))
    nobody = [row for row in rows if row.state not in ("sent", "bounced", "refused", "failed")]
    report.check("neither sent nor with a person", not nobody, len(nobody))
    extra = sum(times - 1 for times in taken.values())
    most = sum(rig.kills.values()) + sum("hanging" in row.subject_id for row in rows)
    report.check("sent once more, by deaths and hangs", extra <= most, f"{extra}, at most {most}")
    returned = [row for row in rows if row.subject_id.startswith("returning")]
    report.check(
        "returned and known to be", all(row.state in ("bounced", "sent") for row in returned)
    )
