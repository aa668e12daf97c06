"""Whole studies between two hospitals, by the lanes of either: pushed, sent unasked, downloaded."""

import hashlib

import pytest
from django.db.transaction import atomic

from iep import storage
from iep.models import Lane, Study, Transaction
from iep.services.arrival import arrivals
from iep.services.exchange import sending, transactions
from iep.services.gateway import telling
from iep.states.studies import Origin
from iep.states.transactions import TransactionEvent
from tests.iep.gateway.sides import Sides, about
from tests.iep.lanes import images
from tests.iep.lanes.images import outgoing

pytestmark = pytest.mark.django_db(transaction=True)


def lies_here(thing: Transaction, count: int = 5) -> Study:
    """A study of our own PACS, whole in our storage, chosen for the transaction."""
    made = outgoing(count, pixels=200, series=2)
    made.organisation, made.transaction, made.expected = thing.organisation, thing, count
    made.save()
    for file in made.files.all():
        digest = hashlib.sha256(storage.path_of(file.pk).read_bytes()).hexdigest()
        made.files.filter(pk=file.pk).update(sha256=digest)
    return made


@pytest.fixture
def lanes(settings) -> None:
    settings.LANES_NIGHT = "00:00-23:59"
    for name, direction in (("out-2", "out"), ("in-1", "in")):
        Lane.objects.get_or_create(name=name, defaults={"direction": direction})  # a flush took it


def is_here(thing: Transaction, made: Study, sides: Sides) -> None:
    """Kingsmere has the study as Eastmarsh has it, byte for byte."""
    study = sides.here(thing, "kingsmere").studies.get()
    assert (study.origin, study.expected, study.received) == (Origin.GATEWAY, 5, 5)
    theirs = {each.sop_uid: storage.path_of(each.pk).read_bytes() for each in made.files.all()}
    ours = {each.sop_uid: storage.path_of(each.pk).read_bytes() for each in study.files.all()}
    assert ours == theirs


@pytest.mark.hazard("H40")
def test_a_whole_transfer_goes_by_a_lane_and_both_sides_say_delivered(
    asked, sides, world, lanes
) -> None:
    made = lies_here(asked)
    with atomic():
        transactions.record(asked, TransactionEvent.STARTED, by=world.acting("mbp"))
        sending.send_held(asked, made, by=world.acting("mbp"))
    images.run("out-2")
    telling.tell_node(sides.to_kingsmere.pk)
    assert sides.here(asked, "eastmarsh").state == "delivered"
    before = sides.here(asked, "kingsmere").state
    assert before == "downloading", "all was sent; here it counts when it was read"
    arrivals.read_waiting()
    assert sides.here(asked, "kingsmere").state == "delivered"
    is_here(asked, made, sides)


def test_images_that_are_sent_unasked_make_themselves_known_first(sides, web, world, lanes) -> None:
    """Nobody has told the other side of the transaction when the lane begins."""
    ours = transactions.create(
        kind="transfer", institution=sides.kingsmere, node=sides.to_kingsmere,
        organisation=sides.eastmarsh.organisation, by=world.acting("mbp"), **about(),
    )  # fmt: skip
    made = lies_here(ours)
    with atomic():
        transactions.record(ours, TransactionEvent.STARTED, by=world.acting("mbp"))
        sending.send_held(ours, made, by=world.acting("mbp"))
    images.run("out-2")
    telling.tell_node(sides.to_kingsmere.pk)
    arrivals.read_waiting()
    theirs = sides.here(ours, "kingsmere")
    assert (theirs.kind, theirs.direction, theirs.state) == ("transfer", "in", "delivered")
    is_here(ours, made, sides)


def test_what_is_on_the_exchange_is_downloaded_by_a_lane_of_ours(
    asked, sides, world, lanes
) -> None:
    made = lies_here(asked)
    named = [{"description": "CT head", "study_uid": made.study_uid, "images": "5"}]
    with atomic():
        transactions.record(asked, TransactionEvent.STARTED, by=world.acting("mbp"), exams=named)
        asked = sending.put_on_exchange(asked, by=world.acting("mbp"))
        transactions.tell(asked, "created")
    telling.tell_node(sides.to_kingsmere.pk)
    ours = sides.here(asked, "kingsmere")
    assert ours.state == "on_iep"
    assert ours.purge_at is not None
    sending.download(ours, by=world.acting("mbp"))
    images.run("in-1")
    arrivals.read_waiting()
    telling.tell_node(sides.to_eastmarsh.pk)
    assert sides.here(asked, "kingsmere").state == "delivered"
    assert sides.here(asked, "eastmarsh").state == "delivered"
    is_here(asked, made, sides)
