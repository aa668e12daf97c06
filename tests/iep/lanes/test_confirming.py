"""An archive may answer late (PS3.4 J), and after it was asked again; or never."""

import uuid

import pytest

from iep.dicom import Caller, CommitmentAnswer
from iep.models import Node, Transfer
from iep.services.arrival.listening import House
from iep.services.lanes import confirming

from .images import ledger, node, outgoing, run, send, state, wait_over

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_quickly")]


@pytest.fixture
def _quickly(monkeypatch):
    """Who does not answer at once is not waited for."""
    from iep import dicom
    from iep.dicom import scu

    def ask(peer, uid, instances):
        return scu.ask_commitment(peer, uid, instances, wait_seconds=0.5)

    monkeypatch.setattr(dicom, "ask_commitment", ask, raising=False)


@pytest.fixture
def silent(world, pacs) -> Transfer:
    """All was sent to a node that takes questions for commitment and has not answered three."""
    pacs.reports = False
    transfer = send(outgoing(3), node(pacs.port, commits=True))
    run("out-2")
    for _ in range(2):
        wait_over()
        confirming.confirm_due()
    assert state(transfer) == "unconfirmed"
    assert len(set(pacs.asked)) == 3, "a UID is asked under once (PS3.4 J.3)"
    return transfer


def uids(transfer) -> list[str]:
    return list(transfer.instances.order_by("position").values_list("sop_uid", flat=True))


@pytest.mark.hazard("H40")
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_late_answer_to_any_question_counts_once(silent, pacs, number):
    answer = CommitmentAnswer(pacs.asked[number], frozenset(uids(silent)))
    assert confirming.record_answer(answer)
    assert state(silent) == "delivered"
    assert not confirming.record_answer(answer)


def test_a_late_answer_comes_by_our_listener_from_the_node_that_was_asked(silent, pacs):
    house = House.__new__(House)  # nobody calls
    answer = CommitmentAnswer(pacs.asked[0], frozenset(uids(silent)))
    other = Caller("OTHER", "US", "127.0.0.1", uuid.uuid4(), key=silent.node_id + 1)
    theirs = Caller("FARPACS", "US", "127.0.0.1", uuid.uuid4(), key=silent.node_id)
    assert not house.committed(other, answer)
    assert not house.committed(theirs, CommitmentAnswer("1.2.3", answer.held))
    assert not house.committed(theirs, CommitmentAnswer("", answer.held))
    assert state(silent) == "unconfirmed"
    assert house.committed(theirs, answer)
    assert state(silent) == "delivered"


@pytest.mark.hazard("H40")
def test_what_was_said_before_an_image_went_again_is_not_said_of_it(silent, pacs):
    first, *rest = uids(silent)
    assert confirming.record_answer(CommitmentAnswer(pacs.asked[1], frozenset(rest), {first: 274}))
    assert ledger(silent) == {"confirmed": 2, "waiting": 1}
    run("out-2")
    late = CommitmentAnswer(pacs.asked[0], frozenset(), {first: 274})
    assert not confirming.record_answer(late)
    assert ledger(silent) == {"confirmed": 2, "sent": 1}
    assert confirming.record_answer(CommitmentAnswer(pacs.asked[-1], frozenset([first])))
    assert state(silent) == "delivered"


@pytest.mark.hazard("H40")
def test_who_never_answers_is_counted_after_a_while(silent, pacs):
    Transfer.objects.update(failures=confirming.LATE)
    wait_over()
    confirming.confirm_due()
    assert state(silent) == "delivered"
    assert len(pacs.asked) == 3


@pytest.mark.hazard("H40")
def test_what_is_not_listed_yet_may_still_come_and_is_lost_much_later(silent, pacs):
    lost = uids(silent)[0]
    del pacs.kept[lost]
    Transfer.objects.update(failures=confirming.LATE)
    wait_over()
    confirming.confirm_due()
    assert (state(silent), ledger(silent)) == ("unconfirmed", {"confirmed": 2, "sent": 1})
    assert silent.why == "They have not spoken of every image yet."
    Transfer.objects.update(failures=confirming.LOST)
    wait_over()
    confirming.confirm_due()
    assert (state(silent), ledger(silent)) == ("waiting", {"confirmed": 2, "waiting": 1})


def test_who_could_not_be_reached_for_long_is_asked_for_commitment_first(silent, pacs):
    pacs.reports = True
    Transfer.objects.update(failures=confirming.LATE, why="FARPACS cannot be reached.")
    wait_over()
    confirming.confirm_due()
    assert state(silent) == "delivered"
    assert len(pacs.asked) == 4


def test_who_does_not_list_either_is_asked_for_commitment_as_before(silent, pacs):
    pacs.finds, pacs.reports = False, True
    Transfer.objects.update(failures=confirming.LATE)
    wait_over()
    confirming.confirm_due()
    assert state(silent) == "delivered"


@pytest.mark.hazard("H40")
def test_who_speaks_of_some_images_only_is_a_persons_after_hours(silent, pacs):
    some = CommitmentAnswer(pacs.asked[0], frozenset(uids(silent)[:1]))
    assert confirming.record_answer(some)
    assert ledger(silent) == {"confirmed": 1, "sent": 2}
    Transfer.objects.update(state_since="2020-01-01T00:00Z")
    assert confirming.record_answer(some)
    assert (state(silent), silent.family) == ("failed", "unconfirmed")


def test_a_gateway_or_another_node_is_not_asked(silent):
    assert not confirming.asked_about("2.25.7").exists()
    assert not confirming.asked_about("2.25." + "9" * 60).exists()
    assert Node.objects.get(pk=silent.node_id).commits
