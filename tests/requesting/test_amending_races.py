"""A change and the delivery of what it changes, at once, on a real PostgreSQL: one lock decides."""

import random
import time

import pytest
from django.db import transaction
from django.utils import timezone

from messaging.models import OutboundMessage
from requesting import services
from requesting.models import OrderMessage, RequestItem

from .conftest import seed_surgery
from .surgery import CHEST, Surgery
from .test_amending import SAYS_MORE, content
from .test_races import at_once


@pytest.fixture
def open_surgery(transactional_db) -> Surgery:
    seed_surgery()
    return Surgery()


@pytest.mark.hazard("H09")
def test_a_change_and_the_delivery_at_the_same_moment_leave_what_the_department_holds(
    open_surgery,
):
    acting, chance, seen = open_surgery.acting(), random.Random(9), set()
    for turn in range(12):
        item = open_surgery.released(CHEST)
        order = item.order_messages.get()

        wait = chance.uniform(0, 0.02)

        def deliver(order=order, wait=wait) -> None:
            _acknowledged(order, wait)

        def change(item=item):
            return services.amend(item, content=content(**SAYS_MORE), by=acting)

        at_once(change, deliver)
        row = RequestItem.objects.get(pk=item.pk)
        gone = [
            message for message in open_surgery.orders(item)
            if OutboundMessage.objects.get(control_id=message.control_id).state != "handled"
        ]  # fmt: skip
        held = gone[-1].get("OBR", 13)
        assert ("Weight loss" in held) == (row.clinical_details != ""), turn
        assert [each.get("ORC", 1) for each in gone] in (["NW"], ["NW", "XO"]), turn
        seen.add(row.clinical_details)
    assert seen <= {"", SAYS_MORE["details"]}


def _acknowledged(order: OrderMessage, wait: float) -> None:
    """As messaging does it: the message's row first, then what it tells us, in one transaction."""
    time.sleep(wait)
    with transaction.atomic():
        rows = OutboundMessage.objects.select_for_update().filter(control_id=order.control_id)
        row = rows.get()
        if row.state != "waiting":
            return
        rows.update(state="acknowledged", first_sent_at=timezone.now())
        services.record_delivery(str(order.pk), "delivered", "")
