"""Processes die, servers go away, senders misbehave: nothing is lost and nothing happens twice."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from demo.embedded import Valkey
from demo.processes import wait_until
from messaging import services, wire
from messaging.models import InboundMessage, OutboundMessage
from tests.messaging import peer
from tests.messaging.processes import Line, crashed, kill, listening, running, worker
from tests.messaging.senders import make_partner, note, ours, patient, sent, taken, told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
NO_BROKER = "unix:///nonexistent/broker"


@pytest.fixture(autouse=True)
def _a_room_behind_the_door(settings):
    settings.HL7_ROUTING = "tests.messaging.senders.ROUTES"
    settings.HL7_DELIVERY_EVENTS = "tests.messaging.senders.DELIVERY"


def accepted(line: Line, control_id: str) -> bool:
    answer = wire.parse(line.answer())
    return (answer.get("MSA", 1), answer.get("MSA", 2)) == ("AA", control_id)


def send_order(partner, name: str) -> OutboundMessage:
    control_id = services.next_control_id()
    with transaction.atomic():
        return services.enqueue(
            partner=partner, kind="OMG^O19 NW", subject_type="tests.Order", subject_id=name,
            stream=name, raw=ours(control_id, partner, note(name)), control_id=control_id,
        )  # fmt: skip


def is_acknowledged(*messages: OutboundMessage) -> bool:
    ids = [message.pk for message in messages]
    done = OutboundMessage.objects.filter(pk__in=ids, state="acknowledged")
    return done.count() == len(ids)


@pytest.fixture
def hospital():
    """A machine that acknowledges, and its partner."""
    with peer.listening() as other:
        yield other, make_partner(port=other.port)


# --- Kill -9 -------------------------------------------------------------------------------------


@pytest.mark.hazard("H20")
@pytest.mark.parametrize(
    ("place", "stored"), [("listener.after_read", 0), ("listener.after_commit", 1)]
)
def test_a_listener_killed_around_its_commit_loses_nothing_and_files_once(place, stored):
    make_partner("ris")
    raw = sent("1", patient())
    with listening(CRASH_AT=place) as (port, child), Line(port) as line:
        line.send(raw)
        assert line.is_shut()  # no answer: the sender still has it
        assert crashed(child)
    assert InboundMessage.objects.count() == stored
    with listening() as (port, _), Line(port) as line:
        line.send(raw)
        assert accepted(line, "1")
    services.process_waiting()
    assert taken() == ["1"]


@pytest.mark.hazard("H26")
@pytest.mark.parametrize("place", ["inbox.claimed", "inbox.before_commit"])
def test_a_worker_killed_while_processing_files_the_result_once(place):
    make_partner("ris")
    services.accept(sent("1", patient()))
    first = worker("hl7_in", CRASH_AT=place)
    with running(first):
        assert crashed(first)
    assert taken() == []
    with running(worker("hl7_in")):
        assert wait_until(lambda: taken() == ["1"], seconds=30, every=0.2)
        assert wait_until(lambda: InboundMessage.objects.get().state == "processed", seconds=30)
    services.process_waiting()
    assert taken() == ["1"]


@pytest.mark.hazard("H13")
@pytest.mark.parametrize(
    ("place", "on_the_wire"), [("delivery.claimed", 1), ("delivery.answered", 2)]
)
def test_a_worker_killed_between_claim_and_acknowledgement_sends_one_order(
    hospital, place, on_the_wire
):
    other, partner = hospital
    message = send_order(partner, "a")
    first = worker("hl7_out", CRASH_AT=place)
    with running(first):
        assert crashed(first)
    message.refresh_from_db()
    assert message.state == "sending"
    with running(worker("hl7_out")):
        assert wait_until(lambda: is_acknowledged(message), seconds=30, every=0.2)
    assert other.control_ids == [message.control_id] * on_the_wire  # it drops the repeat by its id
    assert told("a") == ["delivered"]


@pytest.mark.hazard("H13")
@pytest.mark.hazard("H18")
def test_workers_killed_at_random_deliver_everything_once_in_effect_and_in_order(hospital):
    other, partner = hospital
    messages = [send_order(partner, f"s{n % 20}") for n in range(300)]
    for pause in (0.3, 0.05, 0.15):
        child = worker("hl7_out")
        with running(child):
            before = len(other.received)
            assert wait_until(lambda seen=before: len(other.received) > seen + 10, seconds=30)
            time.sleep(pause)
            kill(child)
    with running(worker("hl7_out")):
        assert wait_until(lambda: is_acknowledged(*messages), seconds=60, every=0.2)
    first_seen = list(dict.fromkeys(other.control_ids))
    assert sorted(first_seen) == sorted(message.control_id for message in messages)
    for name in {message.stream for message in messages}:
        expected = [message.control_id for message in messages if message.stream == name]
        assert [each for each in first_seen if each in set(expected)] == expected
        assert told(name) == ["delivered"] * len(expected)
    assert other.most_at_once == 1


@pytest.mark.hazard("H18")
def test_two_writers_of_one_stream_take_their_places_in_the_order_of_their_commits(hospital):
    """The second waits for the first's commit: a place is never taken twice, or out of turn."""
    _, partner = hospital
    first_has_its_place, may_commit = threading.Event(), threading.Event()
    places: dict[str, int] = {}

    def write(name: str, *, wait: bool) -> None:
        control_id = services.next_control_id()
        try:
            with transaction.atomic():
                message = services.enqueue(
                    partner=partner, kind="OMG^O19 NW", subject_type="tests.Order", subject_id=name,
                    stream="one", raw=ours(control_id, partner), control_id=control_id,
                )  # fmt: skip
                if wait:
                    first_has_its_place.set()
                    may_commit.wait(10)
            places[name] = message.sequence
        finally:
            connection.close()

    first = threading.Thread(target=write, args=["first"], kwargs={"wait": True})
    second = threading.Thread(target=write, args=["second"], kwargs={"wait": False})
    first.start()
    assert first_has_its_place.wait(10)
    second.start()
    time.sleep(0.5)
    assert places == {}
    may_commit.set()
    first.join(10)
    second.join(10)
    assert places == {"first": 1, "second": 2}


# --- Servers that go away ------------------------------------------------------------------------


@pytest.mark.hazard("H13")
def test_an_order_leaves_though_the_broker_has_stopped(hospital, tmp_path):
    """The broker dies while the worker runs; the doorbell is lost, the sweep is not."""
    _, partner = hospital
    tmp_path.chmod(0o755)
    broker = Valkey(tmp_path, say=lambda _: None).start()
    child = worker("hl7_out", REDIS_URL=broker.url(), SWEEP_SECONDS="5")
    with running(child):
        first = send_order(partner, "before")
        assert wait_until(lambda: is_acknowledged(first), seconds=30, every=0.2)
        kill(broker.child)
        for name in ("a", "b"):
            began = time.monotonic()
            message = send_order(partner, name)
            assert wait_until(lambda m=message: is_acknowledged(m), seconds=15, every=0.1)
            assert time.monotonic() - began <= 10
        assert child.is_running
    broker.stop()


def test_a_worker_that_never_finds_a_broker_still_works(hospital):
    _, partner = hospital
    make_partner("lims")
    with running(worker("hl7_out,hl7_in", REDIS_URL=NO_BROKER)):
        message = send_order(partner, "a")
        services.accept(sent("1", patient(), sender=("LIMS", "RX1")))
        assert wait_until(lambda: is_acknowledged(message), seconds=30, every=0.2)
        assert wait_until(lambda: taken() == ["1"], seconds=10, every=0.2)


def cut_other_connections() -> None:
    """What a restart of PostgreSQL does to everybody's connection."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.hazard("H20")
def test_lost_database_connections_are_replaced(hospital):
    _, partner = hospital
    workers = worker("hl7_out,hl7_in", REDIS_URL=NO_BROKER)
    with listening() as (port, child), running(workers), Line(port) as line:
        for n in ("1", "2", "3"):
            line.send(sent(n, patient(n)))
            assert accepted(line, n)
            message = send_order(partner, n)
            assert wait_until(lambda m=message: is_acknowledged(m), seconds=30, every=0.2)
            assert wait_until(lambda n=n: n in taken(), seconds=10, every=0.2)
            cut_other_connections()
        assert child.is_running
        assert workers.is_running


# --- Senders that misbehave ----------------------------------------------------------------------


def test_hostile_connections_do_not_slow_a_good_sender():
    make_partner("ris")
    with listening(MLLP_CONNECTIONS_PER_PEER="200") as (port, child):
        with hostile_connections(port, 200), Line(port) as good:
            seconds = [seconds_to_accept(good, str(n)) for n in range(300)]
        assert child.is_running
        assert resident_megabytes(child.process.pid) < 512
    assert statistics.quantiles(seconds, n=100)[98] < 1.0


@contextmanager
def hostile_connections(port: int, count: int) -> Iterator[None]:
    """Idle, trickling, noisy and endless ones, from another address than the good sender's."""
    lines = [Line(port, source="127.0.0.2") for _ in range(count)]
    for n, line in enumerate(lines):
        line.write((b"", b"\x0bMSH|", b"GET / HTTP/1.1\r\n", b"\x0b\x0b\x0b")[n % 4])
    done = threading.Event()
    tricklers = [threading.Thread(target=trickle, args=[each, done]) for each in lines[1:40:4]]
    for thread in tricklers:
        thread.start()
    yield
    done.set()
    for thread in tricklers:
        thread.join()
    for line in lines:
        line.close()


def trickle(line: Line, done: threading.Event) -> None:
    while not done.wait(0.05):
        try:
            line.write(b"x" * 20)
        except OSError:
            return


def seconds_to_accept(line: Line, control_id: str) -> float:
    began = time.perf_counter()
    line.send(sent(control_id))
    assert accepted(line, control_id)
    return time.perf_counter() - began


def resident_megabytes(pid: int) -> float:
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
