"""Whole studies between two hospitals, by the lanes of either: pushed, sent unasked, downloaded."""

import hashlib
from uuid import uuid4

import pytest
from django.db.transaction import atomic

from accounts.policies import SYSTEM, Acting
from iep import storage
from iep.models import Lane, Study, Transaction, Transfer
from iep.queries.exchange import gateway
from iep.queries.exchange import transactions as queries
from iep.services.arrival import arrivals
from iep.services.exchange import outcomes, sending, transactions
from iep.services.gateway import hearing, telling
from iep.services.lanes import transfers
from iep.services.moving import locked
from iep.services.ticketing.ticket_mail import subject_of
from iep.states.priorities import Priority
from iep.states.studies import Origin
from iep.states.transactions import TransactionEvent
from tests.iep.gateway.sides import Sides, about
from tests.iep.lanes import images
from tests.iep.lanes.images import outgoing
from tests.iep.transactions import exchange

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


@pytest.mark.hazard("H39")
def test_a_priority_that_changes_is_changed_at_the_other_side(asked, sides, world) -> None:
    ours = sides.here(asked, "kingsmere")
    transactions.change_priority(ours, Priority.BLUE_LIGHT, "theatre", by=world.acting("mbp"))
    telling.tell_node(sides.to_eastmarsh.pk)
    theirs = sides.here(asked, "eastmarsh")
    assert (theirs.priority, theirs.eligibility) == (0, "theatre")


# --- n of m (hazard H40) -------------------------------------------------------------------------


def goes(thing: Transaction, made: Study, by: Acting) -> Transfer:
    with atomic():
        if thing.state == "new":
            transactions.record(thing, TransactionEvent.STARTED, by=by)
        return sending.send_held(thing, made, by=by)


@pytest.mark.hazard("H40")
def test_a_short_study_that_is_taken_as_it_is_says_so_at_both_ends(
    asked, sides, world, lanes
) -> None:
    made = lies_here(asked)
    transfer = goes(asked, made, world.acting("mbp"))
    lost = made.files.order_by("instance_number").last()
    raw = storage.path_of(lost.pk).read_bytes()
    storage.path_of(lost.pk).write_bytes(raw[:-1] + b"\0")  # not what was announced: not sent
    images.run("out-2")
    transfer.refresh_from_db()
    assert (transfer.state, transfer.images_done) == ("partial", 4)
    arrivals.read_waiting()
    ours = sides.here(asked, "kingsmere")
    study = ours.studies.get()
    assert (study.state, study.received, study.expected) == ("arriving", 4, 5)
    ticket = exchange.import_ticket(world, institution=sides.eastmarsh)
    Transaction.objects.filter(pk=ours.pk).update(ticket=ticket)
    arrivals.take_as_it_is(study, why="They have lost one", by=SYSTEM)

    ours.refresh_from_db()
    assert (ours.state, ours.images) == ("delivered", 4)
    assert ours.events.get(event="delivered").words == "4 of 5 images, taken as it is."
    detail = queries.detail(world.acting("mbp"), ours.number)
    assert detail.sentence.startswith("4 of 5 images, taken as it is. ")
    mail = ticket.mails.get(occasion__startswith="short")
    assert "4 of 5 images from " in mail.text
    assert "All" not in mail.text
    assert subject_of(mail).endswith(": some of the images are here")
    assert ticket.events.get(event="arrived").words == "4 of 5 images, taken as it is."

    telling.tell_node(sides.to_eastmarsh.pk)
    theirs = sides.here(asked, "eastmarsh")
    assert theirs.state == "failed"
    assert theirs.events.last().words == "They say: Delivered. 4 of 5 images, taken as it is."


def hearing_says_delivered(sides, thing: Transaction) -> None:
    """Kingsmere says that all is there, which is not so."""
    row = sides.here(thing, "eastmarsh")
    peer = gateway.Peer(sides.to_kingsmere, sides.eastmarsh)
    said = hearing.event(peer, row, uuid4(), TransactionEvent.DELIVERED, words="All", reason="")
    assert said.events.last().words == "They say: Delivered. All"


@pytest.mark.hazard("H40")
def test_a_study_that_is_added_later_is_told_and_waited_for(asked, sides, world, lanes) -> None:
    first, second = lies_here(asked), lies_here(asked)
    goes(asked, first, world.acting("mbp"))
    added = [{"description": "CT chest", "study_uid": second.study_uid, "images": "5"}]
    with atomic():
        row = transactions.record(
            sides.here(asked, "eastmarsh"), TransactionEvent.NOTED, by=SYSTEM, exams=added
        )
        transactions.tell(row, "created")
        fetched = transfers.queue_fetch(  # it comes from their PACS, which takes its time
            sides.to_kingsmere, second.study_uid, priority=Priority.NORMAL, purpose="from_pacs",
            title="CT", transaction=row, by=SYSTEM,
        )  # fmt: skip
    images.run("out-2")
    telling.tell_node(sides.to_kingsmere.pk)
    arrivals.read_waiting()
    assert sides.here(asked, "kingsmere").state == "downloading", "one of two is here"
    assert sides.here(asked, "eastmarsh").state == "downloading", "one of two has left"
    hearing_says_delivered(sides, asked)
    assert sides.here(asked, "eastmarsh").state == "downloading", "whatever they say"
    Transfer.objects.filter(pk=fetched.pk).update(state="delivered", images=5, images_done=5)
    with atomic():
        assert outcomes.go_on(locked(asked)) == 1
    images.run("out-2")
    arrivals.read_waiting()
    ours = sides.here(asked, "kingsmere")
    assert (ours.state, ours.images) == ("delivered", 10)


@pytest.mark.hazard("H40")
def test_more_that_comes_after_all_had_come_is_counted(asked, sides, world, lanes) -> None:
    goes(asked, lies_here(asked), world.acting("mbp"))
    images.run("out-2")
    arrivals.read_waiting()
    assert sides.here(asked, "kingsmere").images == 5
    second = lies_here(asked)
    Transaction.objects.filter(pk=asked.pk).update(state="downloading")
    goes(sides.here(asked, "eastmarsh"), second, world.acting("mbp"))
    images.run("out-2")
    arrivals.read_waiting()
    ours = sides.here(asked, "kingsmere")
    assert (ours.state, ours.images) == ("delivered", 10)
    assert ours.events.last().words == "More came. 10 images are here."
