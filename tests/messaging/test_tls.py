"""TLS with certificates from both sides: who is not who it says is refused before HL7 is read."""

import contextlib
import socket
import ssl
import time

import pytest
from django.db import transaction
from django.utils import timezone

from messaging import services, tls, wire
from messaging.models import Feed, InboundMessage, OutboundMessage, Partner
from tests.messaging import peer
from tests.messaging.authority import Authority, pem, self_signed, write
from tests.messaging.processes import Line, free_port, listening
from tests.messaging.senders import make_partner, note, ours, patient, sent

OLD_TLS = pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
NO_CLEAR = {"cleartext_until": None, "cleartext_because": ""}


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(scope="module")
def stranger():
    """Vouches for others too, but nobody here believes it."""
    return Authority("Another authority")


# --- We listen -----------------------------------------------------------------------------------


class Guarded:
    """A listener with a port for TLS, two feeds that are known by their certificates, and keys."""

    def __init__(self, folder, authority):
        self.folder, self.authority = folder, authority
        self.port = self.tls_port = 0
        self.pairs = {name: authority.gives(name) for name in ("ris", "lims")}
        for name, pair in self.pairs.items():
            partner = make_partner(name, trust_anchors=authority.pem)
            Feed.objects.filter(partner=partner).update(
                client_certificates=pem(pair[0]), **NO_CLEAR
            )
        write(folder / "ours", "listener", authority.gives("us", host="oc.example"))

    def line(self, pair=None, *, maximum=None, minimum=None):
        """A client's connection, with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.authority.pem)
        if maximum:
            context.minimum_version = minimum or maximum
            context.maximum_version = maximum
            context.set_ciphers("ALL:@SECLEVEL=0")
        if pair:
            crt, key = write(self.folder, "client", pair)
            context.load_cert_chain(crt, key)
        plain = socket.create_connection(("127.0.0.1", self.tls_port), timeout=5)
        return context.wrap_socket(plain, server_hostname="oc.example")

    def says(self, raw, pair=None, **how):
        """What it answers to a message; b"" when it cuts the line instead."""
        with contextlib.suppress(OSError), self.line(pair, **how) as line:
            line.sendall(b"\x0b" + raw + b"\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r") and (data := line.recv(4096)):
                answer += data
            return answer
        return b""


@pytest.fixture
def guarded(tmp_path, authority, transactional_db):
    here = Guarded(tmp_path, authority)
    here.tls_port = free_port()
    options = ("--tls-port", str(here.tls_port))
    with listening(*options, TLS_DIR=str(tmp_path / "ours")) as (port, child):
        here.port, here.child = port, child
        yield here
        assert child.is_running


@pytest.mark.slow
@pytest.mark.hazard("H19")
def test_a_feed_with_its_certificate_is_taken(guarded):
    assert b"MSA|AA|1" in guarded.says(sent("1", patient()), guarded.pairs["ris"])
    message = InboundMessage.objects.get()
    assert (message.state, message.feed.application) == ("received", "RIS")


@pytest.mark.slow
@pytest.mark.hazard("H19")
def test_nobody_without_a_certificate_of_ours_gets_a_byte_read(guarded, authority, stranger):
    """None, a stranger's, one vouched for but of no feed, an expired one, one signed by itself."""
    expired = authority.gives("ris", days=(-30, -1))
    write(guarded.folder, "expired", expired)
    Feed.objects.filter(application="RIS").update(client_certificates=pem(expired[0]))
    for pair in (None, stranger.gives("ris"), authority.gives("ris"), expired, self_signed("ris")):
        assert guarded.says(sent("1", patient()), pair) == b""
    with Line(guarded.tls_port) as plain:
        plain.send(sent("1", patient()))
        assert plain.is_shut()
    assert not InboundMessage.objects.exists()


@pytest.mark.slow
@pytest.mark.hazard("H19")
def test_a_refused_handshake_is_in_the_log_with_its_reason_and_counted(guarded, stranger):
    assert guarded.says(sent("1", patient()), stranger.gives("ris")) == b""
    time.sleep(1.1)  # a flood is one line a second
    for _ in range(3):
        with Line(guarded.tls_port) as plain:
            plain.send(sent("1", patient()))
            assert plain.is_shut()
    time.sleep(1.1)
    assert guarded.says(sent("1", patient())) == b""
    told = [line for line in guarded.child.last_lines(50).splitlines() if "tls_refused" in line]
    assert len(told) == 3
    assert "certificate" in told[0]
    assert "refused=2" in told[1]
    assert "refused=5" in told[2]


@pytest.mark.slow
@OLD_TLS
def test_tls_before_1_2_is_refused_and_1_2_and_1_3_are_not(guarded):
    old, good, new = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    pair = guarded.pairs["ris"]
    assert guarded.says(sent("1"), pair, maximum=old) == b""
    assert b"MSA|AA|2" in guarded.says(sent("2"), pair, maximum=good)
    assert b"MSA|AA|3" in guarded.says(sent("3"), pair, maximum=new)


@pytest.mark.slow
@pytest.mark.hazard("H19")
def test_another_partners_certificate_gets_ar_and_the_message_is_kept_as_evidence(guarded):
    answer = guarded.says(sent("1", patient()), guarded.pairs["lims"])
    assert b"MSA|AR|1|The certificate of the connection is not" in answer
    message = InboundMessage.objects.get()
    assert (message.state, message.reason_code, message.partner) == ("parked", "not_proven", None)
    InboundMessage.objects.update(state="received")  # as a person would who tries it again
    services.process_waiting()
    message.refresh_from_db()
    assert (message.state, message.reason_code) == ("parked", "refused_at_the_door")


@pytest.mark.slow
def test_a_feed_of_tls_may_not_speak_in_clear_text(guarded):
    with Line(guarded.port) as line:
        line.send(sent("1", patient()))
        assert wire.parse(line.answer()).get("MSA", 1) == "AR"
    message = InboundMessage.objects.get()
    assert (message.state, message.reason_code) == ("parked", "cleartext")


@pytest.mark.slow
def test_a_certificate_that_is_agreed_later_is_good_without_a_restart(guarded, stranger):
    pair = stranger.gives("ris2")
    assert guarded.says(sent("1"), pair) == b""
    Partner.objects.filter(slug="ris").update(trust_anchors=guarded.authority.pem + stranger.pem)
    Feed.objects.filter(application="RIS").update(client_certificates=pem(pair[0]))
    deadline = timezone.now().timestamp() + 15
    while not (answer := guarded.says(sent("1"), pair)):
        assert timezone.now().timestamp() < deadline
    assert b"MSA|AA|1" in answer
    assert guarded.says(sent("2"), guarded.pairs["ris"]) == b"", "the old one is no longer good"


@pytest.mark.slow
def test_many_messages_and_large_ones_pass_through_tls(guarded):
    with guarded.line(guarded.pairs["ris"]) as line:
        raws = [sent(str(n), note("x" * 300_000)) for n in range(5)]
        line.sendall(b"".join(b"\x0b" + raw + b"\x1c\r" for raw in raws))
        answers = b""
        while answers.count(b"\x1c\r") < 5:
            answers += line.recv(65536)
    assert [b"MSA|AA|%d" % n in answers for n in range(5)] == [True] * 5
    assert InboundMessage.objects.count() == 5


# --- Who a certificate is ------------------------------------------------------------------------


def test_a_subject_counts_only_when_the_partners_own_authority_gave_it(authority, stranger):
    proof = tls.proof("", "CN=lims.example", authority.pem)
    der = ssl.PEM_cert_to_DER_cert
    assert proof.accepts(der(pem(authority.gives("lims.example")[0])))
    assert not proof.accepts(der(pem(stranger.gives("lims.example")[0])))
    assert not proof.accepts(der(pem(authority.gives("ris.example")[0])))


def test_nothing_said_is_nobodys_proof(authority):
    der = ssl.PEM_cert_to_DER_cert(pem(authority.gives("ris")[0]))
    assert not tls.proof("", "", authority.pem).accepts(der)


def test_the_first_certificate_to_run_out_is_the_date_that_counts(authority):
    soon, late = authority.gives("a", days=(-1, 5))[0], authority.gives("a", days=(-1, 50))[0]
    assert tls.runs_out(pem(late) + pem(soon)) == soon.not_valid_after_utc
    assert tls.runs_out("") is None
    with pytest.raises(tls.BadCertificate):
        tls.runs_out("-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n")


# --- We call -------------------------------------------------------------------------------------


def server(folder, pair, believes, *, maximum=None):
    """A partner's side of TLS that wants a certificate of ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=believes.pem)
    context.load_cert_chain(*write(folder, "server", pair))
    if maximum:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = maximum
    return context


@pytest.fixture
def outward(tmp_path, settings, db, authority):
    """Call a partner whose side is this context; what became of the message, and of the line."""
    settings.TLS_DIR = tmp_path / "keys"
    write(settings.TLS_DIR, "oc", authority.gives("us"))

    def call(context, **fields):
        with peer.listening(secure=context) as other:
            partner = make_partner(
                port=other.port, uses_tls=True, trust_anchors=authority.pem,
                server_name="ris.example", **{"key_name": "oc"} | NO_CLEAR | fields,
            )  # fmt: skip
            control_id = services.next_control_id()
            with transaction.atomic():
                services.enqueue(
                    partner=partner, kind="OMG^O19 NW", subject_type="tests.Order",
                    subject_id="a", stream="s", raw=ours(control_id, partner),
                    control_id=control_id,
                )  # fmt: skip
            services.deliver(partner.pk)
            partner.refresh_from_db()
            return OutboundMessage.objects.get(), partner, other

    return call


@pytest.mark.hazard("H19")
def test_an_order_goes_through_tls_to_the_agreed_name(tmp_path, authority, outward):
    pair = authority.gives("ris", host="ris.example")
    message, partner, other = outward(server(tmp_path, pair, authority))
    assert (message.state, partner.failing_phase) == ("acknowledged", "")
    assert len(other.received) == 1


@pytest.mark.hazard("H19")
@pytest.mark.parametrize(
    ("who", "host", "days", "words"),
    [
        ("authority", "lims.example", (-1, 30), "Hostname mismatch"),
        ("authority", "ris.example", (-30, -1), "certificate has expired"),
        ("stranger", "ris.example", (-1, 30), "unable to get local issuer"),
    ],
)
def test_no_order_goes_to_who_is_not_who_it_says(
    request, tmp_path, authority, outward, who, host, days, words
):
    pair = request.getfixturevalue(who).gives("ris", host=host, days=days)
    message, partner, other = outward(server(tmp_path, pair, authority))
    assert (message.state, partner.failing_phase, other.received) == ("waiting", "connect", [])
    assert "certificate was not accepted" in message.reason
    assert words in message.reason


@OLD_TLS
def test_no_order_goes_by_tls_1_1(tmp_path, authority, outward):
    pair = authority.gives("ris", host="ris.example")
    old = server(tmp_path, pair, authority, maximum=ssl.TLSVersion.TLSv1_1)
    message, partner, other = outward(old)
    assert (message.state, partner.failing_phase, other.received) == ("waiting", "connect", [])


def test_a_partner_that_refuses_our_certificate_is_a_failure_to_connect(
    tmp_path, authority, stranger, outward
):
    pair = authority.gives("ris", host="ris.example")
    message, partner, other = outward(server(tmp_path, pair, stranger))
    assert (message.state, other.received) == ("waiting", [])
    assert partner.failing_phase in ("connect", "send")


def test_without_a_key_pair_of_ours_nothing_is_sent_and_it_is_said(tmp_path, authority, outward):
    pair = authority.gives("ris", host="ris.example")
    message, _, other = outward(server(tmp_path, pair, authority), key_name="lost")
    assert (message.state, other.received) == ("waiting", [])
    assert "There is no key pair lost here" in message.reason


@pytest.mark.parametrize("until", [None, timezone.now() - timezone.timedelta(days=1)])
def test_nothing_goes_in_clear_text_without_an_exception_that_still_runs(db, until):
    with peer.listening() as other:
        partner = make_partner(
            port=other.port, cleartext_until=until, cleartext_because="Old machine"
        )
        control_id = services.next_control_id()
        with transaction.atomic():
            services.enqueue(
                partner=partner, kind="OMG^O19 NW", subject_type="tests.Order", subject_id="a",
                stream="s", raw=ours(control_id, partner), control_id=control_id,
            )  # fmt: skip
        services.deliver(partner.pk)
        assert other.received == []
        assert "without TLS" in OutboundMessage.objects.get().reason


def test_a_row_with_a_spoilt_certificate_is_nobodys_and_stops_nobody_else(db, authority):
    good, spoilt = authority.gives("ris")[0], "-----BEGIN CERTIFICATE-----\nx\n"
    for name, text in (("ris", pem(good)), ("lims", spoilt)):
        Feed.objects.filter(partner=make_partner(name)).update(client_certificates=text)
    der = ssl.PEM_cert_to_DER_cert(pem(good))
    feeds = services.Directory(seconds=0).proven_by(der)
    assert feeds == {Feed.objects.get(application="RIS").pk}
