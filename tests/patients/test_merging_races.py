"""A merge and other work on the same rows at the same moment, on a real PostgreSQL."""

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from accounts.policies import SYSTEM
from messaging.models import OutboundMessage
from patients import services
from requesting import services as requesting
from requesting.models import Request, RequestItem
from requesting.services.moving import locked_one
from results.models import Report
from tests.patients.mergers import hear_report, merged, two
from tests.requesting.conftest import seed_surgery
from tests.requesting.surgery import CHEST, FBC, Surgery, line
from tests.requesting.test_races import at_once

KNEE = line("knee-xray", side="L", reasons=["injury-and-cannot-bear-weight"])


@pytest.fixture
def open_surgery(transactional_db) -> Surgery:
    seed_surgery()
    return Surgery()


def while_open(
    first: Callable[[], object],
    second: Callable[[], object],
    then: Callable[[], object] = lambda: None,
) -> list[object]:
    """`second` begins while the transaction of `first` is open, waits for it, and goes on. `then`
    is done in that transaction while `second` waits."""
    did, answers = threading.Event(), []

    def run() -> None:
        did.wait(10)
        try:
            answers.append(second())
        except Exception as error:  # noqa: BLE001 — the test says what it must be
            answers.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    with transaction.atomic():
        first()
        did.set()
        _until_somebody_waits()
        then()
    thread.join(30)
    return answers


def _until_somebody_waits() -> None:
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waited")


@pytest.mark.hazard("H20", "H21")
def test_a_result_that_arrives_while_its_records_are_merged_is_filed_for_the_survivor(open_surgery):
    survivor, retired = two(open_surgery)
    item = open_surgery.delivered(FBC, patient=retired)
    (answer,) = while_open(
        lambda: services.merge(survivor, retired, source="PAS", by=SYSTEM),
        lambda: _in_one(lambda: hear_report(open_surgery, item, retired)),
    )
    assert not isinstance(answer, Exception), repr(answer)
    assert Report.objects.get(item=item).patient_id == survivor.pk


def _in_one(work: Callable[[], object]) -> object:
    with transaction.atomic():
        return work()


def test_an_item_whose_examination_is_changed_at_this_moment_is_still_found(open_surgery):
    item = open_surgery.delivered(CHEST)
    knee = open_surgery.item(KNEE)

    def change() -> None:
        row = locked_one(item)
        row.service = knee.service
        row.save()

    (answer,) = while_open(change, lambda: _in_one(lambda: locked_one(item)))
    assert isinstance(answer, RequestItem), repr(answer)
    assert answer.service.pk == knee.service_id


def test_a_merge_takes_a_request_before_its_items_as_everybody_does(open_surgery):
    survivor, retired = two(open_surgery)
    gone = [open_surgery.delivered(CHEST, patient=each) for each in (survivor, retired)][1]
    merge = merged(open_surgery, survivor, retired)
    (answer,) = while_open(
        lambda: Request.objects.select_for_update().get(pk=gone.request_id),
        lambda: services.merge_after_all(
            merge, cancel=[str(gone.pk)], words="Asked twice", by=open_surgery.acting("central")
        ),
        lambda: locked_one(gone),  # as `requesting.cancel` does; a ring would end in an error
    )
    assert not isinstance(answer, Exception), repr(answer)


@pytest.mark.hazard("H21")
def test_a_merge_and_what_goes_on_with_its_requests_never_wait_in_a_ring(open_surgery):
    """A cancellation takes the request and then its item; a delivery, items in their order."""
    for turn in range(8):
        survivor, retired = two(open_surgery)
        asked = ((FBC, line("crp")), (line("lft"), line("tft")))
        items = [open_surgery.released(*each, patient=retired) for each in asked]
        last = items[0]
        order = last.order_messages.get()

        def deliver(order=order) -> None:
            with transaction.atomic():
                rows = OutboundMessage.objects.select_for_update()
                rows.get(control_id=order.control_id)
                requesting.record_delivery(str(order.pk), "delivered", "")

        at_once(
            lambda one=survivor, other=retired: services.merge(one, other, source="PAS", by=SYSTEM),
            deliver,
            lambda item=items[1]: requesting.cancel(
                item, reason="Not needed", by=open_surgery.acting()
            ),
        )
        rows = RequestItem.objects.filter(request__in=[each.request_id for each in items])
        assert {row.patient_id for row in rows} == {survivor.pk}, turn
        assert RequestItem.objects.get(pk=last.pk).status == "received"
        assert RequestItem.objects.get(pk=items[1].pk).cancel_requested_at
