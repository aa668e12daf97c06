"""The listener is a real process on a real socket, and nobody on the other side can hurt it."""

import hashlib
import signal
import time

import pytest

from messaging import wire
from messaging.listener import MOST_CONNECTIONS
from messaging.models import Feed, InboundMessage
from tests.messaging.processes import Line, listening
from tests.messaging.senders import make_partner, note, patient, sent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def listener():
    make_partner("ris")
    with listening("--frame-seconds", "1", MLLP_CONNECTIONS_PER_PEER="6") as (port, child):
        yield port
        assert child.is_running


def told(line):
    message = wire.parse(line.answer())
    return message.get("MSA", 1), message.get("MSA", 2)


def _is_cut(line):
    """Without waiting for it."""
    line.socket.settimeout(0)
    try:
        return line.is_shut()
    except BlockingIOError:
        return False


def test_many_messages_on_one_connection_are_answered_in_order(listener):
    raws = [sent(str(n), patient(str(n))) for n in range(100)]
    with Line(listener) as line:
        for n, raw in enumerate(raws[:20]):
            line.send(raw)
            assert told(line) == ("AA", str(n))
        line.send(*raws[20:])  # all at once
        assert [told(line) for _ in raws[20:]] == [("AA", str(n)) for n in range(20, 100)]
    stored = InboundMessage.objects.order_by("id")
    assert [bytes(row.raw) for row in stored] == raws


def test_a_message_may_come_in_pieces_and_with_noise_around_it(listener):
    raw = sent("1", patient())
    with Line(listener) as line:
        for piece in (b"\r\n", b"\x0b", raw[:7], raw[7:], b"\x1c", b"\r", b"noise\x0b" + raw[:3]):
            line.write(piece)
            time.sleep(0.02)
        assert told(line) == ("AA", "1")
        line.write(raw[3:] + b"\x1c\r")
        assert told(line) == ("AA", "1")


def test_a_large_message_is_taken_whole(listener):
    raw = sent("1", note("x" * 3_000_000))
    with Line(listener) as line:
        line.send(raw)
        assert told(line) == ("AA", "1")
    assert InboundMessage.objects.get().sha256 == hashlib.sha256(raw).hexdigest()


def test_a_frame_over_the_limit_is_refused_and_its_connection_closed(listener):
    with Line(listener) as line, Line(listener) as other:
        line.write(b"\x0b" + sent("1"))
        line.write(b"x" * (16 * 1024 * 1024 + 1))
        assert told(line) == ("AR", "1")
        assert line.is_shut()
        other.send(sent("2"))
        assert told(other) == ("AA", "2")
    assert InboundMessage.objects.count() == 1


def test_a_frame_that_trickles_in_is_cut_at_its_deadline(listener):
    """The deadline is for the whole frame: a byte now and then does not move it."""
    began = time.monotonic()
    with Line(listener) as line:
        line.write(b"\x0bMSH")
        try:
            while time.monotonic() - began < 5:
                line.write(b"|")
                time.sleep(0.1)
        except ConnectionError:
            assert time.monotonic() - began < 3
            return
    pytest.fail("The listener waited for ever.")


def test_a_connection_between_messages_may_be_quiet_for_long(listener):
    with Line(listener) as line:
        line.send(sent("1"))
        assert told(line) == ("AA", "1")
        time.sleep(1.5)  # longer than a frame may take
        line.send(sent("2"))
        assert told(line) == ("AA", "2")


def test_a_feed_with_too_many_connections_loses_its_oldest_from_whatever_address(listener):
    Feed.objects.update(most_connections=2)
    lines = [Line(listener) for _ in range(3)]
    for n, line in enumerate(lines):
        line.send(sent(str(n)))
        assert told(line) == ("AA", str(n))
    assert lines[0].is_shut()
    for n, line in enumerate(lines[1:], start=5):
        line.send(sent(str(n)))
        assert told(line) == ("AA", str(n))
    for line in lines:
        line.close()


def test_a_peer_with_too_many_connections_loses_one_that_never_spoke(listener):
    lines = [Line(listener) for _ in range(6)]
    for n, line in enumerate(lines[1:]):
        line.send(sent(str(n)))
        assert told(line) == ("AA", str(n))
    with Line(listener) as newest:
        newest.send(sent("7"))
        assert told(newest) == ("AA", "7")
        assert lines[0].is_shut()
        with Line(listener) as one_too_many:
            assert one_too_many.is_shut()
        lines[1].send(sent("8"))
        assert told(lines[1]) == ("AA", "8")
    for line in lines:
        line.close()


@pytest.mark.slow
@pytest.mark.hazard("H20")
def test_a_thousand_idle_connections_from_many_addresses_keep_no_good_sender_out(listener):
    good = Line(listener, source="127.0.9.9")
    good.send(sent("1"))
    assert told(good) == ("AA", "1")
    crowd = [
        Line(listener, source=f"127.0.{1 + n % 50}.{1 + n % 200}")
        for n in range(MOST_CONNECTIONS + 200)
    ]
    good.send(sent("2"))  # it said who it is, so it is kept
    assert told(good) == ("AA", "2")
    for n in range(20):
        with Line(listener, source="127.0.9.8") as newcomer:
            newcomer.send(sent(f"new{n}"))
            assert told(newcomer) == ("AA", f"new{n}")
    assert sum(_is_cut(line) for line in crowd) >= 200
    for line in [good, *crowd]:
        line.close()


@pytest.mark.hazard("H20")
def test_nothing_is_accepted_that_cannot_be_stored():
    """There is no such database: each frame is told so, and the listener goes on."""
    with listening(TEST_DATABASE="no_such_database") as (port, child), Line(port) as line:
        for n in ("1", "2"):
            line.send(sent(n))
            answer = wire.parse(line.answer())
            assert (answer.get("MSA", 1), answer.get("MSA", 2)) == ("AE", n)
            assert "Send it again" in answer.get("MSA", 3)
        assert child.is_running


def test_told_to_stop_it_answers_what_it_read_and_ends():
    make_partner("ris")
    with listening() as (port, child), Line(port) as line, Line(port) as quiet:
        raws = [sent(str(n)) for n in range(50)]
        line.send(*raws)
        assert told(line) == ("AA", "0")
        began = time.monotonic()
        child.process.send_signal(signal.SIGTERM)
        answered = 1
        while line.answer():
            answered += 1
        assert child.process.wait(10) == 0
        assert time.monotonic() - began < 6
        assert quiet.is_shut()
        assert InboundMessage.objects.count() == answered
