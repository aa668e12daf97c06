"""The stand-in's mail server: what it takes is on its page, and it can be told to be difficult."""

import json
import smtplib
import urllib.error
import urllib.request
from email.message import EmailMessage

import pytest

from demo.hospital import Hospital
from demo.hospital.mail import MODES, Sink
from messaging.bounces import read_report


@pytest.fixture
def post_office(tmp_path, product):
    """A hospital with a mail server."""
    sink = Sink(tmp_path / "mails", tmp_path / "bounces")
    with Hospital(tmp_path / "h", product=product.address, automatic=None, mail=sink) as hospital:
        yield hospital


def written(subject="Downtime request R-1"):
    mail = EmailMessage()
    mail["From"], mail["To"] = "a@diagnostics.nhs.example", "b@kingsmere.nhs.example"
    mail["Subject"], mail["Message-ID"] = subject, "<1@diagnostics.nhs.example>"
    mail.set_content("See <the> form")
    mail.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="form.pdf")
    return mail


def send(hospital, mail):
    with smtplib.SMTP("127.0.0.1", hospital.mail.port, timeout=5) as line:
        line.send_message(mail, from_addr="bounces+1@diagnostics.nhs.example")


def get(hospital, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{hospital.web_port}{path}") as answer:
        return answer.read()


def test_a_mail_is_readable_on_the_page_with_its_file(post_office):
    send(post_office, written())
    assert b"Downtime request R-1" in get(post_office, "/mail")
    page = get(post_office, "/mail/1").decode()
    assert "See &lt;the&gt; form" in page
    assert "bounces+1@diagnostics.nhs.example" in page
    assert get(post_office, "/mail/1/files/1") == b"%PDF-1"
    for missing in ("/mail/2", "/mail/1/files/2", "/mail/x"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(post_office, missing)


def test_a_program_sees_envelopes(post_office):
    send(post_office, written())
    (seen,) = json.loads(get(post_office, "/api/mails"))
    assert (seen["subject"], seen["attachments"]) == ("Downtime request R-1", ["form.pdf"])


def test_mails_are_kept_over_a_restart(post_office):
    send(post_office, written())
    again = Sink(post_office.mail.folder, post_office.mail.maildir)
    again.start()
    again.stop()
    assert [mail.raw for mail in again.mails] == [mail.raw for mail in post_office.mail.mails]


@pytest.mark.parametrize(("mode", "code"), [("later", 451), ("never", 550)])
def test_it_refuses_as_it_is_told(post_office, mode, code):
    post_office.mail.set_mode(mode)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        send(post_office, written())
    assert refusal.value.recipients["b@kingsmere.nhs.example"][0] == code
    assert post_office.mail.mails == []


def test_what_it_sends_back_is_a_delivery_report_that_names_the_mail(post_office):
    post_office.mail.set_mode("returning")
    send(post_office, written())
    (path,) = (post_office.mail.maildir / "new").iterdir()
    report = read_report(path.read_bytes())
    assert (report.action, report.status) == ("failed", "5.1.1")
    assert "<1@diagnostics.nhs.example>" in report.message_ids


def test_it_takes_no_connections_when_it_is_told_and_the_same_port_again_afterwards(post_office):
    port = post_office.mail.port
    post_office.mail.set_mode("refusing")
    with pytest.raises(OSError, match="refused"):
        send(post_office, written())
    post_office.mail.set_mode("working")
    assert post_office.mail.port == port
    send(post_office, written())
    assert set(MODES) >= {"working", "later", "never", "hanging", "returning", "refusing"}
