"""What a lane does when something is wrong on the way between two hospitals, either way."""

import pytest
from django.db.transaction import atomic

from accounts.policies import SYSTEM
from demo.processes import wait_until
from iep import storage
from iep.dicom import DicomFailure
from iep.models import Node, ReceivedFile, Transaction, Transfer
from iep.services.exchange import sending, transactions
from iep.services.gateway import telling
from iep.services.lanes import transfers
from iep.states.priorities import Priority
from iep.states.transactions import TransactionEvent
from tests.iep.gateway.sides import about
from tests.iep.gateway.test_transfers import lanes, lies_here
from tests.iep.lanes.images import ledger, run, state, wait_over
from tests.iep.lanes.test_processes import worker
from tests.iep.lanes.test_sending import Beside
from tests.messaging import processes

__all__ = ["lanes"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("lanes")]


@pytest.fixture
def pushed(asked, world):
    """A transfer of so many images from Eastmarsh to Kingsmere, which asked for them."""

    def made(count: int) -> Transfer:
        study = lies_here(asked, count)
        with atomic():
            transactions.record(asked, TransactionEvent.STARTED, by=world.acting("mbp"))
            sending.send_held(asked, study, by=world.acting("mbp"))
        return asked.transfers.get(kind="push")

    return made


@pytest.fixture
def pulled(asked, sides, world):
    """A transfer of so many images that Eastmarsh has put on the exchange, to Kingsmere."""

    def made(count: int) -> Transfer:
        study = lies_here(asked, count)
        exams = [{"description": "CT", "study_uid": study.study_uid, "images": str(count)}]
        with atomic():
            transactions.record(
                asked, TransactionEvent.STARTED, by=world.acting("mbp"), exams=exams
            )
            there = sending.put_on_exchange(asked, by=world.acting("mbp"))
            transactions.tell(there, "created")
        telling.tell_node(sides.to_kingsmere.pk)
        ours = sides.here(asked, "kingsmere")
        sending.download(ours, by=world.acting("mbp"))
        return ours.transfers.get(kind="pull")

    return made


def is_another_now(transfer: Transfer) -> str:
    """One file in storage is not what came: its SOP instance UID."""
    line = transfer.instances.order_by("position")[1]
    path = storage.path_of(line.file_id)
    path.write_bytes(path.read_bytes()[:-2] + b"\7\7")
    return line.sop_uid


def came(thing: Transaction) -> list[str]:
    """What the other side has, each image as often as it came."""
    rows = ReceivedFile.objects.filter(transaction=thing)
    return sorted(rows.values_list("sop_uid", flat=True))


@pytest.mark.hazard("H40")
def test_one_image_that_cannot_be_pushed_is_missing_and_the_others_go(pushed, asked, sides):
    transfer = pushed(5)
    bad = is_another_now(transfer)
    run("out-2")
    assert state(transfer) == "partial"
    assert transfer.why.startswith("4 of 5 images.")
    assert transfer.instances.get(state="refused").sop_uid == bad
    there = came(sides.here(asked, "kingsmere"))
    assert len(there) == 4
    assert bad not in there


@pytest.mark.parametrize("way", ["push", "pull"])
def test_a_gateway_that_is_away_is_waited_for_and_nothing_is_lost(way, request):
    transfer = request.getfixturevalue({"push": "pushed", "pull": "pulled"}[way])(3)
    lane = {"push": "out-2", "pull": "in-1"}[way]
    right = Node.objects.get(pk=transfer.node_id).base_url
    Node.objects.update(base_url="https://localhost:1/iep/gateway")
    run(lane, most=3)
    assert (state(transfer), transfer.family) == ("waiting", "unreachable")
    node = Node.objects.get(pk=transfer.node_id)
    assert (node.failures, node.retry_at is not None) == (1, True)
    Node.objects.update(base_url=right)
    wait_over()
    run(lane)
    assert state(transfer) == "delivered"
    assert ledger(transfer) == {"confirmed": 3}
    assert Node.objects.get(pk=transfer.node_id).failures == 0


@pytest.mark.hazard("H37")
def test_a_link_that_works_again_is_used_by_the_first_lane_that_tries_it(sides, web, world):
    """The claim itself holds the node back, so that one lane at a time tries it: this one does."""
    other, ours = (
        transactions.create(
            kind="transfer", institution=sides.kingsmere, node=sides.to_kingsmere,
            organisation=sides.eastmarsh.organisation, by=world.acting("mbp"), **about(),
        )
        for _ in range(2)
    )  # fmt: skip
    study = lies_here(ours, 2)
    with atomic():
        transactions.record(ours, TransactionEvent.STARTED, by=world.acting("mbp"))
        sending.send_held(ours, study, by=world.acting("mbp"))
    transfer = ours.transfers.get(kind="push")
    Node.objects.filter(pk=transfer.node_id).update(
        failures=1, failing_since="2026-01-01T00:00Z", retry_at="2026-01-01T00:00Z"
    )
    run("out-2", most=1)
    assert state(transfer) == "delivered"
    node = Node.objects.get(pk=transfer.node_id)
    assert (node.failures, node.retry_at) == (0, None)
    other.refresh_from_db()
    assert other.to_tell, "a lane tells of its own transaction, and goes on"


def test_a_gateway_that_is_paused_is_told_nothing_by_a_lane(sides, web, world):
    ours = sides.ask()
    Node.objects.update(is_paused=True)
    with pytest.raises(DicomFailure):
        telling.make_known(ours)
    assert Transaction.objects.get(pk=ours.pk).to_tell


def test_what_contradicts_what_they_have_is_a_persons_at_once(pushed, asked, sides):
    """The same image, said to be another: no hour of waiting makes that true."""
    transfer = pushed(3)
    run("out-2")
    telling.tell_node(sides.to_kingsmere.pk)
    line = transfer.instances.order_by("position").first()
    ReceivedFile.objects.filter(pk=line.file_id).update(sha256="a" * 64)
    again = transfers.queue_send(
        transfer.study, transfer.node, priority=Priority.NORMAL, purpose="out", title="CT head",
        transaction=asked, by=SYSTEM,
    )  # fmt: skip
    run("out-2", most=1)
    assert state(again) == "failed"
    assert again.why
    assert again.images_done == 0


@pytest.mark.parametrize("way", ["push", "pull"])
def test_a_lane_that_is_killed_between_two_gateways_is_taken_up_at_the_next_image(
    way, request, settings, tmp_path
):
    transfer = request.getfixturevalue({"push": "pushed", "pull": "pulled"}[way])(300)
    queue = {"push": "lanes_out", "pull": "lanes_in"}[way]
    folder = {"GATEWAY_DIR": str(settings.GATEWAY_DIR)}
    first = worker(settings, queue, LANES={"push": "out-2", "pull": "in-1"}[way], **folder)
    with processes.running(first):
        assert wait_until(lambda: state(transfer) and transfer.images_done >= 3, seconds=240)
        processes.kill(first)
    before = state(transfer) and transfer.images_done
    assert 3 <= before < 300
    lane = {"push": "out-2", "pull": "in-1"}[way]
    run(lane, most=1)
    assert state(transfer) == "delivered"
    assert before <= transfer.continued_from <= before + 1
    assert ledger(transfer) == {"confirmed": 300}
    if way == "pull":
        files = ReceivedFile.objects.filter(transfer_id=transfer.pk)
        assert files.values("sop_uid").distinct().count() == 300 <= files.count() <= 301


@pytest.mark.hazard("H37")
@pytest.mark.parametrize("way", ["push", "pull"])
def test_blue_light_goes_between_two_images_of_another_gateway_transfer(way, request, world):
    standard = request.getfixturevalue({"push": "pushed", "pull": "pulled"}[way])(300)
    lane = {"push": "out-2", "pull": "in-1"}[way]
    with Beside(lane):
        assert wait_until(lambda: state(standard) and standard.images_done >= 3, seconds=120)
        if way == "push":
            blue = transfers.queue_send(
                standard.study, standard.node, priority=Priority.BLUE_LIGHT, purpose="out",
                title="CT head", transaction=standard.transaction, by=SYSTEM,
                files=list(standard.study.files.all()[:2]),
            )  # fmt: skip
        else:
            blue = transfers.queue_fetch(
                standard.node, standard.study_uid, priority=Priority.BLUE_LIGHT, purpose="in",
                title="CT head", transaction=standard.transaction, by=SYSTEM,
            )  # fmt: skip
        assert wait_until(lambda: state(blue) != "waiting", seconds=120)
        done = state(standard) and standard.images_done
        assert done < 300
        assert wait_until(lambda: state(standard) == "delivered", seconds=240)
    assert state(blue) == "delivered"
    assert standard.continued_from > 0
    assert "yielded" in standard.events.values_list("event", flat=True)
