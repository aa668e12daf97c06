"""An acknowledgement is built from what is valid, and is believed only when it answers us."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import wire
from messaging.acknowledgement import ACCEPT, Answer, Verdict, acknowledge, answer_to, envelope
from tests.messaging.senders import sent

AT = datetime(2026, 11, 22, 9, 5, tzinfo=timezone(timedelta(0)))
REFUSAL = Verdict("AR", "unsupported_type", "Messages of this type are not taken here.")


def answered(raw: bytes, verdict: Verdict = ACCEPT) -> wire.Message:
    return wire.parse(acknowledge(raw, verdict, at=AT))


def test_sender_and_receiver_change_places():
    ack = answered(sent("7", sender=("LAB^1.2.3^ISO", "RX1")).replace(b"\\S\\", b"^"))
    assert [ack.header.raw(n) for n in (3, 4, 5, 6)] == [
        "ORDERCOMMS",
        "OC1",
        "LAB^1.2.3^ISO",
        "RX1",
    ]


@pytest.mark.parametrize(
    ("version", "kind"),
    [("2.2", "ACK^R01"), ("2.3", "ACK^R01"), ("2.3.1", "ACK^R01^ACK"), ("2.4", "ACK^R01^ACK"),
     ("2.5.1", "ACK^R01^ACK"), ("2.8", "ACK^R01^ACK")],
)  # fmt: skip
def test_it_is_in_the_version_of_the_message(version, kind):
    ack = answered(sent("7", version=version), REFUSAL)
    assert (ack.header.get(12), ack.header.raw(9)) == (version, kind)
    assert (ack.get("MSA", 1), ack.get("MSA", 2), ack.get("MSA", 3)) == (
        "AR",
        "7",
        REFUSAL.sentence,
    )
    assert (ack.first("ERR") is not None) == (version >= "2.5")


def test_an_error_says_what_kind_and_how_bad_from_version_2_5():
    error = answered(sent("7", version="2.5.1"), REFUSAL).first("ERR")
    assert (error.get(3), error.get(3, 3), error.get(4)) == ("200", "HL70357", "E")
    assert error.get(8) == REFUSAL.sentence


def test_a_version_that_is_none_is_answered_in_2_4():
    assert answered(sent("7", version="9")).header.get(12) == "2.4"


def test_the_same_frame_gets_the_same_acknowledgement():
    assert acknowledge(sent("7"), ACCEPT, at=AT) == acknowledge(sent("7"), ACCEPT, at=AT)
    assert answered(sent("7")).control_id != answered(sent("8")).control_id


@pytest.mark.parametrize(
    ("control_id", "echoed"),
    [("A-1.b", "A-1.b"), ("x" * 199, "x" * 199), ("x" * 200, ""), ("a\tb", ""), ("é", "")],
)
def test_a_control_id_is_given_back_only_when_it_is_valid(control_id, echoed):
    assert answered(sent(control_id)).get("MSA", 2) == echoed


@pytest.mark.hazard("H20")
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda t: b"MSH" + t.encode()))
def test_any_bytes_get_one_well_formed_acknowledgement(raw):
    ack = answered(raw, REFUSAL)
    assert [segment.name for segment in ack][:2] == ["MSH", "MSA"]
    assert len(ack.segments) <= 3
    assert ack.code == "ACK"
    assert ack.control_id
    assert ack.get("MSA", 1) == "AR"


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60))
def test_no_field_of_theirs_can_add_a_segment_or_a_field_to_ours(text):
    raw = (
        b"MSH|^~\\&|"
        + text.replace("|", "").encode()
        + b"|F|||1||ORU^R01|"
        + text.encode()
        + b"|T|2.4"
    )
    ack = answered(raw)
    assert len(ack.segments) == 2
    assert len(ack.segments[1]) <= 3


def test_an_envelope_is_read_with_the_separator_that_it_names():
    of = envelope(b"MSH$%~\\&$LAB$RX1$OURS$OC1$1$$ORU%R01$77$T$2.4\rPID$1")
    assert (of.sending_application, of.message_code, of.trigger, of.control_id) == (
        "LAB", "ORU", "R01", "77",
    )  # fmt: skip


# --- Answers to us -------------------------------------------------------------------------------


def reply(*msa: str, kind: bytes = b"ACK", after: bytes = b"") -> bytes:
    head = b"MSH|^~\\&|LAB|RX1|ORDERCOMMS|OC1|1||" + kind + b"|9|T|2.4\r"
    return head + "|".join(["MSA", *msa]).encode() + b"\r" + after


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (reply("AA", "7"), Answer("AA", "")),
        (reply("CA", "7"), Answer("AA", "", is_commit=True)),
        (reply("AE", "7", "busy"), Answer("AE", "busy")),
        (reply("CE", "7", "busy"), Answer("AE", "busy", is_commit=True)),
        (reply("AR", "7", after=b"ERR|||207|E||||no\r"), Answer("AR", "no")),
        (reply("CR", "7", after=b"ERR|^^^207&no\r"), Answer("AR", "no", is_commit=True)),
        (reply("AA", "7", kind=b"ORL^O22"), Answer("AA", "", is_bare=False)),
        (reply("AA", "8"), None),
        (reply("AA", ""), None),
        (reply("AA"), None),
        (reply("OK", "7"), None),
        (reply("AA", "7") + reply("AA", "7"), None),
        (b"AA 7", None),
        (b"", None),
    ],
)
def test_an_answer_counts_only_when_it_names_our_message(raw, answer):
    assert answer_to("7", raw) == answer
