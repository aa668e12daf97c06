"""What comes in is stored before it is answered, answered once, and has its effect once."""

import pytest

from messaging import services, wire
from messaging.models import InboundMessage
from messaging.services import inbox
from messaging.states import InState
from tests.messaging.senders import make_partner, note, patient, sent, taken

pytestmark = pytest.mark.django_db


def answer(raw: bytes) -> tuple[str, str]:
    """What we answer: the code, and whose control id."""
    message = wire.parse(services.accept(raw))
    return message.get("MSA", 1), message.get("MSA", 2)


def stored() -> list[tuple[str, str]]:
    rows = InboundMessage.objects.order_by("id")
    return [(row.state, row.reason_code) for row in rows]


def test_a_message_is_stored_byte_for_byte_and_accepted(ris):
    raw = sent("1", patient(), note("α ^ | ~ & \\"))
    assert answer(raw) == ("AA", "1")
    row = InboundMessage.objects.get()
    assert bytes(row.raw) == raw
    assert (row.partner, row.state, row.message_type) == (ris, "received", "ORU^R01")
    assert taken() == []


def test_a_message_has_its_effect_once_however_often_it_comes(ris):
    raw = sent("1", patient())
    answers = {answer(raw) for _ in range(3)}
    services.process_waiting()
    answers.add(answer(raw))
    services.process_waiting()
    assert answers == {("AA", "1")}
    assert taken() == ["1"]
    assert stored() == [("processed", "")] + [("repeat", "")] * 3
    assert all(bytes(row.raw) == raw for row in InboundMessage.objects.all())


def test_repeats_within_one_batch_are_seen(ris):
    raw = sent("1", patient())
    other = sent("1", patient(), note("other"))
    directory = services.Directory(seconds=0)
    a = services.Origin("a")
    acks = services.accept_all([(raw, a), (raw, a), (other, a), (other, a)], directory)
    assert [wire.parse(ack).get("MSA", 1) for ack in acks] == ["AA"] * 4
    assert sorted(stored()) == [
        ("parked", "same_id_other_content"),
        ("received", ""),
        ("repeat", ""),
        ("repeat", ""),
    ]


def test_another_message_under_the_same_control_id_is_kept_for_a_person(ris):
    assert answer(sent("1", patient(), note("first"))) == ("AA", "1")
    assert answer(sent("1", patient(), note("second"))) == ("AA", "1")
    assert answer(sent("1", patient(), note("second"))) == ("AA", "1")
    services.process_waiting()
    assert stored() == [
        ("processed", ""),
        ("parked", "same_id_other_content"),
        ("repeat", ""),
    ]
    assert taken() == ["1"]


def test_the_same_control_id_of_two_senders_is_two_messages(ris, lims):
    assert answer(sent("1", patient())) == ("AA", "1")
    assert answer(sent("1", patient(), sender=("LIMS", "RX1"))) == ("AA", "1")
    services.process_waiting()
    assert stored() == [("processed", "")] * 2


@pytest.mark.hazard("H64")
@pytest.mark.parametrize(
    ("raw", "code", "state", "reason"),
    [
        (sent("1", sender=("STRANGER", "RX1")), "AR", "refused", "unknown_sender"),
        (sent("1", processing_id="P"), "AR", "refused", "processing_id"),
        (sent("1", kind=("SIU", "S12")), "AR", "refused", "unsupported_type"),
        (sent("", patient()), "AR", "refused", "control_id"),
        (b"", "AR", "parked", "header"),
        (b"no message at all", "AR", "parked", "header"),
        (sent("1")[5:], "AR", "parked", "header"),
        (sent("1").replace(b"|^~\\&|", b"|^~\\\\&|"), "AR", "parked", "delimiters"),
        (sent("1", charset="8859/1").replace(b"8859/1", b"KLINGON"), "AE", "parked", "charset"),
        (sent("1", note("x")).replace(b"|x", b"|\xff"), "AE", "parked", "charset"),
        (sent("1", note("x")).replace(b"|x", b"|\r\rnot a segment"), "AE", "parked", "segment"),
        (sent("1") + sent("2"), "AE", "parked", "second_header"),
        (sent("1", note("x")).replace(b"|x", b"|\x0b"), "AE", "parked", "framing"),
    ],
)
def test_what_we_cannot_take_is_told_to_the_sender_and_kept(ris, raw, code, state, reason):
    given, _ = answer(raw)
    assert given == code
    row = InboundMessage.objects.get()
    assert (row.state, row.reason_code, bytes(row.raw)) == (state, reason, raw)
    assert row.reason
    assert services.process_waiting() == 0
    assert taken() == []


def test_the_broken_message_that_is_sent_again_and_again_is_one_thing_to_do(ris):
    for _ in range(3):
        assert answer(b"no message at all")[0] == "AR"
    assert stored() == [("parked", "header"), ("repeat", "header"), ("repeat", "header")]


def test_a_sender_may_mend_what_we_did_not_take(ris):
    broken = sent("1", note("x")).replace(b"|x", b"|\xff")
    assert answer(broken) == ("AE", "1")
    assert answer(sent("1", note("x"))) == ("AA", "1")
    services.process_waiting()
    assert taken() == ["1"]


def test_a_partner_that_leaves_its_character_set_out_is_read_as_agreed():
    make_partner("ris", character_set="8859/1")
    raw = sent("1", note("£"), charset="8859/1").replace(b"|8859/1", b"|")
    assert b"\xa3" in raw
    assert answer(raw) == ("AA", "1")


def test_an_unknown_request_is_parked_and_leaves_no_effect(ris):
    answer(sent("1", patient(), note("park")))
    services.process_waiting()
    row = InboundMessage.objects.get()
    assert (row.state, row.reason_code) == ("parked", "unknown_request")
    assert row.reason == "Nobody here asked for this."
    assert taken() == []


def due_again() -> None:
    InboundMessage.objects.filter(state=InState.RECEIVED).update(not_before=None)


def test_what_may_work_later_is_tried_later_and_in_the_end_given_to_a_person(ris):
    answer(sent("1", patient(), note("later")))
    assert services.process_waiting() == 1
    row = InboundMessage.objects.get()
    assert (row.state, row.reason_code, row.attempts) == ("received", "not_yet", 1)
    assert row.not_before > row.received_at
    for _ in range(20):
        due_again()
        services.process_waiting()
    row.refresh_from_db()
    assert (row.state, row.reason_code) == ("parked", "not_yet")
    assert row.attempts == 12


def test_a_message_that_breaks_our_code_is_parked_and_stops_nobody(ris):
    answer(sent("1", patient("1"), note("fault")))
    answer(sent("2", patient("2")))
    for _ in range(6):
        services.process_waiting()
        due_again()
    assert taken() == ["2"]
    assert stored() == [("parked", "failed"), ("processed", "")]
    assert "Ada" not in InboundMessage.objects.first().reason
    assert "ZeroDivisionError" in InboundMessage.objects.first().reason


def test_a_message_that_kills_its_worker_comes_back_counted(ris):
    answer(sent("1", patient(), note("crash")))
    for _ in range(2):
        with pytest.raises(SystemExit):
            services.process_waiting()
        due_again()
    services.process_waiting()
    row = InboundMessage.objects.get()
    assert (row.state, row.attempts, taken()) == ("processed", 3, ["1"])


@pytest.mark.hazard("H26")
def test_a_worker_that_lost_its_claim_changes_nothing(ris):
    """It froze for longer than its lease; meanwhile another took the message and processed it."""
    services.accept(sent("1", patient()))
    (early,) = inbox._claim(1)
    InboundMessage.objects.update(not_before=None)  # as if its lease had run out
    (late,) = inbox._claim(1)
    inbox._process(*late)
    inbox._process(*early)
    assert taken() == ["1"]


def test_one_patients_messages_keep_their_order_and_others_pass(ris):
    answer(sent("1", patient("1"), note("later")))
    answer(sent("2", patient("1")))
    answer(sent("3", patient("2")))
    answer(sent("4"))
    services.process_waiting()
    assert taken() == ["3", "4"]


def test_a_parked_message_holds_back_nobody(ris):
    answer(sent("1", patient("1"), note("park")))
    answer(sent("2", patient("1")))
    services.process_waiting()
    assert taken() == ["2"]


@pytest.mark.parametrize(
    "numbers",
    [
        [["9990000018", "", "", "NHS", "NH"], ["S1", "", "", "X", "MR"]],
        [["S1", "", "", "X", "MR"], ["999 000 0018", "", "", "NHS", "NH"]],
        [["9990000018", "", "", "NHS"]],
    ],
)
def test_a_patient_is_the_same_however_the_numbers_stand(ris, numbers):
    answer(sent("1", patient("9990000018", system="NHS")))
    answer(sent("2", wire.segment("PID", {3: wire.Repeat(numbers)})))
    keys = set(InboundMessage.objects.values_list("ordering_key", flat=True))
    assert len(keys) == 1
    assert "9990000018" not in keys.pop()


def test_a_sender_is_known_by_the_first_part_of_its_name(ris):
    raw = sent("1").replace(b"|RIS|RX1|", b"|RIS^1.2.826^ISO|RX1^^|")
    assert answer(raw) == ("AA", "1")
    assert InboundMessage.objects.get().sending_application == "RIS^1.2.826^ISO"
