"""An order that nobody is to perform: it proves the way, and is nobody's work."""

import pytest
from django.core.management import get_commands

from messaging import services, wire
from messaging.agreement import defaults, differences
from messaging.models import InboundMessage, Link, OutboundMessage, Partner, SyntheticOrder
from messaging.queries.probes import health_of, partners_to_probe
from messaging.services.partners import write_agreement
from messaging.services.synthetic import render
from patients.nhs_number import check_digit
from tests.messaging import peer
from tests.messaging.senders import make_partner
from tests.messaging.test_delivery import queue

pytestmark = pytest.mark.django_db
NUMBER, CODE = "9999999999", "SYNTHETIC"


@pytest.fixture
def line():
    with peer.listening() as other:
        yield other, make_partner(port=other.port, acknowledgement_seconds=1)


def agreed(seconds=60, patient=NUMBER, code=CODE):
    return {
        "synthetic_seconds": seconds, "synthetic_patient": patient, "synthetic_code": code,
    }  # fmt: skip


def agree(partner, seconds=60):
    """As two people have applied it."""
    was = services.standing(partner.slug)
    write_agreement(partner.slug, differences(was, was | agreed(seconds)))
    return Link.objects.get(partner=partner)


def test_nothing_is_sent_to_a_partner_that_has_not_agreed(ris):
    services.judge_links()
    assert partners_to_probe() == []


def test_it_is_answered_recorded_with_its_time_and_on_no_list(line):
    other, partner = line
    agree(partner)
    assert partners_to_probe() == [partner.pk]
    assert services.probe(partner.pk)
    row = SyntheticOrder.objects.get()
    assert row.acknowledgement == "AA"
    assert other.control_ids == [row.control_id]
    health = health_of([partner.pk])[partner.pk]
    assert health.round_trip == row.answered_at - row.sent_at
    assert health.last_success_at == row.answered_at
    assert not OutboundMessage.objects.exists()
    assert not InboundMessage.objects.exists()
    assert partners_to_probe() == [], "the next in a minute"


@pytest.mark.hazard("H49")
@pytest.mark.parametrize("kind", ["OMG^O19", "OML^O21", "OML^O33", "ORM^O01"])
def test_it_is_a_new_order_for_nobody_of_nothing(line, kind):
    _, partner = line
    partner.order_message = kind
    partner.save()
    message = wire.parse(render(agree(partner), "OC1X"))
    assert message.type == kind
    assert message.get("PID", 3) == NUMBER
    assert NUMBER.startswith("999")
    assert check_digit(NUMBER[:9]) == NUMBER[9]
    assert (message.get("ORC", 1), message.get("OBR", 4)) == ("NW", CODE)
    assert message.get("OBR", 4, component=2) == "Synthetic order, not to be performed"
    assert message.get("ORC", 2) == message.get("OBR", 2) == "SYNOC1X"
    assert message.header.get(11) == "T"


def test_a_refusal_says_that_the_line_works_and_that_the_agreement_does_not(line):
    other, partner = line
    other.answers[:] = [peer.says(b"AR", b"code not known")]
    agree(partner)
    assert services.probe(partner.pk)
    partner.refresh_from_db()
    assert partner.last_success_at
    health = health_of([partner.pk])[partner.pk]
    assert (health.last_success_at, health.said) == (None, "AR")


def test_a_silence_counts_for_the_link_and_is_named(line):
    other, partner = line
    other.answers[:] = [peer.silent]
    agree(partner)
    assert not services.probe(partner.pk)
    partner.refresh_from_db()
    row = SyntheticOrder.objects.get()
    assert (partner.failures, partner.failing_phase) == (1, "acknowledge")
    assert partner.failing_since == row.sent_at
    assert row.failing_phase == "acknowledge"


def test_while_it_fails_what_waits_is_the_probe_and_no_synthetic_order_goes(line):
    other, partner = line
    other.answers[:] = [peer.hangs_up]
    agree(partner)
    queue(partner)
    services.deliver(partner.pk)
    Partner.objects.update(retry_at=None)
    assert partners_to_probe() == []
    OutboundMessage.objects.all().delete()
    assert partners_to_probe() == [partner.pk]


def test_it_waits_while_somebody_speaks_with_the_partner(line):
    import threading

    from messaging.services import delivery

    other, partner = line
    agree(partner)
    held = delivery._busy.setdefault(partner.pk, threading.Lock())
    with held:
        assert not services.probe(partner.pk)
    assert not SyntheticOrder.objects.exists()
    assert other.received == []


@pytest.mark.parametrize(
    "wrong",
    [{"patient": "4857773456"}, {"patient": ""}, {"code": ""}, {"seconds": 5}],
)
def test_an_agreement_that_could_be_a_person_is_refused(wrong):
    right = [path for path, _ in services.wrong_with("ris", defaults() | agreed())]
    found = [path for path, _ in services.wrong_with("ris", defaults() | agreed(**wrong))]
    assert [path for path in found if path not in right] == [f"synthetic_{next(iter(wrong))}"]


def test_no_command_writes_it_down_past_the_second_person():
    assert "synthetic_orders" not in get_commands()
