"""What goes out arrives once in effect, in order, and is believed only when it was acknowledged."""

import threading

import pytest
from django.db import connection, transaction

from messaging import services
from messaging.errors import NotEncodable, NotSendable
from messaging.models import InboundMessage, OutboundMessage, Partner
from tests.messaging import peer
from tests.messaging.senders import make_partner, note, ours, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def line():
    """A partner's machine that answers as the test says (`line(...)`), and its Partner row."""
    with peer.listening() as other:
        partner = make_partner(port=other.port)
        partner.acknowledgement_seconds = 1
        partner.save()

        def answering(*answers):
            other.answers[:] = answers
            return other, partner

        yield answering


def queue(partner, *, subject="a", stream="s", text="x", control_id=None):
    control_id = control_id or services.next_control_id()
    with transaction.atomic():
        return services.enqueue(
            partner=partner, kind="OMG^O19 NW", subject_type="tests.Order", subject_id=subject,
            stream=stream, raw=ours(control_id, partner, note(text)), control_id=control_id,
        )  # fmt: skip


def wait_over():
    """The pauses are over, as if time had passed."""
    OutboundMessage.objects.update(not_before=None)
    Partner.objects.update(retry_at=None)


def state(message):
    message.refresh_from_db()
    return message.state


def test_a_message_is_delivered_as_it_was_written_and_its_sender_told(line):
    other, partner = line(peer.says(b"AA"))
    message = queue(partner)
    assert services.deliver(partner.pk) == 1
    assert other.received == [bytes(message.raw)]
    assert state(message) == "acknowledged"
    assert message.acknowledged_at >= message.first_sent_at
    assert told("a") == ["delivered"]


def test_messages_go_over_one_connection_in_order(line):
    other, partner = line(peer.says(b"AA"))
    messages = [queue(partner, stream=str(n % 3)) for n in range(9)]
    assert services.deliver(partner.pk) == 9
    assert other.control_ids == [message.control_id for message in messages]
    assert other.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        peer.byte_by_byte,
        peer.sends(peer.ack(b"OC19999"), peer.ack(b"{id}")),  # of another message first
        peer.sends(b"noise", peer.VT + b"not a message" + peer.FS + peer.CR, peer.ack(b"{id}")),
        peer.sends(peer.ack(b"{id}"), peer.ack(b"{id}")),  # twice
        peer.says(b"CA"),
    ],
)
def test_an_acknowledgement_of_ours_is_found_whatever_stands_around_it(line, answer):
    other, partner = line(answer)
    first, second = queue(partner), queue(partner)
    services.deliver(partner.pk)
    assert (state(first), state(second)) == ("acknowledged", "acknowledged")
    assert other.control_ids == [first.control_id, second.control_id]


def test_an_order_reply_in_the_place_of_an_acknowledgement_is_both(line, settings):
    """It says that the message came, and something about the order: that is processed too."""
    settings.HL7_ROUTING = "tests.messaging.test_delivery.REPLIES"
    order_reply = peer.ack(b"{id}").replace(b"||ACK|", b"||ORG^O20|")
    _, partner = line(peer.sends(order_reply))
    message = queue(partner)
    services.deliver(partner.pk)
    assert state(message) == "acknowledged"
    services.process_waiting()
    assert InboundMessage.objects.get().state == "processed"


REPLIES = {("ORG", "O20"): lambda message, inbound: None}


@pytest.mark.hazard("H14")
@pytest.mark.parametrize(
    "answer",
    [
        peer.silent,
        peer.hangs_up,
        peer.says_half_and_hangs_up,
        peer.sends(peer.ack(b"OC19999")),
        peer.sends(peer.ack(b"")),
        peer.sends(peer.ack(b"{id}", b"OK")),  # no code of HL7
        peer.sends(peer.VT + b"AA {id}" + peer.FS + peer.CR),
    ],
)
def test_nothing_else_counts_as_delivered_and_the_same_id_goes_again(line, answer):
    other, partner = line(answer, peer.says(b"AA"))
    message = queue(partner)
    assert services.deliver(partner.pk) == 0
    assert state(message) == "waiting"
    assert message.reason
    assert "delivered" not in told("a")
    wait_over()
    services.deliver(partner.pk)
    assert state(message) == "acknowledged"
    assert other.control_ids == [message.control_id] * 2
    assert other.received[0] == other.received[1]


@pytest.mark.hazard("H14")
def test_a_late_acknowledgement_never_counts_for_the_next_message(line):
    """The first is answered after its time-out, just before the second is sent."""
    late = threading.Event()

    def answers_late(message, connection):
        def after():
            late.wait(5)
            try:
                connection.sendall(peer.ack(peer.control_id(message)))
            except OSError:
                return

        threading.Thread(target=after, daemon=True).start()

    _, partner = line(answers_late, peer.silent)
    first = queue(partner, stream="1")
    second = queue(partner, stream="2")
    services.deliver(partner.pk)
    late.set()
    wait_over()
    services.deliver(partner.pk)
    assert {state(first), state(second)} == {"waiting"}


@pytest.mark.hazard("H14")
def test_a_line_on_which_nobody_answered_in_time_is_closed(line):
    other, partner = line(peer.silent, peer.says(b"AA"))
    message = queue(partner)
    services.deliver(partner.pk)
    wait_over()
    services.deliver(partner.pk)
    assert state(message) == "acknowledged"
    assert other.connections == 2


def test_a_connection_that_the_partner_closed_meanwhile_is_replaced_at_once(line):
    other, partner = line(peer.says(b"AA"))
    first = queue(partner)
    services.deliver(partner.pk)
    other._lines[0].shutdown(2)
    second = queue(partner)
    assert services.deliver(partner.pk) == 1
    assert (state(first), state(second)) == ("acknowledged", "acknowledged")
    assert other.connections == 2


@pytest.mark.hazard("H18")
def test_the_next_of_a_stream_waits_and_other_streams_pass(line):
    other, partner = line(peer.says(b"AE", b"not now"), peer.says(b"AA"))
    first = queue(partner, stream="1")
    second = queue(partner, stream="1")
    neighbour = queue(partner, stream="2")
    services.deliver(partner.pk)
    assert [state(m) for m in (first, second, neighbour)] == ["waiting", "waiting", "acknowledged"]
    wait_over()
    services.deliver(partner.pk)
    assert other.control_ids == [
        first.control_id, neighbour.control_id, first.control_id, second.control_id,
    ]  # fmt: skip


def test_a_rejected_message_is_a_dead_letter_at_once_and_its_sender_told(line):
    other, partner = line(peer.says(b"AR", b"no such receiver here"))
    message = queue(partner)
    services.deliver(partner.pk)
    assert state(message) == "dead"
    assert message.reason == "AR: no such receiver here"
    assert (message.acknowledgement, told("a")) == ("AR", ["refused"])
    assert len(other.received) == 1
    assert Partner.objects.get().failing_since is None


@pytest.mark.hazard("H16")
def test_an_error_is_retried_eight_times_with_the_same_id_then_given_up(line):
    other, partner = line(peer.says(b"AE", b"busy"))
    message = queue(partner)
    for _ in range(12):
        services.deliver(partner.pk)
        wait_over()
    assert state(message) == "dead"
    assert other.control_ids == [message.control_id] * 8
    assert told("a") == ["failing", "refused"]


def test_the_pauses_between_errors_grow(line):
    _, partner = line(peer.says(b"AE"))
    message = queue(partner)
    pauses = []
    for _ in range(6):
        services.deliver(partner.pk)
        message.refresh_from_db()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT extract(epoch FROM not_before - statement_timestamp()) "
                "FROM messaging_outboundmessage"
            )
            pauses.append(float(cursor.fetchone()[0]))
        wait_over()
    assert all(10 * 3**n * 0.45 < pause <= 10 * 3**n for n, pause in enumerate(pauses))


@pytest.mark.hazard("H18")
def test_a_dead_letter_holds_its_stream_until_a_person_decides(line):
    _, partner = line(peer.says(b"AR"), peer.says(b"AA"))
    first, second = queue(partner), queue(partner)
    services.deliver(partner.pk)
    assert (state(first), state(second)) == ("dead", "waiting")


@pytest.mark.hazard("H17")
def test_a_message_that_is_never_answered_is_given_up_while_others_pass(line):
    def answer(message, connection):
        if b"poison" not in message:
            peer.says(b"AA")(message, connection)

    other, partner = line(answer)
    Partner.objects.update(acknowledgement_seconds=1)
    poison = queue(partner, stream="p", text="poison")
    OutboundMessage.objects.update(failures=5)
    for n in range(4):
        neighbour = queue(partner, stream=str(n))
        services.deliver(partner.pk)  # the poison is older, so it goes first
        Partner.objects.update(retry_at=None)
        services.deliver(partner.pk)
        assert state(neighbour) == "acknowledged"
        wait_over()
    assert state(poison) == "dead"
    assert other.control_ids.count(poison.control_id) == 4  # the first silence may be the link's


def test_silence_of_a_partner_that_answers_nobody_gives_nothing_up(line):
    _, partner = line(peer.silent)
    message = queue(partner)
    for _ in range(2):
        OutboundMessage.objects.update(failures=20)
        services.deliver(partner.pk)
        wait_over()
    assert state(message) == "waiting"


@pytest.mark.parametrize(
    ("host", "phase"), [("no-such-host.invalid", "resolve"), ("127.0.0.1", "connect")]
)
def test_a_failing_link_is_named_by_its_phase_and_said_to_all_who_wait(db, host, phase):
    partner = make_partner(host=host, port=1)
    messages = [queue(partner, subject=name, stream=name) for name in "ab"]
    services.deliver(partner.pk)
    partner.refresh_from_db()
    since = partner.failing_since
    assert partner.failing_phase == phase
    assert partner.retry_at > since
    assert told("a") == told("b") == []  # one failure is a hiccup
    for _ in range(3):
        wait_over()
        services.deliver(partner.pk)
    assert told("a") == told("b") == ["failing"]
    assert {state(m) for m in messages} == {"waiting"}
    partner.refresh_from_db()
    assert (partner.failing_since, partner.failures) == (since, 4)


def test_a_link_that_works_again_says_so(line):
    _, partner = line(peer.says(b"AA"))
    Partner.objects.update(failures=7, failing_phase="connect", failing_since="2026-11-01T00:00Z")
    queue(partner)
    services.deliver(partner.pk)
    partner.refresh_from_db()
    assert (partner.failures, partner.failing_phase, partner.failing_since) == (0, "", None)
    assert partner.last_success_at


def test_nothing_is_tried_before_the_pause_is_over(db):
    partner = make_partner(port=1)
    message = queue(partner)
    services.deliver(partner.pk)
    services.deliver(partner.pk)
    state(message)
    assert message.attempts == 1


def test_a_paused_partner_is_sent_nothing(line):
    other, partner = line(peer.says(b"AA"))
    Partner.objects.update(is_paused=True)
    queue(partner)
    assert services.deliver(partner.pk) == 0
    assert other.received == []


def test_whoever_holds_an_older_lease_changes_nothing(line):
    """The claimer was taken for dead and the message was claimed again; then it wakes up."""
    from messaging.models import new_lease
    from messaging.services import outcome

    _, partner = line(peer.silent)
    message = queue(partner)
    OutboundMessage.objects.update(state="sending", lease_token=new_lease())
    answer = outcome.Answer("AA", "")
    assert outcome.record_answer(message, new_lease(), answer) is False
    assert state(message) == "sending"
    assert told("a") == []


@pytest.mark.hazard("H13")
def test_what_a_dead_worker_was_sending_is_sent_again_with_the_same_id(line):
    from messaging.models import new_lease

    other, partner = line(peer.says(b"AA"))
    message = queue(partner)
    OutboundMessage.objects.update(state="sending", lease_token=new_lease(), attempts=1)
    services.deliver(partner.pk)
    assert state(message) == "acknowledged"
    assert other.control_ids == [message.control_id]


def test_a_fault_in_the_senders_room_loses_no_answer(line):
    other, partner = line(peer.says(b"AA"))
    message = queue(partner, subject="faulty")
    for _ in range(9):
        services.deliver(partner.pk)
        wait_over()
    assert state(message) == "dead"
    assert "could not be recorded" in message.reason
    assert "Ada" not in message.reason
    assert message.acknowledgement == "AA"
    assert set(other.control_ids) == {message.control_id}


# --- Into the outbox -----------------------------------------------------------------------------


def test_a_control_id_is_short_and_never_given_twice(settings, db):
    def rolled_back():
        point = transaction.savepoint()
        number = services.next_control_id()
        transaction.savepoint_rollback(point)
        return number

    given = [services.next_control_id(), rolled_back(), services.next_control_id(), rolled_back()]
    assert len(set(given)) == 4
    assert all(len(each) <= 20 and each.startswith("OC1") for each in given)


@pytest.mark.hazard("H19", "H64")
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"their_facility": "RX2"}, "msh_6"),
        ({"their_application": "LIMS"}, "msh_5"),
        ({"processing_id": "P"}, "msh_11"),
        ({"character_set": "8859/1"}, "msh_18"),
    ],
)
def test_a_message_for_another_partner_is_not_queued(ris, wrong, field):
    raw = ours("OC1X", ris)
    for name, value in wrong.items():
        setattr(ris, name, value)
    with pytest.raises(NotSendable) as refusal:
        services.enqueue(
            partner=ris, kind="OMG^O19 NW", subject_type="t", subject_id="1", stream="s",
            raw=raw, control_id="OC1X",
        )  # fmt: skip
    assert refusal.value.reason_code == field
    assert not OutboundMessage.objects.exists()


@pytest.mark.hazard("H08")
@pytest.mark.parametrize(
    "damage", [(b"NTE|1||x", b"NTE|1||\\x"), (b"x\r", b"x\n"), (b"|x", b"|\x07"), (b"NTE", b"nte")]
)
def test_a_message_that_does_not_read_back_is_not_queued(ris, damage):
    raw = ours("OC1X", ris, note("x")).replace(*damage)
    with pytest.raises((NotSendable, NotEncodable)):
        services.enqueue(
            partner=ris, kind="OMG^O19 NW", subject_type="t", subject_id="1", stream="s",
            raw=raw, control_id="OC1X",
        )  # fmt: skip


def test_places_in_a_stream_count_per_partner(ris, lims):
    places = [queue(partner, stream="r").sequence for partner in (ris, ris, lims, ris)]
    assert places == [1, 2, 1, 3]
