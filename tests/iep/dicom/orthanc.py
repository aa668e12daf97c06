"""An Orthanc of the test's own: started, asked over its REST interface, stopped."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.processes import wait_until
from iep.dicom import Peer
from tests import found
from tests.messaging.processes import accepts_connections, free_port


@dataclass(frozen=True)
class Orthanc:
    """A running one."""

    peer: Peer
    web: int

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.web}/{path}", data, timeout=60
        ) as answer:
            return json.loads(answer.read() or b"null")

    def instances(self) -> set[str]:
        """SOP instance UIDs."""
        told = self.ask("tools/find", {"Level": "Instance", "Query": {}, "Expand": True})
        return {each["MainDicomTags"]["SOPInstanceUID"] for each in told}


@contextmanager
def running(folder: Path, *, us: Peer | None = None, get: bool = True) -> Iterator[Orthanc]:
    """`us` is our listener, where it may send to by the name US."""
    dicom, web = free_port(), free_port()
    here = us or Peer("ORDERCOMMS", "FAR", "127.0.0.1", free_port())
    settings = {
        "Name": "far",
        "StorageDirectory": str(folder / "orthanc"),
        "IndexDirectory": str(folder / "orthanc"),
        "DicomAet": "ORTHANC",
        "DicomPort": dicom,
        "HttpPort": web,
        "RemoteAccessAllowed": False,
        "DicomAlwaysAllowGet": get,
        "DicomAlwaysAllowMove": True,
        "DicomAlwaysAllowFind": True,
        "DicomModalities": {
            "us": [here.ae_title, here.host, here.port],
            "caller": ["FAR", here.host, here.port],
        },
        "MaximumPduLength": 131072,
        "Plugins": [],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(settings))
    log = (folder / "orthanc.log").open("wb")
    process = subprocess.Popen(
        [str(found.orthanc()), str(folder / "orthanc.json")],
        stdout=log, stderr=log, env=os.environ | {"TCP_NODELAY": "1"},
    )  # fmt: skip
    try:
        assert wait_until(
            lambda: accepts_connections(dicom) and accepts_connections(web), seconds=60
        ), (folder / "orthanc.log").read_text()
        yield Orthanc(Peer("ORTHANC", "FAR", "127.0.0.1", dicom), web)
    finally:
        process.terminate()
        process.wait(60)
        log.close()
