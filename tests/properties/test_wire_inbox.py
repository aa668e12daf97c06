"""Whatever comes, however often and however cut into batches: stored, answered once, done once."""

import hashlib

from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from messaging import services, wire
from messaging.models import InboundMessage
from tests.messaging.senders import make_partner, note, patient, sent, taken

GOOD = sent("1", patient("9990000018", system="NHS"), note("text with \\ | ^ ~ & µ"))
DISTINCT = [sent(f"M{n}", patient("1" if n % 2 else "2"), note(str(n))) for n in range(5)]


@st.composite
def damaged(draw):
    """A good message with some of its bytes overwritten, removed or doubled."""
    raw = bytearray(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(raw) - 1))
        piece = draw(st.sampled_from([b"", b"|", b"\r", b"^", b"\x00", b"\xff", b"MSH|", b"\x0b"]))
        raw[place : place + draw(st.integers(0, 3))] = piece
    return bytes(raw)


@override_settings(
    HL7_ROUTING="tests.messaging.senders.ROUTES",
    HL7_DELIVERY_EVENTS="tests.messaging.senders.DELIVERY",
)
class TheInbox(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        make_partner("ris")

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(st.integers(0, len(DISTINCT) - 1), min_size=1, max_size=14),
        st.lists(st.integers(1, 4), max_size=14),
    )
    def test_messages_repeated_in_any_order_and_batches_have_their_effect_once(self, order, cuts):
        raws = [DISTINCT[n] for n in order]
        directory = services.Directory(seconds=60)
        answers = []
        while raws:
            size = cuts.pop() if cuts else 1
            batch, raws = raws[:size], raws[size:]
            answers += services.accept_all([(raw, services.Origin()) for raw in batch], directory)
            if size == 2:
                services.process_waiting()
        services.process_waiting()
        given_ids = [wire.parse(answer).get("MSA", 2) for answer in answers]
        assert given_ids == [f"M{n}" for n in order]
        assert {wire.parse(each).get("MSA", 1) for each in answers} == {"AA"}
        first_seen = [f"M{n}" for n in dict.fromkeys(order)]
        assert sorted(taken()) == sorted(first_seen)
        for patients in ({"M1", "M3"}, {"M0", "M2", "M4"}):  # each patient's in their order
            expected = [each for each in first_seen if each in patients]
            assert [each for each in taken() if each in patients] == expected
        assert InboundMessage.objects.count() == len(order)

    @settings(max_examples=150, deadline=None)
    @given(damaged() | st.binary(max_size=120))
    def test_any_bytes_are_stored_and_answered_once_and_never_break_a_worker(self, raw):
        answer = wire.parse(services.accept(raw))
        assert answer.code == "ACK"
        assert answer.get("MSA", 1) in ("AA", "AE", "AR")
        row = InboundMessage.objects.get()
        assert bytes(row.raw) == raw
        assert row.sha256 == hashlib.sha256(raw).hexdigest()
        services.process_waiting()
        row.refresh_from_db()
        expected = {"AA": ("processed",), "AE": ("parked",), "AR": ("parked", "refused")}
        assert row.state in expected[answer.get("MSA", 1)]
