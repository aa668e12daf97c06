"""Mail: nothing lost, nothing twice but where SMTP itself cannot know, nothing closed by it."""

import time
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts.policies import SYSTEM
from demo.hospital.mail import Sink, delivery_report
from messaging import mail_server
from messaging.errors import NotSendable
from messaging.mail_states import MAIL_LISTS, MAIL_MOVES, MAIL_WAITS, MailState
from messaging.models import Bounce, MailLink, MailMessage, new_lease
from messaging.services import mail as services
from tests.messaging.mails import make_mailbox, post
from tests.messaging.senders import told

pytestmark = pytest.mark.django_db


@pytest.fixture
def sink(tmp_path, settings):
    """A mail server that does as it is told, and its Maildir of what comes back."""
    server = Sink(tmp_path / "mails", tmp_path / "bounces")
    server.start()
    settings.EMAIL_SERVER = mail_server.parse(
        f"smtp://127.0.0.1:{server.port}?tls=none", is_demo=True
    )
    settings.BOUNCES_URL = f"maildir://{tmp_path}/bounces"
    settings.MAIL_EVENTS = "tests.messaging.senders.DELIVERY"
    settings.MAIL_EXCHANGE_SECONDS = 1
    yield server
    server.mode = "working"  # what hangs may end
    server.stop()


@pytest.fixture
def mailbox(db):
    return make_mailbox()


def state(mail):
    mail.refresh_from_db()
    return mail.state


def waits_over():
    """The pauses and leases are over, as if time had passed."""
    MailMessage.objects.update(not_before=None)
    MailMessage.objects.exclude(lease_until=None).update(lease_until=timezone.now())
    MailLink.objects.update(retry_at=None)


# --- Into the outbox -----------------------------------------------------------------------------


def test_a_mail_arrives_as_it_was_written_from_the_sender_of_its_purpose(sink, mailbox):
    form = services.Attachment("downtime-form-R-4821.pdf", "application/pdf", b"%PDF-1.7 \r\n\x00")
    mail = post(mailbox, text="Für Sie: äöü – “x”", html="<p>See</p>", attachments=[form])
    assert services.deliver_due() == 1
    (came,) = sink.mails
    assert came.sender == (
        '"Diagnostics ordering: downtime requests (do not reply)"'
        " <no-reply-downtime@diagnostics.nhs.example>"
    )
    assert (came.to, came.subject) == (mailbox.address, "Downtime request R-4821")
    assert came.text.startswith("Für Sie: äöü – “x”")
    assert "Do not reply" in came.text
    assert came.attachments[0].content == form.content
    assert (came.message_id, came.return_path) == (mail.message_id, mail.return_path)
    assert state(mail) == "sent"
    assert (mail.reply_code, mail.reply) == (250, "2.0.0 Kept as 1")
    assert told("a") == ["sent"]


def test_every_purpose_has_a_sender_of_its_own_that_says_not_to_reply(settings):
    addresses = {address for _, address in settings.MAIL_SENDERS.values()}
    assert len(addresses) == len(settings.MAIL_SENDERS) >= 6
    assert all("do not reply" in name for name, _ in settings.MAIL_SENDERS.values())


def test_what_the_transaction_takes_back_is_not_sent(sink, mailbox):
    with transaction.atomic():
        point = transaction.savepoint()
        post(mailbox)
        transaction.savepoint_rollback(point)
    assert services.deliver_due() == 0
    assert sink.mails == []


@pytest.mark.django_db(transaction=True)
def test_a_mail_outside_a_business_transaction_is_refused(mailbox):
    with pytest.raises(transaction.TransactionManagementError):
        services.post(
            purpose="downtime", to=mailbox, subject="x", text="x", subject_type="t", subject_id="1",
            by=SYSTEM,
        )  # fmt: skip


@pytest.mark.hazard("H53")
@pytest.mark.parametrize(
    "subject",
    [
        "Request\r\nBcc: somebody@elsewhere.example",
        "Request\nX: y",
        "Request\x85X",
        "Patient 9990000018",
        "Patient 999 000 0018",
        "Patient 999-000-0018",
        "Born 02-Mar-1958",
        "Born 1958-03-02",
        "Born 02/03/58",
        "Born 19580302",
        "For Agnes",
        "For TESTPATIENT",
        "",
        "x" * 121,
    ],
)
def test_a_subject_that_could_say_who_a_patient_is_or_open_a_header_is_refused(mailbox, subject):
    with pytest.raises(NotSendable):
        post(mailbox, subject=subject, never=["Agnes Testpatient"])
    assert not MailMessage.objects.exists()


@pytest.mark.hazard("H53")
@pytest.mark.parametrize(
    "name", ["Testpatient.pdf", "9990000018.pdf", "a\r\nb.pdf", "../a.pdf", "form_1958-03-02.pdf"]
)
def test_a_file_name_that_could_say_who_a_patient_is_is_refused(mailbox, name):
    with pytest.raises(NotSendable):
        post(mailbox, attachments=[services.Attachment(name, "application/pdf", b"x")],
             never=["Testpatient"])  # fmt: skip


@pytest.mark.parametrize(
    "subject", ["Action: a request needs you (ref R-4821)", "3 routine results", "12 results 2"]
)
def test_a_plain_subject_is_taken(mailbox, subject):
    assert post(mailbox, subject=subject).subject == subject


@pytest.mark.hazard("H53")
@pytest.mark.parametrize(
    "address",
    [
        "somebody@gmail.example", "somebody@nhs.example.evil.example", "x@evil.example",
        "a@b@nhs.example", "a b@stmildred.nhs.example", "a@stmildred.nhs.example\nBcc: x@y.example",
        "<a@stmildred.nhs.example>", "a@stmildred.nhs.example,x@y.example", "",
    ],
)  # fmt: skip
def test_only_listed_domains_are_written_to(address):
    with pytest.raises(NotSendable):
        post(make_mailbox(address=address))


@pytest.mark.hazard("H53")
@pytest.mark.parametrize(
    "facts",
    [
        {"verified_on": None},
        {"valid_from": timezone.localdate() + timedelta(days=1)},
        {"valid_to": timezone.localdate()},
        {"purpose": "results"},
    ],
)
def test_only_a_verified_mailbox_of_the_directory_that_is_for_this_is_written_to(facts):
    with pytest.raises(NotSendable):
        post(make_mailbox(**facts), purpose="downtime")


@pytest.mark.hazard("H53")
def test_a_domain_taken_off_the_list_gets_nothing_that_was_already_written(sink, mailbox, settings):
    mail = post(mailbox)
    settings.MAIL_DOMAINS = ["nhs.net"]
    services.deliver_due()
    assert state(mail) == "refused"
    assert sink.mails == []
    assert told("a") == ["refused"]


# --- F11: whatever the mail server does ----------------------------------------------------------


@pytest.mark.hazard("H52")
def test_a_server_that_takes_no_connections_loses_nothing(sink, mailbox):
    sink.set_mode("refusing")
    mails = [post(mailbox, subject_id=str(n)) for n in range(5)]
    assert services.deliver_due() == 0
    assert services.deliver_due() == 0  # its pause is not over: nobody asks it again
    assert sum(MailMessage.objects.values_list("attempts", flat=True)) == 1
    assert MailLink.objects.get().failing_since
    assert {state(mail) for mail in mails} == {"waiting"}
    sink.set_mode("working")
    waits_over()
    assert services.deliver_due() == 5
    assert [each.message_id for each in sink.mails] == [mail.message_id for mail in mails]
    assert MailLink.objects.get().failing_since is None


@pytest.mark.hazard("H52")
def test_a_temporary_refusal_is_tried_again_under_the_same_message_id(sink, mailbox):
    sink.set_mode("later")
    mail = post(mailbox)
    for _ in range(3):
        assert services.deliver_due() == 0
        assert state(mail) == "waiting"
        assert mail.not_before > timezone.now()
        waits_over()
    assert (mail.reply_code, mail.failures) == (451, 3)
    assert MailLink.objects.get().failing_since is None  # the server answers: the link is well
    sink.set_mode("working")
    assert services.deliver_due() == 1
    assert [each.message_id for each in sink.mails] == [mail.message_id]
    assert told("a") == ["sent"]


@pytest.mark.hazard("H52")
def test_a_permanent_refusal_is_a_persons_at_once_and_holds_up_no_other(sink, mailbox):
    sink.set_mode("never")
    refused = post(mailbox)
    services.deliver_due()
    assert state(refused) == "refused"
    assert "550 5.1.1 No such mailbox here" in refused.reason
    assert told("a") == ["refused"]
    sink.set_mode("working")
    other = post(mailbox, subject_id="b")
    services.deliver_due()
    assert (state(refused), state(other)) == ("refused", "sent")


@pytest.mark.hazard("H52")
def test_a_server_that_hangs_in_the_data_is_left_and_the_mail_sent_later(sink, mailbox):
    sink.set_mode("hanging")
    mail = post(mailbox)
    began = time.monotonic()
    assert services.deliver_due() == 0
    assert time.monotonic() - began < 4
    assert state(mail) == "waiting"
    assert "no answer" in mail.reason
    sink.set_mode("working")
    time.sleep(0.3)  # the one that hung ends now: SMTP cannot tell us whether it was kept
    waits_over()
    assert services.deliver_due() == 1
    assert {each.message_id for each in sink.mails} == {mail.message_id}
    assert len(sink.mails) <= 2
    assert told("a") == ["sent"]


@pytest.mark.hazard("H52")
def test_what_is_taken_and_then_comes_back_is_an_item_with_the_reason_in_words(sink, mailbox):
    sink.set_mode("returning")
    mail = post(mailbox)
    services.deliver_due()
    assert state(mail) == "sent"
    assert services.read_bounces() == 1
    assert state(mail) == "bounced"
    assert "there is no such mailbox" in mail.reason
    assert told("a") == ["sent", "bounced"]
    assert services.read_bounces() == 0
    assert [path.name[-4:] for path in (sink.maildir / "cur").iterdir()] == [":2,S"]


@pytest.mark.hazard("H52")
def test_a_worker_that_died_after_the_servers_250_sends_at_most_one_more(sink, mailbox):
    """As kill -9 between the server's answer and our commit: the mail is still being sent."""
    mail = post(mailbox)
    services.deliver_due()
    MailMessage.objects.update(
        state="sending", lease_token=new_lease(), lease_until=timezone.now() + timedelta(hours=1)
    )
    assert services.deliver_due() == 0  # its lease runs
    waits_over()
    assert services.deliver_due() == 1
    assert services.deliver_due() == 0
    assert [each.message_id for each in sink.mails] == [mail.message_id] * 2


def test_whoever_holds_an_older_lease_changes_nothing(sink, mailbox):
    from messaging.services.mail import outcome
    from messaging.smtp import NotSent, Reply

    mail = post(mailbox)
    MailMessage.objects.update(state="sending", lease_token=new_lease())
    assert outcome.record_sent(mail, new_lease(), Reply(250, "OK")) is False
    outcome.record_failure(mail, new_lease(), NotSent("content", Reply(550, "no")))
    assert state(mail) == "sending"
    assert told("a") == []


def test_what_fails_for_hours_is_given_up_to_a_person(sink, mailbox, settings):
    sink.set_mode("later")
    mail = post(mailbox)
    MailMessage.objects.update(tried_since=timezone.now() - timedelta(hours=8))
    services.deliver_due()
    assert state(mail) == "failed"
    assert mail.reason.startswith("Tried for 8 hours.")
    assert told("a") == ["refused"]


def test_a_server_that_trickles_its_answer_does_not_hold_us(sink, mailbox, settings):
    """The deadline is of the whole exchange: an answer a byte at a time does not put it off."""
    import socket
    import threading

    def trickle(door):
        line, _ = door.accept()
        with line:
            try:
                for _ in range(200):
                    line.sendall(b"2")
                    time.sleep(0.05)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=trickle, args=[door], daemon=True).start()
        url = f"smtp://127.0.0.1:{door.getsockname()[1]}?tls=none"
        settings.EMAIL_SERVER = mail_server.parse(url, is_demo=True)
        mail = post(mailbox)
        began = time.monotonic()
        assert services.deliver_due() == 0
        assert time.monotonic() - began < 5
    assert state(mail) == "waiting"


def test_a_room_that_could_not_record_it_hears_it_again(sink, mailbox, settings):
    mail = post(mailbox, subject_id="faulty")
    assert services.deliver_due() == 1
    assert state(mail) == "sent"
    assert mail.to_tell == "sent"
    MailMessage.objects.update(subject_id="mended")
    assert services.deliver_due() == 0
    assert state(mail) == "sent"
    assert mail.to_tell == ""
    assert told("mended") == ["sent"]
    assert len(sink.mails) == 1


def test_a_mail_taken_back_in_time_stays_here(sink, mailbox):
    later = timezone.now() + timedelta(seconds=10)
    mail = post(mailbox, not_before=later)
    assert services.deliver_due() == 0
    with transaction.atomic():
        assert services.withdraw(subject_type="tests.Order", subject_id="a", by=SYSTEM) == 1
    waits_over()
    assert services.deliver_due() == 0
    assert state(mail) == "withdrawn"
    assert sink.mails == []


def test_without_a_mail_server_what_is_written_waits(mailbox, settings):
    settings.EMAIL_SERVER = None
    mail = post(mailbox)
    assert services.deliver_due() == 0
    assert state(mail) == "waiting"


# --- What comes back -----------------------------------------------------------------------------


def put_back(sink, raw, name="1"):
    (sink.maildir / "new" / name).write_bytes(raw)


@pytest.fixture
def came(sink, mailbox):
    """A mail of ours as the server has it."""
    post(mailbox)
    services.deliver_due()
    return sink.mails[0]


@pytest.mark.hazard("H52")
def test_a_report_without_our_return_path_is_matched_by_message_id(sink, came):
    put_back(sink, delivery_report(came, with_token=False))
    services.read_bounces()
    assert MailMessage.objects.get().state == "bounced"
    assert Bounce.objects.get().matched_by == "Message-ID"


def test_a_report_of_lateness_is_noted_and_nothing_more(sink, came):
    put_back(sink, delivery_report(came, action="delayed", status="4.4.1"))
    services.read_bounces()
    assert (MailMessage.objects.get().state, Bounce.objects.get().state) == ("sent", "noted")


@pytest.mark.hazard("H52")
@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\x00\xff\xfe", b"Subject: I am on holiday\r\n\r\nBack on Monday",
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: "
        b"message/delivery-status\r\n\r\nnothing", b"Content-Type: \xff;;;\r\n\r\n\xff",
        b"To: bounces+00000000000000000000000000000000@diagnostics.nhs.example\r\n\r\nx",
    ],
)  # fmt: skip
def test_whatever_else_comes_back_is_an_item_for_a_person_and_is_not_deleted(sink, came, raw):
    put_back(sink, raw)
    assert services.read_bounces() == 1
    bounce = Bounce.objects.get()
    assert (bounce.state, bounce.mail, bytes(bounce.raw)) == ("unknown", None, raw)
    assert bounce.sentence
    assert len(list((sink.maildir / "cur").iterdir())) == 1


def test_a_killed_reader_reads_again_and_counts_once(sink, came):
    """Stored and not yet moved in the Maildir: the next round finds it known, and moves it."""
    raw = delivery_report(came)
    put_back(sink, raw)
    services.read_bounces()
    put_back(sink, raw, "again")
    assert services.read_bounces() == 0
    assert Bounce.objects.count() == 1
    assert list((sink.maildir / "new").iterdir()) == []


@pytest.mark.hazard("H52")
def test_what_comes_back_before_we_wrote_that_it_went_is_not_sent_again(sink, came, mailbox):
    MailMessage.objects.update(state="sending", lease_token=new_lease(), lease_until=timezone.now())
    put_back(sink, delivery_report(came))
    services.read_bounces()
    assert services.deliver_due() == 0
    assert MailMessage.objects.get().state == "bounced"


def test_a_bounce_mailbox_that_cannot_be_read_is_said(sink, settings, tmp_path):
    settings.BOUNCES_URL = f"maildir://{tmp_path}/nowhere"
    assert services.read_bounces() == 0
    assert MailLink.objects.get().bounces_failing_since


# --- The table -----------------------------------------------------------------------------------


@pytest.mark.hazard("H22")
def test_every_state_is_on_a_list_and_every_one_that_is_not_an_end_has_an_owner_and_a_clock():
    assert set(MAIL_LISTS) == set(MailState)
    ends = {MailState.SENT, MailState.HANDLED, MailState.WITHDRAWN}
    assert set(MAIL_WAITS) == set(MailState) - ends
    leaving = {before for before, _ in MAIL_MOVES}
    assert set(MAIL_WAITS) <= leaving


def test_the_address_of_the_mail_server_says_how_it_is_spoken_to():
    parse = mail_server.parse
    assert parse("") is None
    server = parse("smtps://some%40one:p%2Fw@mail.nhs.example")
    assert (server.host, server.port, server.tls) == ("mail.nhs.example", 465, "implicit")
    assert (server.user, server.password) == ("some@one", "p/w")
    assert "p/w" not in repr(server)
    assert parse("smtp://mail.nhs.example").tls == "starttls"
    assert parse("smtp://127.0.0.1:25?tls=none").tls == "none"


@pytest.mark.hazard("H53")
@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.nhs.example?tls=none", "smtp://u:secret@127.0.0.1?tls=none", "http://x", "smtp://",
        "smtp://x:99999", "smtp://x?tls=perhaps",
    ],
)  # fmt: skip
def test_an_open_line_or_a_senseless_address_stops_the_start(url):
    from django.core.exceptions import ImproperlyConfigured

    with pytest.raises(ImproperlyConfigured) as refusal:
        mail_server.parse(url)
    assert "secret" not in str(refusal.value)


# --- The directory -------------------------------------------------------------------------------


@pytest.mark.hazard("H53")
def test_a_new_name_makes_nobody_a_second_person(world):
    """Married meanwhile, or of the same name as a colleague: people are told apart, not names."""
    first, other = world.acting("central"), world.acting(world.stranger("central").username)
    for each in ("title", "first_name", "last_name", "profession"):
        setattr(other.user, each, getattr(first.user, each))
    other.user.save()
    box = services.enter_mailbox(
        first.organisation, purpose="downtime", address="new@stmildred.nhs.example",
        display_name="", by=first,
    )  # fmt: skip
    first.user.last_name = "Newname"
    first.user.save()
    again = world.acting("central")
    assert again.label != box.entered_by
    with pytest.raises(PermissionDenied):
        services.verify_mailbox(box, by=again)
    assert other.label == box.entered_by
    assert services.verify_mailbox(box, by=other).verified_on
