"""The board, what waits, and what did not arrive."""

from datetime import timedelta
from html import escape
from uuid import uuid4

import pytest
from django.db.transaction import atomic
from django.urls import reverse
from django.utils import timezone

from accounts.policies import SYSTEM
from iep.models import Lane, Node, Transfer
from iep.queries.lanes import progress
from iep.queries.lanes.tries import tries_of, with_tries
from iep.services.lanes import claiming, transfers
from iep.services.lanes.ledger import Session
from iep.services.lanes.moves import locked_in_order, moved
from iep.states.priorities import Priority
from iep.states.transfers import TransferEvent

from .example import a_transfer
from .images import claim, lane, ledger, node, outgoing, run, send, state, wait_over

pytestmark = pytest.mark.django_db(transaction=True)


def text(response):
    assert response.status_code == 200, response.status_code
    return " ".join(response.content.decode().split())


def act(client, transfer, what, **more):
    where = reverse("iep:transfer-act", args=[transfer.pk])
    return client.post(where, {"do": what, **more}, follow=True)


def test_the_board_shows_nine_lanes_with_what_they_carry(world):
    far, study = node(), outgoing(4)
    send(study, far, title="MR spine")
    with Session(lane("out-2")) as session:
        assert session.open()
        held = claim("out-2")
        line = Transfer.objects.get(pk=held.transfer_id).instances.first()
        session.done(held, line.pk, size=10)
        Lane.objects.update(seen_at=timezone.now())
        page = text(world.client("mbp").get(reverse("iep:queues")))
    for label in ("Out 1, Blue Light", "Out 5", "In 4"):
        assert label in page
    assert "MR spine" in page
    assert "1 of 4 images" in page
    assert page.count("<progress") == 9
    assert "Wall mode" in page


def test_wall_mode_has_no_controls(world):
    send(outgoing(1), node())
    page = text(world.client("mbp").get(reverse("iep:queues") + "?wall=1"))
    main = page[page.index("<main") : page.index("</main>")]
    assert "<form" not in main
    assert "<button" not in main


def test_no_movement_for_a_minute_is_stalled(world):
    transfer = send(outgoing(4), node())
    with Session(lane("out-2")) as session:
        assert session.open()
        claim("out-2")
        past = timezone.now() - timedelta(seconds=70)
        Transfer.objects.filter(pk=transfer.pk).update(state_since=past, last_image_at=past)
        page = text(world.client("mbp").get(reverse("iep:queues")))
    assert "Stalled" in page
    assert "No new images for" in page


def test_what_a_stalled_lane_has_is_taken_from_it_and_its_late_word_changes_nothing(world, pacs):
    transfer = send(outgoing(4), node(pacs.port))
    client = world.client("mbp")
    with Session(lane("out-2")) as session:
        assert session.open()
        held = claim("out-2")
        assert "there is nothing to try again" in text(act(client, transfer, "retry"))
        assert state(transfer) == "running"
        past = timezone.now() - timedelta(seconds=70)
        Transfer.objects.filter(pk=transfer.pk).update(state_since=past, last_image_at=past)
        board = text(client.get(reverse("iep:queues")))
        assert board.count(">Retry<") == 1
        assert ">Retry<" not in text(world.client("radiologist").get(reverse("iep:queues")))
        assert "is tried again." in text(act(client, transfer, "retry"))
        assert state(transfer) == "waiting"
        assert transfer.events.latest("pk").words == "Taken from lane out-2, which had stalled."
        first, second = transfer.instances.order_by("position")[:2]
        assert session.done(held, first.pk, size=1) is False  # it is there: it counts, and no more
        with Session(lane("out-3")) as other:
            assert other.open()
            assert claim("out-3").fence == held.fence + 1
            assert session.done(held, second.pk, size=1) is False
            assert ledger(transfer) == {"sent": 1, "waiting": 3}
    for _ in range(2):  # they do not list that one, and it goes again
        run("out-3")
        wait_over()
    assert state(transfer) == "delivered"


def test_what_waits_can_be_moved_paused_and_cancelled_by_those_who_may(world):
    far, study = node(), outgoing(1)
    first, second = (send(study, far, title=name) for name in ("First", "Second"))
    client = world.client("mbp")
    assert "Second: moved." in text(act(client, second, "up"))
    assert [each.pk for each in claiming.ready("out")] == [second.pk, first.pk]
    assert "First: paused." in text(act(client, first, "pause"))
    assert "First: goes on." in text(act(client, first, "resume"))
    assert "First: cancelled." in text(act(client, first, "cancel"))
    assert act(world.client("radiologist"), second, "cancel").status_code == 403
    assert "Move up" not in text(world.client("radiologist").get(reverse("iep:queues")))


def test_blue_light_has_a_page_in_between_and_wants_a_reason(world):
    transfer = send(outgoing(1), node())
    client = world.client("mbp")
    where = reverse("iep:transfer-priority", args=[transfer.pk])
    assert "Blue Light is for theatre or ambulance only" in text(client.get(where))
    assert client.post(where, {"why": ""}).status_code == 422
    assert state(transfer)
    assert transfer.priority == Priority.NORMAL
    client.post(where, {"why": "ambulance"})
    assert state(transfer)
    assert transfer.priority == Priority.BLUE_LIGHT


def test_a_transfer_of_another_trust_is_not_found(world):
    transfer = send(outgoing(1), node(), title="Secret title")
    client = world.client_elsewhere("mbp")
    assert act(client, transfer, "cancel").status_code == 404
    assert "Secret title" not in text(client.get(reverse("iep:queues")))


def test_what_fell_short_says_why_and_is_sent_again_with_one_click(world, pacs):
    study = outgoing(4, series=2)
    pacs.refuses = {study.files.order_by("instance_number")[0].sop_uid}
    transfer = send(study, node(pacs.port), title="CT chest")
    run("out-2")
    client = world.client("mbp")
    page = text(client.get(reverse("iep:failures")))
    assert "Incomplete: 4 of 4" not in page
    assert "Incomplete: 3 of 4 images" in page
    assert next(iter(pacs.refuses)) in page
    assert "Retry series " in page
    pacs.refuses = set()
    assert "CT chest: is tried again." in text(
        act(client, transfer, "retry", back=reverse("iep:failures"))
    )
    run("out-2")
    assert state(transfer) == "delivered"
    assert "Nothing needs a person." in text(client.get(reverse("iep:failures")))


def test_a_retry_forgets_no_try_and_no_reason(world, pacs):
    """What was refused three times is refused three times, however often somebody retried."""
    study = outgoing(2)
    pacs.refuses = {study.files.order_by("instance_number")[0].sop_uid}
    transfer = send(study, node(pacs.port), title="CT chest")
    run("out-2")
    client = world.client("mbp")
    first = text(client.get(reverse("iep:failures")))
    assert "Tried once." in first
    why = transfer.instances.get(state="refused").why
    for _ in range(2):
        act(client, transfer, "retry", back=reverse("iep:failures"))
        line = transfer.instances.get(sop_uid__in=pacs.refuses)
        assert (line.attempts, line.why, line.last_reason) == (0, "", why)  # its pauses begin anew
        run("out-2")
    line = transfer.instances.get(state="refused")
    assert (line.attempts, line.tried_before, line.tries_in_all) == (1, 2, 3)
    page = text(client.get(reverse("iep:failures")))
    assert "Tried 3 times, 1 of them since it was last retried by" in page
    assert f"Tried 3 times, 1 of them since it was last retried. {escape(why)}" in page
    whole = transfer.instances.get(state="confirmed")
    assert (whole.tries_in_all, whole.last_reason) == (1, "")


def test_what_was_asked_for_again_says_on_its_transaction_why_it_failed_before(world, pacs):
    transfer = a_transfer(world)
    Transfer.objects.filter(pk=transfer.pk).update(node=node())  # where nobody listens
    for _ in range(3):
        wait_over()
        run("in-1", most=1, confirm=False)
    client = world.client("mbp")
    Node.objects.update(retry_at=None)
    assert "Tried 3 times." in text(client.get(reverse("iep:failures")))
    act(client, transfer, "retry")
    number = transfer.transaction.number
    page = text(client.get(reverse("iep:transaction", args=[number])))
    assert "Tried 3 times, none of them since it was last retried." in page
    reason = transfer.events.filter(event="delayed").last().words
    assert f"The last time: {escape(reason)}" in page


def test_who_puts_a_transfer_back_for_blue_light_has_not_tried_it(world):
    transfer = send(outgoing(1), node(), title="CT chest")
    with atomic():
        held = locked_in_order(transfer)
        moved(held, TransferEvent.CLAIMED, lease_token=uuid4())
        moved(held, TransferEvent.YIELDED)
        moved(held, TransferEvent.CLAIMED, lease_token=uuid4())
        moved(held, TransferEvent.DELAYED, words="It did not answer.")
    (counted,) = with_tries(Transfer.objects.filter(pk=transfer.pk))
    assert tries_of(counted).words == "Tried once"


def test_what_the_other_hospital_was_not_told_for_long_is_on_a_page(world):
    """Also of a transaction that is over: a decline that they never heard of is still asked for."""
    thing = a_transfer(world).transaction
    client, entry = world.client("mbp"), {"what": "declined", "said": "1", "why": "It answers 503."}
    for minutes, is_shown in ((14, False), (16, True)):
        at = (timezone.now() - timedelta(minutes=minutes)).isoformat()
        type(thing).objects.filter(pk=thing.pk).update(to_tell=[entry | {"at": at}])
        page = text(client.get(reverse("iep:failures")))
        assert ("The other hospital does not know yet" in page) is is_shown
    assert "It answers 503." in page
    assert reverse("iep:transaction", args=[thing.number]) in page


def test_a_transfer_whose_end_its_transaction_does_not_know_is_on_a_page(world):
    transfer = a_transfer(world)
    Transfer.objects.filter(pk=transfer.pk).update(events_told=False)
    page = text(world.client("mbp").get(reverse("iep:failures")))
    assert "Ended, and its transaction does not say so yet" in page
    assert transfer.title in page


def test_when_our_pacs_is_down_the_page_says_burn_a_disc(world):
    far = node()
    far.institution.organisation = world.place("RZ1")
    far.institution.save()
    Node.objects.update(is_our_pacs=True, failures=3, failing_since=timezone.now())
    assert "Burn a disc" in text(world.client("mbp").get(reverse("iep:failures")))


def test_a_full_disk_and_a_waiting_blue_light_are_said(world):
    transfers.queue_fetch(
        node(), "1.2.3", priority=Priority.BLUE_LIGHT, purpose="in", title="CT", by=SYSTEM
    )
    Transfer.objects.update(state_since=timezone.now() - timedelta(minutes=2))
    Lane.objects.filter(direction="in").update(said_full_at=timezone.now())
    page = text(world.client("mbp").get(reverse("iep:queues")))
    assert "1 Blue Light waits for more than a minute to come in." in page
    assert "nearly full" in page


@pytest.mark.hazard("H37")
def test_standard_work_that_starves_behind_blue_light_is_said(world):
    far, study = node(), outgoing(1)
    send(study, far)
    send(study, far, priority=Priority.BLUE_LIGHT)
    with Session(lane("out-2")) as session:
        assert session.open()
        claim("out-2")
        Transfer.objects.update(state_since=timezone.now() - timedelta(hours=2))
        page = text(world.client("mbp").get(reverse("iep:queues")))
    assert "Standard work waits for over an hour to go out." in page


# --- Honest words --------------------------------------------------------------------------------

NOW = timezone.now()


def pace(*ages, had=60):
    moments = [NOW - timedelta(seconds=age) for age in ages]
    return progress.pace_of(moments, began=NOW - timedelta(seconds=had), now=NOW)


def test_time_left_is_said_after_ten_seconds_and_only_at_a_steady_rate():
    steady = [n / 2 for n in range(120)]
    assert progress.time_left(720, pace(*steady)) == "about 6 min"
    assert progress.time_left(60, pace(*steady)) == "under 1 min"
    assert progress.time_left(720, pace(*[n / 2 for n in range(16)], had=8)) == ""
    assert progress.time_left(720, pace(*[n / 2 for n in range(40)])) == ""  # it has just sped up
    assert progress.time_left(720, pace()) == ""
    assert progress.time_left(0, pace(*steady)) == ""


def test_what_moved_before_it_was_taken_up_again_is_no_part_of_its_pace():
    """Six images a second for a minute, of which a Blue Light took the middle."""
    six_a_second = [n / 6 for n in range(360)]
    again = pace(*six_a_second, had=10.5)
    assert again.a_second == pytest.approx(6, rel=0.05)
    assert progress.time_left(3600, again) == "about 10 min"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(59, "under 1 min"), (61, "about 1 min"), (3000, "about 50 min"), (3700, "about 1 h"),
     (4300, "about 1 h 10 min"), (7200, "about 2 h")],
)  # fmt: skip
def test_time_left_is_rounded(seconds, words):
    assert progress.about(timedelta(seconds=seconds)) == words
