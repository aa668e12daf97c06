"""F11 with real workers and a real mail server: nothing lost, one copy more at the most."""

import random
import time
from collections import Counter

import pytest
from django.utils import timezone

from demo.hospital.mail import Sink
from demo.processes import wait_until
from messaging.models import MailLink, MailMessage
from messaging.services import mail as services
from tests.messaging.mails import make_mailbox, post
from tests.messaging.processes import crashed, kill, running, worker
from tests.messaging.senders import told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def sink(tmp_path):
    server = Sink(tmp_path / "mails", tmp_path / "bounces")
    server.start()
    yield server
    server.mode = "working"
    server.stop()


def mail_worker(sink, **more):
    return worker(
        "mail", EMAIL_URL=f"smtp://127.0.0.1:{sink.port}?tls=none", MAIL_EXCHANGE_SECONDS="1",
        BOUNCES_URL=f"maildir://{sink.maildir}", **more,
    )  # fmt: skip


def leases_over():
    """As if the time of the leases and pauses had passed."""
    MailMessage.objects.exclude(lease_until=None).update(lease_until=timezone.now())
    MailMessage.objects.filter(state="waiting").update(not_before=None)
    MailLink.objects.update(retry_at=None)


def all_sent():
    return not MailMessage.objects.exclude(state__in=("sent", "bounced", "refused")).exists()


@pytest.mark.hazard("H52")
@pytest.mark.parametrize(("place", "copies"), [("mail.claimed", 1), ("mail.accepted", 2)])
def test_a_worker_killed_around_the_servers_250_sends_at_most_one_more(sink, place, copies):
    mail = post(make_mailbox())
    first = mail_worker(sink, CRASH_AT=place)
    with running(first):
        assert crashed(first)
    mail.refresh_from_db()
    assert mail.state == "sending"
    leases_over()
    with running(mail_worker(sink)):
        assert wait_until(all_sent, seconds=30, every=0.2)
    assert [each.message_id for each in sink.mails] == [mail.message_id] * copies
    assert told("a") == ["sent"]


@pytest.mark.hazard("H52")
def test_workers_killed_at_random_lose_nothing_and_repeat_once_a_kill_at_the_most(sink):
    box = make_mailbox()
    mails = [post(box, subject_id=str(n)) for n in range(80)]
    kills = 2
    for _ in range(kills):
        child = mail_worker(sink)
        with running(child):
            before = len(sink.mails)
            assert wait_until(lambda seen=before: len(sink.mails) > seen + 5, seconds=30)
            kill(child)
        leases_over()
    with running(mail_worker(sink)):
        assert wait_until(all_sent, seconds=60, every=0.2)
    came = Counter(each.message_id for each in sink.mails)
    assert set(came) == {mail.message_id for mail in mails}
    assert came.total() - len(came) <= kills
    assert all(told(str(n)) == ["sent"] for n in range(80))


@pytest.mark.hazard("H52")
@pytest.mark.hazard("H53")
def test_whatever_the_server_does_in_turn_every_mail_ends_in_the_ledger_it_belongs_to(
    sink, settings
):
    """Each mail is sent, or an item for a person; the server's ledger and ours agree."""
    from messaging import mail_server

    settings.EMAIL_SERVER = mail_server.parse(
        f"smtp://127.0.0.1:{sink.port}?tls=none", is_demo=True
    )
    settings.MAIL_EXCHANGE_SECONDS = 1
    settings.BOUNCES_URL = f"maildir://{sink.maildir}"
    settings.MAIL_EVENTS = "tests.messaging.senders.DELIVERY"
    chance, box = random.Random(11), make_mailbox()
    mails = []
    for mode in ("working", "later", "refusing", "never", "returning", "hanging", "working"):
        sink.set_mode(mode)
        mails += [post(box, subject_id=str(len(mails) + n)) for n in range(chance.randint(3, 8))]
        services.deliver_due(most=4 if mode in ("never", "returning") else 40)
        if mode == "hanging":
            sink.set_mode("working")
            time.sleep(0.3)
        leases_over()
    for _ in range(3):
        services.deliver_due()
        services.read_bounces()
        leases_over()
    states = dict(MailMessage.objects.values_list("message_id", "state"))
    came = Counter(each.message_id for each in sink.mails)
    assert set(states.values()) == {"sent", "refused", "bounced"}
    taken = {key for key, state in states.items() if state in ("sent", "bounced")}
    assert set(came) == taken
    assert came.total() - len(came) <= 1  # the one that hung, kept by the server after all
    assert len(states) == len(mails)
    outcomes = {mail.message_id: told(mail.subject_id) for mail in mails}
    assert all(outcomes[key][-1] == state for key, state in states.items())
