"""`python -m tests.bench`: messages in, results filed, orders out, and others' servers; a table.

One run on one private PostgreSQL with fsync and one broker. BENCH_MESSAGES and BENCH_RESULTS make
it smaller.
"""

import os

from tests.bench import messaging, results
from tests.bench.row import table


def main() -> None:
    with results.servers():
        filed = list(results.run())  # first: it wants an empty database
        rows = [*messaging.run(), *filed]
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(table(rows))  # noqa: T201
    print(f"{os.cpu_count()} processors, load average {busy}")  # noqa: T201


if __name__ == "__main__":
    main()
