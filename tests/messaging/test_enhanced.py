"""Enhanced mode: they have it, and later they say what they make of it; both ways."""

import time

import pytest
from django.db import transaction
from django.utils import timezone

from messaging import services, wire
from messaging.errors import NotSendable
from messaging.models import Feed, InboundMessage, OutboundMessage, Partner
from tests.messaging import peer
from tests.messaging.senders import AT, make_partner, note, ours, patient, sent, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def line():
    """A partner in enhanced mode, and its machine, that answers as the test says."""
    with peer.listening() as other:
        partner = make_partner(
            port=other.port, acknowledgement_mode="enhanced", acknowledgement_seconds=1
        )

        def answering(*answers):
            other.answers[:] = answers
            return other, partner

        yield answering


def queue(partner, subject="a", stream="s"):
    control_id = services.next_control_id()
    with transaction.atomic():
        return services.enqueue(
            partner=partner, kind="OMG^O19 NW", subject_type="tests.Order", subject_id=subject,
            stream=stream, raw=ours(control_id, partner), control_id=control_id,
        )  # fmt: skip


def speaks(of, code="AA", text="", *, control_id="R1", sender=("RIS", "RX1"), asks=("", "")):
    """What an application says later of a message of ours."""
    header = wire.header(
        sender=sender, receiver=("ORDERCOMMS", "OC1"), at=AT, message_type=("ACK", "O19"),
        control_id=control_id, asks=asks,
    )  # fmt: skip
    return wire.build([header, wire.segment("MSA", [code, of, text])]).raw


def state(message):
    message.refresh_from_db()
    return message.state


# --- Out -----------------------------------------------------------------------------------------


@pytest.mark.hazard("H15")
def test_a_message_that_was_taken_is_not_delivered_until_the_application_says_so(line):
    _, partner = line(peer.says(b"CA"))
    message = queue(partner)
    assert wire.parse(bytes(message.raw)).header.get(15) == "AL"
    assert services.deliver(partner.pk) == 1
    assert (state(message), message.acknowledgement, told("a")) == ("taken", "CA", [])
    services.accept(speaks(message.control_id))
    services.process_waiting()
    assert (state(message), told("a")) == ("acknowledged", ["delivered"])


@pytest.mark.parametrize("code", ["AE", "AR"])
def test_what_the_application_refuses_is_a_dead_letter(line, code):
    _, partner = line(peer.says(b"CA"))
    message = queue(partner)
    services.deliver(partner.pk)
    services.accept(speaks(message.control_id, code, "No such test"))
    services.process_waiting()
    assert (state(message), message.reason) == ("dead", f"{code}: No such test")
    assert told("a") == ["refused"]


def test_the_next_of_a_stream_need_not_wait_for_the_application(line):
    other, partner = line(peer.says(b"CA"))
    queue(partner), queue(partner)
    assert services.deliver(partner.pk) == 2
    assert len(other.received) == 2


@pytest.mark.hazard("H15")
def test_an_application_that_says_nothing_in_its_time_is_a_persons(line, time_machine):
    _, partner = line(peer.says(b"CA"))
    message = queue(partner)
    services.deliver(partner.pk)
    assert services.give_up_waiting() == 0
    OutboundMessage.objects.update(taken_at=timezone.now() - timezone.timedelta(minutes=61))
    assert services.give_up_waiting() == 1
    assert (state(message), told("a")) == ("dead", ["failing"])
    assert "not said in time" in message.reason
    services.accept(speaks(message.control_id))  # late, and good all the same
    services.process_waiting()
    assert (state(message), told("a")) == ("acknowledged", ["failing", "delivered"])


def test_the_application_may_speak_on_the_line_that_we_opened(line):
    said = speaks("{id}", asks=("AL", "NE"))
    both = peer.sends(peer.ack(b"{id}", b"CA"), b"")
    other, partner = line(both)
    # On a stalled machine an answer that is late for its question would be counted, rightly.
    Partner.objects.update(acknowledgement_seconds=20)
    message = queue(partner)
    services.deliver(partner.pk)
    answer = said.replace(b"{id}", message.control_id.encode())
    other._lines[-1].sendall(b"\x0b" + answer + b"\x1c\r")
    deadline = time.monotonic() + 5
    while not InboundMessage.objects.exists() and time.monotonic() < deadline:
        services.deliver(partner.pk)
    services.process_waiting()
    assert state(message) == "acknowledged"
    assert Partner.objects.get().foreign_answers == 0


def test_a_partner_that_answers_in_original_mode_is_believed(line):
    _, partner = line(peer.says(b"AA"))
    message = queue(partner)
    services.deliver(partner.pk)
    assert state(message) == "acknowledged"


@pytest.mark.parametrize(("code", "became"), [(b"CE", "waiting"), (b"CR", "dead")])
def test_a_message_that_they_cannot_keep_is_tried_again_or_given_up(line, code, became):
    _, partner = line(peer.says(code))
    message = queue(partner)
    services.deliver(partner.pk)
    assert state(message) == became


def test_a_message_without_the_agreed_fields_is_not_sent(line):
    _, partner = line(peer.says(b"CA"))
    raw = ours("1", Partner(their_application="RIS", their_facility="RX1"))
    with pytest.raises(NotSendable) as refusal, transaction.atomic():
        services.enqueue(
            partner=partner, kind="OMG^O19 NW", subject_type="tests.Order", subject_id="a",
            stream="s", raw=raw, control_id="1",
        )  # fmt: skip
    assert refusal.value.reason_code == "msh_15"


# --- Foreign answers -----------------------------------------------------------------------------


@pytest.mark.hazard("H14")
@pytest.mark.parametrize("mode", ["original", "enhanced"])
def test_answers_to_nothing_we_asked_are_dropped_and_counted(line, mode):
    strays = peer.ack(b"NOT-OURS") + peer.ack(b"NOR-THIS")
    _, partner = line(peer.sends(strays, peer.ack(b"{id}")))
    Partner.objects.update(acknowledgement_mode=mode)
    partner.refresh_from_db()
    message = queue(partner)
    services.deliver(partner.pk)
    assert state(message) == "acknowledged"
    partner.refresh_from_db()
    assert (partner.foreign_answers, partner.foreign_answer_at is None) == (2, False)
    assert not InboundMessage.objects.exists()


def test_a_partner_of_original_mode_sends_no_bare_acknowledgement_to_our_door():
    make_partner()
    answer = wire.parse(services.accept(speaks("OC10000000001")))
    assert (answer.get("MSA", 1), InboundMessage.objects.get().reason_code) == (
        "AR", "unsupported_type",
    )  # fmt: skip


# --- In ------------------------------------------------------------------------------------------


def asked(number, *segments, when=("AL", "AL")):
    return sent(number, *segments, asks=when)


def answers_out():
    return [
        (message.get("MSA", 1), message.get("MSA", 2))
        for row in OutboundMessage.objects.order_by("id")
        for message in [wire.parse(bytes(row.raw))]
    ]


def test_a_sender_that_asks_gets_ca_at_once_and_aa_when_it_was_processed():
    make_partner()
    assert wire.parse(services.accept(asked("1", patient()))).get("MSA", 1) == "CA"
    assert answers_out() == []
    services.process_waiting()
    assert answers_out() == [("AA", "1")]


def test_a_sender_that_asks_hears_ae_when_a_person_has_to_look():
    make_partner()
    services.accept(asked("1", patient(), note("park")))
    services.process_waiting()
    assert answers_out() == [("AE", "1")]


@pytest.mark.parametrize(
    ("when", "first", "later"),
    [
        (("", ""), "AA", []),
        (("AL", "NE"), "CA", []),
        (("AL", "ER"), "CA", []),
        (("AL", "SU"), "CA", [("AA", "1")]),
        (("NE", "AL"), "CA", [("AA", "1")]),
        (("xx", ""), "AA", []),
    ],
)
def test_a_sender_gets_the_answers_that_it_asks_for(when, first, later):
    make_partner()
    assert wire.parse(services.accept(asked("1", patient(), when=when))).get("MSA", 1) == first
    services.process_waiting()
    assert answers_out() == later


def test_a_sender_may_have_original_mode_whatever_its_fields_say():
    make_partner()
    Feed.objects.update(answers="original")
    assert wire.parse(services.accept(asked("1", patient()))).get("MSA", 1) == "AA"
    services.process_waiting()
    assert answers_out() == []


def test_the_same_message_again_gets_the_same_answer_and_no_second_effect():
    make_partner()
    first = services.accept(asked("1", patient()))
    services.process_waiting()
    again = services.accept(asked("1", patient()))
    services.process_waiting()
    assert wire.parse(first).get("MSA", 1) == wire.parse(again).get("MSA", 1) == "CA"
    assert answers_out() == [("AA", "1")]


def test_what_cannot_be_read_or_is_not_for_us_gets_ce_and_cr():
    make_partner()
    broken = asked("1", note("x")).replace(b"NTE|1||x", b"NTE|1||\xff")
    assert wire.parse(services.accept(broken)).get("MSA", 1) == "CE"
    assert wire.parse(services.accept(asked("2").replace(b"|RX1|", b"|RX9|", 1))).get(
        "MSA", 1
    ) == "CR"  # fmt: skip


# --- What was agreed with a feed -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"largest_bytes": 1024}, "too_large"),
        ({"message_types": "ADT^A08"}, "unsupported_type"),
        ({"processing_id": "D"}, "processing_id"),
        ({"is_open": False}, "unknown_sender"),
    ],
)
def test_a_message_outside_of_what_was_agreed_stays_with_its_sender(fields, reason):
    make_partner()
    Feed.objects.update(**fields)
    answer = wire.parse(services.accept(sent("1", note("x" * 1100))))
    assert answer.get("MSA", 1) == "AR"
    assert InboundMessage.objects.get().reason_code == reason


@pytest.mark.hazard("H64")
@pytest.mark.parametrize(("here", "theirs"), [("P", "T"), ("T", "P")])
def test_live_and_training_never_meet_whatever_was_agreed(settings, here, theirs):
    settings.HL7_PROCESSING_ID = here
    partner = make_partner(processing_id=theirs)
    raw = sent("1", patient(), processing_id=theirs)
    assert wire.parse(services.accept(raw)).get("MSA", 1) == "AR"
    assert InboundMessage.objects.get().reason_code == "processing_id"
    ours_raw = ours("1", partner).replace(b"|T|2.4", b"|%b|2.4" % theirs.encode())
    with pytest.raises(NotSendable) as refusal, transaction.atomic():
        services.enqueue(
            partner=partner, kind="OMG^O19 NW", subject_type="tests.Order", subject_id="a",
            stream="s", raw=ours_raw, control_id="1",
        )  # fmt: skip
    assert refusal.value.reason_code == "msh_11"


def test_a_character_set_of_the_feed_holds_where_the_message_names_none():
    make_partner()
    Feed.objects.update(character_set="8859/1")
    raw = sent("1", note("x"), charset="").replace(b"NTE|1||x", b"NTE|1||\xb5g")
    assert wire.parse(services.accept(raw)).get("MSA", 1) == "AA"
    services.process_waiting()
    assert InboundMessage.objects.get().state == "processed"


# --- How fast, and how large ---------------------------------------------------------------------


def test_a_partner_gets_no_more_messages_a_second_than_agreed(line):
    _, partner = line(peer.says(b"AA"))
    Partner.objects.update(messages_a_second=10)
    for number in range(5):
        queue(partner, stream=str(number))
    began = time.monotonic()
    assert services.deliver(partner.pk) == 5
    assert time.monotonic() - began >= 0.5


def test_a_message_larger_than_a_partner_takes_is_not_queued(line):
    _, partner = line(peer.says(b"AA"))
    partner.largest_bytes = 100
    with pytest.raises(NotSendable, match="too_large"):
        queue(partner)
