"""DCMTK's programs, run as their users run them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.processes import wait_until
from iep.dicom import Peer
from tests.messaging.processes import accepts_connections, free_port

SECONDS = 120


def run(program: str, *words: str, to: Peer, called: str = "", calling: str = "FAR") -> str:
    """What it said. Raises CalledProcessError when it did not end well."""
    argv = [program, "-aec", called or to.ae_title, "-aet", calling, *words]
    if program == "dcmsend" or program == "storescu":
        argv = [program, "-aec", called or to.ae_title, "-aet", calling, to.host, str(to.port)]
        argv += list(words)
    else:
        argv += [to.host, str(to.port)]
    done = subprocess.run(
        argv, capture_output=True, text=True, errors="replace", timeout=SECONDS,
        env=os.environ | {"TCP_NODELAY": "1"}, check=False,
    )  # fmt: skip
    if done.returncode:
        raise subprocess.CalledProcessError(
            done.returncode, argv, done.stdout, done.stdout + done.stderr
        )
    return done.stdout + done.stderr


@contextmanager
def storescp(folder: Path, *words: str) -> Iterator[Peer]:
    """A receiver that writes what comes exactly as it comes."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    process = subprocess.Popen(
        ["storescp", "-B", "+xa", "+uf", "-od", str(folder), *words, str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"TCP_NODELAY": "1"},
    )  # fmt: skip
    try:
        assert wait_until(lambda: accepts_connections(port), seconds=30)
        yield Peer("STORESCP", "FAR", "127.0.0.1", port)
    finally:
        process.terminate()
        process.wait(30)
