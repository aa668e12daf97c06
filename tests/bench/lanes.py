"""`python -m tests.bench.lanes`: images a second of one lane, out and in, beside others' programs.

One run, the same files, the same receivers: storescp for what goes out (from our lane, dcmsend and
Orthanc's job engine), an Orthanc for what comes in (to our lane, getscu, and a second Orthanc).
Then a lane's memory after few and after many images, and how soon blue light begins (lanes_queue).
BENCH_IMAGES, BENCH_MANY and BENCH_WAITING make it smaller.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import found
from tests.bench.row import Row, table

IMAGES = int(os.environ.get("BENCH_IMAGES", "400"))
MANY = int(os.environ.get("BENCH_MANY", "10000"))
SIZE = 512 * 1024  # bytes of pixels
QUICK = {"TCP_NODELAY": "1"}  # as DCMTK reads it


def main() -> None:
    from tests.bench import lanes_queue, results

    if not (found.dcmtk() and found.orthanc()):
        print("Lanes are not measured: DCMTK and Orthanc are not on this machine.")  # noqa: T201
        return
    with results.servers():
        rows = [*run(Path(os.environ["DATA_DIR"])), *lanes_queue.run()]
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(table(rows))  # noqa: T201
    print(f"{os.cpu_count()} processors, load average {busy}")  # noqa: T201


def run(folder: Path) -> Iterator[Row]:
    """Of a database that Django is set up for."""
    from demo.people import seed_people
    from tests.iep.lanes import images

    seed_people()
    study = images.outgoing(IMAGES, pixels=SIZE)
    files = _copies(study, folder / "files")
    with _orthanc(folder / "quick", quick=True) as quick, _orthanc(folder / "stock") as stock:
        for each in (quick, stock):
            _load(each, files)
        out = list(_out(folder, study, files, quick, stock))
        yield from _beside(out)
        yield from _beside(list(_in(folder, study, quick, stock)))
    yield from _memory(folder)


def _beside(rows: list[Row]) -> Iterator[Row]:
    """The first is ours; the others with their share of it."""
    yield rows[0]
    for row in rows[1:]:
        yield Row(row.what, row.value, row.unit, row.value / rows[0].value, "ours")


def _rate(count: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def _copies(study: Any, folder: Path) -> Path:
    """The same files for the programs of others, outside our storage."""
    from iep import storage

    folder.mkdir()
    for file in study.files.all():
        shutil.copy(storage.path_of(file.pk), folder / f"{file.pk}.dcm")
    return folder


# --- Out -----------------------------------------------------------------------------------------


def _out(folder: Path, study: Any, files: Path, quick: int, stock: int) -> Iterator[Row]:
    with _storescp(folder / "taken") as port:
        yield Row("Out: our lane to storescp", _lane_out(study, port), "images/s")
    with _storescp(folder / "taken") as port:
        words = ["dcmsend", "--no-uid-checks", "+sd", "-aec", "BENCH", "127.0.0.1", str(port)]
        rate = _rate(IMAGES, lambda: _quiet([*words, str(files)], QUICK))
        _count(folder / "taken")
        yield Row("Out: dcmsend to storescp, TCP_NODELAY", rate, "images/s")
    for web, words in ((quick, "TCP_NODELAY and 128 KB PDU"), (stock, "as it comes")):
        with _storescp(folder / "taken") as port:
            rate = _rate(IMAGES, lambda web=web, port=port: _orthanc_sends(web, port))
            _count(folder / "taken")
            yield Row(f"Out: Orthanc's job engine to storescp, {words}", rate, "images/s")


def _count(taken: Path) -> None:
    """What was said to be sent is there. Raises RuntimeError."""
    if (there := len(list(taken.iterdir()))) != IMAGES:
        raise RuntimeError(f"{there} of {IMAGES} images were taken.")


def _lane_out(study: Any, port: int) -> float:
    from tests.iep.lanes import images

    transfer = images.send(study, images.node(port, name="BENCH"))
    with lane("lanes_out", "out-2"):
        return _moved(transfer)


def _moved(transfer: Any) -> float:
    """Images a second from the claim to the last image, by the ledger."""
    done = ("unconfirmed", "delivered", "partial", "failed")
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        transfer.refresh_from_db()
        if transfer.state in done:
            break
        time.sleep(0.05)
    if transfer.images_done < transfer.images:
        raise RuntimeError(f"{transfer.images_done} of {transfer.images}: {transfer.why}")
    took = (transfer.last_image_at - transfer.started_at).total_seconds()
    return transfer.images / took


def _orthanc_sends(web: int, port: int) -> None:
    _ask(web, "PUT", "modalities/bench", ["BENCH", "127.0.0.1", port])
    everything = _ask(web, "GET", "studies")
    job = _ask(
        web, "POST", "modalities/bench/store", {"Resources": everything, "Asynchronous": True}
    )
    _until_done(web, job["ID"])


# --- In ------------------------------------------------------------------------------------------


def _in(folder: Path, study: Any, quick: int, stock: int) -> Iterator[Row]:
    port = _ask(quick, "GET", "system")["DicomPort"]
    yield Row("In: our lane from Orthanc (C-GET), each on disk and committed",
              _lane_in(study, port), "images/s")  # fmt: skip
    (folder / "got").mkdir(exist_ok=True)
    words = ["getscu", "-S", "-k", "0008,0052=STUDY", "-k", f"0020,000d={study.study_uid}"]
    words += ["-od", str(folder / "got"), "-aec", "ORTHANC", "127.0.0.1", str(port)]
    yield Row("In: getscu from Orthanc, TCP_NODELAY",
              _rate(IMAGES, lambda: _quiet(words, QUICK)), "images/s")  # fmt: skip
    for source, is_quick, words in ((quick, True, "TCP_NODELAY and 128 KB PDU"),
                                    (stock, False, "as they come")):  # fmt: skip
        with _orthanc(folder / f"second{is_quick}", quick=is_quick) as second:
            rate = _rate(IMAGES, lambda a=source, b=second: _orthanc_fetches(a, b, study.study_uid))
        yield Row(f"In: a second Orthanc's job engine (C-MOVE), {words}", rate, "images/s")


def _lane_in(study: Any, port: int) -> float:
    from accounts.policies import SYSTEM
    from iep.services.lanes import transfers
    from iep.states.priorities import Priority
    from tests.iep.lanes import images

    far = images.node(port, name="ORTHANC")
    transfer = transfers.queue_fetch(
        far, study.study_uid, priority=Priority.NORMAL, purpose="in", title="CT", by=SYSTEM
    )
    with lane("lanes_in", "in-1"):
        return _moved(transfer)


def _orthanc_fetches(source: int, target: int, study_uid: str) -> None:
    there, here = (_ask(each, "GET", "system")["DicomPort"] for each in (source, target))
    _ask(source, "PUT", "modalities/second", ["ORTHANC", "127.0.0.1", here])
    _ask(target, "PUT", "modalities/first", ["ORTHANC", "127.0.0.1", there])
    query = {"Level": "Study", "Query": {"StudyInstanceUID": study_uid}}
    asked = _ask(target, "POST", "modalities/first/query", query)["ID"]
    wanted = {"TargetAet": "SECOND", "Asynchronous": True}
    _ask(source, "PUT", "modalities/SECOND", ["SECOND", "127.0.0.1", here])
    _until_done(target, _ask(target, "POST", f"queries/{asked}/retrieve", wanted)["ID"])


# --- Memory --------------------------------------------------------------------------------------


def _memory(folder: Path) -> Iterator[Row]:
    """The most memory that one lane's process has held, after few images and after many."""
    from tests.iep.lanes import images

    with _storescp(folder / "taken", "--ignore") as port, lane("lanes_out", "out-3") as child:
        for count in (100, MANY):
            study = images.outgoing(count)
            rate = _moved(images.send(study, images.node(port, name="MEMORY")))
            held = _most_memory(child.process.pid)
            yield Row(f"Memory of a lane's process after {count:,} images", held, "MB")
    yield Row(f"Small images out, {MANY:,} of them", rate, "images/s")


def _most_memory(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


# --- Programs ------------------------------------------------------------------------------------


@contextmanager
def lane(queue: str, names: str) -> Iterator[Any]:
    """A worker process that runs these lanes."""
    from demo.processes import Child, wait_until
    from iep.models import Lane

    words = ["-m", "celery", "-A", "ordercomms", "worker", "-P", "threads", "-c", "1"]
    words += ["-Q", queue, "--without-gossip", "--without-mingle", "-n", f"{names}@bench"]
    child = Child(
        name=names, argv=[sys.executable, *words], env=os.environ | {"LANES": names},
        log=Path(os.environ["DATA_DIR"]) / f"{names}.log",
    )  # fmt: skip
    wanted = names.split(",")
    Lane.objects.filter(name__in=wanted).update(worker="")
    child.start()
    try:
        running = Lane.objects.filter(name__in=wanted).exclude(worker="")
        if not wait_until(lambda: running.count() == len(wanted), seconds=60):
            raise RuntimeError(child.last_lines(10))
        yield child
    finally:
        child.stop()


@contextmanager
def _storescp(folder: Path, *options: str) -> Iterator[int]:
    from demo.processes import wait_until
    from tests.messaging.processes import accepts_connections, free_port

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    port = free_port()
    words = ["storescp", "-aet", "BENCH", "+xa", "-pdu", "131072", "-od", str(folder), *options]
    process = subprocess.Popen(
        [*words, str(port)], env=os.environ | QUICK,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: accepts_connections(port), seconds=20)
        yield port
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def _orthanc(folder: Path, *, quick: bool = False) -> Iterator[int]:
    """Its port for REST."""
    from demo.processes import wait_until
    from tests.messaging.processes import accepts_connections, free_port

    dicom, web = free_port(), free_port()
    folder.mkdir()
    settings = {
        "StorageDirectory": str(folder), "IndexDirectory": str(folder), "DicomAet": "ORTHANC",
        "DicomPort": dicom, "HttpPort": web, "RemoteAccessAllowed": False, "Plugins": [],
        "DicomAlwaysAllowGet": True, "DicomAlwaysAllowMove": True, "DicomAlwaysAllowFind": True,
        "DicomCheckCalledAet": False, "LimitFindInstances": 0, "LimitFindResults": 0,
        **({"MaximumPduLength": 131072} if quick else {}),
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    process = subprocess.Popen(
        [str(found.orthanc()), str(folder / "settings.json")],
        env=os.environ | (QUICK if quick else {}),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        if not wait_until(lambda: accepts_connections(web), seconds=60):
            raise RuntimeError("Orthanc does not start.")
        yield web
    finally:
        process.terminate()
        process.wait(30)


def _load(web: int, files: Path) -> None:
    for path in sorted(files.iterdir()):
        _ask(web, "POST", "instances", path.read_bytes())


def _ask(web: int, method: str, path: str, body: Any = None) -> Any:
    raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{web}/{path}", raw, method=method)
    with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
        said = answer.read()
    return json.loads(said) if said else None


def _until_done(web: int, job: str) -> None:
    while (state := _ask(web, "GET", f"jobs/{job}")["State"]) in ("Pending", "Running"):
        time.sleep(0.02)
    if state != "Success":
        raise RuntimeError(f"Orthanc's job ended as {state}.")


def _quiet(words: list[str], more: dict[str, str]) -> None:
    done = subprocess.run(words, env=os.environ | more, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stdout + done.stderr)[-300:])


if __name__ == "__main__":
    main()
