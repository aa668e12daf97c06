"""Lanes in a worker of their own: started by Celery, killed, taken up again at the next image."""

import pytest

from demo.processes import wait_until
from iep.models import Lane
from tests.messaging import processes

from .images import node, outgoing, send, state

pytestmark = pytest.mark.django_db(transaction=True)


def worker(settings, queue, **environment):
    # No broker is there: lanes do not need one.
    return processes.worker(
        queue, IMAGES_DIR=str(settings.IMAGES_DIR), REDIS_URL="redis://127.0.0.1:1/0",
        IMAGES_RESERVE_BYTES="0", IMAGES_LEAST_BYTES="0", **environment,
    )  # fmt: skip


def test_a_lane_that_is_killed_is_taken_up_at_the_next_image(world, pacs, settings):
    transfer = send(outgoing(600), node(pacs.port))
    pacs.seconds = 0.01
    first = worker(settings, "lanes_out", LANES="out-2")
    with processes.running(first):
        assert wait_until(lambda: state(transfer) and transfer.images_done >= 5, seconds=240)
        processes.kill(first)
        before = state(transfer) and transfer.images_done
        assert 5 <= before < 600
        second = worker(settings, "lanes_out", LANES="out-3,out-4")
        with processes.running(second):
            assert wait_until(lambda: state(transfer) == "delivered", seconds=240)
    repeats = len(pacs.came) - len(set(pacs.came))
    assert repeats <= 1  # the image that was on its way when it died
    assert before <= transfer.continued_from <= before + 1
    assert transfer.fence == 2
    assert Lane.objects.get(name="out-2").worker == first_name(first)


def first_name(child):
    import socket

    return f"{socket.gethostname()[:60]}:{child.process.pid}"
