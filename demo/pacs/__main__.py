"""`python -m demo.pacs`: runs until it is told to stop."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

from .agreed import read_agreed
from .archive import Archive
from .control import Control


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    folder = Path(os.environ.get("DATA_DIR", "var")) / "pacs"
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    port = int(os.environ.get("HOSPITAL_DICOM_PORT", "11113"))
    archive = Archive(folder, read_agreed(folder), port=port)
    made = archive.invent()
    control = Control(archive, folder)
    try:
        archive.start()
    except OSError as problem:
        print(
            f"The stand-in archive cannot listen: {problem}. HOSPITAL_DICOM_PORT changes its port.",
            file=sys.stderr,
        )
        return 1
    control.start()
    print(f"Stand-in archive: port {archive.port}, {made} images invented", flush=True)
    stop.wait()
    control.stop()
    archive.stop()
    return 0


sys.exit(main())
