"""Downtime is noticed, and so is its end; a link that flaps does not ring all day.

Times are a twentieth of the real ones (`FAST`): three seconds here are the minute of product.md.
"""

import threading
import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import connection, connections
from django.db.models import F
from django.utils import timezone

from accounts.models import AccessEvent
from messaging import services
from messaging.errors import NoSuchMove, ReasonMissing
from messaging.link_states import Clocks, LinkStatus
from messaging.models import Link, LinkEvent, OutboundMessage, Partner, SyntheticOrder
from messaging.queries import links as asked
from messaging.queries import links_not_working, queues_backing_up
from messaging.services.links import elected
from tests.messaging import peer
from tests.messaging.senders import make_partner
from tests.messaging.test_delivery import queue, wait_over

pytestmark = pytest.mark.django_db

SCALE = 20
FAST = {
    name: getattr(Clocks(), name) / SCALE
    for name in (
        "first_pause", "suspect_after", "down_after", "probe_every", "proof_lasts",
        "recovering_probe_every", "steady_after", "relapse_within", "window",
    )
}  # fmt: skip
A_MINUTE = 60 / SCALE
NUMBER, CODE = "9990000018", "SYNTHETIC"


@pytest.fixture(autouse=True)
def _fast(settings):
    settings.LINK_CLOCKS = dict(FAST)
    cache.clear()


@pytest.fixture
def line():
    """A partner's machine whose answer the test changes: `other.answers[:] = [...]`."""
    with peer.listening() as other:
        yield other, make_partner(port=other.port, acknowledgement_seconds=1)


def agree(partner, seconds=1):
    """The partner has agreed to synthetic orders."""
    Link.objects.update_or_create(
        partner=partner,
        defaults={
            "synthetic_seconds": seconds, "synthetic_patient": NUMBER, "synthetic_code": CODE,
        },
    )  # fmt: skip


def run(partner, seconds, *, until=None, step=0.05, each=lambda: None):
    """What the workers do by themselves, for so long; True when `until` came true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        each()
        services.judge_links()
        for partner_id in services.due_for_probe():
            services.probe(partner_id)
        services.deliver(partner.pk)
        services.judge_links()
        if until and until():
            return True
        time.sleep(step)
    return False


def stands(partner):
    return asked.link_of(partner.pk).state


def moves(partner):
    return [row.after for row in LinkEvent.objects.filter(partner=partner).order_by("pk")]


def answer(other, *answers):
    other.answers[:] = answers


# --- F10: noticed, and its end -------------------------------------------------------------------


@pytest.mark.hazard("H49")
@pytest.mark.parametrize("trouble", [peer.silent, peer.hangs_up])
def test_down_within_a_minute_of_the_first_failure_and_up_again_within_two(world, line, trouble):
    other, partner = line
    queue(partner, stream="before")
    assert run(partner, 2, until=lambda: not OutboundMessage.objects.exclude(state="acknowledged"))
    assert stands(partner) is LinkStatus.UP
    answer(other, trouble)
    message = queue(partner, stream="first")
    began = time.monotonic()
    assert run(partner, A_MINUTE + 1, until=lambda: asked.is_down(partner.pk))
    assert time.monotonic() - began <= A_MINUTE + 1  # an exchange in this thread takes 1 s of it
    state = asked.link_of(partner.pk)
    message.refresh_from_db()
    assert state.phase == "acknowledge"
    assert message.first_sent_at <= state.since <= message.last_sent_at
    ((sentence, since, then),) = links_not_working(world.acting("gp"))
    assert "not getting through" in sentence
    assert (since, then) == (state.since, "Requests are saved and will be sent.")

    answer(other, peer.says(b"AA"))
    back = time.monotonic()
    assert run(partner, A_MINUTE, until=lambda: stands(partner) is LinkStatus.RECOVERING)
    for n in range(3):
        queue(partner, stream=str(n))
    assert run(partner, A_MINUTE, until=lambda: stands(partner) is LinkStatus.UP)
    assert time.monotonic() - back <= 2 * A_MINUTE
    cache.clear()
    assert links_not_working(world.acting("gp")) == []
    assert moves(partner) == ["suspect", "down", "recovering", "up"]


@pytest.mark.hazard("H49")
def test_an_idle_link_goes_down_and_comes_back_by_synthetic_orders_alone(line):
    other, partner = line
    agree(partner)
    assert run(partner, 2, until=lambda: SyntheticOrder.objects.filter(acknowledgement="AA"))
    answer(other, peer.hangs_up)
    assert run(partner, 2 * A_MINUTE, until=lambda: asked.is_down(partner.pk))
    answer(other, peer.says(b"AA"))
    assert run(partner, A_MINUTE, until=lambda: stands(partner) is LinkStatus.RECOVERING)
    assert run(partner, A_MINUTE, until=lambda: stands(partner) is LinkStatus.UP)
    assert not OutboundMessage.objects.exists()


@pytest.mark.hazard("H49")
def test_what_nobody_sends_is_noticed_though_no_attempt_failed(line):
    """The worker out is dead, and the one of the timers looks."""
    _, partner = line
    queue(partner)
    end = time.monotonic() + A_MINUTE
    while time.monotonic() < end and not asked.is_down(partner.pk):
        services.judge_links()
        time.sleep(0.05)
    state = asked.link_of(partner.pk)
    assert state.is_down
    assert state.cause == "Messages for it wait, and nothing here sends them."


def test_ten_in_a_hundred_lost_is_no_downtime(line):
    other, partner = line
    other.answers[:] = [*([peer.says(b"AA")] * 9), peer.silent] * 3 + [peer.says(b"AA")]
    for n in range(30):
        queue(partner, stream=str(n))
    done = lambda: not OutboundMessage.objects.exclude(state="acknowledged")  # noqa: E731
    assert run(partner, 20, until=done)
    assert "down" not in moves(partner)


@pytest.mark.hazard("H49")
@pytest.mark.parametrize("first_down_for", [0, 80])
def test_a_link_that_flaps_every_twenty_seconds_turns_at_most_once_in_five_minutes(
    line, first_down_for
):
    """Whether people are told does not turn again while it flaps, and it ends by itself."""
    other, partner = line
    agree(partner)
    began, good, broken = time.monotonic(), peer.says(b"AA"), peer.hangs_up
    told = [False]  # whether people are told that it does not work, whenever that turns

    def flap():
        passed = (time.monotonic() - began) * SCALE
        answer(other, good if passed > first_down_for and int(passed / 20) % 2 else broken)
        now = stands(partner) in (LinkStatus.DOWN, LinkStatus.RECOVERING)
        if told[-1] is not now:
            told.append(now)

    run(partner, 500 / SCALE, each=flap)
    assert told == [False, True] if first_down_for else len(told) <= 2
    answer(other, good)
    wait = 2 * FAST["window"] + A_MINUTE
    assert run(partner, wait, until=lambda: stands(partner) is LinkStatus.UP)


# --- The breaker ---------------------------------------------------------------------------------


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("answers", [peer.hangs_up, peer.says_half_and_hangs_up])
def test_a_receiver_that_never_acknowledges_for_an_hour_is_tried_130_times_at_most(
    line, settings, answers
):
    """The clock is set: each wait is read from the database and counted instead of slept."""
    settings.LINK_CLOCKS = {}
    other, partner = line
    answer(other, answers)
    messages = [queue(partner, stream=str(n)) for n in range(5)]
    passed, gaps = 0.0, []
    while passed < 3600:
        assert services.deliver(partner.pk) == 0
        gap = _time_until_the_next(partner)
        gaps.append(gap)
        passed += gap
        _let_pass(gap)
        services.judge_links()
    assert 100 <= len(other.received) <= 130
    assert set(other.control_ids) == {message.control_id for message in messages}
    assert set(other.received) == {bytes(message.raw) for message in messages}
    assert other.most_at_once == 1
    assert min(gaps[5:]) >= 29.9, "while it is open, a probe in thirty seconds"
    assert asked.is_down(partner.pk)
    states = set(OutboundMessage.objects.values_list("state", "failures"))
    assert states == {("waiting", 0)}  # a link's failures are not its messages'


def _time_until_the_next(partner):
    partner.refresh_from_db()
    message = OutboundMessage.objects.order_by("id").first()
    times = [at for at in (partner.retry_at, message.not_before) if at]
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return max((max(times) - cursor.fetchone()[0]).total_seconds(), 0.01)


def _let_pass(seconds):
    """As if so much time had passed: everything that was written was written earlier."""
    span = timedelta(seconds=seconds)
    for model, names in (
        (Partner, ["failing_since", "retry_at", "last_success_at"]),
        (OutboundMessage, ["not_before", "first_sent_at", "last_sent_at", "created_at"]),
        (Link, ["since", "moved_at", "troubled_at", "unsent_since", "answering_since"]),
    ):
        model.objects.update(**{name: F(name) - span for name in names})


@pytest.mark.hazard("H13")
def test_after_a_long_outage_the_queue_drains_by_itself_the_urgent_first(line):
    other, partner = line
    answer(other, peer.hangs_up)
    messages = [queue(partner, stream=str(n)) for n in range(40)]
    urgent = messages[30]
    OutboundMessage.objects.filter(pk=urgent.pk).update(urgency="urgent")
    assert run(partner, 2 * A_MINUTE, until=lambda: asked.is_down(partner.pk))
    other.received.clear()
    answer(other, peer.says(b"AA"))
    done = lambda: not OutboundMessage.objects.exclude(state="acknowledged")  # noqa: E731
    assert run(partner, A_MINUTE, until=done)
    order = other.control_ids
    assert urgent.control_id in order[:2], "after the probe at the latest"
    rest = [each.control_id for each in messages if each.control_id not in order[:2]]
    assert order[2:] == rest


@pytest.mark.hazard("H17")
def test_one_that_is_never_answered_delays_the_others_by_less_than_five_seconds(line, settings):
    settings.LINK_CLOCKS = {}
    other, partner = line
    Partner.objects.update(acknowledgement_seconds=3)

    def answers(message, connection):
        if b"poison" not in message:
            peer.says(b"AA")(message, connection)

    answer(other, answers)
    usual = _seconds_for(partner, [queue(partner, stream=f"a{n}") for n in range(100)])
    poison = queue(partner, stream="poison", text="poison")
    with_it = _seconds_for(partner, [queue(partner, stream=f"b{n}") for n in range(100)])
    assert with_it - usual < 3 + 4 + 2  # its first silence, its second, and a pause
    poison.refresh_from_db()
    assert poison.state == "waiting"
    assert not asked.is_down(partner.pk)


def _seconds_for(partner, messages):
    began, keys = time.monotonic(), [message.pk for message in messages]
    wanted = OutboundMessage.objects.filter(pk__in=keys)
    assert run(partner, 20, until=lambda: not wanted.exclude(state="acknowledged").exists())
    return time.monotonic() - began


@pytest.mark.hazard("H17")
def test_messages_that_no_partner_answers_do_not_stand_for_the_link(line):
    """Three of them are the oldest; those behind them still get their turn to try the link."""
    other, partner = line
    answer(other, lambda message, at: b"poison" in message or peer.says(b"AA")(message, at))
    for n in range(3):
        queue(partner, stream=f"poison{n}", text="poison")
    _seconds_for(partner, [queue(partner, stream=str(n)) for n in range(5)])


def _deaf_to_poison(message, at):
    return b"poison" in message or peer.says(b"AA")(message, at)


def _until_answered(partner, message):
    """How many seconds it took to be acknowledged, with workers that never rest."""
    began = time.monotonic()
    while OutboundMessage.objects.filter(pk=message.pk, acknowledged_at=None).exists():
        services.deliver(partner.pk)
        time.sleep(0.05)
        assert time.monotonic() < began + 60
    message.refresh_from_db()
    return (message.acknowledged_at - message.created_at).total_seconds()


@pytest.mark.hazard("H17")
def test_the_first_silence_of_a_message_costs_others_five_seconds_at_most(line, settings):
    settings.LINK_CLOCKS = {}  # at the real speed
    other, partner = line
    answer(other, _deaf_to_poison)
    Partner.objects.update(acknowledgement_seconds=12)
    _until_answered(partner, queue(partner, stream="first"))
    queue(partner, stream="poison", text="poison")
    neighbour = queue(partner, stream="neighbour")
    assert _until_answered(partner, neighbour) <= 5
    assert Link.objects.exclude(state=LinkStatus.UP).count() == 0


def test_a_message_that_nobody_waits_behind_has_all_the_time_that_was_agreed(line):
    other, partner = line
    answer(other, _deaf_to_poison)
    Partner.objects.update(acknowledgement_seconds=5)
    _until_answered(partner, queue(partner, stream="first"))
    queue(partner, stream="poison", text="poison")
    began = time.monotonic()
    services.deliver(partner.pk)
    assert time.monotonic() - began >= 5


def test_a_partner_that_always_takes_its_time_is_given_it_though_others_wait(line):
    other, partner = line

    def slowly(message, at):
        time.sleep(4.5)
        peer.says(b"AA")(message, at)

    answer(other, slowly)
    Partner.objects.update(acknowledgement_seconds=10)
    messages = [queue(partner, stream=str(n)) for n in range(2)]
    assert services.deliver(partner.pk) == 2
    assert other.control_ids == [message.control_id for message in messages]  # each once


@pytest.mark.hazard("H17")
def test_a_synthetic_order_that_is_not_answered_holds_up_nobody_for_long(line):
    other, partner = line
    answer(other, lambda message, at: b"SYN" in message or peer.says(b"AA")(message, at))
    Partner.objects.update(acknowledgement_seconds=30)
    agree(partner)
    _until_answered(partner, queue(partner, stream="first"))
    queue(partner, stream="neighbour")
    began = time.monotonic()
    assert not services.probe(partner.pk)
    assert time.monotonic() - began <= 5


@pytest.mark.hazard("H51")
def test_an_exchange_never_outlasts_the_lease_of_its_message(line, settings):
    """The kept connection is closed late, and the new one is silent: still one time, not two."""
    settings.LINK_CLOCKS = {}  # the next attempt is not in this one's time
    other, partner = line
    services.deliver(queue(partner).partner_id)
    Partner.objects.update(acknowledgement_seconds=3)

    def late(message, at):
        time.sleep(2.5)
        peer.hangs_up(message, at)

    other.answers[:] = [late, peer.silent]
    queue(partner, stream="b")
    began = time.monotonic()
    services.deliver(partner.pk)
    assert len(other.received) == 3
    assert time.monotonic() - began < 5  # twice the time would be 5.5


@pytest.mark.parametrize("host", ["ris..example", f"{'a' * 64}.example"])
def test_a_host_that_is_no_name_at_all_fails_to_resolve_and_stops_no_worker(ris, host):
    Partner.objects.update(host=host)
    queue(ris)
    services.deliver(ris.pk)
    ris.refresh_from_db()
    assert (ris.failures, ris.failing_phase) == (1, "resolve")
    assert OutboundMessage.objects.get().state == "waiting"


@pytest.mark.hazard("H16")
def test_more_failures_in_a_day_than_any_outage_makes_slow_the_probes_and_raise_an_alert(
    world, line, settings
):
    settings.LINK_CLOCKS = FAST | {"most_failures_a_day": 3, "over_the_cap_probe_every": 300.0}
    other, partner = line
    answer(other, peer.hangs_up)
    queue(partner)
    for _ in range(4):
        wait_over()
        services.deliver(partner.pk)
    assert _time_until_the_next(partner) > 290
    services.watch_queues()
    assert any(
        "attempts" in sentence for sentence, *_ in queues_backing_up(world.acting("central"))
    )


# --- By a person ---------------------------------------------------------------------------------


def test_the_central_team_declares_and_nothing_goes_until_it_is_over(world, line):
    other, partner = line
    by = world.acting("central")
    services.declare_down(partner, reason="Their system is being moved.", by=by)
    message = queue(partner)
    run(partner, 1)
    assert other.received == []
    state = asked.link_of(partner.pk)
    assert (state.state, state.declared_by) == (LinkStatus.DOWN, by.label)
    assert asked.is_down(partner.pk)
    services.declare_over(partner, reason="They said so.", by=by)
    assert stands(partner) is LinkStatus.RECOVERING, "it has to answer first"
    assert run(partner, A_MINUTE, until=lambda: stands(partner) is LinkStatus.UP)
    message.refresh_from_db()
    assert message.state == "acknowledged"
    said = AccessEvent.objects.filter(object_type="messaging.Link", username="central")
    assert [row.action for row in said.order_by("id")] == ["link_down", "link_recovering"]
    history = LinkEvent.objects.filter(by=by.label).order_by("pk")
    assert [row.why for row in history] == ["Their system is being moved.", "They said so."]


def test_a_declaration_with_an_end_lifts_itself(world, line):
    _, partner = line
    until = timezone.now() + timedelta(seconds=0.5)
    services.declare_down(partner, reason="Upgrade.", by=world.acting("central"), until=until)
    assert not run(partner, 0.3, until=lambda: stands(partner) is not LinkStatus.DOWN)
    assert run(partner, A_MINUTE, until=lambda: stands(partner) is LinkStatus.UP)


def test_only_the_central_team_declares_and_only_with_a_reason(world, line):
    _, partner = line
    for username in ("gp", "lab", "radiologist", "practice-admin"):
        with pytest.raises(PermissionDenied):
            services.declare_down(partner, reason="x", by=world.acting(username))
    by = world.acting("central")
    with pytest.raises(ReasonMissing):
        services.declare_down(partner, reason=" ", by=by)
    with pytest.raises(NoSuchMove):
        services.declare_over(partner, reason="Nobody had declared it.", by=by)
    assert stands(partner) is LinkStatus.UP


def test_a_paused_partner_is_paused_and_not_down(world, line):
    other, partner = line
    answer(other, peer.hangs_up)
    queue(partner)
    Partner.objects.update(is_paused=True, paused_at=timezone.now())
    run(partner, A_MINUTE)
    assert not asked.is_down(partner.pk)
    ((sentence, _, _),) = links_not_working(world.acting("gp"))
    assert "are not being sent" in sentence


# --- Who is told ---------------------------------------------------------------------------------

HEARD: list[tuple[int, str, str]] = []


def hear(partner_id, old, new):
    assert connection.in_atomic_block
    HEARD.append((partner_id, old, new))


def fail(partner_id, old, new):
    raise ZeroDivisionError("Ada Testpatient, who must not be in a log")


def test_the_rooms_are_told_in_the_transaction_and_their_faults_hide_nothing(
    world, line, settings, caplog
):
    _, partner = line
    settings.LINK_EVENTS = ["tests.messaging.test_links.fail", "tests.messaging.test_links.hear"]
    HEARD.clear()
    services.declare_down(partner, reason="x", by=world.acting("central"))
    assert [(partner.pk, "up", "down")] == HEARD
    assert asked.is_down(partner.pk)
    assert "Ada" not in caplog.text


def test_a_suspicion_is_for_operators_alone(world, line):
    other, partner = line
    answer(other, peer.hangs_up)
    queue(partner)
    assert run(partner, A_MINUTE, until=lambda: stands(partner) is LinkStatus.SUSPECT)
    cache.clear()
    assert links_not_working(world.acting("gp")) == []
    ((sentence, since, _),) = links_not_working(world.acting("lab"))
    assert "may not be getting through" in sentence
    assert since == asked.link_of(partner.pk).since


@pytest.mark.hazard("H49")
def test_when_nobody_looks_the_pages_say_that_nobody_looks(world, line):
    services.judge_links()
    assert links_not_working(world.acting("gp")) == []
    Link.objects.update(looked_at=F("looked_at") - timedelta(seconds=61))
    cache.clear()
    ((sentence, since, _),) = links_not_working(world.acting("gp"))
    assert "cannot see" in sentence
    assert since == Link.objects.get().looked_at


def test_the_history_cannot_be_changed(world, line):
    from django.db import DatabaseError, transaction

    _, partner = line
    services.declare_down(partner, reason="x", by=world.acting("central"))
    with pytest.raises(DatabaseError), transaction.atomic():
        LinkEvent.objects.update(why="y")


@pytest.mark.django_db(transaction=True)
def test_one_process_judges_at_a_time():
    ready, done = threading.Event(), threading.Event()

    def another():
        with elected() as mine:
            assert mine
            ready.set()
            done.wait(10)
        connections.close_all()

    thread = threading.Thread(target=another)
    thread.start()
    ready.wait(10)
    make_partner(port=1)
    assert services.judge_links() == 0
    assert not Link.objects.exists(), "the other one looks"
    done.set()
    thread.join()
    services.judge_links()
    assert Link.objects.exists()
