"""When something starts is said only where it was measured how fast images move."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts.policies import SYSTEM
from iep.models import Lane, Node, Transfer
from iep.queries.exchange import sentences
from iep.queries.lanes import measured
from iep.services.lanes import transfers
from iep.states.priorities import Priority
from tests.iep.transactions import exchange

from .images import node, outgoing, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def queued(world):
    """A transaction's transfer behind one of 600 images: what its sentence says of the start."""
    Lane.objects.update(seen_at=timezone.now() + timedelta(hours=1))  # somebody runs them
    far = node()
    first = send(outgoing(1), far)
    Transfer.objects.filter(pk=first.pk).update(images=600)
    thing = exchange.example(world)
    mine = transfers.queue_send(
        outgoing(1), far, priority=Priority.NORMAL, purpose="out", title="CT head",
        transaction=thing, by=SYSTEM,
    )  # fmt: skip
    return mine


def start(mine) -> timedelta | None:
    """From now, some seconds after the last look: what was measured is remembered that long."""
    cache.clear()
    turn = sentences.turns_of([mine])[mine.transaction_id]
    return turn.starts_at and turn.starts_at - timezone.now()


def was_measured(images: int, seconds: int, **more) -> None:
    done, now = send(outgoing(1), node()), timezone.now()
    Transfer.objects.filter(pk=done.pk).update(
        state="delivered", images=images, images_done=images, fence=1, finished_at=now,
        started_at=now - timedelta(seconds=seconds), last_image_at=now, **more,
    )  # fmt: skip


def test_nothing_is_promised_where_nothing_was_measured(queued):
    assert measured.images_a_second() == {}
    assert start(queued) is None
    turn = sentences.Turn(2, is_inbound=False, starts_at=None)
    thing = queued.transaction
    thing.state = "download_request"
    said = sentences.sentence(thing, timezone.now(), turn=turn)
    assert said == "Queued: 2nd outbound. No estimate yet."


def test_the_start_is_what_the_last_transfers_bear_out(queued):
    was_measured(100, 100)  # 1 a second and lane; four lanes take standard work
    about = timedelta(seconds=150)
    assert abs(start(queued) - about) < timedelta(seconds=5)
    Lane.objects.filter(name__in=("out-2", "out-3")).update(is_paused=True)
    assert abs(start(queued) - 2 * about) < timedelta(seconds=5)


def test_what_was_interrupted_or_is_long_ago_measures_nothing(queued):
    was_measured(100, 100)
    Transfer.objects.filter(state="delivered").update(fence=2)
    assert start(queued) is None
    long_ago = timezone.now() - timedelta(days=3)
    Transfer.objects.filter(state="delivered").update(fence=1, finished_at=long_ago)
    assert start(queued) is None


def test_what_is_held_back_by_its_machine_has_no_start(queued):
    was_measured(100, 100)
    assert start(queued) is not None
    Node.objects.update(retry_at=timezone.now() + timedelta(minutes=5))
    assert start(queued) is None


def test_an_unknown_number_ahead_is_no_number(queued):
    was_measured(100, 100)
    Transfer.objects.filter(images=600).update(images=0)
    assert start(queued) is None
