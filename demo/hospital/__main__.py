"""`python -m demo.hospital`: runs until it is told to stop."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

from .hospital import Hospital
from .journal import InUse
from .mail import Sink


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    data = Path(os.environ.get("DATA_DIR", "var"))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        hospital = Hospital(
            data / "hospital",
            product=(
                os.environ.get("MLLP_HOST", "127.0.0.1"),
                int(os.environ.get("MLLP_PORT", "2575")),
            ),
            mllp_port=int(os.environ.get("HOSPITAL_MLLP_PORT", "2576")),
            web_port=int(os.environ.get("HOSPITAL_PORT", "8001")),
            lists_to=data / "reconciliation",
            mail=Sink(
                data / "mails", data / "bounces", port=int(os.environ.get("MAIL_PORT", "8025"))
            ),
        )
        with hospital:
            print(f"Stand-in hospital: http://127.0.0.1:{hospital.web_port}", flush=True)
            stop.wait()
    except InUse as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        print(
            f"The stand-in hospital cannot listen: {problem}. "
            "HOSPITAL_MLLP_PORT, HOSPITAL_PORT and MAIL_PORT change its ports.",
            file=sys.stderr,
        )
        return 1
    return 0


sys.exit(main())
