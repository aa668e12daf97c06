"""A queue that backs up is told once, and once when it clears."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from messaging import services, states
from messaging.models import InboundMessage, OutboundMessage, QueueAlert
from messaging.queries import open_alerts, past_alerts, queues_backing_up
from messaging.queries.alerts import alert
from messaging.states import InState, OutState
from tests.messaging.senders import make_partner
from tests.messaging.test_delivery import queue

pytestmark = pytest.mark.django_db
HEARD: list[tuple[str, str]] = []
LATE = timedelta(seconds=30)


def hear(alert_id, what):
    HEARD.append((alert(alert_id).sentence, what))


def fail(alert_id, what):
    raise ZeroDivisionError("Ada Testpatient, who must not be in a log")


@pytest.fixture(autouse=True)
def _heard(settings):
    HEARD.clear()
    settings.QUEUE_ALERT_EVENTS = ["tests.messaging.test_alerts.hear"]


@pytest.fixture
def partner(db):
    return make_partner("ris", name="Somewhere", port=1)


def age(model, by):
    model.objects.update(**{
        name: F(name) - by
        for name in (
            ["created_at", "last_sent_at"] if model is OutboundMessage else ["received_at"]
        )
    })  # fmt: skip


def looks(n=3):
    return [services.watch_queues() for _ in range(n)]


@pytest.mark.hazard("H49", "H13")
def test_one_alert_when_it_backs_up_and_one_when_it_clears(world, partner):
    messages = [queue(partner, stream=str(n)) for n in range(3)]
    age(OutboundMessage, states.OUT_WAITS[OutState.WAITING].limit - LATE)
    assert looks() == [0, 0, 0]
    age(OutboundMessage, LATE * 2)
    assert looks() == [1, 0, 0]
    assert HEARD == [("Messages to Somewhere wait to be sent.", "raised")]
    (raised,) = open_alerts(world.acting("central"))
    assert raised.waiting == 3
    ((words, since, owner),) = queues_backing_up(world.acting("central"))
    assert (words, since) == (HEARD[0][0], OutboundMessage.objects.order_by("pk")[0].created_at)
    assert owner == "Workers take them as soon as they can."
    assert list(queues_backing_up(world.acting("gp"))) == []
    # The two oldest are gone; the third is younger than the limit, and not yet half of it.
    keep = OutboundMessage.objects.filter(pk=messages[2].pk)
    OutboundMessage.objects.exclude(pk=messages[2].pk).update(state="acknowledged")
    limit = states.OUT_WAITS[OutState.WAITING].limit
    keep.update(created_at=timezone.now() - limit * 0.7)
    assert looks() == [0, 0, 0]
    keep.update(created_at=timezone.now() - limit * 0.4)
    assert looks() == [1, 0, 0]
    assert [what for _, what in HEARD] == ["raised", "cleared"]
    assert open_alerts(world.acting("central")) == []
    (kept,) = past_alerts(world.acting("central"))
    assert kept.cleared_at > kept.raised_at


@pytest.mark.parametrize(
    ("model", "state", "limit", "owner"),
    [
        (OutboundMessage, OutState.DEAD, states.OUT_WAITS[OutState.DEAD].limit, "operators"),
        (InboundMessage, InState.PARKED, states.IN_WAITS[InState.PARKED].limit, "operators"),
        (InboundMessage, InState.RECEIVED, states.IN_WAITS[InState.RECEIVED].limit, "worker"),
    ],
)
def test_each_state_that_waits_is_alarmed_at_its_own_limit(partner, model, state, limit, owner):
    if model is OutboundMessage:
        queue(partner)
    else:
        InboundMessage.objects.create(partner=partner, raw=b"", sha256="x")
    model.objects.update(state=state)
    age(model, limit - LATE)
    assert looks() == [0, 0, 0]
    age(model, LATE * 2)
    assert looks() == [1, 0, 0]
    raised = QueueAlert.objects.get()
    assert (raised.owner, raised.partner) == (owner, partner)
    model.objects.update(state="handled")
    assert looks() == [1, 0, 0]
    raised.refresh_from_db()
    assert raised.cleared_at


def test_what_strangers_send_is_alarmed_too_and_shown_to_the_central_team(world):
    InboundMessage.objects.create(partner=None, raw=b"", sha256="x", state="parked")
    age(InboundMessage, timedelta(hours=2))
    assert looks() == [1, 0, 0]
    (raised,) = open_alerts(world.acting("central"))
    assert "senders that we do not know" in raised.sentence
    assert open_alerts(world.acting("lab")) == []


def test_a_fault_of_who_is_told_leaves_the_alert_raised(partner, settings, caplog):
    settings.QUEUE_ALERT_EVENTS = ["tests.messaging.test_alerts.fail"]
    queue(partner)
    age(OutboundMessage, timedelta(hours=1))
    assert looks() == [1, 0, 0]
    assert QueueAlert.objects.filter(cleared_at=None).count() == 1
    assert "Ada" not in caplog.text
