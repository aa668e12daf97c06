"""`python -m tests.faults [--size small|usual|long] [--long] [--seed N] [--only F1,F7]`."""

import argparse
import secrets
import sys
import time
from collections.abc import Callable

from .report import Report, as_text
from .rig import Rig, Servers, rigged
from .size import SIZES, Size

Fault = Callable[[Rig, Report], None]


def main() -> int:
    given = _arguments()
    chosen = {word.strip().upper() for word in given.only.split(",") if word.strip()}
    size = SIZES["long" if given.long else given.size]
    print(f"Faults, size {size.name}, seed {given.seed}", flush=True)  # noqa: T201
    servers = Servers()
    try:
        from .catalogue import FAULTS  # it needs Django, which the servers have set up

        if unknown := chosen - set(FAULTS):
            print(f"No such fault: {', '.join(sorted(unknown))}. There are: {', '.join(FAULTS)}.")  # noqa: T201
            return 2
        reports = [
            _run(servers, name, *FAULTS[name], seed=given.seed, size=size)
            for name in FAULTS
            if not chosen or name in chosen
        ]
    finally:
        servers.stop()
    broken = [report.fault for report in reports if not report.kept]
    words = f"{', '.join(broken)} broken: seed {given.seed}" if broken else "every promise was kept"
    print(f"{len(reports)} faults, {words}.")  # noqa: T201
    return 1 if broken else 0


def _arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(prog="make faults", description=__doc__)
    words.add_argument("--size", choices=SIZES, default="usual")
    words.add_argument("--long", action="store_true", help="the plan's own numbers: hours")
    words.add_argument("--seed", type=int, default=secrets.randbelow(100_000))
    words.add_argument("--only", default="", help="F1,F7")
    return words.parse_args()


def _run(servers: Servers, name: str, fault: Fault, words: str, *, seed: int, size: Size) -> Report:
    report, began = Report(name, words), time.monotonic()
    try:
        with rigged(servers, name, seed=seed, size=size) as rig:
            fault(rig, report)
    except Exception as failure:  # noqa: BLE001 - the others are still to be run
        report.check("the rig itself", False, f"{type(failure).__name__}: {failure}")
    report.seconds = time.monotonic() - began
    print(as_text([report]), flush=True)  # noqa: T201
    return report


if __name__ == "__main__":
    sys.exit(main())
