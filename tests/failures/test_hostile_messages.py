"""Messages that mean harm: each frame one answer and one row, and every worker stays up."""

import pytest

from demo.processes import wait_until
from messaging import services
from messaging.models import InboundMessage
from tests.hostile import spoiling
from tests.hostile.base import good_messages
from tests.hostile.judging import DOCUMENTED, broken_promises
from tests.hostile.streams import Hostile
from tests.hostile.talking import Attacker, Tally, complaint
from tests.messaging.processes import listening, running, worker

MESSAGES = 2000
ROUTES = "ordercomms.routing.ROUTES"


def hurried() -> bool:
    """Whether nothing waits; what waits for another attempt has waited long enough."""
    late = InboundMessage.objects.filter(state="received").exclude(reason_code="")
    late.update(not_before=None)
    return not InboundMessage.objects.filter(state="received").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.hazard("H20")
@pytest.mark.hazard("H26")
def test_two_thousand_hostile_messages_are_each_answered_once_and_kept_as_they_came():
    good, tally = good_messages(requests=30), Tally()
    child = worker("hl7_in", TEST_ROUTING=ROUTES)
    with listening() as (port, listener), running(child):
        attackers = [
            Attacker(port, tally, seed=f"suite {n}", good=good, inputs=MESSAGES // 2, each=100)
            for n in range(2)
        ]
        for attacker in attackers:
            attacker.start()
        for attacker in attackers:
            attacker.join(240)
        assert [(each.failure, each.sent) for each in attackers] == [("", MESSAGES // 2)] * 2
        assert wait_until(hurried, seconds=240, every=0.5)
        assert listener.is_running
        assert child.is_running
    assert tally.frames > MESSAGES * 0.8
    broken = [(promise, figures) for promise, kept, figures in broken_promises(tally) if not kept]
    assert not broken, tally.examples[:2]
    processed = InboundMessage.objects.filter(state="processed").count()
    assert processed > MESSAGES // 20  # the real rooms had their share


@pytest.mark.django_db(transaction=True)
def test_each_kind_of_spoilt_message_gets_the_reason_that_the_table_says(settings):
    settings.HL7_ROUTING = ROUTES
    hostile = Hostile("kinds", good_messages(requests=10))
    for kind, (_, _, expected) in spoiling.KINDS.items():
        for _ in range(4 if "segments" in kind or "huge" in kind else 12):
            _, message = hostile.message(kind)
            answer = services.accept(message)
            assert complaint(message, answer) == "", (kind, message[:200], answer)
            row = InboundMessage.objects.latest("id")
            assert bytes(row.raw) == message, kind
            assert not expected or row.reason_code in expected, (kind, row.reason_code)
            code, state = DOCUMENTED.get(row.reason_code, ("AA", ""))
            assert row.acknowledgement == code, (kind, row.reason_code)
            assert not state or row.state in (state, "repeat"), (kind, row.reason_code)


def test_the_same_seed_sends_the_same_bytes():
    raw = b"MSH|^~\\&|LIMS|RZ1|||20261122||ORU^R01|1|T|2.4||||||UNICODE UTF-8\rPID|1||7\r"
    one, other = (list(Hostile("a seed", [raw]).inputs(300)) for _ in range(2))
    assert one == other
    assert len({each.kind for each in one}) > 25
