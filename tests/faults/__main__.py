"""`python -m tests.faults [--size small|usual|long] [--long] [--seed N] [--only F1,F7]`."""

import argparse
import secrets
import subprocess
import sys
import time
from collections.abc import Callable

from .report import Report, as_text
from .rig import Rig, Servers, rigged
from .size import SIZES, Size

Fault = Callable[[Rig, Report], None]
# Mostly waiting for clocks: run beside the others, on servers of their own.
WAITING = ("F7", "F9", "F10", "F15", "F16")


def main() -> int:
    given = _arguments()
    chosen = {word.strip().upper() for word in given.only.split(",") if word.strip()}
    print(f"Faults, size {given.size}, seed {given.seed}", flush=True)  # noqa: T201
    beside = None if chosen else _beside(given)
    servers = Servers()
    try:
        from .catalogue import FAULTS  # it needs Django, which the servers have set up

        if unknown := chosen - set(FAULTS):
            print(f"No such fault: {', '.join(sorted(unknown))}. There are: {', '.join(FAULTS)}.")  # noqa: T201
            return 2
        now = chosen or set(FAULTS) - set(WAITING)
        reports = [
            _run(servers, name, *FAULTS[name], seed=given.seed, size=SIZES[given.size])
            for name in FAULTS
            if name in now
        ]
    finally:
        servers.stop()
        if beside:
            said, _ = beside.communicate()
            print(said, end="")  # noqa: T201
    broken = [report.fault for report in reports if not report.kept]
    broken += ["one of those beside them"] if beside and beside.returncode else []
    words = f"{', '.join(broken)} broken: seed {given.seed}" if broken else "every promise was kept"
    print(f"{len(reports)} faults, {words}.")  # noqa: T201
    return 1 if broken else 0


def _beside(given: argparse.Namespace) -> subprocess.Popen[str]:
    """Those that mostly wait, in a process of their own; it prints when it has ended."""
    words = ["--size", given.size, "--seed", str(given.seed), "--only", ",".join(WAITING)]
    argv = [sys.executable, "-m", "tests.faults", *words]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(prog="make faults", description=__doc__)
    words.add_argument("--size", choices=SIZES, default="usual")
    words.add_argument(
        "--long", dest="size", action="store_const", const="long", help="the plan's own numbers"
    )
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
