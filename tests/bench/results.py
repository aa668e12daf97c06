"""How fast results that came in are filed. `python -m tests.bench.results` prints a table.

The workers are the processes that `make run` starts for the inbox, rung for over the broker as in
production; PostgreSQL runs with fsync. Each result is a panel of fifteen values for another
request of another patient. The bare inserts are the very rows that the filing of a result wrote,
by one connection, one transaction a result: what the disk and PostgreSQL allow.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from uuid import uuid4

from tests.bench.row import Row, table

RESULTS = int(os.environ.get("BENCH_RESULTS", "1500"))
ROWS_OF = {  # table → how its rows are found from the report's id and its item's
    "results_report": "id = %(report)s",
    "results_reportversion": "report_id = %(report)s",
    "results_observation": (
        "version_id IN (SELECT id FROM results_reportversion WHERE report_id = %(report)s)"
    ),
    "results_reportevent": "report_id = %(report)s",
    "requesting_requestevent": "item_id = %(item)s AND event = 'reported'",
    "requesting_previousresult": "report_id = %(report)s",
    "accounts_accessevent": "object_id = %(item)s AND action = 'request.reported'",
}


def run() -> Iterator[Row]:
    """Measure in the database that Django is set up for, which must be empty."""
    from messaging.models import InboundMessage
    from messaging.services import accept

    for raw in _reports(RESULTS):
        accept(raw, peer="bench")
    with _workers() as workers:
        took, spent = _until_filed(workers)
    filed = InboundMessage.objects.filter(state="processed").count()
    if filed != RESULTS:
        raise AssertionError(f"{filed} of {RESULTS} were filed")
    bare = _bare_inserts()
    words = f"Results of 15 values filed, {len(workers)} worker process(es)"
    yield Row("Bare inserts of the rows of a result, one connection", bare, "results/s")
    yield Row(words, RESULTS / took, "results/s", RESULTS / took / bare, "bare inserts")
    yield Row("The same for a second of the workers' own processor time", RESULTS / spent,
              "results/s")  # fmt: skip


# --- The work ------------------------------------------------------------------------------------


def _reports(number: int) -> Iterator[bytes]:
    """A report for each of so many requests, which are copies of one that was really sent."""
    from tests.results.clinic import Clinic
    from tests.results.letters import obx
    from tests.world import World

    clinic = Clinic(World())
    values = [obx(f"A{n}", f"{n}.2", units="10*9/L", limits="0.1-99", flag="N") for n in range(15)]
    for item in _copies(clinic.sent(), number):
        yield clinic.letter(item, *values).raw


def _copies(item, number: int):
    """Items of other patients, as the first one but for what has to be another's."""
    from patients.models import Patient
    from requesting.models import Request, RequestItem
    from tests.world import _numbers

    numbers = _numbers()
    patients, requests, items = [], [], []
    taken = set(Patient.objects.values_list("nhs_number", flat=True))
    placers = count(int(item.placer_number[-8:]) + 1_000)
    for place, nhs_number in zip(
        range(number), (n for n in numbers if n not in taken), strict=False
    ):
        patient, request = _other(item.patient), _other(item.request)
        patient.nhs_number = nhs_number
        request.patient, request.reference = patient, f"R-B{place}"
        request.idempotency_key = uuid4()
        copy = _other(item)
        copy.patient, copy.request = patient, request
        copy.placer_number = f"{item.placer_number[:-8]}{next(placers):08d}"
        patients.append(patient)
        requests.append(request)
        items.append(copy)
    Patient.objects.bulk_create(patients, batch_size=500)
    Request.objects.bulk_create(requests, batch_size=500)
    return RequestItem.objects.bulk_create(items, batch_size=500)


def _other(row):
    from copy import copy

    other = copy(row)
    other._state = type(row._state)()
    other._state.fields_cache = {}
    other.pk = uuid4()
    return other


# --- The workers ---------------------------------------------------------------------------------


@contextmanager
def _workers() -> Iterator[list[subprocess.Popen]]:
    """Those of the demo, which are those of docker-compose.yml."""
    from demo.parts import worker_commands

    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    live = os.environ | {"DEBUG": "0"}  # which keeps a list of every query
    workers = [
        subprocess.Popen([sys.executable, *words], env=live, **quiet)
        for name, words in worker_commands().items()
        if name.startswith("hl7_in")
    ]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.wait(timeout=60)


def _until_filed(workers: list[subprocess.Popen]) -> tuple[float, float]:
    """Seconds from the first result that was filed to the last, and the processor's seconds."""
    from messaging.models import InboundMessage
    from messaging.tasks import process_inbox

    waiting = InboundMessage.objects.filter(state="received")
    for _ in range(2 * len(workers)):
        process_inbox.delay()
    deadline = time.monotonic() + 300
    while waiting.count() == RESULTS:
        _check(deadline)
    start, spent = time.perf_counter(), _processor_seconds(workers)
    already = RESULTS - waiting.count()
    while waiting.exists():
        _check(deadline)
    share = RESULTS / (RESULTS - already)
    took = (time.perf_counter() - start) * share
    return took, (_processor_seconds(workers) - spent) * share


def _check(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError("the workers do not file what waits")
    time.sleep(0.05)


def _processor_seconds(workers: list[subprocess.Popen]) -> float:
    """Of the workers and what they started (Linux)."""
    ticks = 0
    for pid in _family({worker.pid for worker in workers}):
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - not a file on a disk
            fields = stat.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _family(pids: set[int]) -> set[int]:
    found = set(pids)
    for pid in pids:
        with open(f"/proc/{pid}/task/{pid}/children") as children:  # noqa: PTH123
            found |= _family({int(child) for child in children.read().split()})
    return found


# --- Bare inserts --------------------------------------------------------------------------------


def _bare_inserts() -> float:
    """The rows of each result again, into empty tables with the same keys and indexes."""
    from django.db import connection, transaction

    from results.models import Report

    keys = list(Report.objects.values_list("pk", "item_id")[:500])
    with connection.cursor() as cursor:
        for name in ROWS_OF:
            cursor.execute(f"CREATE TABLE bench_{name} (LIKE {name} INCLUDING ALL)")
        written = [_rows(cursor, report, item) for report, item in keys]
        start = time.perf_counter()
        for statements in written:
            with transaction.atomic():
                for words, rows in statements:
                    cursor.execute(words, rows)
        took = time.perf_counter() - start
        for name in ROWS_OF:
            cursor.execute(f"DROP TABLE bench_{name}")
    return len(keys) / took


def _rows(cursor, report, item) -> list[tuple[str, list]]:
    """A statement for each table, with the rows of one result."""
    statements = []
    for name, condition in ROWS_OF.items():
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ',' ORDER BY attnum) FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "AND attgenerated = '' AND attidentity <> 'a'", [name])  # fmt: skip
        (columns,) = cursor.fetchone()
        cursor.execute(
            f"SELECT {columns} FROM {name} WHERE {condition}",  # noqa: S608 - names of ours
            {"report": str(report), "item": str(item)},
        )
        rows = cursor.fetchall()
        if not rows:
            raise AssertionError(f"no row of a result in {name}")
        place = f"({','.join(['%s'] * len(rows[0]))})"
        head = f"INSERT INTO bench_{name} ({columns}) OVERRIDING SYSTEM VALUE"
        words = f"{head} VALUES "
        statements.append(
            (words + ",".join([place] * len(rows)), [_plain(v) for r in rows for v in r])
        )
    return statements


def _plain(value):
    """JSON comes back as Python's own; PostgreSQL takes it as text."""
    import json

    return json.dumps(value) if isinstance(value, dict | list) else value


@contextmanager
def servers() -> Iterator[None]:
    """A private PostgreSQL with fsync and a private broker; Django set up for them."""
    import tempfile
    from pathlib import Path

    from demo.embedded import Home, Postgres, Valkey, unprivileged

    with tempfile.TemporaryDirectory(prefix="ordercomms-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        quiet = lambda *_: None  # noqa: E731
        server = Postgres(folder, durable=True, say=quiet).start()
        broker = Valkey(folder, say=quiet).start()
        os.environ.update({
            "DEBUG": "1", "DATA_DIR": name, "DATABASE_URL": server.url(), "REDIS_URL": broker.url(),
            "DJANGO_SETTINGS_MODULE": "ordercomms.settings", "LOG_LEVEL": "ERROR",
            "SECRET_KEY": "only-for-this-measurement-of-speed-and-nothing-else",
            "LAUNCH_SECRET": "the-same",
        })  # fmt: skip
        try:
            import django

            django.setup()
            from django.core.management import call_command

            call_command("migrate", verbosity=0)
            yield
        finally:
            broker.stop()
            server.stop()
            Home(folder, account=unprivileged(), say=quiet).clear()


if __name__ == "__main__":
    with servers():
        print(table(run()))  # noqa: T201
