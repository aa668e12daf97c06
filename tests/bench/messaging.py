"""How fast messages come in and go out, durably. `python -m tests.bench.messaging` prints a table.

The listener is a process of its own, as in production; PostgreSQL runs with fsync. The bare insert
is the same row, one statement and one commit each, by the same driver: what the disk allows.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.bench.row import Row, table

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "2000"))
SETTINGS = {
    "HL7_ROUTING": "tests.bench.messaging.ROUTES",
    "DEBUG": False,  # which keeps a list of every query
}


def nothing(message: object, inbound: object) -> None:
    """Takes a message and does nothing: what remains is our own cost."""


ROUTES = {("ORU", "R01"): nothing}


def run() -> list[Row]:
    """Measure in the database that Django is set up for; removes what it wrote."""
    from django.test.utils import override_settings

    from tests.messaging.senders import make_partner

    with override_settings(**SETTINGS):
        partner = make_partner("benchlab", their_application="BENCHLAB")
        try:
            return [*_inbound(), *_outbound(partner)]
        finally:
            _forget(partner)


def _inbound() -> Iterator[Row]:
    bare = _bare_rate()
    yield Row("Bare inserts of the same rows, one connection", bare, "rows/s")
    rates: dict[int, float] = {}
    with _listener() as port:
        for connections in (1, 8):
            raws = _results(f"c{connections}-", MESSAGES)
            rate = _rate(MESSAGES, lambda raws=raws, n=connections: _send_all(port, raws, n))
            words = f"Listener, each stored before its answer, {connections} connection(s)"
            yield Row(words, rate, "messages/s", rate / bare, "bare inserts")
            rates[connections] = rate
        raws = _results("n-", MESSAGES)
        anew = _rate(MESSAGES, lambda: _send_each_anew(port, raws))
        yield Row("The same, a new connection for each message", anew, "messages/s")
    yield from _of_others(raws, rates[1], anew)
    from messaging import services

    taken = 3 * MESSAGES
    rate = _rate(taken, lambda: services.process_waiting(most=taken))
    yield Row("Processed by one worker, an empty handler", rate, "messages/s")


def _of_others(raws: list[bytes], mine: float, anew: float) -> Iterator[Row]:
    """Servers that store nothing, asked by the same client with the same messages."""
    with _other("python-hl7") as port:
        rate = _rate(len(raws), lambda: _send_all(port, raws, 1))
        yield Row("python-hl7, stores nothing, 1 connection", rate, "messages/s",
                  rate / mine, "ours")  # fmt: skip
        rate = _rate(len(raws), lambda: _send_all(port, raws, 8))
        yield Row("python-hl7, stores nothing, 8 connections", rate, "messages/s")
    with _other("hl7apy") as port:
        rate = _rate(len(raws), lambda: _send_each_anew(port, raws))
        yield Row("hl7apy, stores nothing, a new connection each", rate, "messages/s",
                  rate / anew, "ours")  # fmt: skip


def _outbound(partner) -> Iterator[Row]:
    from django.db import transaction

    from messaging import services
    from tests.messaging import peer, senders

    with peer.listening() as other:
        partner.port = other.port
        partner.save()

        def queue_all() -> None:
            for number in range(MESSAGES):
                control_id = services.next_control_id()
                raw = senders.ours(control_id, partner, senders.patient("9990000018"))
                with transaction.atomic():
                    services.enqueue(
                        partner=partner, kind="OMG^O19 NW", subject_type="bench", subject_id="1",
                        stream=f"bench-{number}", raw=raw, control_id=control_id,
                    )  # fmt: skip

        rate = _rate(MESSAGES, queue_all)
        yield Row("Orders into the outbox, a transaction each", rate, "orders/s")
        rate = _rate(MESSAGES, lambda: services.deliver(partner.pk))
        yield Row("Orders out and acknowledged, one partner", rate, "orders/s")


def _rate(count: int, work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


# --- The work ------------------------------------------------------------------------------------


def _results(prefix: str, count: int) -> list[bytes]:
    """Blood results of about 1.4 kB, each of another patient."""
    from messaging import wire
    from tests.messaging import senders

    values = [
        wire.segment("OBX", [str(n), "NM", [f"{n}", "Analyte of some name", "L"], "", "4.2",
                             "10*9/L", "4.0-11.0", "N", "", "", "F", "", "", "20261122090000"])
        for n in range(1, 16)
    ]  # fmt: skip
    return [
        senders.sent(f"{prefix}{n}", senders.patient(f"{prefix}{n}"), *values,
                     sender=("BENCHLAB", "RX1"))
        for n in range(count)
    ]  # fmt: skip


def _bare_rate() -> float:
    """The rows that the listener writes, a statement and a commit each; only that is timed."""
    from django.db import connection

    from messaging.models import Partner
    from messaging.services import receiving

    directory = receiving.Directory(seconds=60)
    assert Partner.objects.exists()
    rows = [
        receiving._row(receiving.examine(raw, receiving.Origin("bare"), directory))
        for raw in _results("b", MESSAGES)
    ]
    words = receiving._INSERT.replace("VALUES %s", f"VALUES {receiving._VALUES}")
    with connection.cursor() as cursor:
        rate = _rate(len(rows), lambda: [cursor.execute(words, row) for row in rows])
        cursor.execute("DELETE FROM messaging_inboundmessage WHERE peer = 'bare'")
    return rate


@contextmanager
def _listener() -> Iterator[int]:
    """Our listener as a process of its own."""
    from django.conf import settings
    from django.db import connection

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    database = connection.settings_dict["NAME"]
    address = settings.DATABASES["default"] | {"NAME": database}
    words = [sys.executable, "manage.py", "mllp_listen", "--port", str(port)]
    environment = os.environ | {
        "DEBUG": "0",  # as in production; what it then asks for:
        "HL7_PROCESSING_ID": "T",
        "SECRET_KEY": "only-for-this-measurement-of-speed-and-nothing-else",
        "LAUNCH_SECRET": "the-same",
        "DJANGO_SETTINGS_MODULE": "tests.messaging.process_settings",
        "TEST_ROUTING": "tests.bench.messaging.ROUTES",
        "TEST_DATABASE": address["NAME"],
    }
    with subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)


@contextmanager
def _other(name: str) -> Iterator[int]:
    """A server of others as a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "tests.bench.others", name, str(port)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the listener does not listen")


def _send_all(port: int, raws: list[bytes], connections: int) -> None:
    """Each connection sends its share, and waits for each answer before the next message."""
    threads = [
        threading.Thread(target=_send, args=[port, raws[n::connections]])
        for n in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send(port: int, raws: list[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for raw in raws:
            _exchange(line, raw)


def _send_each_anew(port: int, raws: list[bytes]) -> None:
    for raw in raws:
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _exchange(line, raw)


def _exchange(line: socket.socket, raw: bytes) -> None:
    """One message, and its acknowledgement; AssertionError unless that is AA."""
    line.sendall(b"\x0b" + raw + b"\x1c\r")
    answer = b""
    while not answer.endswith(b"\x1c\r"):
        if not (data := line.recv(4096)):
            break
        answer += data
    if b"MSA|AA" not in answer:
        raise AssertionError(answer)


def _forget(partner) -> None:
    from messaging.models import InboundMessage, OutboundMessage

    InboundMessage.objects.filter(partner=partner).delete()
    OutboundMessage.objects.filter(partner=partner).delete()
    partner.delete()


if __name__ == "__main__":
    from tests.bench.results import servers

    with servers():
        print(table(run()))  # noqa: T201
