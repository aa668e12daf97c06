"""How fast pages are, and whether they stay so as the tables grow. `python -m tests.bench.pages`.

Two worlds of `manage.py seed_demo`, each in a database of its own on a private PostgreSQL with
fsync: 1,000 patients with 8,000 requests, 20,000 results and 1,000 transactions of the image
exchange (500 under way, in both), and fifty times that. Each page is
asked for 60 times by Django's test client, in this process, with what the product does around it:
session, access table, audit row. BENCH_PATIENTS=1000,5000 makes the worlds smaller.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from statistics import quantiles
from typing import Any

WARM_UP, TIMES, COUNTED = 5, 60, 5
REQUESTS_EACH, RESULTS_EACH = 8, 20  # of a patient, in the mean
DEFAULT_PATIENTS = "1000,50000"
MOST_MS, MOST_QUERIES = 300, 12  # product.md 5
PEOPLE_ASKED_ABOUT = 20
LANES = ("needs_you", "waiting", "booked", "done", "all")
THREE_TESTS = ("chest-xray", "fbc", "ue")


@dataclass(frozen=True)
class Figure:
    """One page in one world: milliseconds, and the most queries that it took.

    `steps` counts the answers on the way: a box that is sent leads to another page.
    """

    page: str
    p50: float
    p95: float
    queries: int
    steps: int = 1

    @property
    def is_over_the_limit(self) -> bool:
        return self.p95 > MOST_MS * self.steps or self.queries > MOST_QUERIES * self.steps


Ask = Callable[[], Any]  # one answer of the page, whole


# --- One world: in a process of its own, whose DATABASE_URL is that world's ----------------------


def measure(patients: int) -> list[Figure]:
    """Make the world, and ask for every page."""
    from django.core.management import call_command
    from django.db import connection
    from django.test.utils import override_settings

    call_command("migrate", verbosity=0)
    call_command(
        "seed_demo", patients=patients, requests=REQUESTS_EACH * patients,
        results=RESULTS_EACH * patients, stdout=sys.stderr,
    )  # fmt: skip
    references = _exchanged(patients)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # what autovacuum would have done by the next morning
    with override_settings(DEBUG=False):
        return [_figure(name, ask) for name, ask in (*_pages(), *_exchange_pages(references))]


def _figure(page: str, ask: Ask) -> Figure:
    for _ in range(WARM_UP):
        _whole(ask())
    taken = sorted(_milliseconds(ask) for _ in range(TIMES))
    cuts = quantiles(taken, n=20, method="inclusive")
    most = max(_queries(ask) for _ in range(COUNTED))
    return Figure(page, cuts[9], cuts[18], most, steps=_steps(ask()))


def _steps(answer: Any) -> int:
    return 1 + len(getattr(answer, "redirect_chain", ()))


def _milliseconds(ask: Ask) -> float:
    began = time.perf_counter()
    answer = ask()
    taken = (time.perf_counter() - began) * 1000
    _whole(answer)
    return taken


def _whole(answer: Any) -> None:
    if answer.status_code != 200:
        raise AssertionError(f"{answer.request['PATH_INFO']}: {answer.status_code}")


def _queries(ask: Ask) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as caught:
        ask()
    return len(caught)


def _pages() -> Iterator[tuple[str, Ask]]:
    """Every page that is measured, as its user opens it: now about one patient, now another."""
    from tests.world import World

    world = World()
    gp, admin = world.client("gp"), world.client("practice-admin")
    people = _people(world.acting("gp"))
    for patient in people:
        _draft(patient, world.acting("gp"))
    names, ids = cycle(one.family_name for one in people), cycle(one.pk for one in people)
    numbers = cycle(one.nhs_number for one in people)
    yield "Request screen, 3 tests (R2)", lambda: gp.get(f"/p/{next(ids)}/request/")
    yield "Suggestions while typing", lambda: _suggest(gp, next(ids))
    for lane in LANES:
        yield f"My requests, {lane}", lambda lane=lane: gp.get("/requests/", {"lane": lane})
    for lane in LANES:
        ask = lambda lane=lane: admin.get("/practice/", {"lane": lane})  # noqa: E731
        yield f"Practice requests, {lane}", ask
    yield "Live line of my requests", lambda: gp.get("/requests/changes", {"whose": "mine"})
    yield "Results to review, mine", lambda: gp.get("/results/")
    yield "Results to review, practice", lambda: gp.get("/results/", {"scope": "practice"})
    yield "Patient search by name", lambda: _search(gp, next(names))
    yield "Patient search by number, to R1", lambda: _search(gp, next(numbers))
    yield "Patient's record (R1)", lambda: gp.get(f"/p/{next(ids)}/")


def _exchanged(count: int) -> list[str]:
    from iep.policies import trust_of
    from tests.bench.exchange_rows import fill
    from tests.world import World

    return fill(trust_of(World().acting("mbp")), count)


def _exchange_pages(references: list[str]) -> Iterator[tuple[str, Ask]]:
    """The service desk's: its home with a tab each, a search, a ticket, what failed, the board."""
    from tests.world import World

    desk, each = World().client("mbp"), cycle(references)
    for tab in ("action", "accepted", "progress", "failed", "all"):
        yield f"Image exchange, {tab}", lambda tab=tab: desk.get("/iep/", {"tab": tab})
    search = {"who": "5000042"}
    yield "Image exchange, search", lambda: desk.post("/iep/", search, follow=True)
    yield "Image exchange, ticket", lambda: desk.get(f"/iep/{next(each)}/")
    yield "Image exchange, failures", lambda: desk.get("/iep/failures/")
    yield "Image exchange, queues", lambda: desk.get("/iep/queues/")


def _suggest(client: Any, patient_id: Any) -> Any:
    return client.get(f"/p/{patient_id}/request/suggest", {"q": "che"}, headers={"X-Fragment": "1"})


def _search(client: Any, typed: str) -> Any:
    """The box is sent, and the page that it leads to opened."""
    return client.post("/patients", {"who": typed}, follow=True)


def _people(acting: Any) -> list[Any]:
    """Patients of the practice with a past, chosen evenly over them all."""
    from patients.models import Patient
    from requesting.models import RequestItem

    asked = RequestItem.objects.filter(organisation=acting.organisation, status="reviewed")
    known = Patient.objects.filter(
        pk__in=asked.values("patient"), practice=acting.organisation, is_deceased=False
    ).order_by("pk")
    return list(known[:: max(1, known.count() // PEOPLE_ASKED_ABOUT)][:PEOPLE_ASKED_ABOUT])


def _draft(patient: Any, acting: Any) -> None:
    from requesting import services

    items = [{"service": code, "details": "Cough for four weeks"} for code in THREE_TESTS]
    services.save_draft(patient, content={"items": items}, by=acting)


# --- Both worlds, and the table ------------------------------------------------------------------


def run(sizes: list[int]) -> list[list[Figure]]:
    """The figures of each world, smallest first, on one private PostgreSQL."""
    from demo.embedded import Home, Postgres, unprivileged

    with tempfile.TemporaryDirectory(prefix="ordercomms-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        server = Postgres(folder, durable=True).start()
        try:
            return [_in_a_database_of_its_own(server, folder, patients) for patients in sizes]
        finally:
            server.stop()
            Home(folder, account=unprivileged(), say=print).clear()


def _in_a_database_of_its_own(server: Any, folder: Path, patients: int) -> list[Figure]:
    database = f"pages_{patients}"
    _create(server.url(), database)
    own = folder / database
    own.mkdir()
    environment = os.environ | {
        "DATABASE_URL": server.url(database),
        "REDIS_URL": f"unix://{folder}/none",
        "DATA_DIR": str(own),
        "DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "ordercomms.settings",
        "LOG_LEVEL": "ERROR",
    }
    words = [sys.executable, "-m", "tests.bench.pages", "--measure", str(patients)]
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return [Figure(**figure) for figure in json.loads(done.stdout)]


def _create(address: str, database: str) -> None:
    import psycopg2
    from psycopg2 import sql

    connection = psycopg2.connect(address)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    connection.close()


def table(sizes: list[int], worlds: list[list[Figure]]) -> str:
    """A line a page: each world's figures, then the last world's over the first's."""
    heads = "".join(f"{f'{size:,} patients':>26}" for size in sizes)
    columns = "".join(f"{'p50 ms':>9}{'p95 ms':>9}{'queries':>8}" for _ in sizes)
    ratio = f"{sizes[-1]:,} : {sizes[0]:,}"
    lines = [f"{'':<36}{heads}   {ratio}", f"{'':<36}{columns}   {'p50':>6}{'p95':>7}"]
    lines += [_line(same_page) for same_page in zip(*worlds, strict=True)]
    return "\n".join(lines)


def _line(figures: tuple[Figure, ...]) -> str:
    cells = "".join(f"{one.p50:>9.1f}{one.p95:>9.1f}{one.queries:>8}" for one in figures)
    first, last = figures[0], figures[-1]
    over = " over the limit" if last.is_over_the_limit else ""
    ratios = f"   {last.p50 / first.p50:>6.2f}{last.p95 / first.p95:>7.2f}"
    return f"{first.page:<36}{cells}{ratios}{over}"


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.pages")
    options.add_argument("--measure", type=int, metavar="PATIENTS", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.measure:
        import django

        django.setup()
        json.dump([asdict(figure) for figure in measure(chosen.measure)], sys.stdout)
        return
    sizes = [int(size) for size in os.environ.get("BENCH_PATIENTS", DEFAULT_PATIENTS).split(",")]
    print(table(sizes, run(sizes)))  # noqa: T201
    print(f"Limits at the larger size, an answer: p95 {MOST_MS} ms, {MOST_QUERIES} queries.")  # noqa: T201


if __name__ == "__main__":
    main()
