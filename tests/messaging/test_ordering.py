"""A merge is of two patients: nobody's message passes it, and it passes nobody's."""

import pytest

from messaging import services, wire
from messaging.models import InboundMessage
from messaging.ordering import barrier_keys, key_of, ordering_key
from messaging.queries import waits_before
from tests.messaging.senders import note, patient, sent, taken

pytestmark = pytest.mark.django_db


def merge(control_id: str, kept: str, gone: str, *more: wire.Segment) -> bytes:
    """A message that keeps one number and discards another."""
    discarded = wire.segment("MRG", {1: [gone, "", "", "LOCAL"]})
    return sent(control_id, patient(kept), discarded, *more)


def arrive(*messages: bytes) -> None:
    for raw in messages:
        services.accept(raw)


def later_is_now() -> None:
    """What waited to be tried again is due, and what it said has been put right."""
    for row in InboundMessage.objects.filter(state="received"):
        raw = bytes(row.raw).replace(b"|later", b"|now..")
        InboundMessage.objects.filter(pk=row.pk).update(raw=raw, not_before=None)


@pytest.mark.parametrize("whose", ["kept", "gone"])
def test_a_merge_waits_for_the_earlier_messages_of_both(ris, whose):
    arrive(sent("1", patient(whose), note("later")), merge("2", "kept", "gone"))
    services.process_waiting()
    assert taken() == []
    later_is_now()
    services.process_waiting()
    assert taken() == ["1", "2"]


@pytest.mark.parametrize("whose", ["kept", "gone"])
def test_later_messages_of_both_wait_for_the_merge(ris, whose):
    arrive(merge("1", "kept", "gone", note("later")), sent("2", patient(whose)))
    services.process_waiting()
    assert taken() == []
    later_is_now()
    services.process_waiting()
    assert taken() == ["1", "2"]


def test_merges_that_share_a_record_keep_their_order(ris):
    arrive(merge("1", "b", "a", note("later")), merge("2", "c", "b"), merge("3", "d", "c"))
    services.process_waiting()
    assert taken() == []
    later_is_now()
    services.process_waiting()
    assert taken() == ["1", "2", "3"]


def test_nobody_else_waits_for_a_merge(ris):
    arrive(merge("1", "kept", "gone", note("later")), sent("2", patient("other")))
    services.process_waiting()
    assert taken() == ["2"]


def test_a_merge_that_is_parked_stands_in_nobodys_way(ris):
    arrive(merge("1", "kept", "gone", note("park")), sent("2", patient("gone")))
    services.process_waiting()
    assert taken() == ["2"]


def test_the_keys_of_a_merge_are_of_every_number_in_it():
    raw = sent(
        "1",
        wire.segment("PID", {3: wire.Repeat([["S1", "", "", "RX1", "MR"],
                                             ["999 000 0018", "", "", "NHS", "NH"]])}),
        wire.segment("MRG", {1: wire.Repeat([["S2", "", "", "RX1", "MR"],
                                             ["9990000026", "", "", "NHS", "NH"]])}),
    )  # fmt: skip
    keys = set(barrier_keys(wire.parse(raw)) or [])
    assert {key_of(n) for n in ("S1^RX1", "S2^RX1", "9990000018", "9990000026")} <= keys
    assert ordering_key(wire.parse(raw)) in keys


def test_a_message_without_mrg_is_no_barrier():
    assert barrier_keys(wire.parse(sent("1", patient("1")))) is None


def test_what_waits_before_a_message_is_known_by_any_number(ris):
    arrive(sent("1", patient("gone")), merge("2", "kept", "x"))
    last = InboundMessage.objects.latest("pk")
    assert waits_before(last, ["gone^LOCAL"])
    assert not waits_before(last, ["other^LOCAL", "kept^LOCAL"])
    services.process_waiting()
    assert not waits_before(last, ["gone^LOCAL"])
