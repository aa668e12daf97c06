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
SETTINGS = {"HL7_ROUTING": "tests.bench.messaging.ROUTES"}


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
    bare = _rate(MESSAGES, lambda: _insert_bare(_results("b", MESSAGES)))
    yield Row("Bare inserts of the same rows, one connection", bare, "rows/s")
    with _listener() as port:
        for connections in (1, 8):
            raws = _results(f"c{connections}-", MESSAGES)
            rate = _rate(MESSAGES, lambda raws=raws, n=connections: _send_all(port, raws, n))
            words = f"Listener, each stored before its answer, {connections} connection(s)"
            yield Row(words, rate, "messages/s", rate / bare, "bare inserts")
    from messaging import services

    taken = 2 * MESSAGES
    rate = _rate(taken, lambda: services.process_waiting(most=taken))
    yield Row("Processed by one worker, an empty handler", rate, "messages/s")


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


def _insert_bare(raws: list[bytes]) -> None:
    from django.db import connection

    from messaging.models import Partner
    from messaging.services import receiving

    directory = receiving.Directory(seconds=60)
    assert Partner.objects.exists()
    rows = [
        receiving._row(receiving.examine(raw, receiving.Origin("bench"), directory)) for raw in raws
    ]
    words = receiving._INSERT.replace("VALUES %s", f"VALUES {receiving._VALUES}")
    with connection.cursor() as cursor:
        for row in rows:
            cursor.execute(words, row)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM messaging_inboundmessage WHERE peer = 'bench'")


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
        "DEBUG": "1",
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
            line.sendall(b"\x0b" + raw + b"\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                answer += line.recv(4096)
            if b"MSA|AA" not in answer:
                raise AssertionError(answer)


def _forget(partner) -> None:
    from messaging.models import InboundMessage, OutboundMessage

    InboundMessage.objects.filter(partner=partner).delete()
    OutboundMessage.objects.filter(partner=partner).delete()
    partner.delete()


def _main() -> None:
    """On a private PostgreSQL with fsync, unless DATABASE_URL names one."""
    import tempfile
    from pathlib import Path

    from demo.embedded import Home, Postgres, unprivileged

    with tempfile.TemporaryDirectory(prefix="ordercomms-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        os.environ.update({"DEBUG": "1", "DATA_DIR": name, "REDIS_URL": f"unix://{name}/none"})
        os.environ.setdefault("LOG_LEVEL", "ERROR")  # there is no broker to ring, and it says so
        server = None
        if "DATABASE_URL" not in os.environ:
            server = Postgres(folder, durable=True).start()
            os.environ["DATABASE_URL"] = server.url()
        os.environ["DJANGO_SETTINGS_MODULE"] = "ordercomms.settings"
        try:
            import django

            django.setup()
            from django.core.management import call_command

            call_command("migrate", verbosity=0)
            print(table(run()))  # noqa: T201
        finally:
            if server:
                server.stop()
                Home(folder, account=unprivileged(), say=print).clear()


if __name__ == "__main__":
    _main()
