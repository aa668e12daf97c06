"""`python -m tests.bench.dicom`: images a second over DICOM, in and out, beside DCMTK's programs.

One run, the same invented CT images of half a megabyte, on loopback. What comes in is forced to the
disk and has a committed row before it is answered; what DCMTK receives is thrown away, which is the
limit of the wire. BENCH_DICOM_IMAGES makes it smaller.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests import found
from tests.bench.row import Row, table

if TYPE_CHECKING:
    from iep.dicom import Peer
    from tests.iep.dicom.files import Image

IMAGES = int(os.environ.get("BENCH_DICOM_IMAGES", "200"))
SIZE = 512 * 1024  # bytes of pixels
AT_ONCE = 4  # associations


def main() -> None:
    from tests.bench import results

    if not found.dcmtk():
        print("DICOM is not measured: DCMTK is not on this machine.")  # noqa: T201
        return
    with results.servers():
        rows = list(run(Path(os.environ["DATA_DIR"]) / "dicom"))
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(table(rows))  # noqa: T201
    print(f"{os.cpu_count()} processors, load average {busy}")  # noqa: T201


def run(folder: Path) -> Iterator[Row]:
    """In the database that Django is set up for, whose settings name it too."""
    from tests.iep.dicom import dcmtk, files
    from tests.iep.dicom.nodes import node

    node("BENCH")
    images = [files.make(folder / f"{n % AT_ONCE}", size=SIZE) for n in range(IMAGES)]
    with dcmtk.storescp(folder / "sink", "--ignore") as sink:
        limit = _rate(lambda: _dcmsend(sink, folder, range(AT_ONCE)))
        yield Row("dcmsend to storescp, thrown away: the wire's limit", limit, "images/s")
        ours = _rate(lambda: send(sink, images))
        yield _beside("Our sender to storescp", ours, limit)
    for processes, at_once in ((1, 1), (2, AT_ONCE)):
        with listener(folder / f"images{processes}", processes) as us:
            into = _rate(lambda us=us, n=at_once: _dcmsends(us, folder, n))
        words = f"dcmsend to our listener, {at_once} at once, {processes} process(es)"
        yield _beside(words, into, limit)


def send(peer: Peer, images: Sequence[Image]) -> None:
    """All of them by our sender, on one association."""
    from iep.dicom import Sender

    with Sender(peer, {image.kind for image in images}) as sender:
        for image in images:
            sender.send(
                image.path, sop_uid=image.sop_uid, sop_class=image.sop_class,
                transfer_syntax=image.transfer_syntax,
            )  # fmt: skip


@contextmanager
def listener(folder: Path, processes: int) -> Iterator[Peer]:
    """`manage.py dicom_listen`, which keeps what comes in that folder."""
    from demo.processes import wait_until
    from iep.dicom import Peer
    from tests.messaging.processes import _child, accepts_connections, free_port, running

    port = free_port()
    words = ("dicom_listen", "--port", str(port), "--processes", str(processes))
    child = _child("dicom", "manage.py", *words, IMAGES_DIR=str(folder), DICOM_AET="ORDERCOMMS")
    with running(child):
        wait_until(lambda: accepts_connections(port), seconds=60)
        if processes > 1:
            time.sleep(3)  # the others open theirs
        yield Peer("ORDERCOMMS", "BENCH", "127.0.0.1", port)


def _beside(what: str, value: float, limit: float) -> Row:
    return Row(what, value, "images/s", value / limit, "the limit")


def _rate(work) -> float:
    began = time.perf_counter()
    work()
    return IMAGES / (time.perf_counter() - began)


def _dcmsends(peer: Peer, folder: Path, at_once: int) -> None:
    """Each of so many programs sends its share."""
    shares = [range(first, AT_ONCE, at_once) for first in range(at_once)]
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda share: _dcmsend(peer, folder, share), shares))


def _dcmsend(peer: Peer, folder: Path, share: Sequence[int]) -> None:
    argv = ["dcmsend", "+sd", "-aec", peer.ae_title, "-aet", peer.our_ae_title, peer.host]
    argv += [str(peer.port), *(str(folder / str(number)) for number in share)]
    quick = os.environ | {"TCP_NODELAY": "1"}
    subprocess.run(argv, check=True, capture_output=True, timeout=600, env=quick)


if __name__ == "__main__":
    main()
