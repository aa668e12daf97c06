"""Two at once, on a real PostgreSQL: one asks, one undoes, one releases, and one of them wins."""

import random
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from messaging.models import OutboundMessage
from ordercomms.celery import app
from requesting import services
from requesting.errors import Incomplete, TooLateToUndo
from requesting.models import OrderMessage, Request, RequestItem
from requesting.services.doorbell import RELEASE

from .conftest import seed_surgery
from .surgery import CHEST, Surgery


@pytest.fixture
def open_surgery(transactional_db) -> Surgery:
    """A surgery whose doings other connections see."""
    seed_surgery()
    return Surgery()


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run them together, each on a connection of its own; their results or their exceptions."""
    gate = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        gate.wait()
        try:
            results[place] = work()
        except (Incomplete, TooLateToUndo) as refusal:
            results[place] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, work)) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


@pytest.mark.hazard("H04")
def test_one_form_sent_by_many_at_once_is_one_request(open_surgery):
    patient, by, key = open_surgery.patient(), open_surgery.acting(), uuid.uuid4()

    def send() -> Request:
        return services.send(patient, content={"items": [CHEST]}, idempotency_key=key, by=by)

    results = at_once(*[send] * 6)
    assert len({request.pk for request in results}) == 1
    assert RequestItem.objects.count() == 1


@pytest.mark.hazard("H03")
def test_two_people_who_ask_for_the_same_at_once_are_one_request_and_one_question(open_surgery):
    people = [open_surgery.acting("gp"), open_surgery.acting("gp2")]
    for _ in range(5):
        patient = open_surgery.patient()

        def send(by, patient=patient):
            content = {"items": [CHEST]}
            return services.send(patient, content=content, idempotency_key=uuid.uuid4(), by=by)

        results = at_once(*[lambda by=by: send(by) for by in people])
        assert sorted(type(each).__name__ for each in results) == ["Incomplete", "Request"]
        assert RequestItem.objects.filter(patient=patient).count() == 1


@pytest.mark.hazard("H09")
def test_undo_and_release_at_the_same_moment_have_one_winner(open_surgery):
    acting, chance = open_surgery.acting(), random.Random(9)
    outcomes = set()
    for turn in range(12):
        request = open_surgery.ask()
        window = timedelta(milliseconds=chance.uniform(0, 40))
        Request.objects.filter(pk=request.pk).update(release_at=timezone.now() + window)

        def release() -> None:
            for _ in range(30):
                services.release_due()

        at_once(lambda request=request: services.undo(request, by=acting), release, release)
        services.release_due()
        row, item = Request.objects.get(pk=request.pk), request.items.get()
        sent = OrderMessage.objects.filter(request=request).count()
        assert (item.status, sent) in {("cancelled", 0), ("sent", 1)}, turn
        assert (row.undone_at is None) != (row.released_at is None)
        assert OutboundMessage.objects.filter(stream=str(request.pk)).count() == sent
        outcomes.add(item.status)
    assert outcomes <= {"cancelled", "sent"}


@pytest.mark.hazard("H09")
def test_many_workers_release_each_request_once(open_surgery):
    requests = [open_surgery.ask() for _ in range(10)]
    Request.objects.update(release_at=timezone.now())
    released = at_once(*[services.release_due] * 4)
    assert sum(released) == len(requests)
    assert OutboundMessage.objects.count() == len(requests)


def test_a_sent_request_rings_for_the_end_of_its_undo_time_with_its_number_only(open_surgery):
    with app.connection_for_read() as broker:
        queue = broker.SimpleQueue("timers")
        queue.clear()
        item = open_surgery.item()
        message = queue.get(timeout=30)
        message.ack()
    assert message.headers["task"] == RELEASE
    assert message.payload[0] == [str(item.request_id)]
    assert message.headers["eta"] == item.request.release_at.isoformat()
